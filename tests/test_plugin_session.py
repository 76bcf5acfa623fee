"""A session from its start to its exit status: the consensus, the judges' hook, other suites."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from filelock import lock_descriptor

from tests.plugin_project import FakePanel, line, said, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

BOTH = pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])


# --- exit statuses -----------------------------------------------------------------------------


@BOTH
def test_judgments_that_say_no_are_a_green_session(
    project: Project, options: tuple[str, ...]
) -> None:
    """Every judge finds the run wanting; all slots were judged, so the exit status is 0."""
    root = project.experiment(runs=["a"])
    reply = json.dumps({"score": 0.0, "passed": False, "reasoning": "it is wrong"})
    done = project.run(*options, panel=FakePanel(lambda _slot, _question: reply))
    stored = json.loads((root / "runs" / "a" / "judge" / "result.json").read_bytes())
    assert (done.exit, stored["score"], stored["passed"]) == (0, 0.0, False)


@BOTH
def test_a_failed_slot_exits_with_1(project: Project, options: tuple[str, ...]) -> None:
    """One slot without a verdict, and no score is made up for it."""
    root = project.experiment(runs=["a"], retries=0)
    panel = FakePanel(lambda slot, _q: "no" if slot.name == "runs/a/judge_01" else None)
    assert project.run(*options, panel=panel).exit == 1
    assert not (root / "runs" / "a" / "judge" / "judge_01" / "judgment.json").exists()


@pytest.mark.parametrize(
    "options",
    [("-k", "no_such_judge"), ("-m", "stale"), ("--deselect", "exp")],
    ids=" ".join,
)
def test_a_selection_that_removes_all_work_exits_with_5(
    project: Project, options: tuple[str, ...]
) -> None:
    """There was work, and the selection left none of it: likely a typing error."""
    project.experiment()
    panel = FakePanel()
    done = project.run(*options, panel=panel)
    assert (done.exit, panel.asked) == (5, [])
    assert not any("nothing left to judge" in text for text in done.lines)


def test_a_status_that_no_slot_has_exits_with_0(project: Project) -> None:
    """It says so, and does not claim that nothing is left to judge."""
    project.experiment()
    done = project.run("--status", "stale", "--status", "failed")
    assert (done.exit, done.body[:2]) == (
        0,
        ["exp: 4 slots: 4 missing", "nothing to judge: no slot is stale or failed"],
    )


def test_no_experiment_exits_with_5(project: Project) -> None:
    """A directory without experiments and tests is pytest's own case of no tests."""
    (project.path / "empty").mkdir()
    assert project.run("empty").exit == 5


@pytest.mark.parametrize("options", [("--no-such-option",), ("--parallel",), ("nowhere",)])
def test_wrong_usage_exits_with_4(project: Project, options: tuple[str, ...]) -> None:
    """Nothing is judged, and nothing on disk changes."""
    project.experiment()
    before = project.snapshot()
    panel = FakePanel()
    assert project.run(*options, panel=panel).exit == 4
    assert (panel.asked, project.snapshot()) == ([], before)


@pytest.fixture
def claimed(project: Project) -> Any:
    """Return an experiment whose first slot another session is judging."""
    root = project.experiment(runs=["a"], retries=0)
    slot = root / "runs" / "a" / "judge" / "judge_01"
    slot.mkdir(parents=True)
    fd = os.open(slot / ".claim", os.O_RDWR | os.O_CREAT)
    assert lock_descriptor(fd, blocking=False)
    os.write(fd, b"elsewhere:42 since 12:00:00 UTC")
    yield root
    os.close(fd)


@BOTH
def test_a_slot_that_is_being_judged_is_deferred(
    project: Project, claimed: Path, options: tuple[str, ...]
) -> None:
    """It is skipped with the reason, nothing is asked for it, and the exit status is 75."""
    panel = FakePanel()
    done = project.run(*options, panel=panel)
    assert (done.exit, panel.asked) == (75, ["runs/a/judge_02"])
    skip = "being judged by elsewhere:42 since 12:00:00 UTC"
    shown = [text for text in done.progress if "judge_01" in text]
    assert [re.sub(r"\[\d/2\]|\d remaining", "", text) for text in shown] == [
        f" runs/a/judge_01 -> SKIP (, 0s elapsed): {skip}"
    ]
    assert done.section("judge panel")[1:5] == [
        "  judge       complete   missing    failed",
        "  01 judge-a         0         1         0",
        "  02 judge-b         1         0         0",
        "judged 1, failed to judge 0, deferred 1, consensus regenerated 1",
    ]
    assert done.lines[-1] == (
        "========================= 1 passed, 1 skipped in 0.00s ========================="
    )
    assert not (claimed / "runs" / "a" / "judge" / "judge_01" / "attempts").exists()


