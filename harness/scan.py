"""From a directory to runs, slots, and their statuses; reads, never writes."""

from __future__ import annotations

import hashlib
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from harness import files
from harness.garbage import collector_paused
from harness.layouts.base import Damaged, Found, Nothing
from harness.model import Slot, SlotStatus
from harness.staleness import staleness
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from harness.consensus import Consensus
    from harness.layouts import Layout
    from harness.model import JudgeSpec, Run


NONE: Mapping[str, Consensus] = MappingProxyType({})


class Scan(Value, frozen=True):
    """One experiment as it stood on disk: its slots, run by run, in panel order.

    ``settled`` has the consensus of runs, by name, whose stored one is known to be that.
    """

    layout: Layout
    slots: tuple[Slot, ...]
    settled: Mapping[str, Consensus] = NONE

    def counts(self) -> Counter[SlotStatus]:
        """Return the number of slots of each status."""
        return Counter(slot.status for slot in self.slots)

    def by_run(self) -> Iterator[tuple[Slot, ...]]:
        """Yield the slots of each run."""
        size = len(self.layout.experiment.panel)
        for start in range(0, len(self.slots), size):
            yield self.slots[start : start + size]

    def select(self, statuses: Collection[SlotStatus]) -> tuple[Slot, ...]:
        """Return the slots that have one of ``statuses``."""
        return tuple(slot for slot in self.slots if slot.status in statuses)


class Remembers(Protocol):
    """What knows runs that are as an earlier session left them."""

    settled: dict[str, Consensus]

    def runs(self) -> Iterator[Run]:
        """Yield all runs of the experiment, as its layout does."""
        ...

    def slots(self, run: Run) -> tuple[Slot, ...] | None:
        """Return the slots of a run that is known; None if its files must be read."""
        ...


def scan(
    layout: Layout,
    *,
    step: Callable[[int], None] = lambda _runs: None,
    memory: Remembers | None = None,
) -> Scan:
    """Classify every slot that the experiment's directory and configuration expect.

    ``step`` is told how many runs have been looked at.
    Raises ``ExperimentError`` if the experiment as a whole cannot be read; what is
    wrong with one slot or one run only spoils that.
    """
    slots: list[Slot] = []
    with collector_paused():
        for done, run in enumerate(layout.runs() if memory is None else memory.runs(), 1):
            known = None if memory is None else memory.slots(run)
            slots += _slots(layout, run) if known is None else known
            step(done)
    return Scan(layout, tuple(slots), NONE if memory is None else memory.settled)


def _slots(layout: Layout, run: Run) -> list[Slot]:
    prompt = _FrozenPrompt(layout, run)
    return [_classify(layout, run, judge, prompt) for judge in layout.experiment.panel]


def status_now(layout: Layout, slot: Slot) -> SlotStatus:
    """Return the status that a slot of an earlier scan has now."""
    return _classify(layout, slot.run, slot.judge, _FrozenPrompt(layout, slot.run)).status


def _classify(layout: Layout, run: Run, judge: JudgeSpec, prompt: _FrozenPrompt) -> Slot:
    found = layout.read_slot(run, judge)
    if isinstance(found, Found):
        changed = staleness(found.judgment, run, judge, prompt.sha256)
        status = SlotStatus.STALE if changed else SlotStatus.COMPLETE
        why = changed or ""
        if changed and run.blocked is not None:  # what there is to judge now is no answer
            status, why = SlotStatus.BLOCKED, f"{run.blocked}; its judgment is kept ({changed})"
        return Slot(run=run, judge=judge, status=status, why=why, judgment=found.judgment)
    if run.blocked is not None:
        return Slot(run=run, judge=judge, status=SlotStatus.BLOCKED, why=run.blocked)
    match found:
        case Damaged(why):
            return Slot(run=run, judge=judge, status=SlotStatus.FAILED, why=why)
        case Nothing():
            tried = layout.tried(run, judge)
            if tried is not None:
                return Slot(run=run, judge=judge, status=SlotStatus.FAILED, why=tried)
            why = run.problem or "never tried"
            return Slot(run=run, judge=judge, status=SlotStatus.MISSING, why=why)


class _FrozenPrompt:
    """The hash of a run's frozen prompt, read when it is first asked for."""

    def __init__(self, layout: Layout, run: Run) -> None:
        self._layout = layout
        self._run = run
        self._known = False
        self._sha256: str | None = None

    def sha256(self) -> str | None:
        """Return the hash of the prompt's bytes; None if there is no readable prompt."""
        if not self._known:
            self._known = True
            path = self._layout.frozen_prompt(self._run)
            if path is not None:
                match files.read_bytes(path, root=self._layout.experiment.root):
                    case files.Ok(data):
                        self._sha256 = hashlib.sha256(data).hexdigest()
        return self._sha256
