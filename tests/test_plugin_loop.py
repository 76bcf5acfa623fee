"""The run loop: how many judges are at work, when it stops, what it stops."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness import disk
from tests.plugin_project import FakePanel, line, mark_run, slots

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

BOTH = pytest.mark.parametrize("options", [(), ("--parallel", "3")], ids=["alone", "parallel"])

WAIT = 60
"""Seconds after which a wait for another thread counts as for ever."""


def judged(root: Path) -> list[str]:
    """Return the slots that have a judgment on disk."""
    found = root.glob("runs/*/judge/judge_*/judgment.json")
    return sorted(
        path.parent.relative_to(root).as_posix().replace("/judge/", "/") for path in found
    )


# --- how many at a time ------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [2, 3, 6])
def test_as_many_judges_work_as_were_asked_for_and_no_more(project: Project, lanes: int) -> None:
    """N calls meet at a barrier, so N are at work; a counter never sees more."""
    project.experiment(runs=list("abcdef"))
    barrier = threading.Barrier(lanes)

    def answer(_slot: object, _question: object) -> None:
        barrier.wait(WAIT)

    panel = FakePanel(answer)
    done = project.run("--parallel", str(lanes), panel=panel)
    assert (done.exit, panel.peak, len(panel.asked)) == (0, lanes, 12)


def test_two_experiments_share_one_pool(project: Project) -> None:
    """Slots of both meet at a barrier; together they are no more than was asked for."""
    project.experiment("one", runs=["a"])
    project.experiment("two", runs=["b"])
    barrier = threading.Barrier(4)

    def answer(_slot: object, _question: object) -> None:
        barrier.wait(WAIT)

    panel = FakePanel(answer)
    done = project.run("--parallel", "4", panel=panel)
    assert (done.exit, panel.peak, sorted(panel.asked)) == (0, 4, slots("a", "b"))


def test_slots_after_a_marked_one_share_the_lanes_again(project: Project) -> None:
    """A marked slot is run by itself; those before and those after it run in threads."""
    root = project.experiment(runs=list("abcde"), judges=1)
    mark_run(root, "c")
    barrier = threading.Barrier(2)

    def answer(slot: Any, _question: object) -> None:
        if "/c" not in slot.run.name:
            barrier.wait(WAIT)

    panel = FakePanel(answer)
    done = project.run("--parallel", "2", panel=panel)
    assert (done.exit, panel.peak, len(panel.asked)) == (0, 2, 5)
    assert panel.threads[2] == "MainThread"
    assert "MainThread" not in panel.threads[:2] + panel.threads[3:]


@pytest.mark.parametrize("options", [(), ("--parallel", "1")], ids=["default", "one"])
def test_one_lane_makes_no_threads(project: Project, options: tuple[str, ...]) -> None:
    """Sequentially every judge is called in the main thread, one after the other, in order."""
    project.experiment()
    seen: set[str] = set()

    def answer(_slot: object, _question: object) -> None:
        seen.update(thread.name for thread in threading.enumerate())

    before = {thread.name for thread in threading.enumerate()}
    panel = FakePanel(answer)
    assert project.run(*options, panel=panel).exit == 0
    assert (panel.asked, set(panel.threads), seen) == (slots("a", "b"), {"MainThread"}, before)


def test_one_slot_makes_no_pool(project: Project) -> None:
    """A single slot is judged in the main thread, however many lanes there are."""
    project.experiment()
    panel = FakePanel()
    assert project.run("--parallel", "6", "-k", "a/judge_01", panel=panel).exit == 0
    assert panel.threads == ["MainThread"]


def test_a_pool_leaves_no_threads(project: Project) -> None:
    """When the session ends, the judges' threads have ended."""
    project.experiment()
    before = set(threading.enumerate())
    assert project.run("--parallel", "4", panel=FakePanel()).exit == 0
    assert set(threading.enumerate()) <= before


def test_slots_are_started_in_the_order_of_collection(project: Project) -> None:
    """Those of one judge, in threads, too."""
    project.experiment(runs=list("abcdef"), judges=1)
    panel = FakePanel()
    project.run("--parallel", "2", panel=panel)
    assert panel.started == [f"runs/{run}/judge_01" for run in "abcdef"]


def test_slots_are_reported_as_they_are_done(project: Project) -> None:
    """A slot that takes long holds up no report of another."""
    project.experiment(runs=list("abcd"), judges=1)
    others = threading.Event()

    def answer(slot: Any, _question: object) -> None:
        if slot.name == "runs/a/judge_01":
            assert others.wait(WAIT), "the others wait for the slow one"

    class Reports:
        """Lets the slow one answer when the others are reported."""

        def __init__(self) -> None:
            self.count = 0

        def pytest_runtest_logfinish(self) -> None:
            """Count."""
            self.count += 1
            if self.count == 3:
                others.set()

    done = project.run("--parallel", "2", panel=FakePanel(answer), plugins=[Reports()])
    assert done.exit == 0
    assert done.progress[-1] == line(4, 4, "runs/a/judge_01")