@BOTH
def test_a_failure_outranks_a_deferred_slot(
    project: Project, claimed: Path, options: tuple[str, ...]
) -> None:
    """With a failed and a deferred slot the exit status is 1."""
    assert claimed.is_dir()
    assert project.run(*options, panel=FakePanel(lambda _s, _q: "no verdict")).exit == 1


def test_the_next_session_judges_what_was_deferred(project: Project, claimed: Path) -> None:
    """Once the other session is gone, the same command judges the slot."""
    first = project.run(panel=FakePanel())
    (claimed / "runs" / "a" / "judge" / "judge_01" / ".claim").unlink()  # the lock goes with it
    panel = FakePanel()
    second = project.run(panel=panel)
    assert (first.exit, second.exit, panel.asked) == (75, 0, ["runs/a/judge_01"])


def test_the_claim_names_this_session_while_it_judges(project: Project) -> None:
    """Another session that finds the slot claimed can say by whom."""
    root = project.experiment(runs=["a"], judges=1)
    notes = []

    def answer(_slot: object, _question: object) -> None:
        notes.append((root / "runs/a/judge/judge_01/.claim").read_text(encoding="utf-8"))

    project.run(panel=FakePanel(answer))
    assert notes[0].startswith(f"{socket.gethostname()}:{os.getpid()} since ")


# --- consensus ---------------------------------------------------------------------------------


def result_of(root: Path, run: str) -> dict[str, Any]:
    """Return the stored consensus of a run."""
    stored = json.loads((root / "runs" / run / "judge" / "result.json").read_bytes())
    assert isinstance(stored, dict)
    return stored


def finished(project: Project) -> Path:
    """Write an experiment of two runs whose slots all have judgments, but no consensus."""
    root = project.experiment()
    for run in ("a", "b"):
        project.judgment(root / "runs" / run, 1, score=0.25)
        project.judgment(root / "runs" / run, 2, score=0.75)
    return root


def test_the_consensus_is_written_with_nothing_to_judge(project: Project) -> None:
    """All judgments are there, so only the runs' consensus is made, and counted."""
    root = finished(project)
    done = project.run()
    assert done.exit == 0
    assert done.section("judge panel")[-1] == (
        "judged 0, failed to judge 0, consensus regenerated 2"
    )
    assert [result_of(root, run)["score"] for run in ("a", "b")] == [0.5, 0.5]


def test_a_consensus_that_is_right_is_left_alone(project: Project) -> None:
    """The second session writes nothing at all."""
    finished(project)
    project.run()
    before = project.snapshot()
    done = project.run()
    assert done.section("judge panel")[-1] == (
        "judged 0, failed to judge 0, consensus regenerated 0"
    )
    assert project.snapshot() == before


@pytest.mark.parametrize("stored", ["", "[]", '{"score": 1}', '{"score": NaN}', "\x00"])
def test_a_wrong_consensus_is_made_again(project: Project, stored: str) -> None:
    """Damaged or out of date, it becomes what the judgments give; the other run's stays."""
    root = finished(project)
    project.run()
    right = (root / "runs" / "a" / "judge" / "result.json").read_bytes()
    before = (root / "runs" / "b" / "judge" / "result.json").stat().st_mtime_ns
    (root / "runs" / "a" / "judge" / "result.json").write_text(stored, encoding="utf-8")
    done = project.run()
    assert done.section("judge panel")[-1] == (
        "judged 0, failed to judge 0, consensus regenerated 1"
    )
    assert (root / "runs" / "a" / "judge" / "result.json").read_bytes() == right
    assert (root / "runs" / "b" / "judge" / "result.json").stat().st_mtime_ns == before


