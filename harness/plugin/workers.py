"""The run loop inside a worker of pytest-xdist, several slots at a time; ``feed`` says which."""

from __future__ import annotations

import contextlib
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from harness.plugin.collect import SlotItem
from harness.plugin.judging import Job
from harness.plugin.loop import Loop, is_ahead

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from harness.dispatch import Pool
    from harness.plugin.feed import WorkerFeed
    from harness.plugin.session import PanelSession

EXIT_ORPHANED = 70


class WorkerLoop(Loop):
    """Runs what the feed brings: slots ahead, in the pool, ordinary tests with the pool idle."""

    def __init__(self, session: pytest.Session, panel: PanelSession, feed: WorkerFeed) -> None:
        super().__init__(session, panel)
        self._feed = feed
        self._waiting = panel.admission.waiting()
        self._routed = contextlib.ExitStack()
        self._routing = False
        self._index = {id(item): index for index, item in enumerate(session.items)}

    def run(self) -> None:
        """Run until the controller says that there is no more."""
        panel, feed = self._panel, self._feed
        pool: Pool[Job]
        with self._routed, self._pool(panel.parallel) as pool:
            feed.attach(pool.wake)
            panel.admission.gates.on_park = feed.parked
            while not self._stopped():
                self._obey()
                alone = self._fill(pool)
                if alone is not None and not pool.busy and self._run_alone(alone):
                    continue
                wait = self._wait(pool, self._waiting)
                if wait is None and not pool.busy:
                    if feed.shutdown and feed.peek() is None:
                        break
                    if self._waiting:
                        feed.ask_for_more()
                elif self._waiting and pool.free:
                    feed.ask_for_more()  # what is here must wait: others may not have to
                self._take(pool, wait)
            while pool.busy:
                self._obey()
                self._take(pool, None)
            self._leave()

    def _leave(self) -> None:
        """Report the slots that nobody was asked about."""
        for item, outcome in () if self._stopped() else self._waiting.rest():
            self._numbered(item, partial(self._report, Job(item), outcome, None))

    def _obey(self) -> None:
        if self._feed.orphaned:
            # Neither a report nor a kill is of use to anyone any more.
            os._exit(EXIT_ORPHANED)
        if self._feed.stopped:
            raise self._session.Interrupted("stopped by the controller")
        for parked in self._feed.news():
            self._panel.admission.gates.park(**parked)

    def _fill(self, pool: Pool[Job]) -> pytest.Item | None:
        """Start slots while there are lanes; return the item that must run by itself next."""
        if self._feed.dropped:
            self._waiting.clear()
        alone = None
        while (index := self._feed.peek()) is not None:
            item = self._session.items[index]
            if not (is_ahead(item) and isinstance(item, SlotItem)):
                alone = item
                break
            self._waiting.add(item)
            self._feed.pop()
        if self._waiting and not self._routing:
            self._routing = True
            self._routed.enter_context(self._panel.routing.active())
        self._refill(pool, self._waiting)
        return None if self._waiting else alone

    def _run_alone(self, item: pytest.Item) -> bool:
        """Run an item with the pool idle; False if what comes after it is not known yet."""
        feed = self._feed
        index = feed.pop()
        following = feed.peek()
        if following is None and not feed.shutdown and not isinstance(item, SlotItem):
            feed.put_back(index)
            return False
        self._routed.close()
        self._routing = False
        after = None if feed.shutdown else self._other(item)
        if following is not None:
            after = self._session.items[following]
        self._numbered(item, lambda: self._protocol(item, after))
        return True

    def _other(self, item: pytest.Item) -> pytest.Item | None:
        """Return an item for the next one, which is not known: any keeps up what they share."""
        return next((other for other in self._session.items[:2] if other is not item), None)

    def _take(self, pool: Pool[Job], wait: float | None) -> None:
        done = self._next(pool, self._waiting, wait)
        if done is None:
            return
        job, outcome = done
        self._refill(pool, self._waiting, [done])  # the lane is full again before the report
        ends = self._feed.shutdown and self._feed.peek() is None
        last = ends and not (pool.busy or self._waiting)
        following = None if last else self._other(job.item)
        self._numbered(job.item, lambda: self._report(job, outcome, following))

    def _numbered(self, item: pytest.Item, protocol: Callable[[], None]) -> None:
        index = self._index[id(item)]
        self._feed.begin(index)
        began = time.perf_counter()
        protocol()
        self._feed.complete(index, time.perf_counter() - began)
