"""What a person sees: status counts, a line per slot, tables. From reports, never from threads."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from harness.model import JUDGEABLE, SlotStatus
from harness.plugin.arguments import selection_of
from harness.plugin.signals import EXIT_TERMINATED
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest.terminal import TerminalReporter

    from harness.model import Slot
    from harness.plugin.session import PanelSession
    from harness.scan import Scan

LISTED = 10
"""Slots that are listed by name for each status."""

ORDER = (
    SlotStatus.MISSING,
    SlotStatus.FAILED,
    SlotStatus.STALE,
    SlotStatus.COMPLETE,
    SlotStatus.BLOCKED,
)


class PanelTerminal:
    """Reports of one session."""

    def __init__(self, panel: PanelSession) -> None:
        self._panel = panel
        self._config = panel.config
        self._began = time.monotonic()
        self._slots: set[str] = set()
        self._prefixed = False
        self._done: set[str] = set()
        self._line: str | None = None

    # --- after collection --------------------------------------------------------------------

    def pytest_report_collectionfinish(self) -> list[str]:
        """Print the slots by status, and what was asked for that needs no work."""
        quiet = self._config.option.collectonly and self._config.get_verbosity() < 0
        if quiet or self._panel.not_found:
            return []  # a list of node ids is for programs; a usage error says it all
        return self.counts()

    def counts(self) -> list[str]:
        """Return the slots by status, and what was asked for that needs no work."""
        lines: list[str] = []
        for root, scanned in self._panel.scans.items():
            experiment = scanned.layout.experiment
            counts = scanned.counts()
            shown = ", ".join(f"{counts[s]} {s}" for s in ORDER if counts[s])
            lines.append(f"{safe_line(experiment.name)}: {len(scanned.slots)} slots: {shown}")
            lines += self._explain(root, scanned)
        return lines

    def _explain(self, root: Path, scanned: Scan) -> list[str]:
        panel = self._panel
        chosen = panel.chosen[root]
        lines = []
        if panel.dry_run or not set(panel.statuses) <= set(JUDGEABLE):
            lines += _listing(scanned, panel.statuses)
        if panel.dry_run:
            count = sum(slot.status in JUDGEABLE for slot in chosen)
            lines.append(f"dry run: {count} slots would be judged; nothing was changed")
        elif not any(slot.status in JUDGEABLE for slot in chosen):
            lines += [f"{slot.name} is {slot.status}" for slot in self._named(root, scanned)]
            lines.append("nothing left to judge")
        return lines

    def _named(self, root: Path, scanned: Scan) -> list[Slot]:
        """Return the slots that the command line names one by one."""
        names = {s.name for s in selection_of(self._config, root) or ()}
        return [slot for slot in scanned.slots if slot.name in names]

    # --- while judging -----------------------------------------------------------------------

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
        if reporter is not None:
            reporter.showfspath = False if nodeid in self._slots else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Iterator[None]:
        """Print a line for each finished slot in place of pytest's letter."""
        slot = getattr(report, "harness_slot", None)
        reporter = self._reporter()
        if slot is None or reporter is None or not _is_result(report):
            return (yield)
        self._done.add(report.nodeid)
        _, experiment, name = slot
        name = f"{experiment}/{name}" if self._prefixed else name
        self._line = self._progress(safe_line(name), report)
        try:
            result = yield
        finally:
            line, self._line = self._line, None
        writer = reporter._tw  # noqa: SLF001 - the only way to know the column
        if writer.width_of_current_line:
            reporter.write_line("")
        reporter.write_line(line, **({"red": True} if report.failed else {}))
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Iterator[None]:
        """Leave out the letter of a slot that gets a line; its word stays, it counts."""
        result = yield
        if self._line is not None and isinstance(result, tuple):
            category, _, word = result
            return category, "", word
        return result

    def _progress(self, name: str, report: pytest.TestReport) -> str:
        done, total = len(self._done), len(self._slots)
        elapsed = time.monotonic() - self._began
        verdict = {"passed": "OK", "failed": "FAIL"}.get(report.outcome, "SKIP")
        line = f"[{done}/{total}] {name} -> {verdict} ({total - done} remaining, {elapsed:.0f}s elapsed)"
        reason = _reason(report)
        return f"{line}: {reason}" if reason else line

    def _reporter(self) -> TerminalReporter | None:
        """Return pytest's own reporter if slots get lines of ours: at normal verbosity."""
        from _pytest.terminal import TerminalReporter

        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if type(reporter) is TerminalReporter and self._config.get_verbosity() == 0:
            return reporter
        return None

    # --- at the end --------------------------------------------------------------------------

    def end(self, exitstatus: int) -> None:
        """Print the summary after SIGTERM: pytest prints none for exit statuses of others."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if exitstatus == EXIT_TERMINATED and reporter is not None:
            reporter.ensure_newline()
            self._summary(reporter)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter, exitstatus: int) -> None:
        """Print the summary before pytest's own."""
        if exitstatus != pytest.ExitCode.USAGE_ERROR:
            self._summary(terminalreporter)

    def _summary(self, reporter: TerminalReporter) -> None:
        """Print a table per judge, what was set aside, and the totals."""
        panel, option = self._panel, self._config.option
        if option.collectonly or getattr(option, "no_summary", False) or not panel.scans:
            return
        reporter.section("judge panel")
        for scanned in panel.scans.values():
            for line in self._table(scanned):
                reporter.write_line(line)
        if panel.dry_run:
            return
        statistics = panel.statistics
        problems = statistics.problems + [p for s in panel.settled.values() for p in s.problems]
        for problem in problems:
            reporter.write_line(safe_line(problem, 1000), yellow=True)
        if panel.stopped:
            reporter.write_line(
                f"stopped {panel.stopped} calls in flight; their slots are as they were", yellow=True
            )
        regenerated = sum(settled.regenerated for settled in panel.settled.values())
        totals = f"judged {statistics.judged}, failed to judge {statistics.failed}, "
        if statistics.deferred:
            totals += f"deferred {len(statistics.deferred)}, "
        reporter.write_line(f"{totals}consensus regenerated {regenerated}")

    def _table(self, scanned: Scan) -> list[str]:
        """Return the slots by judge and status as they stand now."""
        experiment = scanned.layout.experiment
        root = os.path.relpath(experiment.root, self._config.rootpath)
        counts: dict[int, Counter[str]] = {judge.number: Counter() for judge in experiment.panel}
        for slot in scanned.slots:
            now = self._panel.after.get((root, slot.name), slot.status)
            counts[slot.judge.number][now] += 1
        labels = {judge.number: safe_line(judge.label, 40) for judge in experiment.panel}
        width = max(len(label) for label in [*labels.values(), "judge"])
        shown = (SlotStatus.COMPLETE, SlotStatus.MISSING, SlotStatus.FAILED)
        rest = tuple(
            s for s in (SlotStatus.STALE, SlotStatus.BLOCKED) if any(c[s] for c in counts.values())
        )
        columns = (*shown, *rest)
        lines = [
            safe_line(experiment.name),
            f"  {'judge':<{width}}" + "".join(f"  {column:>8}" for column in columns),
        ]
        for number, label in labels.items():
            figures = "".join(f"  {counts[number][column]:>8}" for column in columns)
            lines.append(f"  {label:<{width}}{figures}")
        return lines


def _is_result(report: pytest.TestReport) -> bool:
    return report.when == "call" or (report.when == "setup" and not report.passed)


def _reason(report: pytest.TestReport) -> str:
    """Return why a slot was not judged, in one line."""
    if report.passed:
        return ""
    if hasattr(report, "wasxfail"):
        return safe_line(f"expected failure: {report.wasxfail}")
    detail = report.longrepr
    if isinstance(detail, tuple):
        return safe_line(str(detail[2]).removeprefix("Skipped: "))
    crash = getattr(detail, "reprcrash", None)
    return safe_line(crash.message if crash is not None else str(detail or ""))


def _listing(scanned: Scan, statuses: tuple[SlotStatus, ...]) -> Iterator[str]:
    for status in ORDER:
        slots = [slot for slot in scanned.slots if slot.status is status]
        if not slots or status not in statuses:
            continue
        yield f"  {status}: {len(slots)}"
        for slot in slots[:LISTED]:
            why = f": {safe_line(slot.why)}" if slot.why else ""
            yield f"    {slot.name} ({safe_line(slot.judge.name, 60)}){why}"
        if len(slots) > LISTED:
            yield f"    ... and {len(slots) - LISTED} more"
