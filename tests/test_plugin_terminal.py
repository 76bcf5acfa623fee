"""What a person sees: counts, a line for each slot, the table, the totals."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from harness import JudgeError
from tests.plugin_project import FakePanel, line, slots
from tests.workshop import answer, shell_judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

BOTH = pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])


NO_VERDICT = (
    "the reply has no JSON object with score, passed, reasoning; "
    "it is kept in exp/{}/attempts/ATTEMPT/stdout"
)


class InOrder:
    """Lets the judges of a pool answer one after the other, in the order of the slots' names."""

    def __init__(self, names: list[str]) -> None:
        self.reported = {name: threading.Event() for name in names}
        self.names = names

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Let the next one answer once this one has its line."""
        self.reported[nodeid.partition("::")[2]].set()

    def wait(self, slot: Any, _question: object) -> None:
        """Wait until the slot before this one has its line."""
        place = self.names.index(slot.name)
        if place:
            assert self.reported[self.names[place - 1]].wait(60)


@BOTH
def test_a_session_is_counts_then_lines_then_table_then_totals(
    project: Project, options: tuple[str, ...]
) -> None:
    """The whole of a session at normal verbosity, from the collection on."""
    project.experiment(runs=["a", "b"], retries=0)
    names = slots("a", "b")
    order = InOrder(names)

    def answer(slot: Any, question: object) -> str | None:
        if options:
            order.wait(slot, question)
        return "I would rather not say" if slot.name == "runs/b/judge_01" else None

    panel = FakePanel(answer)
    done = project.run(*options, panel=panel, plugins=[order])
    why = NO_VERDICT.format("runs/b/judge/judge_01")
    assert done.lines[4:] == [
        "collected 4 items",
        "exp: 4 slots: 4 missing",
        line(1, 4, "runs/a/judge_01"),
        line(2, 4, "runs/a/judge_02"),
        line(3, 4, "runs/b/judge_01", "FAIL", why),
        line(4, 4, "runs/b/judge_02"),
        "",
        "=================================== FAILURES ===================================",
        "_______________________________ runs/b/judge_01 ________________________________",
        why,
        "================================= judge panel ==================================",
        "exp",
        "  judge       complete   missing    failed",
        "  01 judge-a         1         0         1",
        "  02 judge-b         2         0         0",
        "judged 3, failed to judge 1, consensus regenerated 2",
        "================================== consensus ===================================",
        "exp: 1 run with a consensus, mean 0.500, 1 passed",
        "  worst first  score  passed  spread",
        "  runs/a       0.500     yes    0.00",
        "  agreement: alpha undefined; split verdicts in 0 runs",
        "calls: 4 paid, 0 adopted, 0 lost, 1 wasted",
        "next: pytest exp --status failed (tries the failed slot again)",
        "=========================== short test summary info ============================",
        "FAILED exp/experiment.yaml::runs/b/judge_01 - the reply has no JSON object wi...",
        "========================= 1 failed, 3 passed in 0.00s ==========================",
    ]


@BOTH
def test_quiet_sessions_have_pytests_dots(project: Project, options: tuple[str, ...]) -> None:
    """With ``-q`` a slot is a letter."""
    project.experiment(runs=["a", "b"])
    done = project.run("-q", *options, panel=FakePanel())
    assert [text for text in done.lines if text][:2] == [
        "exp: 4 slots: 4 missing",
        f"....{'[100%]':>75}",
    ]


@BOTH
def test_verbose_sessions_have_pytests_lines(project: Project, options: tuple[str, ...]) -> None:
    """With ``-v`` a slot is a line with its node id, its word, and the percentage."""
    project.experiment(runs=["a"])
    names = slots("a")
    order = InOrder(names)
    panel = FakePanel(order.wait if options else None)
    done = project.run("-v", *options, panel=panel, plugins=[order])
    assert done.lines[7:13] == [
        "",
        "exp/experiment.yaml::runs/a/judge_01 PASSED                              [ 50%]",
        "exp/experiment.yaml::runs/a/judge_02 PASSED                              [100%]",
        "",
        "================================= judge panel ==================================",
        "exp",
    ]


@BOTH
def test_ordinary_tests_keep_pytests_letters(project: Project, options: tuple[str, ...]) -> None:
    """Tests print as ever, before the slots' lines, which have figures of their own."""
    project.experiment(runs=["a"])
    project.pytester.makepyfile(test_plain="def test_a(): pass\ndef test_b(): assert 0")
    done = project.run(*options, "--tb=no", panel=FakePanel())
    assert done.body[1].startswith("test_plain.py .F")
    assert [text.partition(" ")[0] for text in done.progress] == ["[1/2]", "[2/2]"]
    assert not any("[100%]" in text for text in done.lines)


