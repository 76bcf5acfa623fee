"""The command line, its ini twins, pytest's own options with slots, and exit statuses."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.options import timeout
from tests.plugin_project import FakePanel, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)


def fails(*names: str) -> FakePanel:
    """Return a panel whose judges of these slots answer with prose."""

    def answer(slot: Any, _question: object) -> str | None:
        return "I would rather not say" if slot.name in names else None

    return FakePanel(answer)


def after_program(line: str) -> str:
    """Return a usage error without the program's name, which depends on how pytest was started."""
    return line.partition(": error: ")[2]


# --- options of ours ---------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["0", "-1", "6x", "", "1.5", "٣x"])
def test_a_parallel_that_is_no_number_is_a_usage_error(project: Project, value: str) -> None:
    """The message names the option, what it takes, and what it got; nothing is judged."""
    project.experiment()
    panel = FakePanel()
    done = project.run(f"--parallel={value}", panel=panel)
    assert (done.exit, panel.asked) == (4, [])
    assert after_program(done.problem[1]) == (
        f"argument --parallel: must be a whole number from 1 on, got {value!r}"
    )


@pytest.mark.parametrize("value", ["0", "-3", "six", "1.5"])
def test_an_ini_parallel_that_is_no_number_is_a_usage_error(project: Project, value: str) -> None:
    """The message names the ini option."""
    project.experiment()
    project.pytester.makeini(f"[pytest]\nharness_parallel = {value}\n")
    panel = FakePanel()
    done = project.run(panel=panel)
    assert (done.exit, done.problem, panel.asked) == (
        4,
        ["ERROR: the ini option harness_parallel must be a whole number from 1 on"],
        [],
    )


def test_an_ini_dry_run_that_is_no_boolean_is_a_usage_error(project: Project) -> None:
    """The message names the ini option; nothing is judged."""
    project.experiment()
    project.pytester.makeini("[pytest]\nharness_dry_run = maybe\n")
    panel = FakePanel()
    done = project.run(panel=panel)
    assert (done.exit, done.problem, panel.asked) == (
        4,
        ["ERROR: the ini option harness_dry_run must be true or false"],
        [],
    )


def test_an_unknown_status_is_a_usage_error(project: Project) -> None:
    """The message lists the statuses there are."""
    project.experiment()
    done = project.run("--status", "nonsense")
    assert (done.exit, after_program(done.problem[1])) == (
        4,
        (
            "argument --status: invalid choice: 'nonsense' "
            "(choose from 'missing', 'failed', 'stale', 'complete', 'blocked')"
        ),
    )


def test_an_unknown_ini_status_is_a_usage_error(project: Project) -> None:
    """The message names the ini option and lists the statuses there are."""
    project.experiment()
    project.pytester.makeini("[pytest]\nharness_status = missing nonsense\n")
    done = project.run()
    assert (done.exit, done.problem) == (
        4,
        [
            (
                "ERROR: the ini option harness_status has the unknown status 'nonsense'; "
                "use missing, failed, stale, complete, blocked"
            )
        ],
    )


@pytest.mark.parametrize("status", ["missing", "failed", "stale"])
def test_status_selects_what_is_judged(project: Project, status: str) -> None:
    """Only the slots of that status are judged."""
    project.mixed()
    panel = FakePanel()
    assert project.run("--status", status, panel=panel).exit == 0
    assert panel.asked == [f"runs/{status}/judge_01"]


def test_projectscyllas_word_for_blocked_is_known(project: Project) -> None:
    """``--status agent_failed`` lists the blocked slots."""
    project.mixed()
    done = project.run("--status", "agent_failed")
    assert (done.exit, done.body[1]) == (0, "  blocked: 1")


def test_status_may_be_given_several_times(project: Project) -> None:
    """The statuses add up, and the command line replaces the ini file's."""
    project.mixed()
    project.pytester.makeini("[pytest]\nharness_status = failed\n")
    assert project.ids() == ["exp/experiment.yaml::runs/failed/judge_01"]
    assert project.ids("--status", "missing", "--status", "stale") == [
        "exp/experiment.yaml::runs/missing/judge_01",
        "exp/experiment.yaml::runs/stale/judge_01",
    ]


