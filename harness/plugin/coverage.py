"""How many slots of each judge have which status at the end of a session, in a few lines."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from harness.model import SlotStatus
from harness.modes import Mode
from harness.plugin import shard
from harness.scan import status_now
from harness.text import safe_line
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.plugin.session import PanelSession
    from harness.scan import Scan

LINES = 9
"""Lines of all tables together; a screen has room for what follows then."""

WIDTH = 80
"""Columns of a screen."""

ALWAYS = (SlotStatus.COMPLETE, SlotStatus.MISSING, SlotStatus.FAILED)
"""The columns that are there even if they count nothing."""


class Coverage(Value, frozen=True):
    """The slots of an experiment as they stand now; ``judges`` has the label of each judge.

    ``own``: the slots of the session's shard, of all judges.
    """

    root: Path
    name: str
    judges: tuple[tuple[str, Counter[SlotStatus]], ...]
    own: Counter[SlotStatus]

    @property
    def totals(self) -> Counter[SlotStatus]:
        """The slots of all judges."""
        return sum((counts for _, counts in self.judges), Counter())

    @property
    def statuses(self) -> tuple[SlotStatus, ...]:
        """The columns of the table."""
        totals = self.totals
        return tuple(s for s in SlotStatus if s in ALWAYS or totals[s])


def coverage(scanned: Scan, panel: PanelSession) -> Coverage:
    """Count the slots of an experiment: what the scan saw, and what the session made of it."""
    experiment = scanned.layout.experiment
    root = os.path.relpath(experiment.root, panel.config.rootpath)
    counts: dict[int, Counter[SlotStatus]] = {judge.number: Counter() for judge in experiment.panel}
    tally, read_again = panel.tally, panel.mode is Mode.REPARSE
    part = shard.own(panel.config, experiment.name, scanned.slots)
    mine = None if len(part) == len(scanned.slots) else {slot.name for slot in part}
    own: Counter[SlotStatus] = Counter()
    for slot in scanned.slots:
        place = root, slot.name
        judged, failed = place in tally.judged, place in tally.failed
        status = SlotStatus.COMPLETE if judged else slot.status
        if failed or (judged and read_again):  # the reply may be to another question
            status = status_now(scanned.layout, slot)
        counts[slot.judge.number][status] += 1
        own[status] += mine is None or slot.name in mine
    return Coverage(
        root=experiment.root,
        name=safe_line(experiment.name, 60),
        judges=tuple((judge.label, counts[judge.number]) for judge in experiment.panel),
        own=own,
    )


def coverage_lines(covered: Sequence[Coverage], *, plain: bool) -> list[str]:
    """Return a table for each experiment, or a line where tables would fill the screen."""
    tables = [2 + len(one.judges) for one in covered]
    if not plain and (sum(tables) <= LINES or len(covered) == 1):
        return [line for one in covered for line in _table(one)]
    lines = [_total(one) for one in covered[:LINES]]
    if len(covered) > LINES:
        lines.append(f"... and {len(covered) - LINES} more experiments")
    return lines


def _total(one: Coverage) -> str:
    totals = one.totals
    counted = ", ".join(f"{totals[s]} {s}" for s in one.statuses if totals[s]) or "none"
    return f"{one.name}: {counted}"


def _table(one: Coverage) -> Iterator[str]:
    """Yield the slots by judge and status; of many judges those with most left to do."""
    columns = one.statuses
    most = WIDTH - 2 - 10 * len(columns)
    labels = [safe_line(label, min(40, most - len(" [...]"))) for label, _ in one.judges]
    width = max(len(label) for label in [*labels, "judge"])
    room = len(labels) if len(labels) <= LINES - 2 else LINES - 3
    by_open = sorted(range(len(labels)), key=lambda place: -_open(one.judges[place][1]))
    yield one.name
    yield f"  {'judge':<{width}}" + "".join(f"  {column:>8}" for column in columns)
    for place in sorted(by_open[:room]):
        counts = one.judges[place][1]
        figures = "".join(f"  {counts[column]:>8}" for column in columns)
        yield f"  {labels[place]:<{width}}{figures}"
    if len(labels) > room:
        rest = sum((one.judges[place][1] for place in by_open[room:]), Counter())
        counted = ", ".join(f"{rest[s]} {s}" for s in columns if rest[s])
        yield f"  ... and {len(labels) - room} more judges: {counted}"


def _open(counts: Counter[SlotStatus]) -> int:
    return counts.total() - counts[SlotStatus.COMPLETE]
