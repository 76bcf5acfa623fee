"""What a worker of pytest-xdist is told to run, and what it tells the controller.

Of pytest-xdist it touches ``WorkerInteractor``'s ``channel``, ``sendevent``, and
``item_index``, and the commands that a worker gets. If one of them is missing, the
stock loop runs, one slot at a time, with a warning.
"""

from __future__ import annotations

import threading
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.collect import SlotItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
