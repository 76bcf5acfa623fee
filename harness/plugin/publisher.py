"""Writes what people look at after a session: the page, the summary, annotations, properties."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness import files
from harness.dispatch import explain
from harness.layouts import open_experiment
from harness.outlet import outlet
from harness.plugin import options, shard
from harness.plugin.progress import reason_of, steps
from harness.plugin.publish import outlets
from harness.plugin.signals import EXIT_TERMINATED
from harness.plugin.tally import SLOT, relative
from harness.scan import scan
from harness.text import defused, safe_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from _pytest.terminal import TerminalReporter

    from harness.model import Experiment
    from harness.plugin.quality import QualityGates
    from harness.plugin.session import PanelSession
    from harness.report.panorama import Panorama
    from harness.scan import Scan

ANNOTATED = 50
"""Failed slots that are annotated; a CI service shows fewer."""


class Publisher:
    """Writes for people elsewhere, in the process that talks to people."""

    def __init__(self, panel: PanelSession, gates: QualityGates | None) -> None:
        self._panel = panel
        self._gates = gates
        self._config = panel.config
        self._wanted = outlets(panel.config, os.environ)
        self._in_actions = os.environ.get("GITHUB_ACTIONS") == "true"
        self._failed: dict[str, tuple[str, str]] = {}
        self._written: list[str] = []
        self._problems: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the slots that failed; one that is run again and judged is none of them."""
        slot = vars(report).get(SLOT)
        if slot is not None and self._in_actions:
            _defuse(report)
        if slot is not None and report.failed:
            self._failed[report.nodeid] = (f"{slot[1]}: {slot[2]}", reason_of(report))
        elif slot is not None and report.when == "call":
            self._failed.pop(report.nodeid, None)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write once the consensus is on disk; what cannot be written fails the session."""
        self._totals()
        done = yield
        status = session.exitstatus
        silent = status in (pytest.ExitCode.USAGE_ERROR, EXIT_TERMINATED)
        if silent or options.only_looks(self._config) or not self._panel.scans:
            return done
        self._write()
        if self._problems and status == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return done

    def _write(self) -> None:
        wanted = self._wanted
        if wanted.report is None and wanted.markdown is None:
            return
        from harness.report.write import write_report

        try:
            scans = [scan(open_experiment(root)) for root in sorted(self._panel.scans)]
            if wanted.report is not None:
                file = outlet(wanted.report, create=True)
                with steps(self._config, "report") as told:
                    write_report(
                        file, scans, node_id=self._node_id, shown=self._shown, step=told.step
                    )
                self._written.append(f"report: {self._shown(wanted.report)}")
            if wanted.markdown is not None:
                self._write_markdown(wanted.markdown, scans)
        except Exception as error:  # noqa: BLE001 - a page must not cost a session its summary
            self._problems.append(f"a report cannot be written ({explain(error)})")

    def _write_markdown(self, path: Path, scans: list[Scan]) -> None:
        from harness.report.markdown import summary

        text = "\n".join(
            summary(self._looked_at(found), self._remarks(found.layout.experiment))
            for found in scans
        )
        file = outlet(path, create=True)
        before = files.read_bytes(file, root=file.parent) if self._wanted.append else None
        kept = before.value if isinstance(before, files.Ok) else b""
        files.commit_bytes(file, kept + text.encode(), root=file.parent, durable=False)
        if not self._wanted.append:
            self._written.append(f"summary: {self._shown(path)}")

    def _looked_at(self, found: Scan) -> Panorama:
        """Return what is known of an experiment; what to run next is advice to this shard."""
        from harness.report.advice import advice
        from harness.report.write import look_at

        shown = look_at(found, self._node_id, self._shown)
        part = shard.of(self._config)
        if part is None:
            return shown
        own = shard.own(self._config, found.layout.experiment.name, found.slots)
        counts = Counter(slot.status for slot in own)
        return replace(shown, advice=advice(counts, shown.path, shard=str(part)))

    def _remarks(self, experiment: Experiment) -> list[str]:
        """Return what the summary of an experiment says of this session alone."""
        place = f"{relative(experiment.root, self._config.rootpath)}/"
        deferred = self._panel.tally.statistics.deferred
        reasons = [why for slot, why in deferred.items() if slot.startswith(place)]
        lines = [f"gate: {line}" for line in self._unmet(experiment.root)]
        if reasons:
            count = "1 slot was" if len(reasons) == 1 else f"{len(reasons)} slots were"
            lines.append(f"{count} deferred ({reasons[0]}): run the same command again later")
        return lines

    def _unmet(self, root: Path) -> list[str]:
        return [] if self._gates is None else self._gates.unmet.get(root, [])

    def _node_id(self, experiment: Experiment, name: str) -> str:
        return f"{self._shown(experiment.config_file)}::{name}"

    def _shown(self, path: Path) -> str:
        """Return a path as one would type it where pytest was started."""
        return os.path.relpath(path, self._config.invocation_params.dir)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say what was written, and annotate failed slots for the CI service."""
        for line in self._problems:
            terminalreporter.write_line(safe_line(line, 1000), red=True)
        if not getattr(self._config.option, "no_summary", False):
            for line in self._written:
                terminalreporter.write_line(safe_line(line))
        if self._wanted.annotations:
            for line in self._annotations():
                terminalreporter.write_line(line)

    def _annotations(self) -> Iterator[str]:
        from harness.report.annotations import annotation

        for root, scanned in sorted(self._panel.scans.items()):
            file = self._checked_out(scanned.layout.experiment.config_file)
            for line in self._unmet(root):
                yield annotation(file=file, title="gate", text=line)
        for nodeid, (title, why) in list(self._failed.items())[:ANNOTATED]:
            file = self._checked_out(self._config.rootpath / nodeid.partition("::")[0])
            yield annotation(file=file, title=title, text=why)

    def _checked_out(self, path: Path) -> str:
        """Return a path as the CI service knows it: from the checkout's directory, if below it."""
        checkout = os.path.realpath(os.environ.get("GITHUB_WORKSPACE") or os.devnull)
        found = os.path.relpath(os.path.realpath(path), checkout)
        return os.path.relpath(path, self._config.rootpath) if found.startswith("..") else found

    def _totals(self) -> None:
        """Put the totals of the session on its JUnit suite, if there is one."""
        from _pytest.junitxml import xml_key

        xml = self._config.stash.get(xml_key, None)
        if xml is None:
            return
        counted = self._panel.tally.statistics
        found: dict[str, Any] = {
            "judged": counted.judged,
            "failed_to_judge": counted.failed,
            "deferred": len(counted.deferred),
            "calls_paid": counted.calls.paid,
            "calls_adopted": counted.calls.adopted,
            "calls_lost": counted.calls.lost,
            "calls_wasted": counted.calls.wasted,
            "cost_usd": counted.calls.cost_usd,
        }
        for name, value in found.items():
            if value is not None:
                xml.add_global_property(name, str(value))


def _defuse(report: pytest.TestReport) -> None:
    """Keep what a judge wrote from being a command of the CI service where pytest prints it."""
    report.sections[:] = [(name, defused(content)) for name, content in report.sections]
    if isinstance(report.longrepr, str):
        report.longrepr = defused(report.longrepr)
