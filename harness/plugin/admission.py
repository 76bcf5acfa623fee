"""Who may be asked now, in a pytest session: gates, budget, and what is checked before."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from harness.admission import durations_of, gates_of, problems
from harness.calling import asked_again
from harness.dispatch import dispatch
from harness.gates import Place
from harness.modes import Mode
from harness.plugin import limits, options
from harness.plugin.specs import is_elsewhere, worker_specs
from harness.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.durations import Durations
    from harness.gates import Gates
    from harness.model import Outcome, Slot
    from harness.plugin.collect import SlotItem
    from harness.plugin.session import PanelSession


class Admission:
    """The gates of one session, in the process that judges."""

    def __init__(self, panel: PanelSession) -> None:
        self._panel = panel
        self._config = panel.config
        self.share = int(getattr(panel.config, "workerinput", {}).get("workercount", 1))
        self.max_cost = limits.max_cost(panel.config)

    @cached_property
    def gates(self) -> Gates:
        """The gates; made when the first slot is about to be judged."""
        return gates_of(
            self._panel.scans,
            max_cost=self.max_cost,
            patience=limits.wait(self._config),
            share=self.share,
        )

    @cached_property
    def _durations(self) -> Durations[Hashable]:
        """What the judges took, as their judgments say; the calls of this session are added."""
        return durations_of(self._panel.scans)

    def waiting(self, items: Iterable[SlotItem] = ()) -> Waiting[SlotItem]:
        """Return items behind their judges' gates."""
        return Waiting(items, place=place_of, gates=self.gates, durations=self._durations)

    def judge(self, item: SlotItem) -> Outcome:
        """Judge a slot in this thread, in its turn; it waits for its judge where that helps."""

        def again(_: SlotItem, outcome: Outcome) -> SlotItem | None:
            item.asked = asked_again(outcome) or item.asked
            return item if asked_again(outcome) else None

        panel = self._panel
        done = dispatch(
            [item],
            lambda item: panel.judging.work(panel.judging.job(item)),
            parallel=1,
            stop=panel.stop,
            place=place_of,
            gates=self.gates,
            again=again,
        )
        return next(done)

    def refuse(self, items: Iterable[SlotItem]) -> None:
        """Raise a usage error if judges of the slots cannot be asked; nothing was paid."""
        chosen: dict[Path, list[Slot]] = {}
        for item in items:
            chosen.setdefault(item.layout.experiment.root, []).append(item.slot)
        found = list(self.problems(chosen))
        if found:
            raise pytest.UsageError(*found)

    def problems(self, to_judge: Mapping[Path, Iterable[Slot]]) -> Iterator[str]:
        """Say what would keep judges from being asked, before anything is paid.

        Nothing is said of judges that a hook may replace, nor in sessions that ask nobody.
        """
        panel = self._panel
        asks = panel.mode in (Mode.JUDGE, Mode.REJUDGE)
        if not asks or options.only_looks(self._config):
            return
        workers = worker_specs(self._config)
        yield from problems(
            panel.scans,
            to_judge,
            # Other machines have environments of their own.
            environment=None if any(map(is_elsewhere, workers)) else panel.bench.environment,
            lanes=panel.parallel * (len(workers) or 1),
            max_cost=None if self.max_cost is None else "--judge-max-cost",
            replaced=bool(self._config.hook.pytest_harness_judge.get_hookimpls()),
        )


def place_of(item: SlotItem) -> Place:
    """Return whose slot an item is about."""
    return Place(item.layout.experiment.root, item.slot)
