"""The options that make a session do something else than judge; imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.modes import Mode

NAMES = ("rejudge", "reparse", "regenerate_only")


def add_options(group: pytest.OptionGroup) -> None:
    """Add them; they have no twins in the configuration file, because each is for one session."""
    group.addoption(
        "--rejudge",
        dest="harness_rejudge",
        action="store_true",
        default=False,
        help="ask again for the selected complete slots (-k, node ids, paths); a judgment is "
        "replaced only by a valid one, and kept among the slot's attempts",
    )
    group.addoption(
        "--reparse",
        dest="harness_reparse",
        action="store_true",
        default=False,
        help="derive the judgments of the selected slots anew from the replies that were kept, "
        "asking nobody; with --dry-run, show what would change",
    )
    group.addoption(
        "--regenerate-only",
        dest="harness_regenerate_only",
        action="store_true",
        default=False,
        help="judge nothing; make again whatever is derived from judgments and is absent or "
        "stale, for ProjectScylla experiments at every level",
    )


def spelt(name: str) -> str:
    """Return an option as it is written on the command line."""
    return "--" + name.replace("_", "-")


def asked(config: pytest.Config) -> dict[str, bool]:
    """Return which of the options are given."""
    return {name: bool(config.getoption(f"harness_{name}")) for name in NAMES}


def mode(config: pytest.Config) -> Mode:
    """Return what the session does; a usage error if the options contradict each other."""
    from harness.errors import SelectionError
    from harness.modes import mode_of

    status = config.getoption("harness_status") is not None
    try:
        return mode_of(**asked(config), status=status, spelt=spelt)
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None


def check(config: pytest.Config) -> None:
    """Refuse options that contradict each other."""
    if any(asked(config).values()):
        mode(config)


def runs_nothing(config: pytest.Config) -> bool:
    """Tell whether the session only works with what is on disk, so that it has no items."""
    return asked(config)["regenerate_only"]