def test_a_stale_slot_is_replaced_and_its_old_judgment_kept(project: Project) -> None:
    """``--status stale`` judges anew; the judgment that stood there lies with the attempt."""
    root = project.mixed()
    slot = root / "runs" / "stale" / "judge" / "judge_01"
    before = (slot / "judgment.json").read_bytes()
    assert project.run("--status", "stale", panel=FakePanel()).exit == 0
    assert (slot / "judgment.json").read_bytes() != before
    kept = [path.read_bytes() for path in slot.rglob("replaced-judgment.json")]
    assert kept == [before]


@pytest.mark.parametrize(
    ("status", "listed"),
    [
        ("complete", ["    runs/complete/judge_01 (judge-a)"]),
        (
            "blocked",
            [
                (
                    "    runs/blocked/judge_01 (judge-a): exp/runs/blocked: "
                    "no output.md or output.txt with text in it"
                )
            ],
        ),
    ],
)
def test_status_complete_and_blocked_list_and_judge_nothing(
    project: Project, status: str, listed: list[str]
) -> None:
    """The slots are listed with their judge and the reason; the exit status is 0."""
    project.mixed()
    panel = FakePanel()
    done = project.run("--status", status, panel=panel)
    assert (done.exit, panel.asked) == (0, [])
    assert done.body[:4] == [
        "exp: 5 slots: 1 missing, 1 failed, 1 stale, 1 complete, 1 blocked",
        f"  {status}: 1",
        *listed,
        f"nothing to judge: {status} slots are only listed",
    ]


