"""The run loop inside a worker of pytest-xdist: fed by the controller, several slots at a time.

Of pytest-xdist it touches ``WorkerInteractor``'s ``channel``, ``sendevent``, and
``item_index``, and the commands that a worker gets. If one of them is missing, the
stock loop runs, one slot at a time, with a warning.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.collect import SlotItem
from harness.plugin.judging import Job
from harness.plugin.loop import Loop, is_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.dispatch import Pool
    from harness.plugin.session import PanelSession

STOP = "harness_stop"
"""The controller's command to end the judges at work; xdist's own loop does not know it."""

DROP = "harness_drop"
"""The controller's command to start nothing of what waits: ``--maxfail`` is reached."""

PARK = "harness_park"
"""The controller's word that a judge was parked in another worker: arguments of ``Gates.park``."""

SUSPECT = "harness_suspect"
"""The controller's word that an item was at work when its worker died.

Its judge may live on, holding the claim: it is waited for, and its answer adopted.
"""

MESSAGE = "unscheduled"
"""The event that carries what a worker has to say to our scheduler; its argument is ``indices``.

pytest-xdist hands it to the scheduler as it is, and would use it only to give items back.
"""

EXIT_ORPHANED = 70


class WorkerFeed:
    """The indices that the controller wants run; filled by execnet's receiver thread."""

    def __init__(self, interactor: Any, session: pytest.Session) -> None:
        self._interactor = interactor
        self._session = session
        # Protects what the receiver thread writes and the main thread reads.
        self._lock = threading.Lock()
        self._indices: deque[int] = deque()
        self._wake: Callable[[], None] = lambda: None
        self.shutdown = False
        self.stopped = False
        self.dropped = False
        self.orphaned = False
        self._parked: deque[dict[str, Any]] = deque()
        self._asked_at = -1
        self._received = 0

    def attach(self, wake: Callable[[], None]) -> None:
        """Receive commands from now on; ``wake`` is called after each."""
        self._wake = wake
        self._interactor.channel.setcallback(self._receive, endmarker=None)

    def _receive(self, command: tuple[str, dict[str, Any]] | None) -> None:
        with self._lock:
            if command is None:
                # Closed without a word: the controller is dead. The judges at work
                # finish, and their answers are found by the next session.
                self.orphaned = not (self.shutdown or self.stopped)
            else:
                self._obey(*command)
        self._wake()

    def _obey(self, name: str, arguments: dict[str, Any]) -> None:
        match name:
            case "runtests":
                self._received += 1
                self._indices.extend(arguments["indices"])
            case "runtests_all":
                self._indices.extend(range(len(self._session.items)))
            case "steal":
                self._give_back(arguments["indices"])
            case "shutdown":
                self.shutdown = True
            case _ if name == STOP:
                self.stopped = True
            case _ if name == PARK:
                self._parked.append(arguments)
            case _ if name == SUSPECT:
                item = self._session.items[arguments["index"]]
                if isinstance(item, SlotItem):
                    item.patient = True
            case _ if name == DROP:
                self._indices.clear()
                self.dropped = self.shutdown = True

    def _give_back(self, asked: list[int]) -> None:
        """Return what another worker shall run; as in pytest-xdist, all of it or nothing."""
        possible = set(asked) <= set(self._indices)
        if possible:
            self._indices = deque(i for i in self._indices if i not in set(asked))
        self._interactor.sendevent("unscheduled", indices=asked if possible else [])

    def ask_for_more(self) -> None:
        """Tell the controller that lanes are free although slots wait here; once until it sends."""
        if self._asked_at != self._received and not self.shutdown:
            self._asked_at = self._received
            self._interactor.sendevent(MESSAGE, indices=[])

    def parked(self, judge: dict[str, Any]) -> None:
        """Tell the controller that a judge was parked here, so that it is parked everywhere."""
        self._interactor.sendevent(MESSAGE, indices=judge)

    def news(self) -> Iterator[dict[str, Any]]:
        """Yield the judges that were parked in other workers since the last call."""
        while self._parked:
            yield self._parked.popleft()

    def peek(self) -> int | None:
        """Return the next index; None if there is none yet."""
        with self._lock:
            return self._indices[0] if self._indices else None

    def pop(self) -> int:
        """Take the next index."""
        with self._lock:
            return self._indices.popleft()

    def put_back(self, index: int) -> None:
        """Undo ``pop``."""
        with self._lock:
            self._indices.appendleft(index)

    def begin(self, index: int) -> None:
        """Say which item the next reports are about."""
        self._interactor.item_index = index

    def complete(self, index: int, seconds: float) -> None:
        """Tell the controller that an item's protocol has run."""
        self._interactor.sendevent("runtest_protocol_complete", item_index=index, duration=seconds)


def find_feed(session: pytest.Session) -> WorkerFeed | None:
    """Return the feed of this worker; None, with a warning, if pytest-xdist is not as expected."""
    for plugin in session.config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":
            if all(hasattr(plugin, name) for name in ("channel", "sendevent")):
                return WorkerFeed(plugin, session)
            break
    warnings.warn(
        pytest.PytestWarning(
            "pytest-judge-panel does not know this version of pytest-xdist: "
            "each worker judges one slot at a time"
        ),
        stacklevel=1,
    )
    return None


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
