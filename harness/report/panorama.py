"""From a scan to everything that the summary of an experiment shows, as plain values; pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agreement import agreement
from harness.consensus import consensus
from harness.gather import sheet_of
from harness.model import SlotStatus
from harness.report.advice import advice
from harness.report.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.agreement import Agreement
    from harness.consensus import Consensus
    from harness.effort import Effort
    from harness.model import Experiment, Slot
    from harness.report.calls import Call
    from harness.report.timeline import Timeline
    from harness.scan import Scan

LISTED = 10
"""Calls that are listed as the slowest, and as the costliest."""

ALWAYS = (SlotStatus.COMPLETE, SlotStatus.MISSING, SlotStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run: its slots in panel order, and what they give together; ``id`` can be pasted."""

    id: str
    slots: tuple[Slot, ...]
    joint: Consensus

    @property
    def name(self) -> str:
        """The run's name."""
        return self.slots[0].run.name

    @property
    def group(self) -> str:
        """What it is compared in."""
        return self.slots[0].run.group


@dataclass(frozen=True, slots=True, kw_only=True)
class Panorama:
    """One experiment.

    ``coverage`` has the counts of each judge, in panel order, in the order of
    ``statuses``. ``failures`` are slots without a judgment that were tried, and what
    else needs a person: runs with a problem, and blocked ones.
    """

    name: str
    path: str
    rule: str
    judges: tuple[str, ...]
    statuses: tuple[SlotStatus, ...]
    coverage: tuple[tuple[int, ...], ...]
    runs: tuple[RunLine, ...]
    agreement: Agreement
    efforts: tuple[Effort, ...]
    timeline: Timeline
    slowest: tuple[Call, ...]
    costliest: tuple[Call, ...]
    failures: tuple[tuple[str, Slot], ...]
    advice: tuple[tuple[str, str], ...]

    @property
    def totals(self) -> dict[SlotStatus, int]:
        """How many slots have each status."""
        columns = zip(*self.coverage, strict=True)
        return {s: sum(counts) for s, counts in zip(self.statuses, columns, strict=True)}


def panorama(
    scan: Scan,
    calls: Sequence[Call],
    efforts: Sequence[Effort],
    *,
    node_id: Callable[[Experiment, str], str],
    path: str,
) -> Panorama:
    """Put together what is known of an experiment; ``path`` is its directory, for people."""
    experiment = scan.layout.experiment
    counts = scan.counts()
    statuses = tuple(s for s in SlotStatus if s in ALWAYS or counts[s])
    found = agreement(sheet_of(scan), tasks=0, brief=True)
    furthest = next(
        ((node_id(experiment, run), spread) for run, spread in found.disputed[:1]), None
    )
    runs = tuple(_line(scan, slots, node_id) for slots in scan.by_run())
    return Panorama(
        name=experiment.name,
        path=path,
        rule=runs[0].joint.rule if runs else "",
        judges=tuple(judge.name for judge in experiment.panel),
        statuses=statuses,
        coverage=_coverage(scan, statuses),
        runs=runs,
        agreement=found,
        efforts=tuple(efforts),
        timeline=timeline(calls),
        slowest=tuple(sorted(calls, key=lambda call: -call.seconds)[:LISTED]),
        costliest=tuple(
            sorted((c for c in calls if c.cost_usd), key=lambda call: -(call.cost_usd or 0))
        )[:LISTED],
        failures=tuple(
            (node_id(experiment, slot.name), slot) for slot in scan.slots if _needs_a_person(slot)
        ),
        advice=advice(counts, path, disputed=furthest),
    )


def _needs_a_person(slot: Slot) -> bool:
    if slot.status is SlotStatus.MISSING:
        return slot.run.problem is not None
    return slot.status in (SlotStatus.FAILED, SlotStatus.BLOCKED)


def _line(
    scan: Scan, slots: tuple[Slot, ...], node_id: Callable[[Experiment, str], str]
) -> RunLine:
    layout = scan.layout
    experiment, run = layout.experiment, slots[0].run
    given = {s.judge.number: s.judgment for s in slots if s.judgment is not None}
    joint = consensus(given, experiment.panel, experiment.rule, grades=layout.grades(run))
    return RunLine(id=node_id(experiment, run.name), slots=slots, joint=joint)


def _coverage(scan: Scan, statuses: tuple[SlotStatus, ...]) -> tuple[tuple[int, ...], ...]:
    counts = Counter((slot.judge.number, slot.status) for slot in scan.slots)
    return tuple(
        tuple(counts[judge.number, status] for status in statuses)
        for judge in scan.layout.experiment.panel
    )
