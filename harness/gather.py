"""From the judgments on disk to the sheet that statistics are made of; reads, never writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.consensus import consensus
from harness.layouts.base import Found
from harness.model import SlotStatus
from harness.scan import NONE
from harness.settle import judgments_of, read_judgments
from harness.sheet import Row, Sheet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from harness.consensus import Consensus
    from harness.layouts import Layout
    from harness.model import Judgment, Run
    from harness.scan import Scan


def sheet_of(
    scan: Scan, *, judged: Collection[str] = (), settled: Mapping[str, Consensus] = NONE
) -> Sheet:
    """Return the figures of an experiment; the consensus is made from its judgments.

    ``judged`` names the slots that were tried since the scan: their runs are read again.
    ``settled``: what was just made of all judgments of runs; it is not made once more.
    """
    experiment = scan.layout.experiment
    people = judged_by_people(scan)
    rows = []
    for slots in scan.by_run():
        run = slots[0].run
        joint = settled.get(run.name) or scan.settled.get(run.name)
        if run.name in scan.settled:  # all of them count, and need not be read for that
            judgments = {s.judge.number: s.judgment for s in slots if s.judgment is not None}
        else:
            judgments = judgments_of(scan.layout, slots)
        if judged and any(slot.name in judged for slot in slots):
            judgments, joint = read_judgments(scan.layout, run), None
        if joint is None or any(slot.status is not SlotStatus.COMPLETE for slot in slots):
            joint = _joint(scan.layout, run, judgments)
        written = [found[run.name] for found in people.values() if run.name in found]
        rows.append(_row(scan.layout, run, judgments, joint, written))
    return Sheet(
        experiment=experiment.name,
        judges=tuple(judge.name for judge in experiment.panel),
        rows=tuple(rows),
    )


def _joint(layout: Layout, run: Run, judgments: dict[int, Judgment]) -> Consensus:
    experiment = layout.experiment
    return consensus(judgments, experiment.panel, experiment.rule, grades=layout.grades(run))


def _row(
    layout: Layout,
    run: Run,
    judgments: dict[int, Judgment],
    joint: Consensus,
    people: list[Judgment],
) -> Row:
    panel = layout.experiment.panel
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
