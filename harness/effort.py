"""What judges took: calls, money, time; from the attempts and judgments on disk."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.layouts.agent import judge_seconds
from harness.ledger import entries, read_ledger
from harness.model import NO_CALLS, Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.layouts.base import Layout
    from harness.model import Slot
    from harness.scan import Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one judge's slots took; None where nothing is known.

    ``retries``: attempts beyond the first of a slot.
    """

    judge: str
    calls: Calls
    median_seconds: float | None
    retries: int


@dataclass(frozen=True, slots=True)
class Took:
    """What one slot took; ``seconds`` are those of the attempt that gave the judgment."""

    judge: int
    calls: Calls
    attempts: int
    seconds: float | None


def efforts(scan: Scan) -> tuple[Effort, ...]:
    """Return what the judges of the panel took."""
    took = slot_efforts(scan)
    return efforts_of(scan, took, took)


def slot_efforts(
    scan: Scan, *, step: Callable[[int, int], None] = lambda _done, _total: None
) -> dict[str, list[Took]]:
    """Read what every slot took, by the name of its run.

    ``step`` is told how many of how many slots were read.
    """
    found: dict[str, list[Took]] = {}
    for done, slot in enumerate(scan.slots, 1):
        step(done, len(scan.slots))
        attempts = sum(1 for _ in entries(scan.layout, slot.run, slot.judge))
        calls = read_ledger(scan.layout, [slot]) if attempts else Calls(cost_usd=_cost(slot))
        took = Took(slot.judge.number, calls, attempts, seconds_of(scan.layout, slot))
        found.setdefault(slot.run.name, []).append(took)
    return found


def efforts_of(
    scan: Scan, took: Mapping[str, Sequence[Took]], runs: Iterable[str]
) -> tuple[Effort, ...]:
    """Add up what the judges of the panel took for some runs, in panel order."""
    by_judge: dict[int, list[Took]] = {}
    for one in (one for run in runs for one in took.get(run, ())):
        by_judge.setdefault(one.judge, []).append(one)
    return tuple(
        _effort(judge.name, by_judge.get(judge.number, ()))
        for judge in scan.layout.experiment.panel
    )


def _effort(judge: str, took: Sequence[Took]) -> Effort:
    seconds = [one.seconds for one in took if one.seconds is not None]
    return Effort(
        judge=judge,
        calls=sum((one.calls for one in took), NO_CALLS),
        median_seconds=statistics.median(seconds) if seconds else None,
        retries=sum(max(0, one.attempts - 1) for one in took),
    )


def seconds_of(layout: Layout, slot: Slot) -> float | None:
    """Return how long the judge of a complete slot took; None if nobody recorded it."""
    if slot.judgment is None:
        return None
    value = slot.judgment.provenance.get("duration_seconds")
    if value is None:
        value = judge_seconds(layout, slot.run, slot.judge)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < LONG else None


def _cost(slot: Slot) -> float | None:
    """Return what a judgment says that it cost, where its attempts are no longer there."""
    value = None if slot.judgment is None else slot.judgment.provenance.get("cost_usd")
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LONG
    return float(value) if known and value is not None else None


LONG = 1e9
"""Seconds, or dollars; thirty years are a damaged file."""
