"""Output, log records, and warnings of slots that are judged in threads.

pytest captures per process, so while the pool is at work its capture, and its
handling of warnings, are left out for slots; what a pool thread prints, logs, or
warns is kept with its job and replayed in the main thread, inside the slot's own
report. Threads that a judge starts belong to the judge's slot.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

from harness.plugin.records import Record, from_pool, recording
from harness.plugin.streams import routed_streams
from harness.plugin.threads import routed_threads
from harness.plugin.warned import routed_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class _RecordHandler(logging.Handler):
    """Keeps the log records of pool threads for their replay."""

    def emit(self, record: logging.LogRecord) -> None:
        kept = from_pool()
        if kept is not None:
            kept.logs.append(record)


class _NotFromPool(logging.Filter):
    """Keeps pytest's own handlers from taking other slots' records for the present item's."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the base class's signature
        return from_pool() is None


class Routing:
    """Routes by thread while it is entered; entered and left by the main thread only."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._filtered: list[logging.Handler] = []
        self._permanent: list[logging.Handler] = []
        self._report_thread_error: Any = None
        self._lean: dict[frozenset[object], LeanHooks] = {}

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Route output, logs, warnings, and new threads; restore all of it at the end."""
        method = self._config.getoption("capture", "no")  # there is no option without the plugin
        # With -s people want to see the output as it comes.
        streams = (
            routed_streams(tee=method == "tee-sys") if method != "no" else contextlib.nullcontext()
        )
        self._report_thread_error = threading.excepthook
        with streams, self._logs(), routed_warnings(self._config), routed_threads():
            yield

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

    def lean_hooks(self, item: pytest.Item) -> LeanHooks:
        """Return the hooks of a slot without pytest's capture and warnings plugins.

        A conftest of another directory stays out, as it does natively. Slots with the same
        hooks share them: what is found once need not be found again for every slot.
        """
        manager = self._config.pluginmanager
        named = [manager.get_plugin(name) for name in ("capturemanager", "warnings")]
        # pytest hands the same object to all items of a directory.
        others = getattr(item.ihook, "remove_mods", ())
        removed = frozenset(plugin for plugin in (*named, *others) if plugin is not None)
        if removed not in self._lean:
            self._lean[removed] = LeanHooks(manager, removed)
        return self._lean[removed]

    def replay(self, item: pytest.Item, record: Record) -> None:
        """Give a slot's record to pytest's own plugins; called in the slot's call phase."""
        for handler in list(logging.getLogger().handlers):
            if handler in self._permanent or isinstance(handler, _RecordHandler):
                continue
            for log in record.logs:
                if log.levelno >= handler.level:
                    handler.handle(log)
        for error in record.thread_errors:
            self._report_thread_error(error)
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


class LeanHooks:
    """The hooks of a node without ``removed`` plugins."""

    def __init__(self, manager: pytest.PytestPluginManager, removed: frozenset[object]) -> None:
        self._removed = removed
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        caller = self._manager.subset_hook_caller(name, remove_plugins=self._removed)
        self.__dict__[name] = caller
        return caller