def test_the_line_of_tests_before_slots_has_its_percentage(project: Project) -> None:
    """As before another file, the line ends with how far the session is; no empty line follows."""
    project.experiment(runs=["a"])
    project.pytester.makepyfile(test_plain="def test_a(): pass\ndef test_b(): pass")
    done = project.run(panel=FakePanel())
    assert done.lines[6:9] == [
        "",
        f"test_plain.py ..{'[ 50%]':>63}",
        line(1, 2, "runs/a/judge_01"),
    ]


def test_lines_name_the_experiment_when_there_are_several(project: Project) -> None:
    """Two experiments with runs of one name can be told apart."""
    project.experiment("one", runs=["a"], judges=1)
    project.experiment("two", runs=["a"], judges=1, name="second")
    done = project.run(panel=FakePanel())
    assert done.body[:2] == ["one: 1 slot: 1 missing", "second: 1 slot: 1 missing"]
    assert done.progress == [
        line(1, 2, "one/runs/a/judge_01"),
        line(2, 2, "second/runs/a/judge_01"),
    ]


@BOTH
@pytest.mark.parametrize(
    ("raised", "shown", "category"),
    [
        (lambda: JudgeError("no answer today"), "FAIL: no answer today", "1 failed"),
        (lambda: JudgeError("line\none\x1b[31m"), "FAIL: line one\\x1b[31m", "1 failed"),
        (lambda: RuntimeError("a bug"), "FAIL: RuntimeError: a bug", "1 failed"),
        (lambda: pytest.skip.Exception("not now"), "SKIP: not now", "1 skipped"),
        (lambda: pytest.fail.Exception("by hand"), "FAIL: Failed: by hand", "1 failed"),
        (lambda: pytest.xfail.Exception("known"), "SKIP: expected failure: known", "1 xfailed"),
    ],
    ids=["judge error", "control characters", "bug", "skip", "fail", "xfail"],
)
def test_a_line_says_why_a_slot_was_not_judged(
    project: Project,
    options: tuple[str, ...],
    raised: Callable[[], BaseException],
    shown: str,
    category: str,
) -> None:
    """One line, control characters made visible; the words in the last line are pytest's."""

    def answer(slot: Any, _question: object) -> str | None:
        if slot.name == "runs/a/judge_02":
            raise raised()
        return None

    project.experiment(runs=["a"], retries=0)
    done = project.run(*options, "--tb=no", panel=FakePanel(answer))
    verdict, _, why = shown.partition(": ")
    assert re.sub(r"^\[\d", "[N", next(t for t in done.progress if "judge_02" in t)).replace(
        "1 remaining", "0 remaining"
    ) == line(2, 2, "runs/a/judge_02", verdict, why).replace("[2/", "[N/")
    assert category in done.lines[-1]


def test_a_long_reason_is_cut(project: Project) -> None:
    """A judge's error of many pages takes one line of bounded length."""

    def answer(_slot: object, _question: object) -> str | None:
        raise JudgeError("x" * 100_000)

    project.experiment(runs=["a"], judges=1, retries=0)
    done = project.run(panel=FakePanel(answer))
    assert done.progress == [line(1, 1, "runs/a/judge_01", "FAIL", f"{'x' * 300} [...]")]


