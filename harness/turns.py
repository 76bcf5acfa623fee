"""Threads take turns at what keeps the interpreter busy, and wait outside of their turn.

A thread gives up the interpreter's lock at every system call. Where others want it, each of
the hundred calls that a slot takes would hand it on and wait to get it back, which costs more
than the calls do. So what lies between two waits of a slot is done by one thread at a time.

That is for speed alone. A turn is no lock: nothing may depend on being alone in one.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 0.05
"""Seconds without a change of turns after which a thread goes on without one.

Whoever has the turn waits for something then: for a slow file system, or for a lock that this
very thread holds.
"""


class _Turn:
    """What all threads of the process share: the interpreter's lock is one, and so is this."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given = 0

    def take(self) -> bool:
        """Wait for the turn; False if it is not worth the wait."""
        seen = self._given
        while not self._lock.acquire(timeout=PATIENCE):
            if self._given == seen:
                return False
            seen = self._given
        self._given += 1
        return True

    def give(self) -> None:
        self._lock.release()


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
    own.begin()
    try:
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
