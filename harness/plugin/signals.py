"""SIGTERM ends a session as Ctrl-C does, with exit status 143."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from harness.errors import Terminated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

EXIT_TERMINATED = 143


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


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the end short
    raise Terminated
