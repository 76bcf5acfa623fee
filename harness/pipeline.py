"""The whole job in one call, without pytest: scan, plan, dispatch, settle."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from harness.admission import durations_of, gates_of, problems
from harness.attempt import Bench, attempt_slot
from harness.calling import NOT_ASKED, Asked, asked_again
from harness.counting import Statistics
from harness.dispatch import capture, dispatch, light
from harness.errors import ExperimentError, SelectionError
from harness.gates import Place
from harness.layouts import open_experiment
from harness.model import WORK, SlotStatus
from harness.modes import Mode, mode_of, preview, reader, workable
from harness.regenerate import regenerate
from harness.scan import scan
from harness.settle import How, settle

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from harness.gates import Gates
    from harness.model import Outcome, Slot
    from harness.scan import Scan
    from harness.settle import Settled


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
    max_cost: float | None = None,
    wait: float = 0.0,
) -> Statistics:
    """Judge the slots of an experiment that have no valid judgment, then settle its runs.

    ``path``: its directory or configuration file. ``status``: judge others than missing and
    failed slots; never complete or blocked ones. ``dry_run``: change nothing. ``only``: names
    as ``runs/a`` or ``runs/a/judge_01``. ``rejudge``: ask again for complete slots; their
    judgments are kept. ``reparse``: derive the judgments anew from the kept replies.
    ``regenerate_only``: make again what is derived. ``max_cost``: start no call that could
    make all calls cost more, in USD. ``wait``: seconds to wait at usage limits. Raises
    ``ExperimentError``, before anything is paid, if the experiment cannot be read or a judge
    not be asked, ``SelectionError`` for senseless arguments.
    """
    mode = mode_of(
        rejudge=rejudge,
        reparse=reparse,
        regenerate_only=regenerate_only,
        status=status is not None,
    )
    found = _scanned(path, parallel, max_cost, wait)
    wanted = mode.default if status is None else statuses(status)
    slots = workable(mode, named(found.select(wanted), found.slots, only), found.layout)
    statistics = Statistics(slots=found.counts(), selected=tuple(s.name for s in slots))
    if mode in (Mode.REPARSE, Mode.REGENERATE):
        _make_again(statistics, found, slots, mode, dry_run=dry_run)
    elif not dry_run:
        gates = _gates(found, slots, parallel, max_cost=max_cost, wait=wait)
        _judge(statistics, found, slots, gates, parallel=parallel, mode=mode)
    return statistics


def _gates(
    found: Scan, slots: Sequence[Slot], parallel: int, *, max_cost: float | None, wait: float
) -> Gates:
    """Return the gates; ``ExperimentError`` if some judge could not be asked at all."""
    scans = {found.layout.experiment.root: found}
    wrong = problems(
        scans,
        dict.fromkeys(scans, slots),
        environment=os.environ,
        lanes=parallel,
        max_cost=None if max_cost is None else "max_cost",
    )
    if lines := list(wrong):
        raise ExperimentError("\n".join(lines))
    return gates_of(scans, max_cost=max_cost, patience=wait)


def _scanned(path: str | Path, parallel: object, max_cost: object, wait: object) -> Scan:
    """Scan an experiment, once the numbers that were given make sense."""
    check_parallel(parallel)
    check_bounds(max_cost, wait)
    return scan(open_experiment(Path(path)))


def _make_again(
    statistics: Statistics, found: Scan, slots: Sequence[Slot], mode: Mode, *, dry_run: bool
) -> None:
    """Do what asks nobody: read replies again, or make again what is derived."""
    if mode is Mode.REGENERATE:
        _end(statistics, found, regenerate(found, dry_run=dry_run))
    elif dry_run:
        statistics.changed, statistics.failures = preview(slots, found.layout)
    else:
        for slot in slots:
            statistics.count(capture(slot, reader(found.layout)))
        _end(statistics, found, settle(found, How(fresh=True)))


def _judge(
    statistics: Statistics,
    found: Scan,
    slots: Sequence[Slot],
    gates: Gates,
    *,
    parallel: int,
    mode: Mode,
) -> None:
    bench = Bench()
    root = found.layout.experiment.root

    def work(turn: Turn) -> Outcome:
        ask = partial(attempt_slot, layout=found.layout, bench=bench, asked=turn.asked)
        return light(capture(turn.slot, ask))

    try:
        for outcome in dispatch(
            map(Turn, slots),
            work,
            parallel=parallel,
            stop=bench.launcher.stop,
            place=lambda turn: Place(root, turn.slot),
            gates=gates,
            durations=durations_of({root: found}),
            again=lambda turn, outcome: turn.again(outcome),
        ):
            statistics.count(outcome)
            if statistics.stopped is not None:
                statistics.problems.append(statistics.stopped)
                break
    finally:
        _end(statistics, found, settle(found, How(fresh=mode.replaces)))


def _end(statistics: Statistics, found: Scan, settled: Settled) -> None:
    statistics.regenerated = settled.regenerated
    statistics.consensus = settled.results
    statistics.problems += [*settled.problems, *settled.notes]
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


def check_bounds(max_cost: object, wait: object) -> None:
    """Refuse what is no amount of money, and what is no time to wait."""
    if max_cost is not None and not (_is_number(max_cost) and 0 < max_cost < math.inf):
        raise SelectionError(f"max_cost must be an amount of USD above 0, got {max_cost!r}")
    if not (_is_number(wait) and wait >= 0):
        raise SelectionError(f"wait must be a number of seconds from 0 on, got {wait!r}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