def test_ordinary_tests_run_while_no_judge_is_at_work(project: Project) -> None:
    """Tests come first, in the main thread; no slot is started before the last has ended."""
    project.experiment()
    project.pytester.makepyfile(
        test_plain="import threading\n"
        "def test_it():\n"
        "    assert not [t for t in threading.enumerate() if t.name.startswith('judge')]\n"
    )
    panel = FakePanel()
    done = project.run("--parallel", "4", panel=panel)
    assert (done.exit, [item.name for item in panel.items]) == (0, ["test_it", *slots("a", "b")])


@BOTH
def test_session_fixtures_of_tests_are_torn_down_once(
    project: Project, options: tuple[str, ...]
) -> None:
    """A session fixture of an ordinary test lives until the session ends."""
    project.experiment()
    project.pytester.makepyfile(
        test_plain="import pathlib, pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def resource():\n"
        "    yield 1\n"
        "    with pathlib.Path('torn-down').open('a') as stream: stream.write('x')\n"
        "def test_it(resource): pass\n"
    )
    done = project.run(*options, panel=FakePanel())
    assert (done.exit, (project.path / "torn-down").read_text(encoding="utf-8")) == (0, "x")


# --- times -------------------------------------------------------------------------------------


@BOTH
def test_reports_have_the_times_of_the_judging(project: Project, options: tuple[str, ...]) -> None:
    """The call's duration is the judge's, not the replay's; start and stop enclose it."""
    project.experiment(runs=["a"])

    def answer(slot: Any, _question: object) -> None:
        if slot.name == "runs/a/judge_02":
            time.sleep(0.2)  # the behaviour is that this is measured

    panel = FakePanel(answer)
    before = time.time()
    assert project.run(*options, panel=panel).exit == 0
    after = time.time()
    slow = panel.call("runs/a/judge_02")
    assert 0.2 <= slow.duration <= after - before
    assert before <= slow.start <= slow.stop <= after
    assert slow.stop - slow.start == pytest.approx(slow.duration, abs=0.05)


@BOTH
def test_junit_has_the_times_of_the_judging(project: Project, options: tuple[str, ...]) -> None:
    """The XML's test case lasts as long as the judge did."""
    project.experiment(runs=["a"])
    panel = FakePanel(lambda _slot, _question: time.sleep(0.1))
    project.run(*options, "--junitxml=report.xml", panel=panel)
    text = (project.path / "report.xml").read_text(encoding="utf-8")
    times = [float(part.partition('"')[0]) for part in text.split(' time="')[2:]]
    assert [seconds >= 0.1 for seconds in times] == [True, True]


@BOTH
def test_durations_name_the_slow_slot(project: Project, options: tuple[str, ...]) -> None:
    """``--durations`` lists the call of the slow slot first."""
    project.experiment(runs=["a"])

    def answer(slot: Any, _question: object) -> None:
        if slot.name == "runs/a/judge_02":
            time.sleep(0.5)

    done = project.run(*options, "--durations=1", panel=FakePanel(answer))
    (listed,) = done.section("slowest 1 durations")
    assert listed == "0.00s call     exp/experiment.yaml::runs/a/judge_02"


# --- stopping ----------------------------------------------------------------------------------


