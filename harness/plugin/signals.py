"""SIGTERM ends a session as Ctrl-C does, with exit status 143; a second Ctrl-C is no worse."""

from __future__ import annotations

import atexit
import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from harness.errors import Terminated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

EXIT_TERMINATED = 143

IMPATIENCE = 30.0
"""Seconds after Ctrl-C from which on another one is heard again, should the end take so long."""


@contextlib.contextmanager
def sigterm_ends_session() -> Iterator[None]:
    """Make SIGTERM raise ``Terminated`` while slots are judged, and end the session for it.

    pytest itself leaves the signal alone, so that it would end the process at once:
    no report, no consensus, and judges that go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        with exit_if_terminated():
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def exit_if_terminated() -> Iterator[None]:
    """Turn ``Terminated`` into what pytest ends a session for, whatever phase it is in."""
    try:
        yield
    except Terminated:
        reason = "terminated by SIGTERM"
        raise pytest.exit.Exception(reason, returncode=EXIT_TERMINATED) from None


class OneInterrupt:
    """Lets the first Ctrl-C interrupt a session, and no other one interrupt its end."""

    def __init__(self) -> None:
        self._heard: float | None = None
        self._before: object = None

    def begin(self) -> None:
        """Listen from now on, unless somebody else handles the signal, or ignores it."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._interrupt)

    def end(self) -> None:
        """Give the signal back; not after an interrupt, whose end is not over yet."""
        if self._before is not None and self._heard is None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._before = None

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._heard is None or now - self._heard > IMPATIENCE:
            self._heard = now
            # Python gives the signal back when it ends; it must not end the process then.
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
            raise KeyboardInterrupt


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the end short
    raise Terminated