def test_runs_that_were_not_selected_are_settled_too(project: Project) -> None:
    """Every collected run counts, not only those that were judged in this session."""
    root = finished(project)
    (root / "runs" / "a" / "judge" / "judge_01" / "judgment.json").unlink()
    panel = FakePanel()
    done = project.run("exp/runs/a", panel=panel)
    assert (done.exit, panel.asked) == (0, ["runs/a/judge_01"])
    assert (result_of(root, "a")["judged"], result_of(root, "b")["judged"]) == (2, 2)


@pytest.mark.parametrize(
    "options",
    [
        ("--collect-only",),
        ("--setup-only",),
        ("--setup-plan",),
        ("--dry-run",),
        ("exp/experiment.yaml::nonsense",),
        ("--dry-run", "--parallel", "3"),
    ],
    ids=" ".join,
)
def test_nothing_is_settled_when_nothing_is_to_be_done(
    project: Project, options: tuple[str, ...]
) -> None:
    """Looking, dry runs, and usage errors leave even a missing consensus alone."""
    finished(project)
    before = project.snapshot()
    project.run(*options)
    assert project.snapshot() == before


def test_settling_follows_the_last_report(project: Project) -> None:
    """No consensus is written before every slot has its report."""
    root = project.experiment()
    seen = []

    class Reports:
        """Looks for a consensus at every report."""

        def pytest_runtest_logreport(self) -> None:
            """Look."""
            seen.append(any(root.glob("runs/*/judge/result.json")))

    assert project.run("--parallel", "3", panel=FakePanel(), plugins=[Reports()]).exit == 0
    assert set(seen) == {False}
    assert len(list(root.glob("runs/*/judge/result.json"))) == 2


def test_a_run_that_cannot_be_settled_spoils_only_itself(project: Project) -> None:
    """It is a line of the summary, the next run is settled, and the exit status is 1."""
    root = finished(project)
    (root / "runs" / "a" / "judge" / ".lock").mkdir()
    done = project.run()
    assert (root / "runs" / "b" / "judge" / "result.json").is_file()
    assert done.exit == 1
    problem, totals = done.section("judge panel")[-2:]
    assert problem.startswith("runs/a: the consensus cannot be written (")
    assert totals == "judged 0, failed to judge 0, consensus regenerated 1"


def test_scylla_results_are_settled_in_their_own_format(
    project: Project, make_scylla: Callable[..., Path]
) -> None:
    """``run_result.json`` gets the judges' keys; the agent's stay."""
    root = make_scylla(project.path / "exp", judgments={"T0/00/run_01/judge_02": None})
    done = project.run(panel=FakePanel())
    stored = json.loads((root / "T0" / "00" / "run_01" / "run_result.json").read_bytes())
    assert (done.exit, stored["cost_usd"], stored["judge_score"]) == (0, 0.01, pytest.approx(0.7))
    assert [judge["judge_number"] for judge in stored["judges"]] == [1, 2, 3]


def test_what_stood_in_place_of_a_consensus_is_kept_and_named(project: Project) -> None:
    """The session says what it has set aside, and is no failure for that."""
    root = project.experiment(runs=["a"])
    project.run(panel=FakePanel())
    path = root / "runs/a/judge/result.json"
    path.unlink()
    path.mkdir()
    done = project.run()
    assert [kept.is_dir() for kept in path.parent.glob("result.json.bad-*")] == [True]
    line = "exp/runs/a/judge/result.json: is a directory; set aside as result.json.bad-ATTEMPT"
    assert (done.exit, line in done.lines, path.is_file()) == (0, True, True)


# --- the judges' hook --------------------------------------------------------------------------

WRAP = """
class FakeWrapped:
    def __init__(self, judge):
        self.judge = judge

    def ask(self, question):
        reply = self.judge.ask(question)
        return reply.text.replace("worth", "wrapped")


def pytest_harness_judge(slot, judge):
    return FakeWrapped(judge) if slot.judge.number == 1 else None
"""


