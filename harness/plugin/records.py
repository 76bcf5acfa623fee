"""What one slot printed, logged, and warned, and which slot a thread works for."""

from __future__ import annotations

import contextlib
import io
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    import warnings
    from collections.abc import Iterator


@dataclass(slots=True)
class Record:
    """Written by a slot's threads, read when they are done.

    ``from_pool`` is False for what the main thread does in a slot's own protocol.
    ``thread_errors`` are the arguments of ``threading.excepthook``.
    """

    from_pool: bool = True
    stdout: io.StringIO = field(default_factory=io.StringIO)
    stderr: io.StringIO = field(default_factory=io.StringIO)
    logs: list[logging.LogRecord] = field(default_factory=list)
    warnings: list[warnings.WarningMessage] = field(default_factory=list)
    warned: set[object] = field(default_factory=set)
    thread_errors: list[Any] = field(default_factory=list)


_current: ContextVar[Record | None] = ContextVar("harness_record", default=None)


@contextlib.contextmanager
def recording(record: Record) -> Iterator[Record]:
    """Keep in ``record`` what this thread prints, logs, and warns."""
    token = _current.set(record)
    try:
        yield record
    finally:
        _current.reset(token)


def current() -> Record | None:
    """Return the record of the slot that this thread works for, if it works for one."""
    return _current.get()


def from_pool() -> Record | None:
    """Return the same, but None for what the main thread does in a slot's protocol."""
    record = _current.get()
    return record if record is not None and record.from_pool else None
