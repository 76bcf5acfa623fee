"""A signal is heard while the main thread waits for other threads."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def waking(wake: Callable[[], object]) -> Iterator[None]:
    """Call ``wake`` after each signal, from a thread of its own, while the block runs.

    Python runs the handler of a signal in the main thread, between two instructions. One
    that comes while that thread gives up the interpreter's lock, about to wait for a queue,
    does not end the wait: Ctrl-C would be heard when the next judge has answered, a minute
    later. ``wake`` must make that wait return.

    Outside the main thread, and where somebody else has used ``signal.set_wakeup_fd``, whose
    place is not taken, ``wake`` is not called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    listener = threading.Thread(target=_listen, args=(reading, wake), name="signals", daemon=True)
    listener.start()
    other = -1
    try:
        other = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        if other != -1:
            signal.set_wakeup_fd(other)
        yield
    finally:
        if other == -1:
            signal.set_wakeup_fd(-1)
        os.close(writing)  # which ends the listener
        listener.join()
        os.close(reading)


def _listen(reading: int, wake: Callable[[], object]) -> None:
    while os.read(reading, 512):
        wake()
