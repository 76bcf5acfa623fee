"""Output, log records, and warnings of slots that are judged in threads.

pytest captures per process, so while the pool is at work its capture, and its
handling of warnings, are left out for slots; what a pool thread prints, logs, or
warns is kept with its job and replayed in the main thread, inside the slot's own
report. Threads that a judge starts belong to the judge's slot.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import sys
import threading
import warnings
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from _pytest.warnings import catch_warnings_for_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest


@dataclass(slots=True)
class Record:
    """What one slot printed, logged, and warned; written by its threads, read when they are done.

    ``from_pool`` is False for what the main thread does in a slot's own protocol.
    """

    from_pool: bool = True
    stdout: io.StringIO = field(default_factory=io.StringIO)
    stderr: io.StringIO = field(default_factory=io.StringIO)
    logs: list[logging.LogRecord] = field(default_factory=list)
    warnings: list[warnings.WarningMessage] = field(default_factory=list)
    seen: set[object] = field(default_factory=set)


_current: ContextVar[Record | None] = ContextVar("harness_record", default=None)


@contextlib.contextmanager
def recording(record: Record) -> Iterator[Record]:
    """Keep in ``record`` what this thread prints, logs, and warns."""
    token = _current.set(record)
    try:
        yield record
    finally:
        _current.reset(token)


def _from_pool() -> Record | None:
    record = _current.get()
    return record if record is not None and record.from_pool else None


class _RoutedStream(io.TextIOBase):
    """Stands for ``sys.stdout`` or ``sys.stderr``: each thread's text goes to its record."""

    def __init__(self, real: TextIO, name: str, *, tee: bool) -> None:
        self._real = real
        self._name = name
        self._tee = tee

    def write(self, text: str) -> int:
        record = _current.get()
        if record is not None:
            getattr(record, self._name).write(text)
            if not self._tee:
                return len(text)
        self._real.write(text)
        return len(text)

    def flush(self) -> None:
        self._real.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return _current.get() is None and self._real.isatty()

    def fileno(self) -> int:
        return self._real.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override] # the base class calls it a variable
        return self._real.encoding

    @property
    def buffer(self) -> Any:
        return self._real.buffer


class _RecordHandler(logging.Handler):
    """Keeps the log records of pool threads for their replay."""

    def emit(self, record: logging.LogRecord) -> None:
        kept = _from_pool()
        if kept is not None:
            kept.logs.append(record)


class _NotFromPool(logging.Filter):
    """Keeps pytest's own handlers from taking other slots' records for the present item's."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the base class's signature
        return _from_pool() is None


class Routing:
    """Routes by thread while it is entered; entered and left by the main thread only."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._filtered: list[logging.Handler] = []
        self._permanent: list[logging.Handler] = []

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Route output, logs, warnings, and new threads; restore all of it at the end."""
        with self._streams(), self._logs(), self._warnings(), _threads_inherit():
            yield

    @contextlib.contextmanager
    def _streams(self) -> Iterator[None]:
        method = self._config.getoption("capture", "no")  # there is no option without the plugin
        if method == "no":  # -s: people want to see it as it comes
            yield
            return
        saved = sys.stdout, sys.stderr
        tee = method == "tee-sys"
        sys.stdout = _RoutedStream(saved[0], "stdout", tee=tee)
        sys.stderr = _RoutedStream(saved[1], "stderr", tee=tee)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = saved

    @contextlib.contextmanager
    def _logs(self) -> Iterator[None]:
        root = logging.getLogger()
        plugin = self._config.pluginmanager.get_plugin("logging-plugin")
        names = ("report_handler", "caplog_handler", "log_cli_handler")
        self._filtered = [getattr(plugin, name) for name in names if hasattr(plugin, name)]
        self._permanent = [h for h in root.handlers if h not in self._filtered]
        handler, only_main = _RecordHandler(), _NotFromPool()
        level, log_level = root.level, getattr(plugin, "log_level", None)
        root.addHandler(handler)
        if log_level is not None:
            root.setLevel(min(level, log_level))
        for filtered in self._filtered:
            filtered.addFilter(only_main)
        try:
            yield
        finally:
            for filtered in self._filtered:
                filtered.removeFilter(only_main)
            root.removeHandler(handler)
            root.setLevel(level)

    @contextlib.contextmanager
    def _warnings(self) -> Iterator[None]:
        if not self._config.pluginmanager.hasplugin("warnings"):
            yield
            return
        hook = self._config.hook
        with catch_warnings_for_item(self._config, hook, when="runtest", item=None):
            # pytest starts anew for each item, so that each shows its first warning of a
            # place; here one context serves all, so every warning must come through.
            warnings.simplefilter("always", append=True)
            shown = warnings.showwarning
            warnings.showwarning = functools.partial(_show_warning, shown)
            yield

    @contextlib.contextmanager
    def phase(self, item: pytest.Item, when: str) -> Iterator[None]:
        """Capture one phase of a slot whose own hooks leave pytest's capture out."""
        if getattr(item, "lean", None) is None:
            yield
            return
        with recording(Record(from_pool=False)) as record:
            try:
                yield
            finally:
                self._report(item, when, record)

    def replay(self, item: pytest.Item, record: Record) -> None:
        """Give a slot's record to pytest's own plugins; called in the slot's call phase."""
        for handler in list(logging.getLogger().handlers):
            if handler in self._permanent or isinstance(handler, _RecordHandler):
                continue
            for log in record.logs:
                if log.levelno >= handler.level:
                    handler.handle(log)
        self._report(item, "call", record)

    @staticmethod
    def _report(item: pytest.Item, when: str, record: Record) -> None:
        for name in ("stdout", "stderr"):
            item.add_report_section(when, name, getattr(record, name).getvalue())
        for message in record.warnings:
            item.ihook.pytest_warning_recorded.call_historic(
                kwargs={
                    "warning_message": message,
                    "nodeid": item.nodeid,
                    "when": "runtest",
                    "location": None,
                }
            )


def _show_warning(  # noqa: PLR0917 - the signature of warnings.showwarning
    shown: Callable[..., None],
    message: Warning,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    record = _current.get()
    if record is None:
        shown(message, category, filename, lineno, file, line)
        return
    key = (str(message), category, filename, lineno)
    if key not in record.seen:
        record.seen.add(key)
        record.warnings.append(
            warnings.WarningMessage(message, category, filename, lineno, file, line)
        )


@contextlib.contextmanager
def _threads_inherit() -> Iterator[None]:
    """Let the threads that a judge starts write to the judge's record."""
    start = threading.Thread.start

    def start_in_context(thread: threading.Thread) -> None:
        if _from_pool() is not None:
            thread.run = functools.partial(copy_context().run, thread.run)  # type: ignore[method-assign] # one thread's own run
        start(thread)

    threading.Thread.start = start_in_context  # type: ignore[assignment, method-assign] # restored below
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign] # as it was


class LeanHooks:
    """The hooks of a node without pytest's capture and warnings plugins."""

    def __init__(self, config: pytest.Config, native: Any) -> None:
        manager = config.pluginmanager
        named = [manager.get_plugin(name) for name in ("capturemanager", "warnings")]
        removed = {plugin for plugin in named if plugin is not None}
        # A conftest of another directory stays out, as it does natively.
        self._removed = removed | set(getattr(native, "remove_mods", ()))
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        caller = self._manager.subset_hook_caller(name, remove_plugins=self._removed)
        self.__dict__[name] = caller
        return caller
