"""Gates on what the panel finds: off by default, one line each, exit status 1."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from filelock import lock_descriptor

from harness.__main__ import main
from tests.plugin_project import FakePanel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.plugin_project import Project, Ran

pytest_plugins = ("tests.plugin_project",)

GOOD = '{"score": 0.9, "passed": true, "reasoning": "good"}'
BAD = '{"score": 0.3, "passed": false, "reasoning": "bad"}'


WIDE = " (95 % interval 0 to 1)"
"""Two runs say next to nothing."""


def panel() -> FakePanel:
    """Return judges that find run a good and run b bad, but for one judge of run b."""
    split = {"runs/a/judge_01", "runs/a/judge_02", "runs/b/judge_02"}
    return FakePanel(lambda slot, _question: GOOD if slot.name in split else BAD)


def gates(done: Ran) -> list[str]:
    """Return the lines about gates, wherever they stand."""
    return [line for line in done.lines if line.startswith("gate: ")]


def test_nothing_is_looked_at_unless_asked_for(project: Project) -> None:
    """Judgments that say no leave the session green."""
    project.experiment()
    done = project.run(panel=FakePanel(lambda _slot, _question: BAD))
    assert (done.exit, gates(done)) == (0, [])


@pytest.mark.parametrize(
    ("option", "holds", "fails", "line"),
    [
        (
            "--judge-fail-under",
            "0.75",
            "0.8",
            "mean score is 0.75, at least 0.8 is wanted (95 % interval 0 to 1)",
        ),
        (
            "--judge-min-pass-rate",
            "0.5",
            "0.6",
            "pass rate is 0.5, at least 0.6 is wanted (95 % interval 0 to 1)",
        ),
        (
            "--judge-min-agreement",
            "0",
            "0.5",
            "agreement (Krippendorff's alpha) is 0, at least 0.5 is wanted",
        ),
        ("--judge-min-judged", "1", None, ""),
    ],
)
def test_a_gate_that_does_not_hold_is_a_line_and_exit_status_1(
    project: Project, option: str, holds: str, fails: str | None, line: str
) -> None:
    """Looked at after the runs were settled."""
    project.experiment()
    done = project.run("--parallel", "2", option, holds, panel=panel())
    assert (done.exit, gates(done)) == (0, [])
    if fails is not None:
        done = project.run(option, fails)
        assert (done.exit, gates(done)) == (1, [f"gate: exp: {line}"])
        assert done.section("consensus")[-1] == f"gate: exp: {line}"


def test_slots_without_a_judgment_are_counted_against_the_share_of_judged_ones(
    project: Project,
) -> None:
    """One of four judges gave no verdict: that is a failed item, and the gate says so as well."""
    project.experiment(retries=0)
    judges = FakePanel(lambda slot, _q: "?" if slot.name == "runs/b/judge_02" else GOOD)
    done = project.run("--judge-min-judged", "0.8", panel=judges)
    expected = "gate: exp: share of judged slots is 0.75, at least 0.8 is wanted"
    assert (done.exit, gates(done)) == (1, [expected])


def test_every_experiment_is_looked_at_by_itself(project: Project) -> None:
    """A line names the experiment that does not hold."""
    project.experiment("one", runs=["a"])
    project.experiment("two", runs=["b"])
    done = project.run("--judge-fail-under", "0.7", panel=panel())
    assert (done.exit, gates(done)) == (
        1,
        ["gate: two: mean score is 0.6, at least 0.7 is wanted"],
    )


def test_a_stale_judgment_that_was_replaced_counts_no_longer(project: Project) -> None:
    """What is on disk after the session is looked at, not what the scan saw."""
    root = project.experiment(runs=["a"])
    project.run(panel=FakePanel(lambda _slot, _question: BAD))
    (root / "runs" / "a" / "output.md").write_text("Better.\n", encoding="utf-8")
    good = FakePanel(lambda _slot, _question: GOOD)
    done = project.run("--status", "stale", "--judge-fail-under", "0.8", panel=good)
    assert (done.exit, gates(done)) == (0, [])


def test_a_gate_on_a_figure_that_is_undefined_does_not_hold(project: Project) -> None:
    """One judge has nobody to agree with; the lines say why, and the session is red."""
    project.experiment(runs=["a"], judges=1)
    bounds = ("--judge-min-agreement", "-1", "--judge-fail-under", "0.5")
    done = project.run(*bounds, panel=FakePanel(lambda _slot, _question: GOOD))
    alpha = "agreement (Krippendorff's alpha) is undefined (no run has two judgments)"
    assert (done.exit, gates(done)) == (1, [f"gate: exp: {alpha}, at least -1 is wanted"])


@pytest.mark.parametrize("option", ["--collect-only", "--dry-run"])
def test_a_session_that_only_looks_asks_for_nothing(project: Project, option: str) -> None:
    """It changed nothing that could have turned out well or badly."""
    project.experiment()
    done = project.run(option, "--judge-fail-under", "1")
    assert (done.exit, gates(done)) == (0, [])


@pytest.mark.parametrize("option", ["-q", "-qq", "--no-summary", "-v"])
def test_the_line_is_there_however_quiet_the_session_is(project: Project, option: str) -> None:
    """An exit status of 1 without a reason would help nobody."""
    project.experiment(runs=["a"])
    done = project.run(option, "--judge-fail-under", "1", panel=panel())
    assert (done.exit, gates(done)) == (
        1,
        ["gate: exp: mean score is 0.9, at least 1 is wanted"],
    )


def test_a_session_that_is_interrupted_is_not_looked_at(project: Project) -> None:
    """Exit status 2 says that there is more to do."""
    project.experiment(runs=["a"])

    def interrupt(_slot: object, _question: object) -> None:
        raise KeyboardInterrupt

    done = project.run("--judge-min-judged", "1", panel=FakePanel(interrupt))
    assert (done.exit, gates(done)) == (2, [])


@pytest.fixture
def claimed(project: Project) -> Iterator[Path]:
    """Return an experiment whose first slot another session is judging."""
    root = project.experiment(runs=["a"], retries=0)
    slot = root / "runs" / "a" / "judge" / "judge_01"
    slot.mkdir(parents=True)
    fd = os.open(slot / ".claim", os.O_RDWR | os.O_CREAT)
    assert lock_descriptor(fd, blocking=False)
    yield root
    os.close(fd)


@pytest.mark.usefixtures("claimed")
def test_a_gate_that_does_not_hold_outweighs_deferred_slots(project: Project) -> None:
    """1 comes before 75; without the gate it is 75."""
    done = project.run("--judge-min-judged", "1", panel=panel())
    expected = "gate: exp: share of judged slots is 0.5, at least 1 is wanted"
    assert (done.exit, gates(done)) == (1, [expected])
    assert project.run("--judge-min-judged", "0.5", panel=panel()).exit == 75


# --- a baseline ----------------------------------------------------------------------------------


def test_a_score_below_the_baseline_is_a_line(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """The baseline is what the command of that name saved of an earlier state."""
    root = project.experiment()
    project.run(panel=FakePanel(lambda _slot, _question: GOOD))
    assert main(["baseline", str(root), "-o", str(project.path / "base.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{project.path}/base.json: 2 of 2 runs have a consensus"
    )
    for run in ("a", "b"):
        (root / "runs" / run / "output.md").write_text("Worse.\n", encoding="utf-8")
    options = ("--judge-baseline", "base.json", "--judge-max-regression")
    worse = project.run("--status", "stale", *options, "0.1", panel=panel())
    fell = "mean score fell by 0.15 against the baseline, at most 0.1 is allowed"
    expected = f"gate: exp: {fell} (95 % interval -1 to 1)"
    assert (worse.exit, gates(worse)) == (1, [expected])
    assert project.run(*options, "0.2").exit == 0


HOW = "write one with: python -m harness baseline DIR -o FILE"


def test_a_regression_needs_a_baseline(project: Project) -> None:
    """Before anything is paid, as wrong usage."""
    project.experiment()
    judges = FakePanel()
    done = project.run("--judge-max-regression", "0.1", panel=judges)
    assert (done.exit, judges.asked) == (4, [])
    assert done.problem == [f"ERROR: --judge-max-regression needs --judge-baseline FILE; {HOW}"]
    done = project.run("--judge-max-regression", "0.1", "--judge-baseline", "no.json")
    assert (done.exit, done.problem) == (
        4,
        [f"ERROR: --judge-baseline: {project.path}/no.json: there is no such file; {HOW}"],
    )


@pytest.mark.parametrize("other", [(), ("--judge-fail-under", "0.1")], ids=["alone", "another"])
def test_a_baseline_needs_a_bound_on_the_regression(
    project: Project, other: tuple[str, ...]
) -> None:
    """Else it would be compared with nothing, and nobody would know."""
    project.experiment()
    judges = FakePanel()
    done = project.run("--judge-baseline", "base.json", *other, panel=judges)
    assert (done.exit, judges.asked) == (4, [])
    assert done.problem == [
        "ERROR: --judge-baseline needs --judge-max-regression D: how far the mean score may fall"
    ]


# --- how bounds are given ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "must"),
    [
        ("--judge-fail-under", "60", "a number from 0 to 1"),
        ("--judge-min-pass-rate", "x", "a number from 0 to 1"),
        ("--judge-min-agreement", "-2", "a number from -1 to 1"),
        ("--judge-min-judged", "nan", "a number from 0 to 1"),
        ("--judge-max-regression", "inf", "a number from 0 to 1"),
    ],
)
def test_a_bound_that_makes_no_sense_is_a_usage_error(
    project: Project, option: str, value: str, must: str
) -> None:
    """60 may have been meant as per cent; nobody guesses."""
    project.experiment()
    done = project.run(f"{option}={value}")
    assert done.exit == 4
    assert done.problem[1].endswith(f": error: argument {option}: must be {must}, got {value!r}")


def test_bounds_can_stand_in_the_configuration_file(project: Project) -> None:
    """Each option has a twin, which the command line overrides."""
    project.pytester.makeini(
        "[pytest]\n"
        "harness_fail_under = 0.8\n"
        "harness_min_pass_rate = 0.6\n"
        "harness_min_agreement = 0.5\n"
        "harness_min_judged = 1\n"
    )
    project.experiment()
    done = project.run("--judge-min-agreement", "-1", panel=panel())
    assert (done.exit, gates(done)) == (
        1,
        [
            f"gate: exp: mean score is 0.75, at least 0.8 is wanted{WIDE}",
            f"gate: exp: pass rate is 0.5, at least 0.6 is wanted{WIDE}",
        ],
    )


def test_a_baseline_of_the_configuration_file_lies_beside_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever pytest is started."""
    run = {"run": "runs/a", "task": ".", "score": 1.0, "passed": True}
    saved = {"baseline": 1, "experiments": [{"name": "exp", "runs": [run]}]}
    (project.path / "base.json").write_text(json.dumps(saved), encoding="utf-8")
    project.pytester.makeini(
        "[pytest]\nharness_max_regression = 0.05\nharness_baseline = base.json\n"
    )
    root = project.experiment(runs=["a"])
    monkeypatch.chdir(root / "runs")
    done = project.run(panel=panel())
    assert (done.exit, gates(done)) == (
        1,
        ["gate: exp: mean score fell by 0.1 against the baseline, at most 0.05 is allowed"],
    )


@pytest.mark.parametrize("value", ['"much"', "7", "true"])
def test_a_bound_of_the_configuration_file_that_makes_no_sense_is_a_usage_error(
    project: Project, value: str
) -> None:
    """A word, more than everything, and a truth value."""
    (project.path / "tox.ini").unlink()
    (project.path / "pytest.toml").write_text(f"[pytest]\nharness_fail_under = {value}\n")
    project.experiment()
    done = project.run()
    assert (done.exit, done.problem) == (
        4,
        ["ERROR: the ini option harness_fail_under must be a number from 0 to 1"],
    )


# --- pytest-xdist --------------------------------------------------------------------------------


def test_the_controller_looks_and_the_workers_do_not(project: Project) -> None:
    """One line, however many workers judged."""
    project.experiment(runs=["a"])
    done = project.pytester.runpytest_subprocess(
        *("-p", "harness.plugin", "-p", "xdist.plugin", "-n2", "exp"),
        *("--judge-fail-under", "0.95"),
        timeout=60,
    )
    assert done.ret == 1
    assert [line for line in done.outlines if line.startswith("gate: ")] == [
        "gate: exp: mean score is 0.85, at least 0.95 is wanted"
    ]
