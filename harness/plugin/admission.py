"""Who may be asked now, in a pytest session: gates, budget, and what is checked before."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from harness import judges, prices
from harness.budget import Budget
from harness.calling import asked_again
from harness.dispatch import dispatch
from harness.gates import Gates, Place
from harness.history import past_of
from harness.modes import Mode
from harness.plugin import limits, options
from harness.plugin.specs import is_elsewhere, worker_specs
from harness.preflight import available_memory, too_many, unusable
from harness.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.model import JudgeSpec, Outcome, Slot
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
        budget = None
        if self.max_cost is not None:
            budget = Budget(
                self.max_cost / self.share,
                past={
                    (root, number): past.costs
                    for root, scanned in self._panel.scans.items()
                    for number, past in past_of(scanned.slots).items()
                },
                free={
                    (root, judge.number)
                    for root, scanned in self._panel.scans.items()
                    for judge in scanned.layout.experiment.panel
                    if judges.is_free(judge)
                },
            )
        return Gates(share=self.share, budget=budget, patience=limits.wait(self._config))

    def waiting(self, items: Iterable[SlotItem] = ()) -> Waiting[SlotItem]:
        """Return items behind their judges' gates."""
        return Waiting(items, place=place_of, gates=self.gates)

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
        problems = list(self.problems(chosen))
        if problems:
            raise pytest.UsageError(*problems)

    def problems(self, to_judge: Mapping[Path, Iterable[Slot]]) -> Iterator[str]:
        """Say what would keep judges from being asked, before anything is paid.

        Nothing is said of judges that a hook may replace, nor in sessions that ask nobody.
        """
        panel = self._panel
        asks = panel.mode in (Mode.JUDGE, Mode.REJUDGE)
        if not asks or options.only_looks(self._config):
            return
        replaced = self._config.hook.pytest_harness_judge.get_hookimpls()
        workers = worker_specs(self._config)
        here = not any(map(is_elsewhere, workers))  # others have environments of their own
        specs: list[JudgeSpec] = []
        for root, slots in to_judge.items():
            experiment = panel.scans[root].layout.experiment
            theirs = [slot.judge for slot in slots]
            specs += theirs
            for judge in {judge.number: judge for judge in theirs}.values():
                where = f"{experiment.config_file}: judge {judge.label}"
                if self.max_cost is not None and (why := _unpriced(judge)):
                    yield f"{where}: --judge-max-cost cannot count its calls: {why}"
                asked = judge.remote and not replaced and here
                if asked and (why := unusable(judge, root, panel.bench.environment)):
                    yield f"{where}: {why}"
        if not replaced:
            lanes = panel.parallel * (len(workers) or 1)
            yield from too_many(specs, lanes, available=available_memory())


def place_of(item: SlotItem) -> Place:
    """Return whose slot an item is about."""
    return Place(item.layout.experiment.root, item.slot)


def _unpriced(judge: JudgeSpec) -> str | None:
    """Say how to make the cost of a judge's calls known; None if it will be."""
    reports = judges.reports_of(judge.kind)
    if judges.is_free(judge) or prices.is_known(judge.price, reports=reports):
        return None
    if reports == "tokens":
        return (
            "its price is not known; add price: {input: ..., output: ...} (USD per million tokens)"
        )
    return (
        "its price is not known, and its kind reports no tokens; add price: {call: ...} "
        "(USD per call, 0 if it costs nothing)"
    )
