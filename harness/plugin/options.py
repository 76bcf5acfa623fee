"""The command line, its ini twins, and the first look at paths; imports nothing heavy."""

from __future__ import annotations

import argparse
import os.path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

STATUSES = ("missing", "failed", "stale", "complete", "blocked")

MARKERS = (
    "slot: an item that judges one run by one judge (set by pytest-judge-panel)",
    "missing: a slot that was never tried (set by pytest-judge-panel)",
    "failed: a slot that was tried and has no valid judgment (set by pytest-judge-panel)",
    "stale: a slot whose judgment was made from other inputs (set by pytest-judge-panel)",
)

CONFIGS = ("experiment.yaml", os.path.join("config", "experiment.json"))  # noqa: PTH118 - called for every directory


def add_options(parser: pytest.Parser) -> None:
    """Add the options; ini names and dests start with ``harness_``."""
    group = parser.getgroup("judge panel", "judging experiments (pytest-judge-panel)")
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
    parser.addini("harness_parallel", "default of --parallel", type="int", default=1)
    parser.addini("harness_status", "default of --status", type="args", default=[])
    parser.addini("harness_dry_run", "default of --dry-run", type="bool", default=False)


def _lanes(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text!r}")
    return number


def check(config: pytest.Config) -> None:
    """Refuse ini values that make no sense, as a usage error."""
    parallel(config)
    statuses(config)


def parallel(config: pytest.Config) -> int:
    """Return how many slots may be judged at the same time."""
    given = config.getoption("harness_parallel")
    if given is not None:
        return int(given)
    try:
        number = config.getini("harness_parallel")
    except (TypeError, ValueError):
        number = 0
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise pytest.UsageError("the ini option harness_parallel must be a whole number from 1 on")
    return number


def statuses(config: pytest.Config) -> tuple[str, ...]:
    """Return the statuses asked for; empty for the default."""
    given = config.getoption("harness_status")
    if given is None:
        given = config.getini("harness_status")
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
    return bool(config.getini("harness_dry_run") if given is None else given)


def looks_like_experiment(path: Path) -> bool:
    """Tell whether a directory holds an experiment, or one whose configuration is missing."""
    base = str(path)
    if any(os.path.lexists(f"{base}/{name}") for name in CONFIGS):
        return True
    if os.path.isdir(f"{base}/runs"):  # noqa: PTH112 - called for every directory
        return any(os.path.exists(f"{base}/{name}") for name in ("task.md", "rubric.yaml"))  # noqa: PTH110 - the same
    return os.path.isdir(f"{base}/T0") and os.path.isdir(f"{base}/config")  # noqa: PTH112 - the same


def may_lie_in_experiment(arg: str, config: pytest.Config) -> bool:
    """Tell, by a few ``stat`` calls, whether a path argument is an experiment or inside one."""
    path = os.path.join(str(config.invocation_params.dir), arg.split("::")[0])  # noqa: PTH118 - called at every start
    path = os.path.normpath(path)
    if not os.path.lexists(path):
        return False
    while True:
        if any(os.path.lexists(f"{path}/{name}") for name in CONFIGS):
            return True
        parent = os.path.dirname(path)  # noqa: PTH120 - the same
        if parent == path:
            return False
        path = parent