@BOTH
def test_of_very_many_slots_only_some_have_lines(
    project: Project, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every failure and the last slot have one; of the others at most one a second does."""
    monkeypatch.setattr("harness.plugin.progress.MANY", 5)
    now = 1000.0
    monkeypatch.setattr("harness.plugin.progress.time.monotonic", lambda: now)
    project.experiment(runs=list("abcdef"), judges=1, retries=0)
    names = slots(*"abcdef", judges=1)
    order = InOrder(names)

    def answer(slot: Any, question: object) -> str | None:
        if options:
            order.wait(slot, question)
        return "no verdict" if slot.name == names[3] else None

    done = project.run(*options, "--tb=no", panel=FakePanel(answer), plugins=[order])
    assert done.progress == [
        line(1, 6, names[0]),
        line(4, 6, names[3], "FAIL", NO_VERDICT.format("runs/d/judge/judge_01")),
        line(6, 6, names[5]),
    ]
    assert done.lines[-1] == (
        "========================= 1 failed, 5 passed in 0.00s =========================="
    )


def test_a_slot_that_needs_no_work_is_not_a_line(project: Project) -> None:
    """Of five statuses, the two that are judged have lines; the table counts them all."""
    project.mixed()
    done = project.run(panel=FakePanel())
    assert done.progress == [
        line(1, 2, "runs/failed/judge_01"),
        line(2, 2, "runs/missing/judge_01"),
    ]
    assert done.section("judge panel")[:3] == [
        "exp",
        "  judge       complete   missing    failed     stale   blocked",
        "  01 judge-a         3         0         0         1         1",
    ]


def test_what_was_set_aside_is_said(project: Project) -> None:
    """The summary names the damaged file, the damage, and where it is now."""
    project.mixed()
    done = project.run("exp/runs/failed", panel=FakePanel())
    assert done.section("judge panel")[3] == (
        "exp/runs/failed/judge/judge_01/judgment.json: not a judgment (is empty); "
        "set aside as judgment.json.bad-ATTEMPT"
    )


def test_a_finished_experiment_says_that_nothing_is_left(project: Project) -> None:
    """The second session judges nothing and exits with 0."""
    project.experiment(runs=["a"])
    assert project.run(panel=FakePanel()).exit == 0
    panel = FakePanel()
    done = project.run(panel=panel)
    assert (done.exit, panel.asked) == (0, [])
    assert done.lines[4:] == [
        "collected 0 items",
        "exp: 2 slots: 2 complete",
        "nothing left to judge",
        "",
        "================================= judge panel ==================================",
        "exp",
        "  judge       complete   missing    failed",
        "  01 judge-a         1         0         0",
        "  02 judge-b         1         0         0",
        "judged 0, failed to judge 0, consensus regenerated 0",
        "================================== consensus ===================================",
        "exp: 1 run with a consensus, mean 0.500, 1 passed",
        "  worst first  score  passed  spread",
        "  runs/a       0.500     yes    0.00",
        "  agreement: alpha undefined; split verdicts in 0 runs",
        "next: python -m harness report exp -o report.html (draws a page of all this)",
        "============================ no tests ran in 0.00s =============================",
    ]


def test_runs_with_nothing_to_judge_are_named(project: Project) -> None:
    """Each with its reason, ten of them; they are counted, and fail nothing."""
    names = [f"r{n:02d}" for n in range(12)]
    project.experiment(runs={"a": "It is done.\n", **dict.fromkeys(names)}, judges=1)
    done = project.run(panel=FakePanel())
    why = "no output.md or output.txt with text in it"
    assert done.exit == 0
    assert done.body[:12] == [
        "exp: 13 slots: 1 missing, 12 blocked",
        *(f"  runs/{name} is blocked: exp/runs/{name}: {why}" for name in names[:10]),
        "  ... and 2 more are blocked",
    ]


@BOTH
def test_a_line_says_that_an_answer_was_adopted(project: Project, options: tuple[str, ...]) -> None:
    """What an earlier session paid for has its line, and is counted apart."""
    root = project.experiment(runs=["a"], judges=[shell_judge(answer(), n) for n in ("x", "y")])
    assert project.run(*options).exit == 0
    for path in root.glob("runs/a/judge/judge_*/judgment.json"):
        path.unlink()
    for path in root.glob("runs/a/judge/judge_*/attempts/*/exit.json"):
        path.unlink()  # as if the session had been killed in between
    done = project.run(*options)
    why = "adopted, nothing was paid"
    assert sorted(text.partition("] ")[2].partition(" (")[0] for text in done.progress) == [
        "runs/a/judge_01 -> OK",
        "runs/a/judge_02 -> OK",
    ]
    assert [text.partition("elapsed)")[2] for text in done.progress] == [f": {why}"] * 2
    assert "calls: 0 paid, 2 adopted, 0 lost, 0 wasted" in done.section("consensus")


@BOTH
def test_the_table_shows_what_the_next_session_will_find(
    project: Project, options: tuple[str, ...]
) -> None:
    """A slot whose judge could not even be chosen was not tried: it stays missing."""

    class Broken:
        """A conftest with a bug."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_harness_judge(self, slot: Any) -> None:
            """Choose no judge for one of the slots."""
            if slot.name == "runs/a/judge_01":
                raise RuntimeError("a bug")

    project.experiment(runs=["a"], retries=0)
    done = project.run(*options, "--tb=no", panel=FakePanel(), plugins=[Broken()])
    assert done.exit == 1
    assert done.section("judge panel")[1:5] == [
        "  judge       complete   missing    failed",
        "  01 judge-a         0         1         0",
        "  02 judge-b         1         0         0",
        "judged 1, failed to judge 1, consensus regenerated 1",
    ]


@BOTH
def test_a_dry_run_lists_and_changes_nothing(project: Project, options: tuple[str, ...]) -> None:
    """The slots by status with their judges and reasons; not a file or time changes."""
    project.mixed()
    before = project.snapshot()
    panel = FakePanel()
    done = project.run("--dry-run", *options, panel=panel)
    empty = "exp/runs/failed/judge/judge_01/judgment.json: not a judgment (is empty)"
    assert (done.exit, panel.asked) == (0, [])
    assert done.body == [
        "exp: 5 slots: 1 missing, 1 failed, 1 stale, 1 complete, 1 blocked",
        "  missing: 1",
        "    runs/missing/judge_01 (judge-a): never tried",
        "  failed: 1",
        f"    runs/failed/judge_01 (judge-a): {empty}",
        "  stale: 1",
        "    runs/stale/judge_01 (judge-a): the task, the output, or the template changed since",
        "  complete: 1",
        "    runs/complete/judge_01 (judge-a)",
        "  blocked: 1",
        (
            "    runs/blocked/judge_01 (judge-a): exp/runs/blocked: "
            "no output.md or output.txt with text in it"
        ),
        "estimate: no call that is paid",
        "dry run: 2 slots would be judged; nothing was changed",
        "================================= judge panel ==================================",
        "exp",
        "  judge       complete   missing    failed     stale   blocked",
        "  01 judge-a         1         1         1         1         1",
        "============================ no tests ran in 0.00s =============================",
    ]
    assert project.snapshot() == before


def test_a_dry_run_counts_what_the_selection_leaves(project: Project) -> None:
    """``-k`` and ``--deselect`` hold for a dry run, too."""
    project.experiment()
    done = project.run("--dry-run", "-k", "judge_01", "--deselect", "exp/experiment.yaml::runs/b")
    assert done.exit == 0
    assert "dry run: 1 slot would be judged; nothing was changed" in done.lines


def test_a_dry_run_lists_first_what_would_be_judged(project: Project) -> None:
    """Of a selection each slot is named; the others are below their status."""
    project.experiment(runs=[f"r{n:02d}" for n in range(7)], judges=2)
    done = project.run("--dry-run", "-k", "r06")
    assert done.body[:5] == [
        "exp: 14 slots: 14 missing",
        "  would be judged: 2",
        "    runs/r06/judge_01 (judge-a): never tried",
        "    runs/r06/judge_02 (judge-b): never tried",
        "  missing, not selected: 12",
    ]
    assert done.body[14:16] == [
        "    runs/r04/judge_02 (judge-b): never tried",
        "    ... and 2 more",
    ]
    nothing = project.run("--dry-run", "-k", "r06", "--status", "failed")
    assert nothing.body[:2] == ["exp: 14 slots: 14 missing", "  missing: 14"]


def test_a_dry_run_of_an_experiment_named_twice_lists_its_slots_once(project: Project) -> None:
    """Through a link, and part of it by its own name: all of it would be judged."""
    experiment = project.experiment(runs=["a", "b"], judges=1)
    (project.path / "linked").symlink_to(experiment)
    done = project.run("linked", "exp/runs/a", "--dry-run")
    assert done.body[:4] == [
        "exp: 2 slots: 2 missing",
        "  missing: 2",
        "    runs/a/judge_01 (judge-a): never tried",
        "    runs/b/judge_01 (judge-a): never tried",
    ]


def test_a_dry_run_of_ordinary_tests_runs_none(project: Project) -> None:
    """Tests beside an experiment are not run either."""
    project.experiment()
    project.pytester.makepyfile(test_plain="def test_it(): open('ran', 'w')")
    assert project.run("--dry-run").exit == 0
    assert not (project.path / "ran").exists()


def test_long_lists_are_cut(project: Project) -> None:
    """A dry run lists ten slots of a status and says how many more there are; ``-v`` all."""
    project.experiment(runs=[f"r{n:02d}" for n in range(13)], judges=1)
    done = project.run("--dry-run")
    assert done.body[11:13] == [
        "    runs/r09/judge_01 (judge-a): never tried",
        "    ... and 3 more",
    ]
    done = project.run("--dry-run", "-v")
    assert "    runs/r12/judge_01 (judge-a): never tried" in done.lines


@pytest.mark.parametrize("option", ["--no-summary", "--collect-only"])
def test_the_table_can_be_left_out(project: Project, option: str) -> None:
    """There is no table without a summary."""
    project.experiment(runs=["a"])
    done = project.run(option, panel=FakePanel())
    assert not any("judge panel" in text for text in done.lines)


def test_an_experiments_name_cannot_steer_the_terminal(project: Project) -> None:
    """Control characters in it are shown, not sent."""
    project.experiment(runs=["a"], judges=1, name="evil\x1b[2J")
    done = project.run(panel=FakePanel())
    assert done.body[0] == "evil\\x1b[2J: 1 slot: 1 missing"
    assert done.section("judge panel")[0] == "evil\\x1b[2J"