@BOTH
def test_the_hook_wraps_and_leaves_judges(project: Project, options: tuple[str, ...]) -> None:
    """What it returns is asked in place of the configured judge; None leaves that as it is."""
    root = project.experiment(runs=["a"])
    (root / "conftest.py").write_text(WRAP, encoding="utf-8")
    assert project.run(*options).exit == 0
    judge = root / "runs" / "a" / "judge"
    reasons = [
        json.loads((judge / slot / "judgment.json").read_bytes())["reasoning"]
        for slot in ("judge_01", "judge_02")
    ]
    assert reasons == ["wrapped 0.9", "worth 0.8"]


@BOTH
def test_a_conftest_holds_below_its_directory_only(
    project: Project, options: tuple[str, ...]
) -> None:
    """The hook of one experiment's conftest is not called for another experiment."""
    one, two = project.experiment("one", runs=["a"]), project.experiment("two", runs=["a"])
    (one / "conftest.py").write_text(WRAP.replace("wrapped", "by one"), encoding="utf-8")
    assert project.run(*options).exit == 0
    reasons = [
        json.loads((root / "runs/a/judge/judge_01/judgment.json").read_bytes())["reasoning"]
        for root in (one, two)
    ]
    assert reasons == ["by one 0.9", "worth 0.9"]


def test_the_hook_supplies_a_judge_of_a_kind_that_is_not_there(
    project: Project, make_scylla: Callable[..., Path]
) -> None:
    """A ProjectScylla experiment's own judges can be replaced without configuration."""
    missing = {"T0/00/run_01/judge_01": None}
    make_scylla(project.path / "exp", judgments=missing, replay=False)
    panel = FakePanel(
        lambda _slot, question: json.dumps(
            {
                "score": 1.0,
                "passed": True,
                "reasoning": "r",
                **token_of(question.prompt),
            }
        )
    )
    done = project.run(panel=panel)
    assert (done.exit, panel.asked) == (0, ["T0/00/run_01/judge_01"])


def token_of(prompt: str) -> dict[str, str]:
    """Return the token that a prompt asks to repeat."""
    found = re.search(r"\b[0-9a-f]{16}\b", prompt)
    return {"token": found.group()} if found else {}


@BOTH
def test_the_hook_is_called_in_the_main_thread(project: Project, options: tuple[str, ...]) -> None:
    """Once for each slot, although the judges are asked in threads."""
    calls = []

    class Hook:
        """Notes where it is called."""

        def pytest_harness_judge(self, slot: Any) -> None:
            """Note."""
            calls.append((slot.name, threading.current_thread() is threading.main_thread()))

    project.experiment(runs=["a"])
    assert project.run(*options, plugins=[Hook()]).exit == 0
    assert calls == [(name, True) for name in slots("a")]


@BOTH
def test_a_hook_that_raises_fails_its_slot(project: Project, options: tuple[str, ...]) -> None:
    """The other slots are judged; there is no internal error."""

    class Hook:
        """Breaks for one slot."""

        def pytest_harness_judge(self, slot: Any) -> None:
            """Break."""
            if slot.name == "runs/a/judge_01":
                raise RuntimeError("a bug in the hook")

    root = project.experiment(runs=["a", "b"])
    done = project.run(*options, plugins=[Hook()])
    assert done.exit == 1
    assert [text for text in done.progress if "FAIL" in text] == [
        line(1, 4, "runs/a/judge_01", "FAIL", "RuntimeError: a bug in the hook")
    ]
    assert len(list(root.glob("runs/*/judge/judge_*/judgment.json"))) == 3


@BOTH
def test_a_hook_that_returns_no_judge_fails_its_slot(
    project: Project, options: tuple[str, ...]
) -> None:
    """An object without ``ask`` is named as what it is, and no call counts as paid."""

    class Hook:
        """Returns what is no judge."""

        def pytest_harness_judge(self, slot: Any) -> object:
            """Return a text for one slot."""
            return "no judge" if slot.name == "runs/a/judge_01" else None

    root = project.experiment(runs=["a"], retries=0)
    done = project.run(*options, "--tb=no", plugins=[Hook()])
    assert done.exit == 1
    (failed,) = [text for text in done.progress if "FAIL" in text]
    assert failed.endswith(
        ": pytest_harness_judge returned a str, which has no method ask; return a judge, or None "
        "to leave it as it is; nothing was paid"
    )
    assert [text for text in done.lines if text.startswith("calls:")] == []
    assert not (root / "runs/a/judge/judge_01/attempts").exists()