SCYLLA_RUNS = ["T0/00/run_01", "T0/00/run_02", "T0/01/run_03", "T1/00/run_01"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--tier", "T1"), ["T1/00/run_01/judge_01", "T1/00/run_01/judge_02"]),
        (("--subtest", "01", "--judge-slot", "2"), ["T0/01/run_03/judge_02"]),
        (
            ("--runs", "2,3", "--judge-slot", "1"),
            ["T0/00/run_02/judge_01", "T0/01/run_03/judge_01"],
        ),
        (
            ("--tier", "T0", "--tier", "T1", "--runs", "1", "--judge-slot", "2"),
            ["T0/00/run_01/judge_02", "T1/00/run_01/judge_02"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_filters_choose_parts_of_scylla_experiments(
    project: Project,
    make_scylla: Callable[..., Path],
    options: tuple[str, ...],
    names: list[str],
) -> None:
    """Tier, subtest, run number, and judge number narrow the selection together."""
    judgments = {f"{run}/judge_0{n}": None for run in SCYLLA_RUNS for n in (1, 2)}
    make_scylla(project.path / "exp", runs=SCYLLA_RUNS, models=["a", "b"], judgments=judgments)
    assert project.ids(*options) == [f"exp/config/experiment.json::{name}" for name in names]


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["judge", "dry run"])
@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--tier", "T9"), "no tier T9; there are T0, T1"),
        (("--tier=T8", "--tier=T9"), "no tier T8 or T9; there are T0, T1"),
        (("--subtest", "1"), "no subtest 1; there are 00, 01"),
        (("--runs", "7"), "no run 7; there are 1, 2, 3"),
        (("--judge-slot", "9"), "no judge slot 9; there are 1, 2"),
        (("--tier", "T1", "--runs", "3"), "no slot has tier T1 and run 3"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_filter_that_matches_nothing_says_what_there_is(
    project: Project,
    make_scylla: Callable[..., Path],
    options: tuple[str, ...],
    line: str,
    dry: tuple[str, ...],
) -> None:
    """In a line of its own; the exit status is that of a selection that leaves nothing."""
    judgments = {f"{run}/judge_0{n}": None for run in SCYLLA_RUNS for n in (1, 2)}
    make_scylla(project.path / "exp", runs=SCYLLA_RUNS, models=["a", "b"], judgments=judgments)
    done = project.run(*options, *dry)
    assert (done.exit, done.body[1]) == (0 if dry else 5, line)


def test_a_long_list_of_what_there_is_is_cut(project: Project) -> None:
    """A filter that matches nothing names the first ten."""
    project.experiment(runs=["a"], judges=12)
    done = project.run("--judge-slot", "13")
    assert done.body[1] == (
        "no judge slot 13; there are 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ... and 2 more"
    )


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--runs", "x", "must be run numbers such as 1,3, got 'x'"),
        ("--runs", "", "must be run numbers such as 1,3, got ''"),
        ("--runs", "1,,2", "must be run numbers such as 1,3, got '1,,2'"),
        ("--runs", "0", "must be run numbers such as 1,3, got '0'"),
        ("--judge-slot", "0", "must be a whole number from 1 on, got '0'"),
        ("--judge-slot", "x", "must be a whole number from 1 on, got 'x'"),
    ],
)
def test_a_filter_that_is_no_number_is_a_usage_error(
    project: Project, option: str, value: str, message: str
) -> None:
    """The message names the option, what it takes, and what it got; nothing is judged."""
    project.experiment()
    panel = FakePanel()
    done = project.run(f"{option}={value}", panel=panel)
    assert (done.exit, panel.asked) == (4, [])
    assert after_program(done.problem[1]) == f"argument {option}: {message}"


@pytest.mark.parametrize("options", [("--tier", "T0"), ("--subtest", "00"), ("--runs", "1")])
def test_a_scylla_filter_for_a_native_experiment_is_a_usage_error(
    project: Project, options: tuple[str, ...]
) -> None:
    """The message says what to use instead; nothing is judged."""
    root = project.experiment()
    panel = FakePanel()
    done = project.run(*options, panel=panel)
    assert (done.exit, done.problem, panel.asked) == (
        4,
        [
            (
                f"ERROR: {options[0]} is for ProjectScylla experiments, and {root} is none; "
                "select its runs by path or with -k"
            )
        ],
        [],
    )


def test_parallel_is_taken_from_the_ini_file(project: Project) -> None:
    """``harness_parallel`` is the default of ``--parallel``, which overrides it."""
    project.experiment()
    project.pytester.makeini("[pytest]\nharness_parallel = 2\n")
    by_ini, by_option = FakePanel(), FakePanel()
    project.run("exp/runs/a", panel=by_ini)
    project.run("exp/runs/b", "--parallel", "1", panel=by_option)
    assert {name.rpartition("_")[0] for name in by_ini.threads} == {"judge"}
    assert set(by_option.threads) == {"MainThread"}


TOML = """\
harness_parallel = 2
harness_status = ["missing"]
harness_dry_run = false
strict = true
"""


@pytest.mark.parametrize(
    ("file", "section"), [("pyproject.toml", "[tool.pytest]"), ("pytest.toml", "[pytest]")]
)
def test_native_toml_has_real_types(project: Project, file: str, section: str) -> None:
    """Pytest 9's own TOML takes a number, a list, and a boolean, under ``strict``, too."""
    (project.path / "tox.ini").unlink()
    (project.path / file).write_text(f"{section}\n{TOML}", encoding="utf-8")
    root = project.experiment()
    project.judgment(root / "runs" / "a", text="")
    panel = FakePanel()
    done = project.run(panel=panel)
    assert (done.exit, sorted(panel.asked)) == (0, slots("a", "b")[1:])
    assert "MainThread" not in panel.threads


@pytest.mark.parametrize("value", ['"2"', "2.0", "true", "[2]", "0"])
def test_native_toml_refuses_a_number_of_the_wrong_type(project: Project, value: str) -> None:
    """A text, a float, a boolean, a list, or 0 for ``harness_parallel`` is a usage error."""
    (project.path / "tox.ini").unlink()
    text = f"[pytest]\nharness_parallel = {value}\n"
    (project.path / "pytest.toml").write_text(text, encoding="utf-8")
    project.experiment()
    panel = FakePanel()
    done = project.run(panel=panel)
    assert (done.exit, done.problem, panel.asked) == (
        4,
        ["ERROR: the ini option harness_parallel must be a whole number from 1 on"],
        [],
    )


# --- selecting ---------------------------------------------------------------------------------


def test_deselect_leaves_slots_out(project: Project) -> None:
    """A slot, and all slots of a run by the prefix of their ids."""
    project.experiment()
    panel = FakePanel()
    one, run = "exp/experiment.yaml::runs/a/judge_02", "exp/experiment.yaml::runs/b"
    done = project.run("--deselect", one, "--deselect", run, panel=panel)
    assert (done.exit, panel.asked) == (0, ["runs/a/judge_01"])
    assert done.lines[-1] == (
        "======================= 1 passed, 3 deselected in 0.00s ========================"
    )


@pytest.mark.parametrize("options", [(), ("--parallel", "3")], ids=["alone", "parallel"])
def test_ff_judges_what_failed_first(project: Project, options: tuple[str, ...]) -> None:
    """``--ff`` starts the failed slot before the others, in threads, too."""
    project.experiment(runs=["a", "b", "c"], judges=1)
    project.run(panel=fails("runs/b/judge_01"))
    (project.path / "exp" / "runs" / "d").mkdir()
    (project.path / "exp" / "runs" / "d" / "output.md").write_text("Done.\n", encoding="utf-8")
    (project.path / "exp" / "runs" / "0").mkdir()
    (project.path / "exp" / "runs" / "0" / "output.md").write_text("Done.\n", encoding="utf-8")
    panel = FakePanel()
    done = project.run("--ff", *options, panel=panel)
    assert (done.exit, panel.started[0]) == (0, "runs/b/judge_01")
    assert sorted(panel.asked) == slots("0", "b", "d", judges=1)


@pytest.mark.parametrize("options", [(), ("--parallel", "3")], ids=["alone", "parallel"])
def test_lf_judges_only_what_failed(project: Project, options: tuple[str, ...]) -> None:
    """``--lf`` leaves a slot that was never tried alone."""
    project.experiment(runs=["a", "b"], judges=2)
    project.run("exp/runs/a", *options, panel=fails("runs/a/judge_02"))
    panel = FakePanel()
    assert project.run("--lf", *options, panel=panel).exit == 0
    assert panel.asked == ["runs/a/judge_02"]


@pytest.mark.parametrize("options", [(), ("--parallel", "3")], ids=["alone", "parallel"])
def test_sw_goes_on_where_it_stopped(project: Project, options: tuple[str, ...]) -> None:
    """``--sw`` judges in order, one at a time, and stops at the failure; then goes on there."""
    project.experiment(runs=["a", "b", "c"], judges=1)
    first, second = fails("runs/b/judge_01"), FakePanel()
    assert project.run("--sw", *options, panel=first).exit == 2
    assert first.asked == [*slots("a", "b", judges=1), "runs/b/judge_01"]
    assert set(first.threads) == {"MainThread"}
    assert project.run("--sw", *options, panel=second).exit == 0
    assert second.asked == slots("b", "c", judges=1)


@pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])
@pytest.mark.parametrize("what", ["--setup-only", "--setup-plan", "--collect-only"])
def test_options_that_run_no_test_judge_nothing(
    project: Project, what: str, options: tuple[str, ...]
) -> None:
    """Nothing is asked, and nothing on disk changes."""
    project.experiment()
    before = project.snapshot()
    panel = FakePanel()
    done = project.run(what, *options, panel=panel)
    assert (done.exit, panel.asked) == (0, [])
    assert project.snapshot() == before


