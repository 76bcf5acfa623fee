"""Path arguments: what they select, and that nothing of a run is imported for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.plugin_project import FakePanel, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

FILE = "exp/experiment.yaml"

LISTED_WITH = "list them with: pytest exp --dry-run -v"


def named(*names: str, file: str = FILE) -> list[str]:
    """Return the node ids of slots."""
    return [f"{file}::{name}" for name in names]


# --- what an argument selects ------------------------------------------------------------------


@pytest.fixture(params=["with an ini file", "without one"])
def either(project: Project, request: pytest.FixtureRequest) -> Project:
    """Return a project with an experiment of two runs, with and without an ini file."""
    if request.param == "without one":
        (project.path / "tox.ini").unlink()
    root = project.experiment()
    for run in ("a", "b"):
        (root / "runs" / run / "workspace" / "deep").mkdir(parents=True)
    project.judgment(root / "runs" / "a", 1, text="{")  # a slot directory that is there
    return project


def slot_names(project: Project, *options: str | Path) -> list[str]:
    """Return the names of the slots that a session would judge."""
    return [node.partition("::")[2] for node in project.ids(*options)]


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        (".", slots("a", "b")),
        ("exp", slots("a", "b")),
        ("exp/", slots("a", "b")),
        ("./exp/../exp", slots("a", "b")),
        ("exp/experiment.yaml", slots("a", "b")),
        ("exp/runs", slots("a", "b")),
        ("exp/runs/a", slots("a")),
        ("exp/runs/b/", slots("b")),
        ("exp/runs/a/output.md", slots("a")),
        ("exp/runs/a/workspace", slots("a")),
        ("exp/runs/a/workspace/deep", slots("a")),
        ("exp/runs/a/judge", slots("a")),
        ("exp/runs/a/judge/judge_01", ["runs/a/judge_01"]),
        ("exp/runs/a/judge/judge_01/judgment.json", ["runs/a/judge_01"]),
        ("exp/experiment.yaml::runs/a", slots("a")),
        ("exp/experiment.yaml::runs/a/judge_02", ["runs/a/judge_02"]),
        ("exp::runs/a/judge_02", ["runs/a/judge_02"]),
    ],
)
def test_a_path_selects_the_slots_it_means(
    either: Project, argument: str, names: list[str]
) -> None:
    """An experiment, its configuration, a directory of runs, a run, or a slot selects its slots."""
    assert slot_names(either, argument) == names


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("exp", slots("a", "b")),
        ("exp/runs", slots("a", "b")),
        ("exp/runs/a", slots("a")),
        ("exp/runs/a/workspace/deep", slots("a")),
        ("exp/runs/a/judge/judge_01", ["runs/a/judge_01"]),
    ],
)
def test_the_current_directory_selects_like_an_argument(
    either: Project, monkeypatch: pytest.MonkeyPatch, place: str, names: list[str]
) -> None:
    """Started inside an experiment without arguments, pytest judges what lies there."""
    monkeypatch.chdir(either.path / place)
    assert slot_names(either) == names


def test_an_argument_is_read_from_the_current_directory(
    either: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path starts where pytest was started, not at its root directory."""
    monkeypatch.chdir(either.path / "exp" / "runs")
    assert slot_names(either, "b", "../experiment.yaml::runs/a/judge_01") == [
        "runs/a/judge_01",
        *slots("b"),
    ]


def test_the_directory_of_a_slot_that_was_never_tried_selects_it(project: Project) -> None:
    """It is where the slot will lie, so it need not be there yet."""
    project.experiment()
    assert slot_names(project, "exp/runs/a/judge/judge_02") == ["runs/a/judge_02"]


@pytest.mark.parametrize("place", ["runs/a/judge/judge_09", "runs/nope/judge/judge_01"])
def test_the_directory_of_no_slot_is_a_usage_error(project: Project, place: str) -> None:
    """A slot that the panel does not have cannot be meant."""
    project.experiment()
    done = project.run(f"exp/{place}")
    assert done.exit == 4
    assert done.problem == [f"ERROR: no slot exp/{place}; {LISTED_WITH}"]