@BOTH
@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (lambda: pytest.skip.Exception("why"), "skipped"),
        (lambda: pytest.fail.Exception("why"), "failed"),
        (lambda: pytest.xfail.Exception("why"), "skipped"),
    ],
    ids=["skip", "fail", "xfail"],
)
def test_pytests_outcomes_in_a_judge_are_native(
    project: Project,
    options: tuple[str, ...],
    raised: Callable[[], BaseException],
    outcome: str,
) -> None:
    """They are the slot's outcome, the others are judged, and the slot stays as it was."""

    def answer(slot: Any, _question: object) -> None:
        if slot.name == "runs/a/judge_01":
            raise raised()

    root = project.experiment(runs=["a"])
    panel = FakePanel(answer)
    done = project.run(*options, panel=panel)
    assert done.exit == (1 if outcome == "failed" else 0)
    assert panel.call("runs/a/judge_01").outcome == outcome
    assert panel.call("runs/a/judge_02").outcome == "passed"
    assert not (root / "runs" / "a" / "judge" / "judge_01" / "judgment.json").exists()


class Ending:
    """Of four runs the second ends the session once the first has its report.

    In a pool the third keeps its lane meanwhile, so that only the end could make room
    for the last.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self.leave = leave
        self.first, self.over = threading.Event(), threading.Event()

    def pytest_runtest_logfinish(self) -> None:
        """Say that the first slot has its report."""
        self.first.set()

    def pytest_sessionfinish(self) -> None:
        """Say that the session is over."""
        self.over.set()

    def answer(self, slot: Any, _question: object) -> None:
        """Answer for the slot of the run ``b`` with the end."""
        match slot.run.name[-1]:
            case "b":
                assert self.first.wait(60)
                self.leave()
            case "c":
                assert self.over.wait(60)


@BOTH
def test_pytest_exit_in_a_judge_ends_the_session(
    project: Project, options: tuple[str, ...]
) -> None:
    """With its own exit status; what is judged is settled, and nothing more is started."""

    def leave() -> None:
        pytest.exit("enough", returncode=9)

    ending = Ending(leave)
    root = project.experiment(runs=list("abcd"), judges=1)
    panel = FakePanel(ending.answer)
    done = project.run(*options, panel=panel, plugins=[ending])
    assert done.exit == 9
    assert (root / "runs" / "a" / "judge" / "result.json").is_file()
    assert "runs/d/judge_01" not in panel.asked
    assert any("_pytest.outcomes.Exit: enough" in text for text in done.lines)


@BOTH
def test_ctrl_c_in_a_judge_ends_the_session(project: Project, options: tuple[str, ...]) -> None:
    """The exit status is 2, what is judged is settled, and nothing more is started."""

    def leave() -> None:
        raise KeyboardInterrupt

    ending = Ending(leave)
    root = project.experiment(runs=list("abcd"), judges=1)
    panel = FakePanel(ending.answer)
    done = project.run(*options, panel=panel, plugins=[ending])
    assert (done.exit, "runs/d/judge_01" in panel.asked) == (2, False)
    assert result_of(root, "a")["judged"] == 1
    assert not (root / "runs" / "b" / "judge" / "judge_01" / "judgment.json").exists()


@BOTH
def test_an_exit_of_a_judge_fails_its_slot(project: Project, options: tuple[str, ...]) -> None:
    """A judge that calls ``sys.exit`` is a failed item, as in pytest; the others are judged."""

    def answer(slot: Any, _question: object) -> None:
        if slot.name == "runs/a/judge_01":
            sys.exit("gone")

    project.experiment(runs=["a", "b"])
    panel = FakePanel(answer)
    done = project.run(*options, "--tb=no", panel=panel)
    assert (done.exit, sorted(panel.answered)) == (1, slots("a", "b"))
    assert [panel.call(name).outcome for name in slots("a", "b")] == ["failed", *["passed"] * 3]
    assert [text.rpartition(": ")[2] for text in done.progress if "FAIL" in text] == ["gone"]


# --- suites without experiments ----------------------------------------------------------------

SUITE = """
import logging, warnings, pytest

