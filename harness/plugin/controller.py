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

from harness.errors import ExperimentError
from harness.layouts import config_of
from harness.plugin import looks, panel_session
from harness.plugin.feed import DROP, PARK, STOP
from harness.plugin.snapshot import listed
from harness.plugin.tally import OUTCOME, SLOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model import Slot
    from harness.plugin.session import PanelSession

SNAPSHOT = "harness_snapshot"


def prepare(config: pytest.Config) -> None:
    """Scan the experiments below the arguments, if there are any, before workers start."""
    roots = list(dict.fromkeys(_experiments(config)))
    if not roots:
        return
    if config.getoption("dist") == "each":
        raise pytest.UsageError(
            "--dist each would have every worker judge every slot; use --dist load"
        )
    panel = panel_session(config)
    snapshot: dict[str, Any] = {}
    to_judge: dict[Path, list[Slot]] = {}
    for root in roots:
        key = os.path.relpath(root, config.rootpath)
        try:
            _, slots = panel.open(root)
            to_judge[root] = slots
        except ExperimentError as error:
            snapshot[key] = {"error": str(error), "slots": []}
        else:
            snapshot[key] = {"error": "", "slots": listed(slots)}
    panel.not_found += _shared_out(panel, len(config.getoption("tx") or ()))
    panel.not_found += panel.admission.problems(to_judge)
    if panel.not_found:
        raise pytest.UsageError(*panel.not_found)
    controller = Controller(panel, snapshot)
    config.pluginmanager.register(controller, "harness-controller")
    panel.progress.expect(set(controller.slots), prefixed=len(panel.scans) > 1)


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

    def __init__(self, panel: PanelSession, snapshot: dict[str, Any]) -> None:
        self._panel = panel
        self._snapshot = snapshot
        self._nodes: list[Any] = []
        self._failures = 0
        self.slots = dict(self._identify())

    def _identify(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the node id of each slot, and what a report of it carries."""
        rootpath = self._panel.config.rootpath
        for root, scanned in self._panel.scans.items():
            experiment = scanned.layout.experiment
            place = os.path.relpath(root, rootpath)
            file = os.path.relpath(experiment.config_file, rootpath)
            for name, *_ in self._snapshot[place]["slots"]:
                yield f"{file}::{name}", [place, experiment.name, name]

    def pytest_report_header(self) -> list[str]:
        """Print how many judges work at a time, and what was found: workers do not."""
        workers = len(self._panel.config.getoption("tx") or ()) or 1
        lanes = self._panel.parallel
        head = f"judges at work: {workers} workers x {lanes} = {workers * lanes}"
        return [head, *self._panel.terminal.counts()]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give the snapshot to a worker; called for those that replace a crashed one, too."""
        node.workerinput[SNAPSHOT] = self._snapshot

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Remember the worker."""
        self._nodes.append(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object:
        """Keep every lane of every worker busy; the stock scheduler lets them run dry."""
        if config.getoption("dist") not in ("load", "worksteal"):
            return None
        from harness.plugin.scheduler import SlotScheduling

        return SlotScheduling(config, log, lanes=self._panel.parallel, on_park=self._park)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """Count the slot that killed its worker."""
        if crashitem in self.slots:
            vars(report)[SLOT] = self.slots[crashitem]
            vars(report)[OUTCOME] = {"kind": "failed", "why": str(report.longrepr), "calls": {}}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Once ``--maxfail`` is reached, have the workers start nothing that waits."""
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
        self._send(STOP)

    def _park(self, node: Any, parked: dict[str, Any]) -> None:
        """Tell the other workers of a judge that was parked in one."""
        self._send(PARK, but=node, **parked)

    def _send(self, command: str, *, but: Any = None, **arguments: Any) -> None:
        for node in self._nodes:
            if node is not but:
                with contextlib.suppress(OSError, ValueError):  # one that is gone needs no word
                    node.sendcommand(command, **arguments)
