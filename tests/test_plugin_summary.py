"""The end of a session: coverage, consensus, money, and what to run next, on one screen."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness import steps
from harness.plugin.summary import Clock
from harness.plugin.tally import OUTCOME, SLOT
from tests.plugin_project import FakePanel

if TYPE_CHECKING:
    from harness.model import Slot
    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

ROWS, COLUMNS = 24, 80
"""A screen."""


def screen(lines: list[str]) -> list[str]:
    """Return the lines of the summary, as long lines break on a screen."""
    start = next(i for i, line in enumerate(lines) if "= judge panel =" in line)
    return [
        line[place : place + COLUMNS]
        for line in lines[start:]
        for place in range(0, max(1, len(line)), COLUMNS)
    ]


def disputed(slot: Slot, _question: object) -> str:
    """Answer as no two judges do."""
    score = (slot.judge.number * 7 + len(slot.run.name)) % 11 / 10
    return f'{{"score": {score}, "passed": {str(score >= 0.5).lower()}, "reasoning": "r"}}'


def test_a_wide_panel_and_long_names_fit_on_a_screen(project: Project) -> None:
    """The judges that have most left to do are listed; of a long name the end is kept."""
    names = [f"{'a-long-name-' * 6}{number}" for number in range(6)]
    judges = [
        {"name": f"{'of-a-long-name-' * 3}{number}", "kind": "replay", "reply": "x.txt"}
        for number in range(1, 13)
    ]
    root = project.experiment("x" * 60, runs=names, judges=judges)
    (root / "runs" / names[0] / "output.md").unlink()
    done = project.run("-k", "not judge_12", panel=FakePanel(disputed))
    shown = screen(done.lines)
    assert len(shown) <= ROWS
    judge = ("of-a-long-name-" * 3)[:29] + " [...]"
    assert shown[1:10] == [
        "x" * 60,
        f"  {'judge':<38}  complete   missing    failed   blocked",
        *(f"  {n:02d} {judge}         5         0         0         1" for n in range(1, 6)),
        f"  12 {judge}         0         5         0         1",
        "  ... and 6 more judges: 30 complete, 6 blocked",
    ]
    place = next(i for i, line in enumerate(shown) if line.startswith("  worst first"))
    assert [line[:54] for line in shown[place + 1 : place + 6]] == [
        f"  ...{name[-47:]}  " for name in names[1:]
    ]
    assert f"next: pytest {'x' * 60}" in shown


def test_very_many_experiments_fit_on_a_screen(project: Project) -> None:
    """Each has one line as long as there is room for it."""
    for number in range(20):
        project.experiment(f"exp{number:02d}", runs=["a", "b"], judges=2)
    done = project.run(panel=FakePanel(disputed))
    shown = screen(done.lines)
    assert len(shown) <= ROWS
    assert shown[1:11] == [
        *(f"exp{number:02d}: 4 complete" for number in range(9)),
        "... and 11 more experiments",
    ]
    assert shown[13:20] == [
        *(f"exp{number:02d}: 2 runs with a consensus, mean 0.550, 0 passed" for number in range(6)),
        "... and 14 more experiments",
    ]


def test_a_quiet_session_ends_with_plain_lines(project: Project) -> None:
    """With ``-q`` there are the figures, without rules, tables, and colours."""
    project.experiment(runs=["a", "b"])
    done = project.run("-q", "--color=yes", panel=FakePanel(disputed))
    lines = [line for line in done.lines if line]
    assert lines[2:-1] == [
        "exp: 4 complete",
        "judged 4, failed to judge 0, consensus regenerated 2",
        "exp: 2 runs with a consensus, mean 0.550, 0 passed",
        "calls: 4 paid, 0 adopted, 0 lost, 0 wasted",
        "next: python -m harness report exp -o report.html (draws a page of all this)",
    ]


def test_a_quiet_dry_run_says_everything_once(project: Project) -> None:
    """The counts come after the collection; nothing was done that the end could add to."""
    project.experiment(runs=["a"])
    done = project.run("-q", "--dry-run", panel=FakePanel())
    assert [line for line in done.lines if line.startswith("exp")] == ["exp: 2 slots: 2 missing"]


@pytest.mark.parametrize("options", [(), ("-q",), ("-v",)])
def test_a_session_without_a_summary_has_none(project: Project, options: tuple[str, ...]) -> None:
    """With ``--no-summary`` the lines of the slots are the last ones before pytest's own."""
    project.experiment(runs=["a"])
    done = project.run("--no-summary", *options, panel=FakePanel())
    for word in ("judge panel", "consensus", "calls:", "time:", "next:", "complete"):
        assert not any(word in line for line in done.lines)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_are_for_terminals_and_can_be_turned_off(
    project: Project, monkeypatch: pytest.MonkeyPatch, no_color: str
) -> None:
    """A problem is yellow where there are colours at all."""
    monkeypatch.delenv("PY_COLORS", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    root = project.experiment(runs=["a"])
    blocker = root / "runs" / "a" / "judge" / "result.json"
    blocker.mkdir(parents=True)
    done = project.run(panel=FakePanel())
    assert any("\x1b[" in line for line in done.result.outlines) is not bool(no_color)


def test_the_consensus_is_worst_first_and_bounded(project: Project) -> None:
    """Five runs are listed; means, verdicts, and agreement are of all."""
    scores = {name: number / 10 for number, name in enumerate("abcdefgh")}
    answers = {f"runs/{name}/judge_01": score for name, score in scores.items()}
    project.experiment(runs=list(scores), judges=1)

    def answer(slot: Any, _question: object) -> str:
        score = answers[slot.name]
        return f'{{"score": {score}, "passed": {str(score >= 0.5).lower()}, "reasoning": "r"}}'

    assert project.run(panel=FakePanel(answer)).section("consensus") == [
        "exp: 8 runs with a consensus, mean 0.350, 3 passed",
        "  worst first  score  passed  spread",
        "  runs/a       0.000      no    0.00",
        "  runs/b       0.100      no    0.00",
        "  runs/c       0.200      no    0.00",
        "  runs/d       0.300      no    0.00",
        "  runs/e       0.400      no    0.00",
        "calls: 8 paid, 0 adopted, 0 lost, 0 wasted",
        "next: python -m harness report exp -o report.html (draws a page of all this)",
    ]


def test_with_several_experiments_the_runs_make_room(project: Project) -> None:
    """Each has its line; the next command is for the one that has work left."""
    project.experiment("one", runs=["a"], judges=1)
    project.experiment("two", runs=["b"], judges=1, retries=0)
    project.experiment("three", runs=["c"], judges=1)
    panel = FakePanel(lambda slot, _q: "?" if slot.name == "runs/b/judge_01" else None)
    assert project.run(panel=panel).section("consensus") == [
        "one: 1 run with a consensus, mean 0.500, 1 passed",
        "  worst first  score  passed  spread",
        "  runs/a       0.500     yes    0.00",
        "three: 1 run with a consensus, mean 0.500, 1 passed",
        "  worst first  score  passed  spread",
        "  runs/c       0.500     yes    0.00",
        "two: no run has a consensus",
        "calls: 3 paid, 0 adopted, 0 lost, 1 wasted",
        "next: pytest two --status failed (tries the failed slot again)",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_scan_says_how_far_it_is(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """While pytest collects, on its own terminal, whatever is captured."""
    moments = count(100.0, 3.0)
    monkeypatch.setattr(steps, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    monkeypatch.setattr(steps.Steps, "_is_terminal", lambda _self: terminal)
    project.experiment(runs=["a", "b"], judges=1)
    done = project.run(panel=FakePanel())
    assert done.exit == 0
    said = "\n".join(done.result.outlines)
    assert ("scan: 1 runs\x1b[K" in said, "scan: 2 runs\x1b[K" in said) == (terminal, terminal)


@pytest.mark.parametrize(
    ("seconds", "lanes", "lines"),
    [
        (3.0, 2, ["time: 4.0 s for 2 slots, 1.5 times as fast as one at a time"]),
        (0.4, 2, []),
        (3.0, 1, []),
    ],
    ids=["a gain", "at once", "one lane"],
)
def test_the_time_is_told_where_lanes_have_won_some(
    seconds: float, lanes: int, lines: list[str]
) -> None:
    """What ends at once, or one slot after the other, is no measure of speed."""
    clock = Clock()
    for start in (0.0, seconds / 3):
        report: Any = SimpleNamespace(when="call", duration=seconds, start=start)
        report.stop = start + seconds
        vars(report).update({SLOT: [], OUTCOME: {"kind": "judged"}})
        clock.pytest_runtest_logreport(report)
    assert clock.lines(lanes) == lines
