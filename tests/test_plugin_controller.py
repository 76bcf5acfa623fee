"""What the controller of pytest-xdist tells its workers, without any."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.controller import Controller, prepare
from harness.plugin.feed import DROP, PARK, STOP
from harness.plugin.options import SNAPSHOT
from harness.plugin.tally import OUTCOME, SLOT, STOPPED
from tests.plugin_project import slots

if TYPE_CHECKING:
    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)


class FakeNode:
    """A worker that keeps what it is told, or one that is gone."""

    def __init__(self, *, gone: bool = False) -> None:
        self.workerinput: dict[str, Any] = {}
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.gateway = SimpleNamespace(id="gw")
        self.shutting_down = False
        self._gone = gone

    def send_runtest_some(self, indices: list[int]) -> None:
        """Keep what is to be run."""
        self.sendcommand("runtests", indices=indices)

    def shutdown(self) -> None:
        """Remember that nothing more will come."""
        self.shutting_down = True

    def sendcommand(self, name: str, **arguments: Any) -> None:
        """Keep the command."""
        if self._gone:
            raise OSError("cannot send (already closed?)")
        self.told.append((name, arguments))


def controller(project: Project, *options: str) -> Controller:
    """Return the controller of a session with workers that has scanned what is there."""
    plugins = ("-p", "harness.plugin", "-p", "xdist.plugin")
    config = project.pytester.parseconfigure(*plugins, "--tx", "2*popen", *options)
    with prepare(config):
        found = config.pluginmanager.get_plugin("harness-controller")
    assert isinstance(found, Controller)
    return found


def told(made: Controller) -> Any:
    """Return what a worker is told of each experiment."""
    node = FakeNode()
    made.pytest_configure_node(node)
    return node.workerinput[SNAPSHOT]


def test_workers_are_told_what_to_judge_and_what_cannot_be_read(project: Project) -> None:
    """One scan serves them all; an experiment that is broken is so for each of them."""
    project.experiment("good", runs=["a"])
    broken = project.experiment("broken", runs=["a"])
    (broken / "experiment.yaml").write_text("judges: 3\n", encoding="utf-8")
    half = project.path / "half"  # has no configuration, so it is nothing to tell of
    (half / "runs").mkdir(parents=True)
    (half / "task.md").write_text("Do it.\n", encoding="utf-8")
    made = controller(project, "--dist", "load", "good", "broken", "half")
    found = told(made)
    assert list(found) == ["good", "broken"]
    assert [name for name, *_ in found["good"]["slots"]] == slots("a")
    assert found["broken"]["slots"] == []
    assert found["broken"]["error"] == (
        f"{broken}/experiment.yaml: judges: expected a list, found a whole number; correct it"
    )
    assert sorted(made.slots) == [f"good/experiment.yaml::{name}" for name in slots("a")]


def test_the_header_says_how_many_judges_work_at_a_time(project: Project) -> None:
    """And what was found, for the workers say nothing."""
    project.experiment(runs=["a"])
    made = controller(project, "--dist", "load", "--parallel", "3", "exp")
    assert made.pytest_report_header() == [
        "judges at work: 2 workers x 3 = 6",
        "exp: 2 slots: 2 missing",
    ]


def test_another_way_to_share_out_tests_is_left_to_pytest_xdist(project: Project) -> None:
    """Who asks for ``--dist loadfile`` gets it."""
    project.experiment(runs=["a"])
    made = controller(project, "--dist", "loadfile", "exp")
    config = made._panel.config
    assert made.pytest_xdist_make_scheduler(config, log=None) is None


def test_a_slot_that_kills_its_worker_is_counted_and_a_test_is_not(project: Project) -> None:
    """Its report carries what the reports of slots carry."""
    project.experiment(runs=["a"])
    made = controller(project, "--dist", "load", "exp")
    of_slot, of_test = (SimpleNamespace(longrepr="worker gw0 crashed") for _ in range(2))
    made.pytest_handlecrashitem(f"exp/experiment.yaml::{slots('a')[0]}", of_slot)
    made.pytest_handlecrashitem("test_plain.py::test_it", of_test)
    assert vars(of_slot)[SLOT] == ["exp", "exp", slots("a")[0]]
    assert vars(of_slot)[OUTCOME] == {"kind": "failed", "why": "worker gw0 crashed", "calls": {}}
    assert vars(of_test) == {"longrepr": "worker gw0 crashed"}


class Workers:
    """A controller with three workers, of which the second is gone."""

    def __init__(self, *, maxfail: int = 0, dsession: Any = None) -> None:
        manager = SimpleNamespace(get_plugin=lambda _: dsession)
        config = SimpleNamespace(getoption=lambda _: maxfail, pluginmanager=manager)
        panel: Any = SimpleNamespace(config=config, parallel=2)
        self.controller = Controller(panel, others=False)
        self.nodes = [FakeNode(), FakeNode(gone=True), FakeNode()]
        for node in self.nodes:
            self.controller.pytest_testnodeready(node)

    @property
    def told(self) -> list[list[tuple[str, dict[str, Any]]]]:
        """Return what each of the workers was told."""
        return [node.told for node in self.nodes]


def test_every_worker_that_is_left_is_told_to_stop() -> None:
    """One that is gone needs no word."""
    workers = Workers()
    workers.controller.stop()
    assert workers.told == [[(STOP, {})], [], [(STOP, {})]]


def test_what_workers_have_stopped_is_added_up() -> None:
    """Of one that says nothing any more the calls that were at work there are the most."""
    pending: dict[Any, list[int]] = {}
    workers = Workers(dsession=SimpleNamespace(sched=SimpleNamespace(node2pending=pending)))
    assert workers.controller.stopped() == (0, 0)
    pending.update(zip(workers.nodes, ([1, 2, 3], [4, 5, 6], [7]), strict=True))
    workers.controller.stop()
    assert workers.controller.stopped() == (0, 5)
    vars(workers.nodes[0])["workeroutput"] = {STOPPED: 2}
    assert workers.controller.stopped() == (2, 3)
    vars(workers.nodes[1])["workeroutput"] = {"exitstatus": 2}
    vars(workers.nodes[2])["workeroutput"] = {STOPPED: 0}
    assert workers.controller.stopped() == (2, 2)


def test_a_parked_judge_is_told_to_the_other_workers() -> None:
    """Not to the one that said so."""
    workers = Workers()
    parked = {"provider": "one", "why": "limit reached"}
    workers.controller._park(workers.nodes[0], parked)
    assert workers.told == [[], [], [(PARK, parked)]]


@pytest.mark.parametrize(("maxfail", "failed", "drops"), [(2, 1, 0), (2, 2, 1), (0, 9, 0)])
def test_workers_start_nothing_more_once_enough_has_failed(
    maxfail: int, failed: int, drops: int
) -> None:
    """What passes does not count, and without ``--maxfail`` nothing does."""
    workers = Workers(maxfail=maxfail)
    for outcome in [False] * 3 + [True] * failed:
        report: Any = SimpleNamespace(failed=outcome, nodeid="a test")
        workers.controller.pytest_runtest_logreport(report)
    assert workers.told[0] == [(DROP, {})] * drops


@pytest.mark.parametrize(
    ("when", "passed", "again"),
    [("setup", True, True), ("call", True, False), ("call", False, False), ("setup", False, False)],
)
def test_what_a_worker_has_reported_before_it_dies_is_not_run_again(
    project: Project, *, when: str, passed: bool, again: bool
) -> None:
    """A slot has one result: that of its call, or of a set-up that failed."""
    project.experiment(runs=["a"], judges=1)
    made = controller(project, "--dist=load", str(project.path))
    scheduling: Any = made.pytest_xdist_make_scheduler(made._panel.config, None)
    for node in (FakeNode(), FakeNode()):  # as many as were asked for
        scheduling.add_node(node)
        scheduling.add_node_collection(node, list(made.slots))
    scheduling.schedule()
    (name,) = made.slots
    report: Any = SimpleNamespace(nodeid=name, when=when, passed=passed, failed=not passed)
    made.pytest_runtest_logreport(report)
    (busy,) = [n for n in scheduling.nodes if scheduling.node2pending[n]]
    scheduling.remove_node(busy)
    assert scheduling.has_pending == again


@pytest.mark.parametrize("there", [True, False])
def test_a_session_that_gives_up_says_why_and_has_workers_drop_what_waits(*, there: bool) -> None:
    """pytest-xdist ends the session with these words."""
    dsession = SimpleNamespace(shouldstop=False) if there else None
    workers = Workers(dsession=dsession)
    workers.controller.give_up("the disk is full")
    assert workers.told == [[(DROP, {})], [], [(DROP, {})]]
    assert dsession is None or dsession.shouldstop == "the disk is full"
