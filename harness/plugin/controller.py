"""The controller's part with pytest-xdist: one scan, shipped to all workers; one scheduler.

A controller collects nothing itself, so it looks for the experiments below the
arguments, scans them once, and ships what is to be judged. So all workers, those that
replace a crashed one too, collect the same slots, whatever happens on disk meanwhile.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import files
from harness.errors import ExperimentError
from harness.layouts import config_of
from harness.plugin import hosts, looks, options, panel_session
from harness.plugin.feed import DROP, PARK, STOP
from harness.plugin.snapshot import ABSENT, broken, shipped
from harness.plugin.specs import is_elsewhere, worker_specs
from harness.plugin.tally import OUTCOME, SLOT, STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from harness.model import Slot
    from harness.plugin.session import PanelSession


def prepare(config: pytest.Config) -> AbstractContextManager[None]:
    """Scan the experiments below the arguments, if there are any, before workers start.

    They are started in the context that is returned.
    """
    roots = list(dict.fromkeys(_experiments(config)))
    if not roots:
        return contextlib.nullcontext()
    if config.getoption("dist") == "each":
        raise pytest.UsageError(
            "--dist each would have every worker judge every slot; use --dist load"
        )
    panel = panel_session(config)
    found: dict[Path, list[Slot] | ExperimentError] = {}
    for root in roots:
        try:
            found[root] = panel.open(root)[1]
        except ExperimentError as error:
            found[root] = error
    others = any(map(is_elsewhere, worker_specs(config)))
    panel.not_found += _shared_out(panel, len(worker_specs(config)))
    panel.not_found += panel.admission.problems(
        {root.resolve(): slots for root, slots in found.items() if isinstance(slots, list)}
    )
    panel.not_found += hosts.problems(config) if others else ()
    if panel.not_found:
        raise pytest.UsageError(*panel.not_found)
    controller = Controller(panel, others=others)
    config.pluginmanager.register(controller, "harness-controller")
    controller.ship(found)
    panel.progress.expect(set(controller.slots), prefixed=len(panel.scans) > 1)
    return hosts.reached(config)


def _shared_out(panel: PanelSession, workers: int) -> list[str]:
    """Return the judges that cannot be shared by so many workers: each gets its part of a limit."""
    return [
        f"{scanned.layout.experiment.config_file}: judge {judge.label}: max_parallel "
        f"{judge.max_parallel} cannot be shared by {workers} workers; use fewer (-n) and "
        "--parallel for more at a time"
        for scanned in panel.scans.values()
        for judge in scanned.layout.experiment.panel
        if judge.max_parallel is not None and judge.max_parallel < workers
    ]


def _experiments(config: pytest.Config) -> Iterator[Path]:
    """Yield the experiments that workers will meet, as pytest would walk to them."""
    ignored = {
        os.path.normpath(config.invocation_params.dir / path)
        for path in config.getoption("ignore") or ()
    }
    skip = config.getini("norecursedirs")
    for arg in config.args:
        path = Path(os.path.normpath(config.invocation_params.dir / arg.partition("::")[0]))
        for root in (path.parent, path.parent.parent):
            if path.is_file() and config_of(root) == path:
                yield root
        if path.is_dir():
            yield from _below(path, skip, ignored, set())


def _below(path: Path, skip: list[str], ignored: set[str], seen: set[str]) -> Iterator[Path]:
    real = os.path.realpath(path)
    if real in seen or str(path) in ignored:
        return
    seen.add(real)
    if looks.looks_like_experiment(path):
        if config_of(path) is not None:
            yield path
        return
    with contextlib.suppress(OSError):
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_dir() and not any(fnmatch.fnmatch(entry.name, p) for p in skip):
                yield from _below(Path(entry.path), skip, ignored, seen)


class Controller:
    """Hooks of the controller."""

    def __init__(self, panel: PanelSession, *, others: bool) -> None:
        self._panel = panel
        self._snapshot: dict[str, Any] = {}
        self._nodes: list[Any] = []
        self._failures = 0
        self._elsewhere = others
        self._others: hosts.Others | None = None
        self._marks: list[Path] = []
        self._reported: set[str] = set()
        self._at_work: dict[Any, int] = {}
        self.slots: dict[str, list[str]] = {}

    def ship(self, found: Mapping[Path, list[Slot] | ExperimentError]) -> None:
        """Make the snapshot, and learn the node id of each slot and what a report of it carries."""
        config = self._panel.config
        for root, slots in found.items():
            place = os.path.relpath(root.resolve(), config.rootpath)
            if isinstance(slots, ExperimentError):
                self._snapshot[place] = broken(slots)
                continue
            scanned = self._panel.scans[root.resolve()]
            mark = None
            if self._elsewhere and not options.only_looks(config):
                mark = hosts.put_mark(scanned.layout)
                self._marks.append(mark)
            told = shipped(scanned, slots, file=self._file(root), mark=mark)
            self._snapshot[place] = told
            for slot in slots:
                self.slots[f"{told['id']}::{slot.name}"] = [place, told["name"], slot.name]

    def _file(self, root: Path) -> str:
        """Return an experiment's configuration file as it stands in ids: links are left in them."""
        return os.path.relpath(config_of(root) or root, self._panel.config.rootpath)

    def pytest_unconfigure(self) -> None:
        """Take away what was put down for the session."""
        for mark in self._marks:
            files.remove_tree(mark)
        if self._others is not None:
            self._others.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config) -> None:
        """Prepare for workers on other machines."""
        dsession = config.pluginmanager.get_plugin("dsession")
        if self._elsewhere and dsession is not None:
            self._others = hosts.Others(dsession, dsession.report_line)

    def pytest_report_header(self) -> list[str]:
        """Print how many judges work at a time, and what was found: workers do not."""
        workers, lanes = len(worker_specs(self._panel.config)) or 1, self._panel.parallel
        many = f"{workers} worker{'s' if workers > 1 else ''}"
        head = f"judges at work: {many} x {lanes} = {workers * lanes}"
        return [head, *self._panel.terminal.counts()]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give the snapshot to a worker; called for those that replace a crashed one, too."""
        node.workerinput[options.SNAPSHOT] = self._snapshot

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Remember the worker."""
        self._nodes.append(node)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """End the session, before anything is paid, where a machine sees another directory."""
        if report.nodeid == ABSENT:
            raise pytest.UsageError(str(report.longrepr))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object:
        """Keep every lane of every worker busy; the stock scheduler lets them run dry."""
        if config.getoption("dist") not in ("load", "worksteal"):
            return None
        from harness.plugin.scheduler import SlotScheduling

        kept = self.slots if self._elsewhere else ()
        lanes = self._panel.parallel
        return SlotScheduling(
            config, log, lanes=lanes, kept=kept, reported=self._reported, on_park=self._park
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """Count the slot that killed its worker."""
        if crashitem in self.slots:
            vars(report)[SLOT] = self.slots[crashitem]
            vars(report)[OUTCOME] = {"kind": "failed", "why": str(report.longrepr), "calls": {}}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what is reported; at ``--maxfail`` have the workers start nothing that waits."""
        if report.nodeid in self.slots and (report.when == "call" or not report.passed):
            self._reported.add(report.nodeid)
        self._failures += report.failed
        limit = self._panel.config.getoption("maxfail")
        if limit and self._failures >= limit:
            self._send(DROP)

    def give_up(self, why: str) -> None:
        """Have the workers start nothing that waits, and pytest-xdist end the session."""
        self._send(DROP)
        session = self._panel.config.pluginmanager.get_plugin("dsession")
        if session is not None:
            session.shouldstop = why

    def stop(self) -> None:
        """End the judges of all workers; without this word they would be left to finish."""
        session = self._panel.config.pluginmanager.get_plugin("dsession")
        known = getattr(getattr(session, "sched", None), "node2pending", {})
        for node in self._nodes:
            self._at_work[node] = min(self._panel.parallel, len(known.get(node, ())))
        self._send(STOP)

    def stopped(self) -> tuple[int, int]:
        """Return how many calls workers say that they stopped, and how many others may have.

        To be asked when pytest-xdist has waited for the workers.
        """
        said, at_most = 0, 0
        for node, at_work in self._at_work.items():
            output = getattr(node, "workeroutput", {})
            said += output.get(STOPPED, 0)
            at_most += 0 if STOPPED in output else at_work
        return said, at_most

    def _park(self, node: Any, parked: dict[str, Any]) -> None:
        """Tell the other workers of a judge that was parked in one."""
        self._send(PARK, but=node, **parked)

    def _send(self, command: str, *, but: Any = None, **arguments: Any) -> None:
        for node in self._nodes:
            if node is not but:
                with contextlib.suppress(OSError, ValueError):  # one that is gone needs no word
                    node.sendcommand(command, **arguments)
