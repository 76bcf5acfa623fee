"""The loop of a worker of pytest-xdist, in this process: the test is the controller."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageLimitError
from harness.plugin.feed import DROP, MESSAGE, PARK, STOP, WorkerFeed
from harness.plugin.workers import EXIT_ORPHANED
from tests.plugin_project import FakePanel, mark_run, slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

Command = tuple[str, dict[str, Any]]

SHUTDOWN: Command = ("shutdown", {})


def send(*indices: int) -> Command:
    """Return the command to run items."""
    return "runtests", {"indices": list(indices)}


class WorkerInteractor:
    """Makes a session that of a worker, and tells it the next thing whenever an item has run."""

    def __init__(self, *commands: list[Command | None]) -> None:
        self.channel = self
        self.item_index: int | None = None
        self.complete: list[int] = []
        self.parked: list[dict[str, Any]] = []
        self.following: list[tuple[str, str | None]] = []
        self._commands = list(commands)
        self._tell: Callable[[Command | None], None] = lambda _: None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: Any) -> None:
        """Say that this is a worker."""
        config.workerinput = {"workerid": "gw0"}

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Keep what is said to follow an item."""
        self.following.append((item.name, None if nextitem is None else nextitem.name))

    def setcallback(self, callback: Callable[[Command | None], None], endmarker: object) -> None:
        """Tell the first thing."""
        assert endmarker is None
        self._tell = callback
        self.go_on()

    def sendevent(self, name: str, **arguments: Any) -> None:
        """Tell the next thing when an item has run; keep which judges were parked here."""
        if name == "runtest_protocol_complete":
            self.complete.append(arguments["item_index"])
            self.go_on()
        elif name == MESSAGE and isinstance(arguments["indices"], dict):
            self.parked.append(arguments["indices"])

    def go_on(self) -> None:
        """Give the commands that come next."""
        for command in self._commands.pop(0) if self._commands else ():
            self._tell(command)


PLAIN = """
import pathlib
import pytest

def log(word):
    with pathlib.Path("log").open("a") as stream:
        print(word, file=stream)

@pytest.fixture(scope="module")
def shared():
    log("up")
    yield
    log("down")

def test_one(shared): log("one")
def test_two(shared): log("two")
"""


@pytest.fixture
def mixed(project: Project) -> Project:
    """Return a project of two tests that share a fixture and of two slots, in this order."""
    project.experiment(runs=["a"])
    project.pytester.makepyfile(test_plain=PLAIN)
    return project


def log(project: Project) -> list[str]:
    """Return what the ordinary tests have left."""
    return (project.path / "log").read_text(encoding="utf-8").split()


def test_a_worker_runs_tests_by_themselves_and_slots_in_threads(mixed: Project) -> None:
    """What tests share is set up once; what follows each is told as the controller tells it."""
    controller = WorkerInteractor([send(0, 1, 2, 3), SHUTDOWN])
    panel = FakePanel()
    done = mixed.run("--parallel", "2", panel=panel, plugins=[controller])
    assert (done.exit, log(mixed)) == (0, ["up", "one", "two", "down"])
    assert controller.complete[:2] == [0, 1]
    assert sorted(controller.complete[2:]) == [2, 3]
    assert controller.following[:2] == [("test_one", "test_two"), ("test_two", slots("a")[0])]
    assert "MainThread" not in panel.threads
    assert sorted(panel.asked) == slots("a")


