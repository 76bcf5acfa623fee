"""Secrets are taken out of whatever pytest shows, writes, or sends on.

Registered with the session's state, so that a session without an experiment has nothing
of it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.tally import OUTCOME
from harness.redact import redact_error

if TYPE_CHECKING:
    import warnings
    from collections.abc import Generator

    from harness.redact import Redactor

CLEANED = ("longrepr", "sections", "user_properties", "wasxfail", "result", OUTCOME)
"""The attributes of a report that hold text of others; its id is what its file is called."""

HANDLERS = ("caplog_handler", "report_handler", "log_cli_handler", "log_file_handler")


class Secrets:
    """Cleans reports, warnings, and log records on their way to everybody else."""

    def __init__(self, config: pytest.Config, redactor: Redactor) -> None:
        self._redactor = redactor
        logs = config.pluginmanager.get_plugin("logging-plugin")
        for name in HANDLERS:
            handler = getattr(logs, name, None)
            if isinstance(handler, logging.Handler):
                handler.addFilter(self._clean_record)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Clean the report of a phase before anybody sees it; one of a slot or of a test."""
        del item
        report = yield
        self._clean_report(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Do the same for what was found wrong with an experiment."""
        del collector
        report = yield
        if report.longrepr is not None:
            report.longrepr = cleaned(report.longrepr, self._redactor)
        report.sections = cleaned(report.sections, self._redactor)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Clean a warning before it is shown."""
        if isinstance(warning_message.message, Warning):
            redact_error(warning_message.message, self._redactor)

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """Clean the traceback of an error in a plugin."""
        cleaned(excrepr, self._redactor)

    def _clean_report(self, report: pytest.TestReport) -> None:
        for name in CLEANED:
            if vars(report).get(name):
                setattr(report, name, cleaned(vars(report)[name], self._redactor))

    def _clean_record(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - logging itself says what is wrong with the call
            return True
        clean = self._redactor(message)
        if clean is not message:
            record.msg, record.args = clean, ()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            redact_error(error, self._redactor)
        return True


def _collection(value: Any, redactor: Redactor, seen: set[int] | None) -> Any:
    """Return a cleaned copy; the collection itself, whatever its type, if that is no other."""
    if isinstance(value, dict):
        copy: Any = {key: cleaned(v, redactor, seen) for key, v in value.items()}
    else:
        copy = [cleaned(v, redactor, seen) for v in value]
        copy = tuple(copy) if isinstance(value, tuple) else copy
    return value if copy == value else copy


def cleaned(value: Any, redactor: Redactor, seen: set[int] | None = None) -> Any:
    """Return ``value`` with every text in it cleaned; objects are changed in place.

    Goes through the built-in collections and through what pytest makes of an exception.
    """
    if isinstance(value, str):
        return redactor.shown(value)
    if isinstance(value, tuple | list | dict):
        return _collection(value, redactor, seen)
    seen = set() if seen is None else seen
    if type(value).__module__.startswith("_pytest.") and id(value) not in seen:
        seen.add(id(value))
        for name, inner in vars(value).items():
            new = cleaned(inner, redactor, seen)
            if new is not inner:
                setattr(value, name, new)
    return value
