"""A thread of the pool says that its lane is free although its own work goes on.

A judge that has answered needs its lane no longer; what is left is to read the answer and to
put it on disk, and the next judge may be started meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Own(threading.local):
    free: Callable[[], object] | None = None


_OWN = _Own()


@contextlib.contextmanager
def in_lane(free: Callable[[], object]) -> Iterator[None]:
    """Run a job; ``free`` is called when it says that it does not need its lane, once at most."""
    _OWN.free = free
    try:
        yield
    finally:
        _OWN.free = None


def lane_is_free() -> None:
    """Say that this thread's job makes no call any more; without a lane that means nothing."""
    free, _OWN.free = _OWN.free, None
    if free is not None:
        free()
