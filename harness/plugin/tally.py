"""What became of the slots, counted from reports in the process that talks to people.

An outcome travels on its slot's report, from a worker of pytest-xdist to the controller
as well; so the same code counts however the slots were run.
"""

from __future__ import annotations

import dataclasses
import functools
import os.path
from typing import TYPE_CHECKING, Any

from harness.counting import Statistics
from harness.dispatch import explain
from harness.errors import DiskError
from harness.model import Calls, Deferred, Failed, Judged, Raised

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from harness.model import Outcome

SLOT = "harness_slot"
"""The attribute of a report that names its slot: experiment's path and name, slot's name."""

OUTCOME = "harness_outcome"
"""The attribute that says what became of it: arguments of ``Statistics.add``."""

STOPPED = "harness_stopped"
"""The key of a worker's output that says how many calls in flight it has stopped."""


def portable(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as it travels between processes: text, numbers, and lists."""
    calls = _figures(outcome.calls)
    match outcome:
        case Judged():
            return {
                "kind": "judged",
                "notes": list(outcome.notes),
                "calls": calls,
                "changed": outcome.changed,
                "differ": outcome.judgment.differs,
            }
        case Failed():
            return {
                "kind": "failed",
                "why": explain(outcome.error),
                "notes": list(outcome.notes),
                "calls": calls,
                "refused": isinstance(outcome.error, DiskError),
            }
        case Deferred():
            return {"kind": "deferred", "why": outcome.reason, "calls": calls}
        case Raised():
            return {"kind": "raised", "calls": calls}


_FIGURES = tuple(field.name for field in dataclasses.fields(Calls))


def _figures(calls: Calls) -> dict[str, float | None]:
    # `dataclasses.asdict` copies deeply, for each of the thousands of reports.
    return {name: getattr(calls, name) for name in _FIGURES}


@functools.cache
def relative(root: Path, rootpath: Path) -> str:
    """Return where an experiment lies as reports name it; worked out once, not for every report."""
    return os.path.relpath(root, rootpath)


class Tally:
    """The figures of a session; ``judged`` and ``failed`` are slots: experiment's path and name."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self.judged: set[tuple[str, str]] = set()
        self.failed: set[tuple[str, str]] = set()

    def add(self, report: pytest.TestReport) -> None:
        """Count the outcome that a report carries, if it carries one."""
        outcome = vars(report).get(OUTCOME)
        if outcome is None:
            return
        root, _, name = vars(report)[SLOT]
        calls, kind = Calls(**outcome["calls"]), outcome["kind"]
        if kind == "raised" and report.failed:  # what ended the judge is the slot's failure, too
            kind = "failed"
        # The key has the experiment in it: runs of two experiments may have one name.
        self.statistics.add(f"{root}/{name}", **{**outcome, "calls": calls, "kind": kind})
        if kind == "judged":
            self.judged.add((root, name))
        if kind == "failed":
            self.failed.add((root, name))
