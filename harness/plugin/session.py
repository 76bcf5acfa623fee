"""What the plugin knows of one session; registered when the first experiment is met.

Only the main thread touches it, but for ``work``, which reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.attempt import Bench
from harness.model import SlotStatus
from harness.modes import Mode
from harness.plugin import options, shard, snapshot, verbs
from harness.plugin.admission import Admission
from harness.plugin.collect import SlotItem, slot_items
from harness.plugin.judging import Judging
from harness.plugin.loop import runtestloop
from harness.plugin.memories import Memories
from harness.plugin.progress import Progress
from harness.plugin.quality import EXIT_DEFERRED
from harness.plugin.routing import Routing
from harness.plugin.selection import Chosen, choose
from harness.plugin.signals import OneInterrupt, exit_if_terminated, sigterm_ends_session
from harness.plugin.tally import OUTCOME, SLOT, STOPPED, Tally, portable
from harness.plugin.terminal import PanelTerminal

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from harness.model import Slot
    from harness.scan import Scan
    from harness.settle import Settled


class PanelSession:
    """The experiments of a session, what became of their slots, and the exit code."""

    NAME = "harness-session"

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.parallel = options.parallel(config)
        self.dry_run = options.dry_run(config)
        self.mode = verbs.mode(config)
        self.statuses = _statuses(config, self.mode)
        self.scans: dict[Path, Scan] = {}
        self.memories = Memories(config, self.mode)
        self._places: dict[Path, tuple[str, str]] = {}  # what reports call the experiments
        self.chosen: dict[Path, Chosen] = {}
        self.work_found = 0
        self.broken = 0
        self.tally = Tally()
        self._session: pytest.Session | None = None
        self.settled: dict[Path, Settled] = {}
        self.bench = Bench(timeout=options.timeout(config))
        self.admission = Admission(self)
        self.routing = Routing(config)
        self._interrupt = OneInterrupt()
        self.stopped = 0
        self.not_found: list[str] = []
        self.judging = Judging(self)
        self.terminal = PanelTerminal(self)
        self.progress = Progress(config)
        if not hasattr(config, "workerinput"):  # a worker of pytest-xdist talks to nobody
            config.pluginmanager.register(self.terminal, "harness-terminal")
            config.pluginmanager.register(self.progress, "harness-progress")

    # --- collection --------------------------------------------------------------------------

    def open(self, root: Path) -> tuple[Scan, list[Slot]]:
        """Scan an experiment and return the slots to judge: the arguments' and the statuses'.

        A worker of pytest-xdist takes what to judge from the controller's scan.
        """
        _, shipped = snapshot.find(self.config, root) or ("", None)
        snapshot.check(self.config, root, shipped)
        scanned = self.memories.scan(root)
        self.scans[scanned.layout.experiment.root] = scanned  # all links resolved
        if shipped is not None:
            return scanned, snapshot.as_listed(scanned, shipped["slots"])
        chosen = choose(self.config, root, scanned, self.statuses, self.mode)
        self.chosen[scanned.layout.experiment.root] = chosen
        self.not_found += chosen.problems
        self.work_found += len(chosen.to_judge) + chosen.left_out
        return scanned, list(chosen.to_judge)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        """Refuse arguments that mean no slot; put ordinary tests before the slots.

        Ordinary tests must not run while threads judge: output capture, the current
        directory, and warnings belong to the whole process.
        """
        if self.not_found:
            raise pytest.UsageError(*self.not_found)
        result = yield
        slots = set(slot_items(items))
        items.sort(key=slots.__contains__)
        if not hasattr(self.config, "workerinput"):  # else the controller has looked
            self.admission.refuse(slots)
        return result

    # --- running -----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> object:
        """Run the slots in a pool if there is something to run in parallel."""
        self._session = session
        if self.broken and session.testsfailed <= self.broken:
            # One experiment that cannot be read is reported and fails the session, but
            # it does not keep the others from being judged.
            session.config.option.continue_on_collection_errors = True
        if self.dry_run:
            return True
        return runtestloop(session, self)

    @pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_runtestloop")
    def pytest_end_by_signal(self) -> Iterator[None]:
        """End the judges with the session, whichever loop runs."""
        self._interrupt.begin()
        with sigterm_ends_session():
            try:
                return (yield)
            except BaseException as error:
                why = self.tally.statistics.stopped
                if why is not None and type(error).__module__.startswith("xdist."):
                    # It knows no other end than an interrupt; this one is a failure.
                    raise pytest.Session.Failed(why) from None
                if not isinstance(error, Exception) or isinstance(error, pytest.exit.Exception):
                    self.stop()
                raise

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Give Ctrl-C back, and let go of what was scanned: pytest now looks for garbage."""
        self._interrupt.end()
        for found in (self.scans, self.chosen, self.settled):
            found.clear()

    def stop(self) -> None:
        """End the judges at work and start no other, here and in all workers."""
        self.stopped += self.bench.launcher.stop()
        controller = self.config.pluginmanager.get_plugin("harness-controller")
        if controller is not None:
            controller.stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Keep what other plugins print in a slot's set-up while the pool is at work."""
        with exit_if_terminated(), self.routing.phase(item, "setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Do the same for the call."""
        with exit_if_terminated(), self.routing.phase(item, "call"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Do the same for the tear-down."""
        with exit_if_terminated(), self.routing.phase(item, "teardown"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, pytest.TestReport]:
        """Give a slot's report the times of the judging, and what became of the slot.

        What is put on the report travels with it from a worker to the controller.
        """
        if not isinstance(item, SlotItem):
            plain: pytest.TestReport = yield
            return plain
        if call.when == "call" and item.measured is not None:
            call.start, call.stop, call.duration = item.measured
        report: pytest.TestReport = yield
        experiment = item.layout.experiment
        if experiment.root not in self._places:  # worked out once, not for every report
            self._places[experiment.root] = snapshot.place(self.config, experiment)
        vars(report)[SLOT] = [*self._places[experiment.root], item.name]
        if item.became is not None and not (report.when == "setup" and report.passed):
            vars(report)[OUTCOME] = portable(item.became)
            item.became = None
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what became of a slot, in the process that talks to people."""
        if not hasattr(self.config, "workerinput"):
            self.tally.add(report)
            if self.tally.statistics.stopped is not None:
                self.give_up(self.tally.statistics.stopped)

    def give_up(self, why: str) -> None:
        """Start nothing that waits; what is at work is awaited and recorded."""
        controller = self.config.pluginmanager.get_plugin("harness-controller")
        if controller is not None:
            controller.give_up(why)
        if self._session is not None:
            self._session.shouldfail = why

    # --- the end -----------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Settle every collected run, then decide what the session says to its caller.

        After pytest-xdist's own, which waits for the workers; workers leave it to the
        controller.
        """
        if hasattr(self.config, "workerinput"):
            vars(self.config).get("workeroutput", {})[STOPPED] = self.stopped
            return
        if session.exitstatus != pytest.ExitCode.USAGE_ERROR and not options.only_looks(
            self.config
        ):
            for root in sorted(self.scans):
                self.settled[root] = self.memories.finish(self.mode, self.scans[root])
        session.exitstatus = self._exit_status(session)
        self.terminal.end(session.exitstatus)

    @property
    def _shard_is_empty(self) -> bool:
        """Whether there may be work for other jobs, but there is none for this one."""
        left_out = any(chosen.left_out for chosen in self.chosen.values())
        return shard.of(self.config) is not None and not left_out

    def _exit_status(self, session: pytest.Session) -> int:
        status = int(session.exitstatus)
        nothing_left = status == pytest.ExitCode.NO_TESTS_COLLECTED and self.scans
        if nothing_left and (self.work_found == 0 or self.dry_run or self._shard_is_empty):
            status = pytest.ExitCode.OK
        if status == pytest.ExitCode.OK and any(s.problems for s in self.settled.values()):
            return pytest.ExitCode.TESTS_FAILED
        if status == pytest.ExitCode.OK and self.tally.statistics.deferred:
            return EXIT_DEFERRED
        return status


def _statuses(config: pytest.Config, mode: Mode) -> tuple[SlotStatus, ...]:
    """Return the statuses of the slots that are meant; ini's are those of a session that judges."""
    given = options.statuses(config)
    if mode is Mode.JUDGE or config.getoption("harness_status") is not None:
        return tuple(SlotStatus(name) for name in given) or tuple(mode.default)
    return tuple(mode.default)