def test_several_arguments_select_together(project: Project) -> None:
    """Two runs of one experiment and one slot of another are selected in one session."""
    project.experiment(runs=["a", "b", "c"])
    project.experiment("other")
    assert project.ids("exp/runs/c", "exp/runs/a", "other/experiment.yaml::runs/b/judge_01") == [
        *named(*slots("a", "c")),
        *named("runs/b/judge_01", file="other/experiment.yaml"),
    ]


def test_a_directory_contains_an_id_given_beside_it(project: Project) -> None:
    """As in pytest, an argument that another one contains adds nothing and removes nothing."""
    project.experiment("all/exp")
    everything = named(*slots("a", "b"), file="all/exp/experiment.yaml")
    assert project.ids("all", "all/exp/experiment.yaml::runs/a/judge_01") == everything
    assert project.ids("all/exp/runs/a", "all/exp") == everything
    assert project.ids("all/exp/runs/a", ".") == everything


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("T0", ["T0/00/run_01/judge_01", "T0/01/run_01/judge_01"]),
        ("T0/01", ["T0/01/run_01/judge_01"]),
        ("T1/00/run_01/agent", ["T1/00/run_01/judge_01"]),
        ("config", ["T0/00/run_01/judge_01", "T0/01/run_01/judge_01", "T1/00/run_01/judge_01"]),
        ("config/experiment.json::T1", ["T1/00/run_01/judge_01"]),
    ],
)
@pytest.mark.parametrize("part", ["", "completed"])
def test_a_path_inside_a_scylla_experiment_selects(
    project: Project, make_scylla: Callable[..., Path], argument: str, names: list[str], part: str
) -> None:
    """A tier, a subtest, or a run selects its slots, wherever the tiers are kept."""
    runs = ["T0/00/run_01", "T0/01/run_01", "T1/00/run_01"]
    judgments = {f"{run}/judge_01": None for run in runs}
    make_scylla(project.path / "exp", runs=runs, models=["m"], judgments=judgments, part=part)
    inside = argument if argument.startswith("config") else f"{part}/{argument}".strip("/")
    assert slot_names(project, f"exp/{inside}") == names


def test_an_experiment_outside_the_root_directory_can_be_pasted_back(
    project: Project, make_experiment: Callable[..., Path]
) -> None:
    """Its ids start with ``..`` and select their slots."""
    (project.path / "home").mkdir()
    (project.path / "home" / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    make_experiment(project.path / "elsewhere" / "exp", runs=["a"])
    project.pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.path / "home")
        printed = project.ids("--rootdir=.", "-c", "pytest.ini", "../elsewhere/exp")
        assert printed == named(*slots("a"), file="../elsewhere/exp/experiment.yaml")
        assert project.ids("--rootdir=.", "-c", "pytest.ini", printed[1]) == printed[1:]


def test_an_experiment_inside_a_workspace_is_no_experiment(project: Project) -> None:
    """What an agent left that looks like an experiment selects the run it lies in."""
    root = project.experiment(runs=["a"])
    inner = project.experiment("exp/runs/a/workspace/fake", runs=["evil"])
    assert project.ids(inner / "runs" / "evil") == named(*slots("a"))
    assert project.ids(inner) == named(*slots("a"))
    assert project.ids(root) == named(*slots("a"))


def test_the_root_directory_bounds_the_search_upwards(project: Project) -> None:
    """An experiment above the directory of the ini file is not what is meant."""
    project.experiment(".", runs=["a"])
    project.experiment("nested/exp", runs=["b"])
    (project.path / "nested" / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.path / "nested")
        assert project.ids() == named(*slots("b"))


