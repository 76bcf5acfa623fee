"""What the judges of a benchmark wrote down of themselves: the same for whoever calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ledger:
    """``window``: seconds from the first start to the last end; ``peak``: calls at one time."""

    calls: int
    window: float
    peak: int
    first: float
    last: float


def read_ledger(path: Path) -> Ledger:
    """Read what ``judge.sh`` wrote; calls that were killed count, but have no end."""
    events = []
    for line in path.read_text().splitlines():
        what, at, _name = line.split(" ", 2)
        events.append((float(at), 1 if what == "start" else -1))
    events.sort()
    running = peak = 0
    for _, step in events:
        running += step
        peak = max(peak, running)
    calls = sum(step > 0 for _, step in events)
    first, last = events[0][0], events[-1][0]
    return Ledger(calls=calls, window=last - first, peak=peak, first=first, last=last)
