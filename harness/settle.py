"""From the judgments on disk to consensus files; needs no judge and costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import files
from harness.consensus import consensus
from harness.errors import DiskError, ExperimentError
from harness.layouts.base import Damaged, Found
from harness.layouts.derived import is_current, update_derived
from harness.locks import locked
from harness.model import SlotStatus
from harness.staleness import is_own

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from harness.consensus import Consensus
    from harness.layouts import Layout
    from harness.layouts.derived import ConsensusFiles
    from harness.model import Judgment, Run, Slot
    from harness.scan import Scan


@dataclass(slots=True)
class Settled:
    """What settling an experiment did; ``results`` has the runs with a judgment, by name.

    ``files`` are those that were, or would be, rewritten; ``keys`` has what all derived
    files hold then. ``notes`` say what was set aside. ``problems``: each names a derived file
    that is not what the judgments give, and is an error for whoever reports on the session.
    """

    regenerated: int = 0
    results: dict[str, Consensus] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    keys: dict[Path, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class How:
    """Whether files are written, and whether those that are replaced are kept.

    ``fresh``: also read the judgments of complete slots again, which have been replaced.
    """

    write: bool = True
    keep_old: bool = False
    fresh: bool = False


def settle(scan: Scan, how: How = How()) -> Settled:
    """Make every run's stored consensus the one that its judgments on disk give.

    In sorted order. Runs that had an open or a stale slot at the scan are read again. A run that
    cannot be settled is a problem of its own and stops no other.
    """
    settled = Settled()
    layout = scan.layout
    for slots in scan.by_run():
        run = slots[0].run
        if run.name in scan.settled and not how.fresh:
            settled.results[run.name] = scan.settled[run.name]
            continue
        known = {s.judge.number: s.judgment for s in slots if s.judgment is not None}
        as_scanned = not how.fresh and all(s.status is SlotStatus.COMPLETE for s in slots)
        try:
            judgments = counted(layout, known) if as_scanned else read_judgments(layout, run)
            if judgments and run.unread:  # its rubric's grades may be unknown
                problem = f"the consensus is left as it is ({run.problem})"
                settled.problems.append(f"{run.name}: {problem}")
                continue
            changed, result, wanted, notes = _settle_run(layout, run, judgments, how)
        except DiskError as error:
            settled.problems.append(f"{run.name}: the consensus is left as it is ({error})")
            continue
        except (OSError, ExperimentError) as error:
            settled.problems.append(f"{run.name}: the consensus cannot be written ({error})")
            continue
        settled.regenerated += bool(changed)
        settled.files += changed
        settled.keys.update(wanted.wanted)
        settled.problems += wanted.problems
        settled.notes += notes
        if judgments:
            settled.results[run.name] = result
    return settled


def read_judgments(layout: Layout, run: Run) -> dict[int, Judgment]:
    """Return the valid judgments of a run that count, by number; ``DiskError`` if one is hidden."""
    found = {judge.number: layout.read_slot(run, judge) for judge in layout.experiment.panel}
    for slot in found.values():
        if isinstance(slot, Damaged) and slot.unreadable:
            raise DiskError(slot.why)
    return counted(layout, {n: f.judgment for n, f in found.items() if isinstance(f, Found)})


def judgments_of(layout: Layout, slots: Iterable[Slot]) -> dict[int, Judgment]:
    """Return those judgments of a run's slots, as they were scanned, that count."""
    return counted(layout, {s.judge.number: s.judgment for s in slots if s.judgment is not None})


def counted(layout: Layout, judgments: Mapping[int, Judgment]) -> dict[int, Judgment]:
    """Leave out the judgments of judges whose place another one has taken."""
    panel = {judge.number: judge for judge in layout.experiment.panel}
    return {n: found for n, found in judgments.items() if n in panel and is_own(found, panel[n])}


def _settle_run(
    layout: Layout, run: Run, judgments: dict[int, Judgment], how: How
) -> tuple[list[Path], Consensus, ConsensusFiles, list[str]]:
    notes: list[str | None] = []
    result, wanted = _wanted(layout, run, judgments)
    root = layout.experiment.root
    changed = [p for p, keys in wanted.wanted.items() if not is_current(p, keys, root=root)]
    if not changed or not how.write:
        return changed, result, wanted, []
    files.make_directory(layout.judge_directory(run), root=root)
    with locked(layout.settle_lock(run)):
        files.sweep(layout.judge_directory(run))
        # Another session may have judged or settled since: what is on disk now counts.
        result, wanted = _wanted(layout, run, read_judgments(layout, run))
        for path, keys in wanted.wanted.items():
            if not is_current(path, keys, root=root):
                if how.keep_old and files.is_plain(path):
                    files.keep_copy(path, as_="old")
                notes.append(update_derived(path, keys, root=root))
    return changed, result, wanted, [note for note in notes if note is not None]


def _wanted(
    layout: Layout, run: Run, judgments: dict[int, Judgment]
) -> tuple[Consensus, ConsensusFiles]:
    experiment = layout.experiment
    result = consensus(judgments, experiment.panel, experiment.rule, grades=layout.grades(run))
    return result, layout.consensus_files(run, result, judgments)