def test_ordinary_tests_beside_an_experiment_are_collected_too(project: Project) -> None:
    """Slots come after the tests, in one session."""
    project.experiment(runs=["a"], judges=1)
    project.pytester.makepyfile(test_plain="def test_it(): pass")
    assert project.ids("exp/runs/a", "test_plain.py") == [
        "test_plain.py::test_it",
        *named("runs/a/judge_01"),
    ]


def test_tests_in_the_experiments_directory_are_not_collected(project: Project) -> None:
    """An experiment's directory holds slots only."""
    root = project.experiment(runs=["a"], judges=1)
    (root / "test_mine.py").write_text("def test_it(): pass\n", encoding="utf-8")
    assert project.ids() == named("runs/a/judge_01")


# --- ids of slots that need no work ------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("complete", ""),
        ("blocked", ": exp/runs/blocked: no output.md or output.txt with text in it"),
        ("stale", ""),
    ],
)
def test_the_id_of_a_slot_that_needs_no_work_says_so(
    project: Project, status: str, why: str
) -> None:
    """Its status is printed, nothing is judged, and the exit status is 0."""
    project.mixed()
    panel = FakePanel()
    done = project.run(f"{FILE}::runs/{status}/judge_01", panel=panel)
    assert (done.exit, panel.asked) == (0, [])
    assert done.body[:3] == [
        "exp: 5 slots: 1 missing, 1 failed, 1 stale, 1 complete, 1 blocked",
        f"runs/{status}/judge_01 is {status}{why}",
        "nothing left to judge",
    ]


def test_a_run_without_open_slots_leaves_nothing_to_judge(project: Project) -> None:
    """The path of a finished run exits with 0 although other runs have open slots."""
    project.mixed()
    done = project.run("exp/runs/complete", panel=FakePanel())
    assert (done.exit, done.body[:2]) == (
        0,
        [
            "exp: 5 slots: 1 missing, 1 failed, 1 stale, 1 complete, 1 blocked",
            "nothing left to judge",
        ],
    )


@pytest.mark.parametrize(
    "argument",
    [
        f"{FILE}::runs/nope/judge_01",
        f"{FILE}::runs/a/judge_09",
        "exp::nonsense",
        "exp/task.md",
        "exp/recorded",
    ],
)
@pytest.mark.parametrize("options", [(), ("--co",), ("--dry-run",)], ids=" ".join)
def test_an_argument_that_means_no_slot_is_a_usage_error(
    project: Project, argument: str, options: tuple[str, ...]
) -> None:
    """It is named in one line, nothing is judged or written, and the exit status is 4."""
    project.experiment()
    before = project.snapshot()
    panel = FakePanel()
    done = project.run(argument, *options, panel=panel)
    assert done.problem == [f"ERROR: no slot {argument}; {LISTED_WITH}"]
    assert (done.exit, panel.asked) == (4, [])
    assert project.snapshot() == before


def test_a_path_that_is_not_there_is_a_usage_error(project: Project) -> None:
    """A mistyped path is refused before anything is judged, alone or beside a right one."""
    project.experiment()
    panel = FakePanel()
    alone = project.run("exp/runs/nope", panel=panel)
    assert (alone.exit, alone.problem) == (4, ["ERROR: file or directory not found: exp/runs/nope"])
    beside = project.run("exp/runs/a", "exp/runs/nope", panel=panel)
    assert (beside.exit, beside.problem) == (
        4,
        [f"ERROR: no slot exp/runs/nope; {LISTED_WITH}"],
    )
    assert panel.asked == []


# --- what agents left is never imported --------------------------------------------------------

HOSTILE = ("conftest.py", "test_evil.py", "evil_test.py", "__init__.py", "evil.py", "test_evil.txt")