def test_quiet_collection_prints_ids_only(project: Project) -> None:
    """``--co -q`` is for programs: ids, then pytest's count."""
    project.experiment(runs=["a"])
    assert [line for line in project.run("--co", "-q").lines if line] == [
        "exp/experiment.yaml::runs/a/judge_01",
        "exp/experiment.yaml::runs/a/judge_02",
        "2 tests collected in 0.00s",
    ]


# --- pytest's other options --------------------------------------------------------------------

HARMLESS = [
    "-s",
    "--capture=sys",
    "--capture=tee-sys",
    "--capture=fd",
    "-W error",
    "-o log_cli=true",
    "-o log_cli=true --log-cli-level=DEBUG",
    "-rA",
    "--tb=short",
    "--tb=long",
    "--tb=line",
    "--tb=native",
    "--tb=no",
    "--full-trace",
    "-l",
    "-vv",
    "-q",
    "-qq",
    "-p no:cacheprovider",
    "-p no:terminal",
    "-p no:logging",
    "-p no:warnings",
    "-p no:capture",
    "-p no:faulthandler",
    "-p no:junitxml",
    "-p no:stepwise",
    "-p no:skipping",
    "-p no:doctest",
    "--import-mode=importlib",
    "--strict-markers",
    "--strict-config",
    "--no-header",
    "--no-summary",
    "--color=yes",
    "-o console_output_style=count",
    "-o console_output_style=times",
    "--durations=0",
    "--junitxml=report.xml",
    "--noconftest",
    "--doctest-modules",
    "--setup-show",
    "--runxfail",
    "--nf",
    "--cache-clear",
    "--keep-duplicates",
]