def test_passes(tmp_path): print("out")
def test_fails(): assert 1 == 2
def test_logs(caplog): logging.warning("x"); assert caplog.messages == ["x"]
def test_warns(): warnings.warn("careful")
@pytest.mark.skip(reason="not now")
def test_skipped(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_many(n): assert n
"""

PROBE = """
import sys

def pytest_unconfigure():
    loaded = sorted(m for m in sys.modules if m == "harness" or m.startswith("harness."))
    heavy = sorted({"yaml", "msgspec", "jinja2", "filelock", "xdist"} & set(sys.modules))
    open("modules", "w").write(" ".join(loaded + heavy))
"""


def native(project: Project, *options: str) -> tuple[int, list[str], list[str]]:
    """Run a suite in a process of its own; return its exit status, its output, and its errors."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=project.path,
    )
    return done.returncode, said(done.stdout.splitlines()), done.stderr.splitlines()


@pytest.mark.parametrize("options", [(), ("-vv", "-rA")], ids=["plain", "verbose"])
def test_an_ordinary_suite_is_untouched(project: Project, options: tuple[str, ...]) -> None:
    """Without an experiment the output is the same with the plugin and without it."""
    project.pytester.makepyfile(test_suite=SUITE)
    with_plugin = native(project, "-p", "harness.plugin", *options)
    without = native(project, *options)
    assert with_plugin[0] == 1
    assert with_plugin == without


def test_an_ordinary_suite_pays_for_the_options_only(project: Project) -> None:
    """Without an experiment nothing but the plugin's front and its options are imported."""
    project.pytester.makepyfile(test_suite=SUITE)
    project.pytester.makeconftest(PROBE)
    assert native(project, "-p", "harness.plugin")[0] == 1
    assert (project.path / "modules").read_text(encoding="utf-8").split() == [
        "harness",
        "harness.plugin",
        "harness.plugin.hookspecs",
        "harness.plugin.limits",
        "harness.plugin.looks",
        "harness.plugin.options",
        "harness.plugin.publish",
        "harness.plugin.quality",
        "harness.plugin.shard",
        "harness.plugin.verbs",
    ]


def test_an_experiment_beside_an_ordinary_suite_costs_one_module(project: Project) -> None:
    """The node that pytest makes of the directory beside the tests imports nothing more."""
    project.experiment()
    tests = project.path / "tests"
    tests.mkdir()
    (tests / "test_suite.py").write_text("def test_it(): pass\n", encoding="utf-8")
    project.pytester.makeconftest(PROBE)
    native(project, "-p", "harness.plugin", "tests")
    assert (project.path / "modules").read_text(encoding="utf-8").split() == [
        "harness",
        "harness.plugin",
        "harness.plugin.directories",
        "harness.plugin.hookspecs",
        "harness.plugin.limits",
        "harness.plugin.looks",
        "harness.plugin.options",
        "harness.plugin.publish",
        "harness.plugin.quality",
        "harness.plugin.shard",
        "harness.plugin.verbs",
    ]


def test_other_files_called_experiment_are_other_files(project: Project) -> None:
    """A directory with ``runs/`` and ``T0/`` but no task is no experiment."""
    (project.path / "mlruns" / "runs").mkdir(parents=True)
    (project.path / "mlruns" / "test_it.py").write_text("def test_it(): pass\n", encoding="utf-8")
    assert project.ids() == ["mlruns/test_it.py::test_it"]


def test_the_consensus_of_a_run_judged_anew_is_that_of_the_new_judgment(project: Project) -> None:
    """The scan knew a valid, stale judgment; what counts is the one that took its place."""
    root = project.experiment(runs=["a"], judges=1)
    project.run(panel=FakePanel())
    (root / "runs" / "a" / "output.md").write_text("Another answer.\n", encoding="utf-8")
    reply = '{"score": 0.9, "passed": true, "reasoning": "better"}'
    done = project.run("--status", "stale", panel=FakePanel(lambda _slot, _question: reply))
    stored = json.loads((root / "runs" / "a" / "judge" / "result.json").read_bytes())
    assert (done.exit, stored["score"], stored["reasoning"]) == (0, 0.9, "better")
