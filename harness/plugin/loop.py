"""The run loop: work in threads, pytest's own protocol in the main thread.

Pool threads judge. When a slot is done the main thread runs the complete native
protocol for its item, which replays the outcome; so every hook fires in the main
thread, one item at a time, in completion order.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from harness.dispatch import Pool
from harness.gates import Waiting
from harness.model import Raised
from harness.modes import Mode
from harness.plugin.collect import SlotItem, slot_items
from harness.plugin.records import Record, recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.attempt import Asks
    from harness.model import Outcome
    from harness.plugin.session import PanelSession

MARKS = ("skip", "skipif", "xfail", "filterwarnings")
"""Marks that are looked at in the set-up, which for a slot judged ahead would be too late."""


def runtestloop(session: pytest.Session, panel: PanelSession) -> object:
    """Run the session's items; None if pytest's own loop is the right one."""
    option = session.config.option
    if session.testsfailed and not option.continue_on_collection_errors:
        return None
    sequential = (
        option.collectonly
        or option.usepdb
        or option.trace
        or panel.mode is Mode.REPARSE  # nobody is waited for
        or any(getattr(option, name, False) for name in ("setuponly", "setupplan", "stepwise"))
    )
    if session.config.pluginmanager.hasplugin("dsession"):
        return None  # a controller of pytest-xdist runs nothing itself
    if hasattr(session.config, "workerinput"):
        return None if sequential else _run_in_worker(session, panel)
    if sequential or panel.parallel == 1 or sum(1 for _ in slot_items(session.items)) <= 1:
        return None
    Loop(session, panel).run()
    return True


def _run_in_worker(session: pytest.Session, panel: PanelSession) -> object:
    from harness.plugin.workers import WorkerLoop, find_feed

    feed = find_feed(session)
    if feed is None:
        return None
    WorkerLoop(session, panel, feed).run()
    return True


@dataclass(frozen=True, slots=True)
class Job:
    """A slot's judging: its judge, decided in the main thread, and what it printed."""

    item: SlotItem
    judge: Asks | None = None
    problem: Exception | None = None
    submitted: float = field(default_factory=time.monotonic)
    record: Record = field(default_factory=Record)


class Loop:
    """One pass over the items."""

    def __init__(self, session: pytest.Session, panel: PanelSession) -> None:
        self._session = session
        self._panel = panel
        self._stop_early = bool(session.config.getoption("maxfail"))

    def run(self) -> None:
        """Run groups of slots in the pool, everything else one at a time."""
        items = self._session.items
        groups = [list(group) for _, group in groupby(items, key=is_ahead)]
        for index, group in enumerate(groups):
            after = groups[index + 1][0] if index + 1 < len(groups) else None
            if is_ahead(group[0]) and len(group) > 1:
                self._in_pool([item for item in group if isinstance(item, SlotItem)], after)
            else:
                self._in_turn(group, after)

    def _in_turn(self, group: Sequence[pytest.Item], after: pytest.Item | None) -> None:
        for index, item in enumerate(group):
            self._protocol(item, group[index + 1] if index + 1 < len(group) else after)
            self._raise_if_stopped()

    def _in_pool(self, group: Sequence[SlotItem], after: pytest.Item | None) -> None:
        panel = self._panel
        waiting = gated(group, share=1)
        open_items = dict.fromkeys(group)
        lanes = min(panel.parallel, len(group))
        pool: Pool[Job]
        with (
            panel.routing.active(),
            self._pool(lanes) as pool,
        ):
            while waiting or pool.busy:
                self._refill(pool, waiting)
                if not pool.busy:
                    break
                job, outcome = self._next(pool)
                waiting.done(job.item)
                if not (self._stop_early or isinstance(outcome, Raised)):
                    self._refill(pool, waiting)  # the lane is full again before the report
                del open_items[job.item]
                self._report(job, outcome, next(iter(open_items), after))
        self._raise_if_stopped()

    def _pool(self, lanes: int) -> Pool[Job]:
        # pytest's exit is an Exception, but it is meant to end everything at once.
        return Pool(lanes, self._work, stop=self._panel.stop, interrupts=(pytest.exit.Exception,))

    def _next(self, pool: Pool[Job]) -> tuple[Job, Outcome]:
        progress = self._panel.progress
        try:
            while True:
                try:
                    return pool.next(timeout=progress.tick)
                except queue.Empty:
                    progress.running((job.item.name, job.submitted) for job in pool.jobs)
        finally:
            progress.erase()

    def _refill(self, pool: Pool[Job], waiting: Waiting[SlotItem]) -> None:
        while pool.free and not self._stopped() and (item := waiting.take()) is not None:
            pool.submit(self._panel.job(item))

    def _work(self, job: Job) -> Outcome:
        """Judge a slot, its output kept apart; called from worker threads."""
        with recording(job.record):
            return self._panel.work(job)

    def _report(self, job: Job, outcome: Outcome, following: pytest.Item | None) -> None:
        item = job.item
        # The order of completion is not the one that was announced as `nextitem`; tear
        # down what this slot does not need.
        self._session._setupstate.teardown_exact(item)  # noqa: SLF001 - there is no public way
        item.outcome, item.record = outcome, job.record
        item.lean = self._panel.routing.lean_hooks(item)
        item.became = outcome  # reported with the call, or with a set-up that fails
        try:
            item.lean.pytest_runtest_protocol(item=item, nextitem=following)
        finally:
            item.lean = None
            item.outcome = item.record = None

    def _protocol(self, item: pytest.Item, following: pytest.Item | None) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _stopped(self) -> bool:
        return bool(self._session.shouldfail or self._session.shouldstop)

    def _raise_if_stopped(self) -> None:
        session = self._session
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)


def gated(items: Iterable[SlotItem], *, share: int) -> Waiting[SlotItem]:
    """Return ``items`` behind their judges' gates; each gate is shared by ``share`` processes."""
    return Waiting(
        items,
        gate=lambda item: (item.layout.experiment.root, item.slot.judge.number),
        limit=lambda item: item.slot.judge.max_parallel and item.slot.judge.max_parallel // share,
    )


def is_ahead(item: pytest.Item) -> bool:
    """Tell whether an item may be judged before its own protocol runs."""
    return isinstance(item, SlotItem) and not any(
        mark.name in MARKS for mark in item.iter_markers()
    )