@pytest.fixture
def hostile(project: Project) -> Project:
    """Return a project with Python files in all of an experiment's runs; each leaves a mark."""
    root = project.experiment()
    project.judgment(root / "runs" / "a", 1, text="{")
    marks = project.path / "marks"
    marks.mkdir()
    for run in ("a", "b"):
        base = root / "runs" / run
        for place in (base.parent, base, base / "workspace", base / "workspace" / "tests"):
            place.mkdir(exist_ok=True)
            for name in HOSTILE:
                mark = marks / f"{place.name}-{name}"
                code = f"open({str(mark)!r}, 'w').close()"
                doc = f'"""\n>>> {code}\n"""\n'
                (place / name).write_text(f"{doc}{code}\n", encoding="utf-8")
    return project


def marks(project: Project) -> list[str]:
    """Return which of the agents' files were executed."""
    return sorted(path.name for path in (project.path / "marks").iterdir())


ARGUMENTS = {
    ".": slots("a", "b"),
    "exp": slots("a", "b"),
    "exp/experiment.yaml": slots("a", "b"),
    "exp/runs": slots("a", "b"),
    "exp/runs/a": slots("a"),
    "exp/runs/a/conftest.py": slots("a"),
    "exp/runs/a/workspace": slots("a"),
    "exp/runs/a/workspace/tests": slots("a"),
    "exp/runs/a/workspace/tests/test_evil.py": slots("a"),
    "exp/runs/a/workspace/tests/test_evil.py::test_it": None,
    "exp/runs/a/judge/judge_01": ["runs/a/judge_01"],
    "exp/experiment.yaml::runs/a/judge_02": ["runs/a/judge_02"],
}


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize(
    ("options", "ini"),
    [
        ((), True),
        ((), False),
        (("--import-mode=importlib",), True),
        (("--doctest-modules",), True),
    ],
    ids=["ini", "no ini", "importlib", "doctest"],
)
def test_no_file_of_a_run_is_imported_for_an_argument(
    hostile: Project, argument: str, options: tuple[str, ...], *, ini: bool
) -> None:
    """Whatever the argument, the slots it means are judged and no agent's code runs."""
    if not ini:
        (hostile.path / "tox.ini").unlink()
    panel = FakePanel()
    hostile.run(argument, *options, panel=panel)
    assert marks(hostile) == []
    assert panel.asked == (ARGUMENTS[argument] or [])


@pytest.mark.parametrize("place", ["exp", "exp/runs", "exp/runs/a", "exp/runs/a/workspace/tests"])
@pytest.mark.parametrize("ini", [True, False], ids=["ini", "no ini"])
@pytest.mark.parametrize("options", [(), ("--import-mode=importlib",)], ids=" ".join)
def test_no_file_of_a_run_is_imported_from_inside(
    hostile: Project,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    options: tuple[str, ...],
    *,
    ini: bool,
) -> None:
    """Started inside a run or a workspace, no agent's code runs either."""
    if not ini:
        (hostile.path / "tox.ini").unlink()
    monkeypatch.chdir(hostile.path / place)
    panel = FakePanel()
    hostile.run(*options, panel=panel)
    assert marks(hostile) == []
    assert panel.asked == (slots("a") if "/a" in place else slots("a", "b"))


@pytest.mark.parametrize("argument", [".", "exp/runs/a/workspace/tests/test_evil.py"])
def test_no_file_of_a_run_is_imported_by_workers(hostile: Project, argument: str) -> None:
    """With pytest-xdist, workers do not import them either."""
    done = hostile.run("-p", "xdist", "-n2", argument)
    assert (done.exit, marks(hostile)) == (0, [])