IN_TURN = ["-s", "-W error", "-p no:capture", "-p no:terminal", "-p no:skipping", "-p no:logging"]


@pytest.mark.parametrize(
    ("lanes", "options"),
    [*(("2", options) for options in HARMLESS), *(("1", options) for options in IN_TURN)],
)
def test_slots_are_judged_under_every_option(project: Project, options: str, lanes: str) -> None:
    """Whatever the option, a failing slot fails, the others are recorded, the runs settled."""
    root = project.experiment(retries=0)
    panel = fails("runs/b/judge_02")
    done = project.run("--parallel", lanes, *options.split(), panel=panel)
    assert (done.exit, sorted(panel.asked)) == (1, slots("a", "b"))
    assert sorted(path.parent.name for path in root.glob("runs/a/judge/*/judgment.json")) == [
        "judge_01",
        "judge_02",
    ]
    assert [path.parent.name for path in root.glob("runs/b/judge/*/judgment.json")] == ["judge_01"]
    assert len(list(root.glob("runs/*/judge/result.json"))) == 2
    assert not any("INTERNALERROR" in line for line in [*done.lines, *done.errors])


def test_pdb_looks_at_the_failed_slot(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--pdb`` judges one at a time and enters the debugger where the judge failed."""
    project.experiment(runs=["a"], retries=0)
    entered = []

    class FakeDebugger:
        """Takes notes in place of a person."""

        quitting = False

        def __init__(self, **_: object) -> None:
            pass

        def reset(self) -> None:
            """Do nothing."""

        def interaction(self, _frame: object, error: object) -> None:
            """Note that it was called."""
            entered.append(type(error).__name__)

    monkeypatch.setitem(sys.modules, "fakedebugger", type(sys)("fakedebugger"))
    monkeypatch.setattr("fakedebugger.FakeDebugger", FakeDebugger, raising=False)
    panel = fails("runs/a/judge_01")
    arguments = ("--pdb", "--pdbcls=fakedebugger:FakeDebugger", "--parallel", "2")
    done = project.run(*arguments, panel=panel)
    assert (done.exit, len(entered), set(panel.threads)) == (1, 1, {"MainThread"})


@pytest.mark.parametrize(
    ("option", "ini", "limit"),
    [
        (5.0, "30", 5.0),
        (None, "30", 30.0),
        (None, None, None),
        (None, "0", None),
        ("soon", "30", None),
    ],
)
def test_the_limit_of_pytest_timeout_is_that_of_a_judge(
    option: object, ini: str | None, limit: float | None
) -> None:
    """Of its option, else of its ini value; what it would not take itself limits nothing."""

    def getini(_: str) -> str:
        if ini is None:
            raise ValueError("unknown configuration value")
        return ini

    manager = SimpleNamespace(hasplugin=lambda name: name == "timeout")
    config: Any = SimpleNamespace(
        getoption=lambda _name, _default: option, getini=getini, pluginmanager=manager
    )
    assert timeout(config) == limit
