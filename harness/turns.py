"""Threads take turns at what keeps the interpreter busy, and wait outside of their turn.

A thread gives up the interpreter's lock at every system call. Where others want it, each of
the hundred calls that a slot takes would hand it on and wait to get it back, which costs more
than the calls do. So what lies between two waits of a slot is done by one thread at a time.

That is for speed alone. A turn is no lock: nothing may depend on being alone in one.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 0.05
"""Seconds without a change of turns after which a thread goes on without one.

Whoever has the turn waits for something then, for a lock that this very thread holds, say.
"""

LONGEST = 1.0
"""Seconds after which it goes on in any case."""

IDLE = 8
"""Times its processor time that a turn may take; else it waits, for a slow disk perhaps."""

MOST = 0.6
"""The share of turns that wait above which it is the disk. A processor that is short of time
makes many wait, but not most."""

LOOK = 0.1
"""Seconds of turns after which that is decided, and as many as a decision holds for ten times."""


class _Turn:
    """What all threads of the process share: the interpreter's lock is one, and so is this.

    Where turns mostly wait, as on a network file system, there are none for a while: one after
    the other they would add up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given = 0
        self._began = (0.0, 0.0)
        self._seconds = 0.0
        self._turns = self._idle = 0
        self._none_until = 0.0 if _has_one_lock() else float("inf")

    def take(self) -> bool:
        """Wait for the turn; False if it is not worth the wait."""
        if time.monotonic() < self._none_until or not self._comes():
            return False
        self._given += 1
        self._began = time.monotonic(), time.thread_time()
        return True

    def _comes(self) -> bool:
        end, seen = time.monotonic() + LONGEST, self._given
        while not self._lock.acquire(timeout=PATIENCE):
            if self._given == seen or time.monotonic() > end:
                return False
            seen = self._given
        return True

    def give(self) -> None:
        """Let another thread have the turn; only the one that took it calls this."""
        now = time.monotonic()
        seconds = now - self._began[0]
        self._seconds += seconds
        self._turns += 1
        self._idle += seconds > IDLE * (time.thread_time() - self._began[1])
        if self._seconds > LOOK:
            if self._idle > MOST * self._turns:
                self._none_until = now + 10 * LOOK
            self._seconds = 0.0
            self._turns = self._idle = 0
        self._lock.release()


def _has_one_lock() -> bool:
    """Tell whether threads share the interpreter's lock; without one they need no turns."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class _Own(threading.local):
    """What one thread has: ``waits`` is how many blocks deep it is outside of its turns."""

    waits = 1
    has_turn = False
    takes_turns = False

    def begin(self) -> None:
        self.has_turn = _TURN.take()

    def end(self) -> None:
        if self.has_turn:
            self.has_turn = False
            _TURN.give()


_TURN = _Turn()
_OWN = _Own()


@contextlib.contextmanager
def in_turn() -> Iterator[None]:
    """Take turns within the block; a thread that never did takes none anywhere."""
    own, before = _OWN, (_OWN.takes_turns, _OWN.waits)
    if before == (True, 0):
        yield
        return
    own.takes_turns, own.waits = True, 0
    try:
        own.begin()
        yield
    finally:
        own.end()
        own.takes_turns, own.waits = before


def back_in_turn() -> contextlib.AbstractContextManager[None]:
    """Do the same within ``ASIDE``, if the thread takes turns at all."""
    return in_turn() if _OWN.takes_turns else contextlib.nullcontext()


class _Aside:
    """Lets others have their turn within the block, which waits for something."""

    def __enter__(self) -> None:
        own = _OWN
        own.waits += 1
        if own.waits == 1:
            own.end()

    def __exit__(self, *_: object) -> None:
        own = _OWN
        own.waits -= 1
        if own.waits == 0:
            own.begin()


ASIDE: Final = _Aside()
