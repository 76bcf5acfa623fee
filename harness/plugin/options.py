"""The command line, and its ini twins; imports nothing heavy.

What it returns are named tuples: to define a dataclass takes longer than all other lines of
a module, and every session imports this one.
"""

from __future__ import annotations

import argparse
import contextlib
from typing import Any, NamedTuple

import pytest

from harness.plugin import shard, verbs

WHOLE_NUMBER = "a whole number from 1 on"

STATUSES = ("missing", "failed", "stale", "complete", "blocked")

ALIASES = {"agent_failed": "blocked"}
"""What ProjectScylla's tools call a status."""

SNAPSHOT = "harness_snapshot"
"""The key of a worker's input under which it finds what the controller scanned."""

MARKERS = (
    "slot: an item that judges one run by one judge (set by pytest-judge-panel)",
    "missing: a slot that was never tried (set by pytest-judge-panel)",
    "failed: a slot that was tried and has no valid judgment (set by pytest-judge-panel)",
    "stale: a slot whose judgment was made from other inputs (set by pytest-judge-panel)",
    "complete: a slot that is asked, or read, again (set by pytest-judge-panel)",
)


def add_options(parser: pytest.Parser) -> None:
    """Add the options; ini names and dests start with ``harness_``."""
    group = parser.getgroup("judge panel", "judging experiments (pytest-judge-panel)")
    _add_work(group)
    _add_filters(group)
    verbs.add_options(group)
    parser.addini("harness_parallel", "default of --parallel", type="int", default=1)
    parser.addini("harness_status", "default of --status", type="args", default=[])
    parser.addini("harness_dry_run", "default of --dry-run", type="bool", default=False)


def _add_work(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--parallel",
        dest="harness_parallel",
        metavar="N",
        type=_lanes,
        default=None,
        help="judge at most N slots at the same time (default: 1)",
    )
    group.addoption(
        "--status",
        dest="harness_status",
        metavar="STATUS",
        action="append",
        choices=STATUSES,
        type=lambda text: ALIASES.get(text, text),
        default=None,
        help="judge the slots of this status: missing, failed, or stale; list the slots that "
        "are complete or blocked; may be given several times (default: missing and failed)",
    )
    group.addoption(
        "--dry-run",
        dest="harness_dry_run",
        action="store_true",
        default=None,
        help="print the status of every slot and what would be judged; judge and write nothing",
    )


def _add_filters(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--tier",
        dest="harness_tier",
        metavar="T",
        action="append",
        default=[],
        help="only this tier of ProjectScylla experiments; may be given several times",
    )
    group.addoption(
        "--subtest",
        dest="harness_subtest",
        metavar="SS",
        action="append",
        default=[],
        help="only this subtest of ProjectScylla experiments; may be given several times",
    )
    group.addoption(
        "--runs",
        dest="harness_runs",
        metavar="N,N",
        type=_numbers,
        default=(),
        help="only the runs with these numbers of ProjectScylla experiments",
    )
    group.addoption(
        "--judge-slot",
        dest="harness_judge_slot",
        metavar="N",
        action="append",
        type=_lanes,
        default=[],
        help="only the judge with this number in the panel; may be given several times",
    )
    shard.add_option(group)


def _lanes(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be {WHOLE_NUMBER}, got {text!r}")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and int(part) >= 1 for part in parts):
        raise argparse.ArgumentTypeError(f"must be run numbers such as 1,3, got {text!r}")
    return tuple(int(part) for part in parts)


class Filters(NamedTuple):
    """The options that choose parts of ProjectScylla experiments; empty ones choose all."""

    tiers: tuple[str, ...]
    subtests: tuple[str, ...]
    runs: tuple[int, ...]
    judges: tuple[int, ...]

    @property
    def levels(self) -> str:
        """Name the options given that have a meaning for ProjectScylla experiments only."""
        given = {"--tier": self.tiers, "--subtest": self.subtests, "--runs": self.runs}
        return ", ".join(name for name, value in given.items() if value)


def filters(config: pytest.Config) -> Filters:
    """Return the filters of the command line."""
    return Filters(
        tiers=tuple(config.getoption("harness_tier")),
        subtests=tuple(config.getoption("harness_subtest")),
        runs=config.getoption("harness_runs"),
        judges=tuple(config.getoption("harness_judge_slot")),
    )


def timeout(config: pytest.Config) -> float | None:
    """Return pytest-timeout's limit, which cannot fire for a slot that is judged in a thread."""
    given = config.getoption("timeout", None)
    if given is None and config.pluginmanager.hasplugin("timeout"):
        with contextlib.suppress(ValueError):
            given = config.getini("timeout")
    try:
        limit = float(given or 0)
    except (TypeError, ValueError):
        return None
    return limit if limit > 0 else None


def check(config: pytest.Config) -> None:
    """Refuse ini values that make no sense, as a usage error."""
    parallel(config)
    statuses(config)
    verbs.check(config)


def parallel(config: pytest.Config) -> int:
    """Return how many slots may be judged at the same time."""
    given = config.getoption("harness_parallel")
    if given is not None:
        return int(given)
    number = int(_ini(config, "harness_parallel", WHOLE_NUMBER))
    if number < 1:
        raise pytest.UsageError(f"the ini option harness_parallel must be {WHOLE_NUMBER}")
    return number


def _ini(config: pytest.Config, name: str, must: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError):  # which, depends on pytest's version
        raise pytest.UsageError(f"the ini option {name} must be {must}") from None


def statuses(config: pytest.Config) -> tuple[str, ...]:
    """Return the statuses asked for; empty for the default."""
    given = config.getoption("harness_status")
    if given is None:
        given = _ini(config, "harness_status", "a list of statuses")
        for status in given:
            if status not in STATUSES:
                raise pytest.UsageError(
                    f"the ini option harness_status has the unknown status {status!r}; "
                    f"use {', '.join(STATUSES)}"
                )
    return tuple(dict.fromkeys(given))


def dry_run(config: pytest.Config) -> bool:
    """Return whether nothing is to be judged or written."""
    given = config.getoption("harness_dry_run")
    return bool(_ini(config, "harness_dry_run", "true or false") if given is None else given)


def only_looks(config: pytest.Config) -> bool:
    """Return whether the session is not to change anything on disk."""
    option = config.option
    looks = ("collectonly", "setuponly", "setupplan")
    return dry_run(config) or any(getattr(option, name, False) for name in looks)