def test_a_test_waits_until_it_is_known_what_follows(
    mixed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what it shares with the next one would be torn down between them."""
    controller = WorkerInteractor([send(0)], [send(1)], [SHUTDOWN])
    seen: list[list[int]] = []
    put_back = WorkerFeed.put_back

    def then_more(feed: WorkerFeed, index: int) -> None:
        put_back(feed, index)
        seen.append(list(controller.complete))
        controller.go_on()

    monkeypatch.setattr(WorkerFeed, "put_back", then_more)
    panel = FakePanel()
    done = mixed.run("--parallel", "2", panel=panel, plugins=[controller])
    assert (done.exit, seen, controller.complete) == (0, [[]], [0, 1])
    assert log(mixed) == ["up", "one", "two", "down"]
    assert panel.asked == []


def test_a_marked_slot_of_a_worker_runs_by_itself(project: Project) -> None:
    """Between the others, which share the lanes."""
    root = project.experiment(runs=list("abc"), judges=1)
    mark_run(root, "b")
    controller = WorkerInteractor([send(0, 1, 2), SHUTDOWN])
    panel = FakePanel()
    done = project.run("--parallel", "2", panel=panel, plugins=[controller])
    assert (done.exit, controller.complete) == (0, [0, 1, 2])
    assert panel.asked == [f"runs/{run}/judge_01" for run in "abc"]
    assert [name == "MainThread" for name in panel.threads] == [False, True, False]


def test_a_worker_that_is_stopped_runs_nothing_more(mixed: Project) -> None:
    """The session ends as one that was interrupted, and no judge is asked."""
    controller = WorkerInteractor([send(0, 1, 2, 3)], [(STOP, {})])
    panel = FakePanel()
    done = mixed.run("--parallel", "2", panel=panel, plugins=[controller])
    assert (done.exit, controller.complete, panel.asked) == (2, [0], [])
    assert "stopped by the controller" in done.lines[-2]


def test_a_worker_whose_controller_is_gone_ends_at_once(
    mixed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would hear its reports, and no judge is asked for nobody."""

    def leave(status: int) -> None:
        raise pytest.exit.Exception("gone", returncode=status)

    monkeypatch.setattr("harness.plugin.workers.os", SimpleNamespace(_exit=leave))
    controller = WorkerInteractor([send(0, 1, 2, 3)], [None])
    panel = FakePanel()
    done = mixed.run("--parallel", "2", panel=panel, plugins=[controller])
    assert (done.exit, controller.complete, panel.asked) == (EXIT_ORPHANED, [0], [])


def test_a_worker_that_is_to_drop_what_waits_asks_nobody(mixed: Project) -> None:
    """It ends well: the controller knows why."""
    controller = WorkerInteractor([send(0, 1, 2, 3)], [(DROP, {})])
    panel = FakePanel()
    done = mixed.run("--parallel", "2", panel=panel, plugins=[controller])
    assert (done.exit, controller.complete, panel.asked) == (0, [0], [])
    assert log(mixed) == ["up", "one", "down"]


def test_a_judge_that_is_parked_in_one_worker_is_not_asked_in_another(project: Project) -> None:
    """Its slot is deferred there with the same words; that of the other judge is judged."""
    project.experiment(runs=["a", "b"])
    first, second = slots("a")

    def answer(slot: Any, _question: object) -> None:
        if slot.name == first:
            raise UsageLimitError("limit reached", until=time.time() + 3600)

    one = FakePanel(answer)
    teller = WorkerInteractor([send(0, 1), SHUTDOWN])
    project.run("--parallel", "2", panel=one, plugins=[teller])
    assert sorted(one.asked) == [first, second]
    assert [parked["why"] for parked in teller.parked] == ["limit reached"]
    other = FakePanel()
    controller = WorkerInteractor([(PARK, teller.parked[0]), send(0, 1), SHUTDOWN])
    project.run("--parallel", "2", "-k", "runs/b", panel=other, plugins=[controller])
    assert other.asked == ["runs/b/judge_02"]
    why = str(other.call("runs/b/judge_01").longrepr[2])  # type: ignore[index] # a skip's
    assert why.startswith("Skipped: judge-a is not asked: limit reached until ")


def test_a_worker_that_pytest_xdist_does_not_feed_judges_one_at_a_time(project: Project) -> None:
    """Nothing is lost with a pytest-xdist whose parts have other names."""

    class Worker:
        """Makes the session a worker's, and has no channel."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config: Any) -> None:
            """Say that this is a worker."""
            config.workerinput = {"workerid": "gw0"}

    project.experiment(runs=["a"])
    panel = FakePanel()
    with pytest.warns(pytest.PytestWarning, match="does not know this version of pytest-xdist"):
        done = project.run("--parallel", "2", panel=panel, plugins=[Worker()])
    assert (done.exit, panel.asked, set(panel.threads)) == (0, slots("a"), {"MainThread"})