def test_no_file_of_a_run_is_imported_by_workers_started_inside(
    hostile: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for workers of a session that was started inside a workspace."""
    monkeypatch.chdir(hostile.path / "exp" / "runs" / "a" / "workspace")
    done = hostile.run("-p", "xdist", "-n2", "--import-mode=importlib")
    assert (done.exit, marks(hostile)) == (0, [])


CONFTEST = """
class FakeJudge:
    def ask(self, question):
        return '{"score": 0.25, "passed": false, "reasoning": "by the conftest"}'


def pytest_harness_judge(slot, judge):
    return FakeJudge()
"""


def judged_by_the_conftest(project: Project, *arguments: str) -> bool:
    """Judge with a conftest beside ``experiment.yaml``; tell whether it gave the judge."""
    root = project.path / "exp"
    (root / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    done = project.run(*arguments)
    assert (done.exit, marks(project)) == (0, [])
    judgment = root / "runs" / "a" / "judge" / "judge_02" / "judgment.json"
    return bool(json.loads(judgment.read_bytes())["reasoning"] == "by the conftest")


@pytest.mark.parametrize("ini", [True, False], ids=["ini", "no ini"])
@pytest.mark.parametrize(
    "argument", ["exp/runs/a/workspace", "exp/runs/a", "exp/experiment.yaml::runs/a"]
)
def test_the_experiments_own_conftest_holds_for_deep_arguments(
    hostile: Project, argument: str, *, ini: bool
) -> None:
    """The conftest.py beside experiment.yaml is loaded, those below it are not."""
    if not ini:
        (hostile.path / "tox.ini").unlink()
    assert judged_by_the_conftest(hostile, argument)


INSIDE = ["exp/runs", "exp/runs/a", "exp/runs/a/workspace"]


@pytest.mark.parametrize("place", INSIDE)
def test_the_experiments_own_conftest_holds_inside(
    hostile: Project, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The same when pytest is started inside the experiment."""
    monkeypatch.chdir(hostile.path / place)
    assert judged_by_the_conftest(hostile)


@pytest.mark.parametrize("place", INSIDE)
def test_the_experiments_own_conftest_holds_inside_without_an_ini_file(
    hostile: Project, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Judges must not depend on where in the experiment pytest was started."""
    (hostile.path / "tox.ini").unlink()
    monkeypatch.chdir(hostile.path / place)
    assert judged_by_the_conftest(hostile)


def test_no_file_of_a_run_is_imported_through_a_link(hostile: Project) -> None:
    """A symbolic link from elsewhere into a run means that run, too."""
    (hostile.path / "link").symlink_to("exp/runs/a/workspace")
    panel = FakePanel()
    hostile.run("link", panel=panel)
    assert (marks(hostile), panel.asked) == ([], slots("a"))


INIS = {
    "pytest.ini": "[pytest]\n",
    "pyproject.toml": "[tool.pytest.ini_options]\n",
}


@pytest.mark.parametrize("ini", INIS)
@pytest.mark.parametrize("inside", [False, True], ids=["argument", "inside"])
def test_an_ini_file_in_a_workspace_does_not_open_it(
    hostile: Project, monkeypatch: pytest.MonkeyPatch, ini: str, *, inside: bool
) -> None:
    """Pytest reads it and makes the workspace its root; still no agent's code is imported."""
    workspace = hostile.path / "exp" / "runs" / "a" / "workspace"
    (workspace / ini).write_text(INIS[ini], encoding="utf-8")
    if inside:
        monkeypatch.chdir(workspace)
    panel = FakePanel()
    hostile.run(*([] if inside else ["exp/runs/a/workspace"]), panel=panel)
    assert (marks(hostile), panel.asked) == ([], slots("a"))


def test_an_experiment_below_a_linked_directory_is_judged(project: Project) -> None:
    """The link is as good as the directory, up to the command to run next."""
    project.experiment("real/exp", runs=["a"])
    (project.path / "link").symlink_to("real")
    panel = FakePanel()
    done = project.run("link", panel=panel)
    assert (done.exit, panel.asked) == (0, slots("a"))
    assert done.section("consensus")[-1].startswith("next: python -m harness report real/exp ")
    assert project.run("link/exp", panel=panel).exit == 0
    assert panel.asked == slots("a")
