"""The run loop: work in threads, pytest's own protocol in the main thread.

Pool threads judge. When a slot is done the main thread runs the complete native
protocol for its item, which replays the outcome; so every hook fires in the main
thread, one item at a time, in completion order.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from harness.calling import asked_again
from harness.dispatch import Pool
from harness.model import Raised
from harness.modes import Mode
from harness.plugin.collect import SlotItem, slot_items
from harness.plugin.judging import Job

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from harness.model import Outcome
    from harness.plugin.session import PanelSession
    from harness.waiting import Waiting

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
    from harness.plugin.feed import find_feed
    from harness.plugin.workers import WorkerLoop

    feed = find_feed(session)
    if feed is None:
        return None
    WorkerLoop(session, panel, feed).run()
    return True


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
        waiting = panel.admission.waiting(group)
        open_items = dict.fromkeys(group)
        lanes = min(panel.parallel, len(group))
        pool: Pool[Job]
        done: deque[tuple[Job, Outcome]] = deque()
        with panel.routing.active(), self._pool(lanes) as pool:
            while waiting or pool.busy or done:
                self._refill(pool, waiting, done)
                wait = self._wait(pool, waiting)
                if wait is None and not pool.busy and not done:
                    break
                done += self._done(pool, waiting, wait, block=not done)
                self._refill(pool, waiting, done)  # the lanes are full again before the report
                if done:
                    job, outcome = done.popleft()
                    del open_items[job.item]
                    self._report(job, outcome, next(iter(open_items), after))
            for item, outcome in () if self._stopped() else waiting.rest():
                del open_items[item]
                self._report(Job(item), outcome, next(iter(open_items), after))
        self._raise_if_stopped()

    def _pool(self, lanes: int) -> Pool[Job]:
        # pytest's exit is an Exception, but it is meant to end everything at once.
        work, stop = self._panel.judging.work_apart, self._panel.stop
        return Pool(lanes, work, stop=stop, interrupts=(pytest.exit.Exception,))

    def _wait(self, pool: Pool[Job], waiting: Waiting[SlotItem]) -> float | None:
        """Return in how many seconds another slot may start; None if no time helps."""
        if not pool.free or self._stopped():
            return None
        idle = not pool.busy
        wait = waiting.opens(idle=idle)
        if wait is not None and idle:
            self._panel.progress.pausing(wait)
        return wait

    def _done(
        self, pool: Pool[Job], waiting: Waiting[SlotItem], wait: float | None, *, block: bool
    ) -> Iterator[tuple[Job, Outcome]]:
        """Yield what became of slots; all that is known, unless the first may be the last.

        A report takes a millisecond: with a hundred lanes those of the slots that end
        meanwhile would stay empty for a tenth of a second.
        """
        if block and (done := self._next(pool, waiting, wait)) is not None:
            yield done
        while pool.busy and not self._stop_early:
            try:
                ended = pool.next_or_wake(0)
            except queue.Empty:
                return
            if ended is not None and (done := self._decided(waiting, *ended)) is not None:
                yield done

    def _next(
        self, pool: Pool[Job], waiting: Waiting[SlotItem], wait: float | None
    ) -> tuple[Job, Outcome] | None:
        """Return what became of the next slot; None if nothing did, but others may start now."""
        progress = self._panel.progress
        until = None if wait is None else time.monotonic() + wait
        try:
            while True:
                left = None if until is None else max(0.0, until - time.monotonic())
                ticks = [seconds for seconds in (progress.tick, left) if seconds is not None]
                try:
                    done = pool.next_or_wake(min(ticks, default=None))
                except queue.Empty:
                    if until is not None and time.monotonic() >= until:
                        return None
                    progress.running((job.item.name, job.submitted) for job in pool.jobs)
                else:
                    return None if done is None else self._decided(waiting, *done)
        finally:
            progress.erase()

    def _decided(
        self, waiting: Waiting[SlotItem], job: Job, outcome: Outcome
    ) -> tuple[Job, Outcome] | None:
        """Return what became of a slot; None if it waits again."""
        asked = asked_again(outcome)
        job.item.asked = asked or job.item.asked
        decided = waiting.done(job.item, outcome, None if asked is None else job.item)
        return None if decided is None else (job, decided)

    def _refill(
        self,
        pool: Pool[Job],
        waiting: Waiting[SlotItem],
        unreported: Collection[tuple[Job, Outcome]] = (),
    ) -> None:
        """Fill free lanes, unless what is not reported yet may end the session."""
        if unreported and self._stop_early:
            return
        if any(isinstance(outcome, Raised) for _, outcome in unreported):
            return
        while pool.free and not self._stopped() and (item := waiting.take()) is not None:
            pool.submit(self._panel.judging.job(item))

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


def is_ahead(item: pytest.Item) -> bool:
    """Tell whether an item may be judged before its own protocol runs."""
    return isinstance(item, SlotItem) and not any(
        mark.name in MARKS for mark in item.iter_markers()
    )
