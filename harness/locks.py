"""Native locks on files that are never deleted."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness import files
from harness.turns import ASIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def claim(path: Path, *, wait: float = 0.0) -> Iterator[int | None]:
    """Hold the lock on ``path``; yields its descriptor, None if it is taken after ``wait`` seconds.

    A child process that inherits the descriptor keeps the lock while it lives.
    """
    from filelock import lock_descriptor  # a session that only looks locks nothing

    fd = files.open_lock(path)
    try:
        deadline = time.monotonic() + wait
        while not (held := lock_descriptor(fd, blocking=False)) and time.monotonic() < deadline:
            with ASIDE:
                time.sleep(0.05)
        if held:
            note = f"{socket.gethostname()}:{os.getpid()} since {datetime.now(UTC):%H:%M:%S} UTC"
            files.write_note(fd, note)
            yield fd
        else:
            yield None
    finally:
        os.close(fd)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on ``path``, waiting for it; only for work of milliseconds."""
    from filelock import lock_descriptor

    fd = files.open_lock(path)
    try:
        if not lock_descriptor(fd, blocking=False):
            with ASIDE:
                lock_descriptor(fd, poll_interval=0.005)
        yield
    finally:
        os.close(fd)


def holder(path: Path) -> str:
    """Return who holds a claim, as far as its note tells."""
    match files.read_text(path, root=path.parent, cap=4096):
        case files.Ok(text) if text.strip():
            note = str(text.strip())
            return (
                f"{note} (that session is gone, its judge is still at work)"
                if _gone(note)
                else note
            )
        case _:
            return "another process"


def _gone(note: str) -> bool:
    """Tell whether the session that wrote a note was on this host and has ended."""
    host, _, pid = note.split(" ", maxsplit=1)[0].rpartition(":")
    if host != socket.gethostname() or not pid.isascii() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # not ours to ask, so it is there
        return False
    return False
