"""The whole job in one call, without pytest: scan, plan, dispatch, settle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.attempt import Bench, attempt_slot
from harness.calling import NOT_ASKED, Asked, asked_again
from harness.disk import IN_A_ROW
from harness.dispatch import capture, dispatch, explain
from harness.errors import DiskError, SelectionError
from harness.gates import Place
from harness.layouts import open_experiment
from harness.model import (
    ADOPTED,
    NO_CALLS,
    UNCHANGED,
    WORK,
    Calls,
    Deferred,
    Failed,
    Judged,
    Raised,
    SlotStatus,
)
from harness.modes import Mode, mode_of, preview, reader, workable
from harness.regenerate import regenerate
from harness.scan import scan
from harness.settle import How, settle

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from harness.consensus import Consensus
    from harness.model import Outcome, Slot
    from harness.scan import Scan
    from harness.settle import Settled


@dataclass(slots=True)
class Statistics:
    """What a call found and did.

    ``slots``: the number of slots by status at the scan. ``selected``: names of the
    slots that were judged, or would be. ``failures`` and ``deferred``: reasons by slot
    name. ``consensus``: by run name, for runs with a judgment. ``problems``: messages
    about files that stopped nothing. ``calls``: what was paid. ``stopped``: why no more
    slots should be judged, if so. ``differ``: judgments whose declared score is not the
    one that their points give. ``changed``: what reading replies again changed, or would,
    by slot name. ``files``: derived files that were made again, or would be.
    """

    slots: Counter[SlotStatus] = field(default_factory=Counter)
    selected: tuple[str, ...] = ()
    judged: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    deferred: dict[str, str] = field(default_factory=dict)
    regenerated: int = 0
    consensus: dict[str, Consensus] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    calls: Calls = NO_CALLS
    stopped: str | None = None
    differ: int = 0
    changed: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    refused_in_a_row: int = 0

    @property
    def failed(self) -> int:
        """How many slots have failed, each counted once however often it was tried."""
        return len(self.failures)

    def add(
        self,
        slot: str,
        kind: str,
        *,
        why: str = "",
        notes: Iterable[str] = (),
        calls: Calls = NO_CALLS,
        refused: bool = False,
        changed: str = "",
        differ: bool = False,
    ) -> None:
        """Count what became of a slot; main thread only.

        ``changed`` and ``differ``: as in the fields. ``refused``: the disk would not have
        it. After some of these in a row ``stopped`` says why it is of no use to go on.
        """
        self.problems += [note for note in notes if note not in {ADOPTED, UNCHANGED}]
        self.calls += calls
        self.differ += differ
        if changed:
            self.changed[slot] = changed
        match kind:
            case "judged":
                self.judged += 1
                self.failures.pop(slot, None)
                self.refused_in_a_row = 0
            case "failed":
                self.failures[slot] = why
                self.refused_in_a_row = self.refused_in_a_row + 1 if refused else 0
            case "deferred":
                self.deferred[slot] = why
        if self.refused_in_a_row == IN_A_ROW:
            self.stopped = f"stopped: the disk refused {IN_A_ROW} slots in a row, at last {why}"

    def count(self, outcome: Outcome) -> None:
        """Add one outcome; main thread only."""
        name = outcome.slot.name
        match outcome:
            case Judged():
                self.add(
                    name,
                    "judged",
                    notes=outcome.notes,
                    calls=outcome.calls,
                    changed=outcome.changed,
                    differ=outcome.judgment.differs,
                )
            case Failed(error=error):
                self.add(
                    name,
                    "failed",
                    why=explain(error),
                    notes=outcome.notes,
                    calls=outcome.calls,
                    refused=isinstance(error, DiskError),
                )
            case Deferred():
                self.add(name, "deferred", why=outcome.reason, calls=outcome.calls)
            case Raised():
                raise outcome.error


@dataclass(frozen=True, slots=True)
class Turn:
    """One call about a slot, and what came of those before it."""

    slot: Slot
    asked: Asked = NOT_ASKED

    def again(self, outcome: Outcome) -> Turn | None:
        """Return the next turn if the judge is to be asked once more."""
        asked = asked_again(outcome)
        return None if asked is None else Turn(self.slot, asked)


def judge_experiment(
    path: str | Path,
    *,
    parallel: int = 1,
    status: SlotStatus | str | Iterable[SlotStatus | str] | None = None,
    dry_run: bool = False,
    rejudge: bool = False,
    reparse: bool = False,
    regenerate_only: bool = False,
    only: Iterable[str] = (),
) -> Statistics:
    """Judge the slots of an experiment that have no valid judgment, then settle its runs.

    ``path`` is the experiment's directory or its configuration file. ``status`` selects
    other slots than the missing and failed ones; complete and blocked slots are never
    judged. With ``dry_run`` nothing is judged and nothing on disk changes. ``only``: names
    of runs and slots, ``runs/a`` or ``runs/a/judge_01``; by default all are meant.
    ``rejudge``: ask again for complete slots, whose judgments are kept among the attempts.
    ``reparse``: derive the judgments anew from the kept replies; nobody is asked.
    ``regenerate_only``: make again what is derived from judgments, at every level.
    Settling starts after the last outcome. Raises ``ExperimentError`` if the experiment
    cannot be read, ``SelectionError`` for arguments that make no sense.
    """
    check_parallel(parallel)
    mode = mode_of(
        rejudge=rejudge,
        reparse=reparse,
        regenerate_only=regenerate_only,
        status=status is not None,
    )
    found = scan(open_experiment(Path(path)))
    wanted = mode.default if status is None else statuses(status)
    slots = workable(mode, named(found.select(wanted), found.slots, only), found.layout)
    statistics = Statistics(slots=found.counts(), selected=tuple(slot.name for slot in slots))
    if mode is Mode.JUDGE or mode is Mode.REJUDGE:
        if not dry_run:
            _judge(statistics, found, slots, parallel=parallel, how=How(fresh=mode.replaces))
        return statistics
    if mode is Mode.REPARSE:
        if dry_run:
            statistics.changed, statistics.failures = preview(slots, found.layout)
            return statistics
        for slot in slots:
            statistics.count(capture(slot, reader(found.layout)))
        _end(statistics, found, settle(found, How(fresh=True)))
    else:
        _end(statistics, found, regenerate(found, dry_run=dry_run))
    return statistics


def _judge(
    statistics: Statistics, found: Scan, slots: Sequence[Slot], *, parallel: int, how: How
) -> None:
    bench = Bench()
    root = found.layout.experiment.root

    def work(turn: Turn) -> Outcome:
        ask = partial(attempt_slot, layout=found.layout, bench=bench, asked=turn.asked)
        return capture(turn.slot, ask)

    try:
        for outcome in dispatch(
            map(Turn, slots),
            work,
            parallel=parallel,
            stop=bench.launcher.stop,
            place=lambda turn: Place(root, turn.slot),
            again=lambda turn, outcome: turn.again(outcome),
        ):
            statistics.count(outcome)
            if statistics.stopped is not None:
                statistics.problems.append(statistics.stopped)
                break
    finally:
        _end(statistics, found, settle(found, how))


def _end(statistics: Statistics, found: Scan, settled: Settled) -> None:
    statistics.regenerated = settled.regenerated
    statistics.consensus = settled.results
    statistics.problems += settled.problems
    root = found.layout.experiment.root
    statistics.files = [str(path.relative_to(root)) for path in settled.files]


def named(selected: Iterable[Slot], slots: Iterable[Slot], only: Iterable[str]) -> list[Slot]:
    """Return those of the selected slots whose name, or whose run's, is among ``only``."""
    names = {only} if isinstance(only, str) else set(only)
    unknown = names.difference(*({slot.name, slot.run.name} for slot in slots))
    if unknown:
        raise SelectionError(f"not found: {', '.join(sorted(unknown))} (no run, no slot)")
    return [slot for slot in selected if not names or {slot.name, slot.run.name} & names]


def check_parallel(parallel: object) -> None:
    """Refuse what is no number of lanes."""
    if isinstance(parallel, bool) or not isinstance(parallel, int) or parallel < 1:
        raise SelectionError(f"parallel must be a whole number from 1 on, got {parallel!r}")


def statuses(
    chosen: SlotStatus | str | Iterable[SlotStatus | str] | None,
) -> Collection[SlotStatus]:
    """Return the statuses meant; by default those that need work."""
    if chosen is None:
        return WORK
    names = [chosen] if isinstance(chosen, str) else list(chosen)
    found = []
    for name in names:
        if name not in list(SlotStatus):
            known = ", ".join(SlotStatus)
            raise SelectionError(f"unknown status {str(name)!r}; use one of: {known}")
        found.append(SlotStatus(name))
    return found
