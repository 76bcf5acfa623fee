"""Threads that a judge starts belong to its slot, and so do the errors they die of."""

from __future__ import annotations

import contextlib
import functools
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from harness.plugin.records import Record, from_pool

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def routed_threads() -> Iterator[None]:
    """Let threads inherit the record of the slot whose judge starts them."""
    start, report = threading.Thread.start, threading.excepthook
    slots: WeakKeyDictionary[threading.Thread, Record] = WeakKeyDictionary()

    def start_in_context(thread: threading.Thread) -> None:
        record = from_pool()
        if record is not None:
            slots[thread] = record
            thread.run = functools.partial(copy_context().run, thread.run)  # type: ignore[method-assign] # one thread's own run
        start(thread)

    def keep_error(args: threading.ExceptHookArgs) -> None:
        record = None if args.thread is None else slots.get(args.thread)
        if record is None:
            report(args)
        else:  # told when the slot is reported, else it would be another slot's
            record.thread_errors.append(args)

    threading.Thread.start = start_in_context  # type: ignore[assignment, method-assign] # restored below
    threading.excepthook = keep_error
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign] # as it was
        threading.excepthook = report
