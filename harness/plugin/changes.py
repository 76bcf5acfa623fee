"""What sessions that only read again, or only make again, do at their end, and say of it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from harness.modes import Mode, preview
from harness.regenerate import regenerate
from harness.settle import How, Settled, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.counting import Statistics
    from harness.plugin.collect import SlotItem
    from harness.scan import Scan

LISTED = 10
"""Files that are named for each experiment."""

WOULD = {
    Mode.JUDGE: "would be judged",
    Mode.REJUDGE: "would be asked again",
    Mode.REPARSE: "would be read again",
}

NOTHING = {
    Mode.REJUDGE: "nothing to ask again: no selected slot is complete",
    Mode.REPARSE: "nothing to read again: no selected slot has a reply that was kept",
}

BLOCKED = "nothing to ask again: the run of every selected slot is blocked"


def finish(mode: Mode, scanned: Scan) -> Settled:
    """Make an experiment's derived files follow its judgments."""
    if mode is Mode.REGENERATE:
        return regenerate(scanned)
    return settle(scanned, How(fresh=mode.replaces))


def would_change(items: Iterable[SlotItem]) -> Iterator[str]:
    """Say what reading the replies of slots again would change."""
    for layout, group in groupby(items, key=lambda item: item.layout):
        slots = [item.slot for item in group]
        changed, failures = preview(slots, layout)
        for slot in slots:
            if slot.name in changed:
                yield f"{slot.name}: {changed[slot.name]}"
            if slot.name in failures:
                yield f"{slot.name}: {failures[slot.name]}"


def would_make(scanned: Scan, shown: Callable[[str], str]) -> Iterator[str]:
    """Say which derived files of an experiment are absent or stale."""
    settled = regenerate(scanned, dry_run=True)
    yield from (shown(problem) for problem in settled.problems)
    for path in settled.files[:LISTED]:
        yield f"  would be made again: {shown(str(path))}"
    if len(settled.files) > LISTED:
        yield f"  ... and {len(settled.files) - LISTED} more files"


def totals(mode: Mode, statistics: Statistics, settled: Sequence[Settled]) -> str:
    """Return the line with the figures of a session."""
    regenerated = sum(one.regenerated for one in settled)
    if mode is Mode.REGENERATE:
        files = sum(len(one.files) for one in settled)
        return f"files made again {files}, consensus regenerated {regenerated}"
    done, failed = "judged", "failed to judge"
    if mode is Mode.REPARSE:
        done, failed = "read again", "failed to read again"
    line = f"{done} {statistics.judged}, {failed} {statistics.failed}, "
    if mode is Mode.REPARSE:
        line += f"changed {len(statistics.changed)}, "
    if statistics.deferred:
        line += f"deferred {len(statistics.deferred)}, "
    return f"{line}consensus regenerated {regenerated}"


def difference(statistics: Statistics) -> Iterator[str]:
    """Say how many of the session's judgments declare another score than their points give."""
    if statistics.differ:
        of = f"{statistics.differ} of {statistics.judged} judgments"
        yield f"the declared score and the rubric's differ: {of}"