class Failing:
    """``running`` judges meet; one then fails, the others end when that is reported."""

    def __init__(self, running: int, failing: str) -> None:
        self.meet = threading.Barrier(running)
        self.failing = failing
        self.reported = threading.Event()

    def answer(self, slot: Any, _question: object) -> str | None:
        """Fail, or wait until the failure is reported."""
        self.meet.wait(WAIT)
        if slot.name == self.failing:
            return "I would rather not say"
        assert self.reported.wait(WAIT)
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let the others go on."""
        if report.failed:
            self.reported.set()


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_nothing_is_started_after_the_failure_that_stops(project: Project, option: str) -> None:
    """Three are at work when one fails: the two others are awaited, reported, and recorded."""
    root = project.experiment(runs=list("abcd"), retries=0)
    failing = Failing(running=3, failing="runs/a/judge_01")
    panel = FakePanel(failing.answer)
    done = project.run("--parallel", "3", option, panel=panel, plugins=[failing])
    at_work = ["runs/a/judge_01", "runs/a/judge_02", "runs/b/judge_01"]
    assert (done.exit, sorted(panel.asked), panel.started) == (1, at_work, at_work)
    assert judged(root) == at_work[1:]
    reported = [r.nodeid.partition("::")[2] for r in panel.reports if r.when == "call"]
    assert (reported[0], sorted(reported)) == (at_work[0], at_work)
    assert done.lines[-2:] == [
        "!!!!!!!!!!!!!!!!!!!!!!!!!! stopping after 1 failures !!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "========================= 1 failed, 2 passed in 0.00s ==========================",
    ]
    assert done.section("judge panel")[-1] == "judged 2, failed to judge 1, consensus regenerated 2"


def test_maxfail_counts_failures(project: Project) -> None:
    """With ``--maxfail=2`` the first failure frees a lane, the second stops."""
    root = project.experiment(runs=list("abcd"), retries=0)
    order = slots("a", "b")
    reported = {name: threading.Event() for name in order}
    stopped = threading.Event()

    class Reports:
        """Tells the judges which slots have their reports."""

        def pytest_runtest_logfinish(self, nodeid: str) -> None:
            """Let the next one fail."""
            name = nodeid.partition("::")[2]
            if name in reported:
                reported[name].set()
            if name == order[1]:
                stopped.set()

    def answer(slot: Any, _question: object) -> str | None:
        if slot.name == order[0]:
            return "no"
        if slot.name == order[1]:
            assert reported[order[0]].wait(WAIT)
            return "no"
        assert stopped.wait(WAIT)
        return None

    panel = FakePanel(answer)
    done = project.run("--parallel", "2", "--maxfail=2", panel=panel, plugins=[Reports()])
    assert (done.exit, panel.started) == (1, order[:3])
    assert judged(root) == order[2:3]


def test_one_failure_more_than_maxfail_does_not_matter(project: Project) -> None:
    """Judges at work that fail after the stop are reported as failed, too."""
    root = project.experiment(runs=list("abcd"), retries=0)
    meet = threading.Barrier(3)

    def answer(_slot: object, _question: object) -> str:
        meet.wait(WAIT)
        return "I would rather not say"

    panel = FakePanel(answer)
    done = project.run("--parallel", "3", "-x", panel=panel)
    assert (done.exit, len(panel.asked), judged(root)) == (1, 3, [])
    assert len(done.section("FAILURES")) == 6


def test_sequentially_the_first_failure_stops(project: Project) -> None:
    """``-x`` alone: nothing after the failed slot is asked."""
    root = project.experiment(runs=list("ab"), retries=0)
    panel = FakePanel(lambda slot, _q: "nothing" if slot.name == "runs/a/judge_02" else None)
    done = project.run("-x", panel=panel)
    assert (done.exit, panel.asked, judged(root)) == (1, slots("a"), ["runs/a/judge_01"])


def test_a_failed_test_before_the_slots_stops_before_them(project: Project) -> None:
    """``-x`` holds across tests and slots: no call is paid after a test has failed."""
    project.experiment()
    project.pytester.makepyfile(test_plain="def test_it(): assert 0")
    panel = FakePanel()
    done = project.run("-x", "--parallel", "4", panel=panel)
    assert (done.exit, panel.asked) == (1, [])


@BOTH
def test_shouldstop_of_another_plugin_is_obeyed(project: Project, options: tuple[str, ...]) -> None:
    """A plugin may end the session between two slots: what is at work is recorded, no more."""
    root = project.experiment(runs=list("abcdefghijkl"), judges=1)

    class Stopper:
        """Ends the session at the first report."""

        def pytest_sessionstart(self, session: pytest.Session) -> None:
            """Remember the session."""
            self.session = session

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            """Say that it is enough."""
            if report.when == "call":
                self.session.shouldstop = "enough"

    panel = FakePanel()
    done = project.run(*options, panel=panel, plugins=[Stopper()])
    assert done.exit == 2
    assert len(panel.asked) <= 2 * 3
    assert judged(root) == sorted(panel.asked)


@BOTH
def test_a_disk_that_refuses_three_slots_in_a_row_ends_the_session(
    project: Project, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked, nothing more is started, and the reason stands where pytest stops."""
    project.experiment(runs=list("abcdefghijklmnopqrstuvwxyz"), judges=1, retries=0)
    monkeypatch.setattr(disk, "ROOM", 1 << 62)
    panel = FakePanel()
    done = project.run(*options, "--tb=no", panel=panel)
    assert (done.exit, panel.asked) == (1, [])
    failed = [text for text in done.progress if "-> FAIL" in text]
    # At most three lanes are full again before each of the three reports.
    assert 3 <= len(failed) <= 3 * (3 + 1)
    (stop,) = [text for text in done.lines if text.startswith("! ")]
    last = re.escape(f"{project.path}/exp/runs/") + "./judge/judge_01/attempts/ATTEMPT"
    assert re.fullmatch(
        f"! stopped: the disk refused 3 slots in a row, at last {last}: cannot be "
        "written \\(No space left on device\\); nothing was paid; mend that and run the same "
        "command again !",
        stop,
    )


@BOTH
def test_every_judgment_on_disk_was_reported(project: Project, options: tuple[str, ...]) -> None:
    """Scores on disk, in the reports' properties, and in the consensus agree."""
    root = project.experiment(runs=["a"])
    score = {"runs/a/judge_01": 0.25, "runs/a/judge_02": 0.75}

    def answer(slot: Any, _question: object) -> str:
        return json.dumps({"score": score[slot.name], "passed": True, "reasoning": "r"})

    panel = FakePanel(answer)
    project.run(*options, panel=panel)
    found = {name: dict(panel.call(name).user_properties) for name in score}
    properties = {name: (found[name]["score"], found[name]["passed"]) for name in score}
    assert properties == {name: (s, True) for name, s in score.items()}
    stored = json.loads((root / "runs" / "a" / "judge" / "result.json").read_bytes())
    assert (stored["score"], stored["passed"], stored["judged"]) == (0.5, True, 2)
