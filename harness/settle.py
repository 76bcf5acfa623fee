"""From the judgments on disk to consensus files; needs no judge and costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import files
from harness.consensus import consensus
from harness.errors import DiskError, ExperimentError
from harness.layouts.base import Damaged, Found, is_current, update_derived
from harness.locks import locked
from harness.model import SlotStatus

if TYPE_CHECKING:
    from harness.layouts import Layout
    from harness.layouts.base import ConsensusFiles
    from harness.model import Consensus, Judgment, Run
    from harness.scan import Scan


@dataclass(slots=True)
class Settled:
    """What settling an experiment did; ``results`` has the runs with a judgment, by name.

    ``problems``: each names a derived file that is not what the judgments give, and is an
    error for whoever has to report on the session.
    """

    regenerated: int = 0
    results: dict[str, Consensus] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def settle(scan: Scan) -> Settled:
    """Make every run's stored consensus the one that its judgments on disk give.

    In sorted order. Runs that had an open or a stale slot at the scan are read again. A run that
    cannot be settled is a problem of its own and stops no other.
    """
    settled = Settled()
    layout = scan.layout
    for slots in scan.by_run():
        run = slots[0].run
        known = {s.judge.number: s.judgment for s in slots if s.judgment is not None}
        try:
            held = all(slot.status is SlotStatus.COMPLETE for slot in slots)
            judgments = known if held else read_judgments(layout, run)
            if judgments and run.unread:  # its rubric's grades may be unknown
                problem = f"the consensus is left as it is ({run.problem})"
                settled.problems.append(f"{run.name}: {problem}")
                continue
            changed, result, problems = _settle_run(layout, run, judgments)
        except DiskError as error:
            settled.problems.append(f"{run.name}: the consensus is left as it is ({error})")
            continue
        except (OSError, ExperimentError) as error:
            settled.problems.append(f"{run.name}: the consensus cannot be written ({error})")
            continue
        settled.regenerated += changed
        settled.problems += problems
        if judgments:
            settled.results[run.name] = result
    return settled


def read_judgments(layout: Layout, run: Run) -> dict[int, Judgment]:
    """Return the valid judgments of a run by judge number; ``DiskError`` if one is hidden."""
    found = {judge.number: layout.read_slot(run, judge) for judge in layout.experiment.panel}
    for slot in found.values():
        if isinstance(slot, Damaged) and slot.unreadable:
            raise DiskError(slot.why)
    return {number: f.judgment for number, f in found.items() if isinstance(f, Found)}


def _settle_run(
    layout: Layout, run: Run, judgments: dict[int, Judgment]
) -> tuple[bool, Consensus, tuple[str, ...]]:
    result, wanted = _wanted(layout, run, judgments)
    root = layout.experiment.root
    if all(is_current(path, keys, root=root) for path, keys in wanted.wanted.items()):
        return False, result, wanted.problems
    files.make_directory(layout.judge_directory(run), root=root)
    with locked(layout.settle_lock(run)):
        files.sweep(layout.judge_directory(run))
        # Another session may have judged or settled since: what is on disk now counts.
        result, wanted = _wanted(layout, run, read_judgments(layout, run))
        for path, keys in wanted.wanted.items():
            if not is_current(path, keys, root=root):
                update_derived(path, keys, root=root)
    return True, result, wanted.problems


def _wanted(
    layout: Layout, run: Run, judgments: dict[int, Judgment]
) -> tuple[Consensus, ConsensusFiles]:
    experiment = layout.experiment
    result = consensus(judgments, experiment.panel, experiment.rule, grades=layout.grades(run))
    return result, layout.consensus_files(run, result, judgments)
