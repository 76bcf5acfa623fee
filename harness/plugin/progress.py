"""A line for each finished slot, made from reports in the process that owns the terminal."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness.model import ADOPTED, UNCHANGED
from harness.plugin.tally import OUTCOME, SLOT
from harness.steps import ERASE, Steps
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from _pytest.terminal import TerminalReporter

MANY = 500
"""Slots above which there is a line for every failure, but at most one a second for the others."""

VERDICTS = {"passed": "OK", "failed": "FAIL", "rerun": "RERUN"}
"""The word for each outcome; the last one is pytest-rerunfailures'."""

LONG_PAUSE = 5.0
"""Seconds without a call from which on people are told of it."""

ESTIMATED_FROM = 3
"""Finished slots from which on the time left is estimated."""


class Progress:
    """Prints ``[12/60] T0/00/run_01/judge_02 -> OK (48 remaining, 31s elapsed)``.

    At normal verbosity and with pytest's own reporter; else pytest's letters or lines
    stand as they are.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = time.monotonic()
        self._shown = float("-inf")
        self._slots: set[str] = set()
        self._prefixed = False
        self._done: set[str] = set()
        self._silent = False
        self._status_shown = False
        self._paused_until = 0.0
        self._shows: Any = None  # pytest's setting: False, or what is shown at the end of a line

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn how many slots there are to judge."""
        from harness.plugin.collect import slot_items

        slots = list(slot_items(session.items))
        roots = {item.layout.experiment.root for item in slots}
        self.expect({item.nodeid for item in slots}, prefixed=len(roots) > 1)

    def expect(self, ids: set[str], *, prefixed: bool) -> None:
        """Learn which slots there are to judge, and whether names need their experiment's."""
        self._slots = ids
        self._prefixed = prefixed
        self._began = time.monotonic()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Keep pytest from starting a line of its own for a slot."""
        reporter = self._reporter()
        if reporter is None:
            return
        slot = nodeid in self._slots
        reporter.showfspath = False if slot else None
        if self._shows is None:
            self._shows = reporter._show_progress_info  # noqa: SLF001 - there is no public way
        if slot and reporter.currentfspath is not None:
            # The line of the tests before ends as it does before another file.
            reporter._write_progress_information_filling_space()  # noqa: SLF001 - pytest's own end of a line
            reporter.ensure_newline()
        # A slot's line has figures of its own; no percentage follows the last one.
        reporter._show_progress_info = False if slot else self._shows  # noqa: SLF001 - as above

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Iterator[None]:
        """Print a line for each finished slot in place of pytest's letter."""
        slot = vars(report).get(SLOT)
        reporter = self._reporter()
        if slot is None or reporter is None or not _is_result(report):
            return (yield)
        self.erase()
        self._done.add(report.nodeid)
        self._silent = True
        try:
            result = yield
        finally:
            self._silent = False
        if self._due(report):
            _, experiment, name = slot
            name = f"{experiment}/{name}" if self._prefixed else name
            writer = reporter._tw  # noqa: SLF001 - the only way to know the column
            if writer.width_of_current_line:
                reporter.write_line("")
            colour = {"red": True} if report.failed else {}
            reporter.write_line(self._line(safe_line(name), report), **colour)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, object, object]:
        """Leave out the letter of a slot that gets a line; its word stays: it is counted by it."""
        status = yield
        if self._silent and isinstance(status, tuple):
            category, _, word = status
            return category, "", word
        return status

    @property
    def tick(self) -> float | None:
        """Seconds between two looks at what is running; None if nobody is there to see it."""
        reporter = self._reporter()
        return 1.0 if reporter is not None and bool(reporter.isatty) else None

    def running(self, names_and_starts: Iterable[tuple[str, float]]) -> None:
        """Say on the terminal's last line what is running, and for how long."""
        reporter = self._reporter()
        listed = sorted(names_and_starts, key=lambda pair: pair[1])
        if reporter is None or not listed:
            return
        name, start = listed[0]
        seconds = time.monotonic() - start
        text = f"{len(listed)} running, longest {safe_line(name)} {seconds:.0f}s"
        width = reporter._screen_width - 1  # noqa: SLF001 - the width that pytest itself uses
        reporter.write_raw(f"\r{text[:width]}{ERASE}")
        reporter.flush()
        self._status_shown = True

    def pausing(self, seconds: float) -> None:
        """Say that nobody is asked for a while, and until when; once for each pause."""
        reporter = self._reporter()
        until = time.time() + seconds
        if reporter is None or seconds < LONG_PAUSE or abs(until - self._paused_until) < LONG_PAUSE:
            return
        self._paused_until = until
        self.erase()
        reporter.ensure_newline()
        clock = time.strftime("%H:%M:%S UTC", time.gmtime(until))
        reporter.write_line(f"every judge that is left has to wait; going on at {clock}")

    def erase(self) -> None:
        """Take the last line away again."""
        reporter = self._reporter()
        if self._status_shown and reporter is not None:
            reporter.write_raw(f"\r{ERASE}")
        self._status_shown = False

    def _due(self, report: pytest.TestReport) -> bool:
        now = time.monotonic()
        last = len(self._done) == len(self._slots)
        if len(self._slots) <= MANY or report.failed or last or now - self._shown >= 1:
            self._shown = now
            return True
        return False

    def _line(self, name: str, report: pytest.TestReport) -> str:
        done, left = len(self._done), len(self._slots) - len(self._done)
        elapsed = time.monotonic() - self._began
        verdict = VERDICTS.get(report.outcome, "SKIP")
        line = (
            f"[{done}/{done + left}] {name} -> {verdict} ({left} remaining, {elapsed:.0f}s elapsed)"
        )
        if done >= ESTIMATED_FROM and left:
            line += f", ETA {elapsed / done * left:.0f}s"
        reason = reason_of(report)
        return f"{line}: {reason}" if reason else line

    def _reporter(self) -> TerminalReporter | None:
        from _pytest.terminal import TerminalReporter

        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if type(reporter) is TerminalReporter and self._config.get_verbosity() == 0:
            return reporter
        return None


def steps(config: pytest.Config, what: str) -> Steps:
    """Return what says how far long work of the session is, on pytest's own terminal."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    # stderr is captured; pytest itself writes to a copy of stdout. A worker has no terminal.
    stream = io.StringIO() if reporter is None else reporter._tw._file  # noqa: SLF001 - there is no public way
    return Steps(what, "runs", stream)


def _is_result(report: pytest.TestReport) -> bool:
    # A slot that killed its worker has a report of no phase.
    return report.when not in ("setup", "teardown") or (
        report.when == "setup" and not report.passed
    )


def reason_of(report: pytest.TestReport) -> str:
    """Return why a slot was not judged, in one line, or that its judgment was paid for before."""
    if report.passed:
        outcome = vars(report).get(OUTCOME, {})
        notes = outcome.get("notes", ())
        if UNCHANGED in notes:
            return UNCHANGED
        if outcome.get("changed"):
            return safe_line(outcome["changed"])
        return "adopted, nothing was paid" if ADOPTED in notes else ""
    if hasattr(report, "wasxfail"):
        return safe_line(f"expected failure: {report.wasxfail}")
    detail = report.longrepr
    if isinstance(detail, tuple):
        return safe_line(str(detail[2]).removeprefix("Skipped: "))
    crash = getattr(detail, "reprcrash", None)
    return safe_line(crash.message if crash is not None else str(detail or ""))
