"""From the judgments on disk to the sheet that statistics are made of; reads, never writes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.consensus import consensus
from harness.layouts.base import Found
from harness.ledger import entries, read_ledger
from harness.settle import judgments_of, read_judgments
from harness.sheet import Row, Sheet

if TYPE_CHECKING:
    from collections.abc import Collection

    from harness.model import Calls, Judgment, Run, Slot
    from harness.scan import Scan


def sheet_of(scan: Scan, *, judged: Collection[str] = ()) -> Sheet:
    """Return the figures of an experiment; the consensus is made from its judgments.

    ``judged`` names the slots that were tried since the scan: their runs are read again.
    """
    experiment = scan.layout.experiment
    people = judged_by_people(scan)
    rows = []
    for slots in scan.by_run():
        run = slots[0].run
        judgments = judgments_of(scan.layout, slots)
        if any(slot.name in judged for slot in slots):
            judgments = read_judgments(scan.layout, run)
        rows.append(
            _row(scan, run, judgments, [p[run.name] for p in people.values() if run.name in p])
        )
    return Sheet(
        experiment=experiment.name,
        judges=tuple(judge.name for judge in experiment.panel),
        rows=tuple(rows),
    )


def _row(scan: Scan, run: Run, judgments: dict[int, Judgment], people: list[Judgment]) -> Row:
    layout = scan.layout
    panel = layout.experiment.panel
    joint = consensus(judgments, panel, layout.experiment.rule, grades=layout.grades(run))
    given = [judgments.get(judge.number) for judge in panel]
    return Row(
        run=run.name,
        task=run.task,
        group=run.group,
        scores=tuple(None if found is None else found.score for found in given),
        passes=tuple(None if found is None else found.passed for found in given),
        score=joint.score,
        passed=joint.passed,
        blocked=run.blocked is not None and not judgments,
        people=tuple(found.passed for found in people),
        people_scores=tuple(found.score for found in people),
    )


def judged_by_people(scan: Scan) -> dict[int, dict[str, Judgment]]:
    """Return what each person wrote, by judge number and run name; what is invalid is left out."""
    layout = scan.layout
    found: dict[int, dict[str, Judgment]] = {}
    for judge in layout.experiment.people:
        mine = found[judge.number] = {}
        for slots in scan.by_run():
            run = slots[0].run
            match layout.read_slot(run, judge):
                case Found(judgment):
                    mine[run.name] = judgment
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one judge's slots took; None where nothing is known.

    ``retries``: attempts beyond the first of a slot.
    """

    judge: str
    calls: Calls
    median_seconds: float | None
    retries: int


def efforts(scan: Scan) -> tuple[Effort, ...]:
    """Return what the judges of the panel took, from the judgments and the attempts on disk."""
    by_judge: dict[int, list[Slot]] = {}
    for slot in scan.slots:
        by_judge.setdefault(slot.judge.number, []).append(slot)
    return tuple(
        Effort(
            judge=judge.name,
            calls=read_ledger(scan.layout, by_judge.get(judge.number, ())),
            median_seconds=_median_seconds(by_judge.get(judge.number, [])),
            retries=sum(_retries(scan, slot) for slot in by_judge.get(judge.number, ())),
        )
        for judge in scan.layout.experiment.panel
    )


def _median_seconds(slots: list[Slot]) -> float | None:
    known = [
        seconds
        for slot in slots
        if slot.judgment is not None
        and isinstance(seconds := slot.judgment.provenance.get("duration_seconds"), int | float)
        and not isinstance(seconds, bool)
    ]
    return statistics.median(known) if known else None


def _retries(scan: Scan, slot: Slot) -> int:
    return max(0, sum(1 for _ in entries(scan.layout, slot.run, slot.judge)) - 1)
