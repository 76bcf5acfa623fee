"""The harness's own layout: which runs there are, and what spoils what."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from harness.consensus import consensus
from harness.errors import ExperimentError
from harness.layouts import config_of, looks_like_run, open_experiment, open_parts
from harness.layouts.base import judgment_of
from harness.layouts.native import NativeLayout
from harness.scores import GRADES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model import Run

    Make = Callable[..., Path]


NO_WORKSPACE = {
    "leaving": "is a symbolic link that leaves the experiment",
    "dangling": "is a symbolic link that leads to no directory",
    "link to a file": "is a symbolic link that leads to no directory",
    "loop": "is a symbolic link that leads to no directory",
    "file": "is no directory",
    "fifo": "is no directory",
}


def make_no_workspace(place: Path, kind: str) -> None:
    """Put something in the place of a workspace."""
    match kind:
        case "leaving":
            place.symlink_to("/")
        case "dangling":
            place.symlink_to("gone")
        case "link to a file":
            place.symlink_to("output.md")
        case "loop":
            place.symlink_to(place)
        case "file":
            place.write_text("not a directory")
        case "fifo":
            os.mkfifo(place)


def runs_of(root: Path) -> dict[str, Run]:
    """Return the runs of an experiment by name."""
    return {run.name: run for run in NativeLayout(root).runs()}


def error_of(root: Path) -> str:
    """Return what is wrong with an experiment as a whole."""
    with pytest.raises(ExperimentError) as caught:
        list(open_experiment(root).runs())
    return str(caught.value)


# --- which layout ----------------------------------------------------------------------------


def test_an_experiment_is_known_by_what_is_on_disk(
    tmp_path: Path, make_experiment: Make, make_scylla: Make
) -> None:
    """A config of ProjectScylla goes before an experiment.yaml, which then only overrides it."""
    native, scylla = make_experiment(tmp_path / "n"), make_scylla(tmp_path / "s")
    assert open_experiment(native).name == "native"
    assert open_experiment(scylla).name == "scylla"
    assert config_of(native) == native / "experiment.yaml"
    assert config_of(scylla) == scylla / "config" / "experiment.json"
    assert config_of(tmp_path) is None


def test_an_experiment_opens_by_its_configuration_file(
    tmp_path: Path, make_experiment: Make, make_scylla: Make
) -> None:
    """Either file does what its directory does; any other file is no experiment."""
    native, scylla = make_experiment(tmp_path / "n"), make_scylla(tmp_path / "s")
    assert open_experiment(native / "experiment.yaml").experiment.root == native
    for file in ("experiment.yaml", "config/experiment.json"):
        found = open_experiment(scylla / file)
        assert (found.name, found.experiment.root) == ("scylla", scylla)
    (native / "task.yaml").touch()
    assert error_of(native / "task.yaml") == (
        f"{native}/task.yaml: is no experiment; it needs experiment.yaml or config/experiment.json"
    )


def test_a_directory_without_a_configuration_is_no_experiment(tmp_path: Path) -> None:
    """The message names both files that would make it one."""
    assert error_of(tmp_path) == (
        f"{tmp_path}: is no experiment; it needs experiment.yaml or config/experiment.json"
    )


def test_a_loop_of_links_is_no_experiment(tmp_path: Path) -> None:
    """A path that cannot be resolved does not raise an error of Python's own."""
    (tmp_path / "loop").symlink_to("loop")
    assert error_of(tmp_path / "loop") == (
        f"{tmp_path}/loop: is no experiment; it needs experiment.yaml or config/experiment.json"
    )


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("directory", "is a directory; replace it by a text file"),
        ("dangling", "is a dangling symbolic link; replace it by a text file"),
        ("fifo", "is no regular file; replace it by a text file"),
        ("outside", "is a symbolic link that leaves the experiment; replace it by a text file"),
    ],
)
def test_a_configuration_that_is_no_file_says_so(tmp_path: Path, kind: str, why: str) -> None:
    """What stands in the configuration's place is named, not passed over."""
    root = tmp_path / "e"
    root.mkdir()
    path = root / "experiment.yaml"
    match kind:
        case "directory":
            path.mkdir()
        case "dangling":
            path.symlink_to("gone")
        case "fifo":
            os.mkfifo(path)
        case _:
            (tmp_path / "other.yaml").write_text("judges: []")
            path.symlink_to(tmp_path / "other.yaml")
    assert error_of(root) == f"{path}: {why}"


def test_a_run_is_known_by_its_name_or_by_its_files(tmp_path: Path) -> None:
    """Before any configuration is read, a directory can be told to be a run of some layout."""
    for name in ("run_01", "plain", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "output.md").touch()
    assert looks_like_run(tmp_path / "run_01")
    assert looks_like_run(tmp_path / "a")
    assert not looks_like_run(tmp_path / "plain")


def test_the_parts_of_a_projectscylla_experiment_name_no_run() -> None:
    """A path below completed/ means the run without that part."""
    assert open_parts("completed/T0/00/run_01") == "T0/00/run_01"
    assert open_parts("in_progress/T0") == "T0"
    assert open_parts("runs/a") == "runs/a"
    assert open_parts("") == ""


# --- which runs ------------------------------------------------------------------------------


def test_runs_are_sorted_as_people_count(tmp_path: Path, make_experiment: Make) -> None:
    """run_2 comes before run_10."""
    root = make_experiment(tmp_path, runs=["run_10", "run_2", "b", "run_1", "a9x", "a10x"])
    assert list(runs_of(root)) == [
        f"runs/{name}" for name in ["a9x", "a10x", "b", "run_1", "run_2", "run_10"]
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("runs/*", ["runs/a", "runs/deep"]),
        ("runs/a", ["runs/a"]),
        ("runs/?", ["runs/a"]),
        ("runs/*/*", ["runs/a/judge", "runs/a/workspace", "runs/deep/b", "runs/deep/c"]),
        ("runs/*/[bc]", ["runs/deep/b", "runs/deep/c"]),
        ("runs/**", ["runs/a", "runs/deep/b", "runs/deep/c"]),
        ("**", ["runs/a", "runs/deep/b", "runs/deep/c"]),
        ("r*s/**/b", ["runs/deep/b"]),
        ("runs/**/c", ["runs/deep/c"]),
        ("runs/.hidden", ["runs/.hidden"]),
    ],
)
def test_a_pattern_finds_directories(
    tmp_path: Path, make_experiment: Make, pattern: str, names: list[str]
) -> None:
    """``*`` is one level, ``**`` any depth down to a run, and hidden ones need a dot."""
    root = make_experiment(tmp_path, runs=["a", "deep/b", "deep/c", ".hidden"])
    config = root / "experiment.yaml"
    config.write_text(f"runs: '{pattern}'\njudges: [{{name: j, kind: checks}}]\n")
    (root / "runs" / "a" / "workspace" / "output.md").mkdir(parents=True)
    (root / "runs" / "a" / "judge").mkdir()
    (root / "runs" / "file").write_text("no directory")
    assert list(runs_of(root)) == names


def test_a_run_is_known_by_any_file_of_a_run(tmp_path: Path, make_experiment: Make) -> None:
    """With ``**``, a directory with a workspace alone is a run, whose output is missing."""
    root = make_experiment(tmp_path, runs=[], judges=1)
    (root / "experiment.yaml").write_text("runs: runs/**\njudges: [{name: j, kind: checks}]\n")
    (root / "runs" / "x" / "y" / "workspace" / "src").mkdir(parents=True)
    found = runs_of(root)
    assert list(found) == ["runs/x/y"]
    assert found["runs/x/y"].blocked == (
        f"{root}/runs/x/y: no output.md or output.txt with text in it"
    )


def test_links_between_directories_are_no_new_depth(tmp_path: Path, make_experiment: Make) -> None:
    """``**`` does not follow links, so a link upwards does not loop."""
    root = make_experiment(tmp_path, runs=["a"])
    text = (root / "experiment.yaml").read_text().replace("{", '{"runs": "runs/**",', 1)
    (root / "experiment.yaml").write_text(text)
    (root / "runs" / "up").symlink_to("..")
    assert list(runs_of(root)) == ["runs/a"]


def test_a_run_that_is_a_link_out_of_the_experiment_is_blocked(
    tmp_path: Path, make_experiment: Make
) -> None:
    """Nothing outside the experiment is read, and the other runs are there."""
    root = make_experiment(tmp_path / "e", runs=["a"])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "output.md").write_text("secret")
    (root / "runs" / "b").symlink_to(tmp_path / "elsewhere")
    found = runs_of(root)
    assert found["runs/b"].blocked == (
        f"{root}/runs/b: is a symbolic link that leaves the experiment"
    )
    assert found["runs/a"].blocked is None


def test_no_run_at_all_is_an_error_of_the_experiment(tmp_path: Path, make_experiment: Make) -> None:
    """The message names the pattern."""
    root = make_experiment(tmp_path, runs=[])
    assert error_of(root) == (
        f"{root}/experiment.yaml: runs: nothing matches 'runs/*'; "
        "put the runs there or correct the pattern"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a[1]", "a%5B1%5D"),
        ("a::b", "a%3A%3Ab"),
        ("a:b", "a:b"),
        ("100%", "100%25"),
        ("a\nb\x1b[2J", "a%0Ab%1B%5B2J"),
        ("\u202egpj", "%E2%80%AEgpj"),
        ("\udcff", "%FF"),
        ("Grüße 世界", "Grüße 世界"),
    ],
)
def test_names_are_safe_in_node_ids(
    tmp_path: Path, make_experiment: Make, name: str, shown: str
) -> None:
    """What pytest cannot round-trip, or what steers a terminal, is %-encoded."""
    root = make_experiment(tmp_path, runs=[])
    try:
        (root / "runs" / name).mkdir(parents=True)
    except OSError:
        pytest.skip("this file system has no such names")
    (run,) = runs_of(root).values()
    assert run.name == f"runs/{shown}"
    assert run.path == root / "runs" / name
    run.name.encode("utf-8")


# --- task, rubric, run.yaml ------------------------------------------------------------------


def test_task_and_rubric_are_the_nearest_ones(tmp_path: Path, make_experiment: Make) -> None:
    """Each is looked for from the run upwards; the task's directory is the task's id."""
    root = make_experiment(tmp_path, runs=["one/a", "one/b", "two/c"])
    text = (root / "experiment.yaml").read_text().replace("{", '{"runs": "runs/*/*",', 1)
    (root / "experiment.yaml").write_text(text)
    (root / "runs" / "one" / "task.md").write_text("task one")
    own = "categories: {f: {weight: 1, items: [{id: F9, check: x, points: 1}]}}"
    (root / "runs" / "one" / "b" / "rubric.yaml").write_text(own)
    (root / "runs" / "two" / "c" / "task.md").write_text("task of c")
    found = runs_of(root)
    assert {name: run.task for name, run in found.items()} == {
        "runs/one/a": "runs/one",
        "runs/one/b": "runs/one",
        "runs/two/c": "runs/two/c",
    }
    rubrics = {name: run.rubric.path for name, run in found.items() if run.rubric}
    assert rubrics == {
        "runs/one/a": root / "rubric.yaml",
        "runs/one/b": root / "runs/one/b/rubric.yaml",
        "runs/two/c": root / "rubric.yaml",
    }
    layout = NativeLayout(root)
    parts = layout.prompt_parts(found["runs/one/b"])
    assert parts == {"task": "task one", "rubric": own, "output": "It is done.\n"}


def test_an_experiment_of_one_task_has_the_experiment_s_directory_for_its_id(
    tmp_path: Path, make_experiment: Make
) -> None:
    """The task beside experiment.yaml has the id "."."""
    assert {run.task for run in runs_of(make_experiment(tmp_path)).values()} == {"."}


def test_groups_are_the_first_directories_below_runs(tmp_path: Path, make_experiment: Make) -> None:
    """Where runs lie deeper; else the experiment is the one group."""
    root = make_experiment(tmp_path / "exp", runs=["a"])
    assert runs_of(root)["runs/a"].group == "exp"
    root = make_experiment(tmp_path / "deep", runs=["x/a", "y/z/b"], name="named")
    text = (root / "experiment.yaml").read_text().replace("{", '{"runs": "runs/**",', 1)
    (root / "experiment.yaml").write_text(text)
    found = runs_of(root)
    assert {name: run.group for name, run in found.items()} == {"runs/x/a": "x", "runs/y/z/b": "y"}
    assert found["runs/x/a"].words == {"named", ".", "x"}


def test_a_run_may_say_its_task_group_and_more(tmp_path: Path, make_experiment: Make) -> None:
    """``run.yaml`` overrides what the directories say."""
    root = make_experiment(tmp_path, runs=["a"])
    (root / "tasks").mkdir()
    (root / "tasks" / "other.md").write_text("the other task")
    (root / "runs" / "a" / "run.yaml").write_text(
        "task: tasks/other.md\ngroup: prompt-2\nmeta: {seed: 7}\n"
    )
    run = runs_of(root)["runs/a"]
    assert (run.task, run.group, run.meta) == ("tasks", "prompt-2", {"seed": 7})
    assert NativeLayout(root).prompt_parts(run)["task"] == "the other task"


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        (
            "run.yaml",
            "grup: x",
            "{path}: unknown key 'grup'; remove it or use one of: task, group, meta",
        ),
        (
            "run.yaml",
            "task: ../x",
            "{path}: task: '../x' is no path below the experiment; correct it",
        ),
        ("run.yaml", "task: none.md", "{run}: no none.md in it or above it; write the task there"),
        (
            "rubric.yaml",
            "categories: {}",
            "{path}: categories: no category has both a weight above 0 and items; add one",
        ),
        ("task.md", b"\xff", "{path}: is not UTF-8 (byte 0); replace it by a text file"),
        ("task.md", None, "{path}: is a dangling symbolic link; replace it by a text file"),
        ("run.yaml", None, "{path}: is a dangling symbolic link; replace it by a text file"),
    ],
)
def test_what_is_wrong_with_one_run_spoils_only_that(
    tmp_path: Path, make_experiment: Make, file: str, text: str | bytes | None, why: str
) -> None:
    """The run's slots say what its author must mend; the other runs are as they were."""
    root = make_experiment(tmp_path, runs=["a", "b"])
    path = root / "runs" / "a" / file
    match text:
        case None:
            path.symlink_to("gone")
        case bytes():
            path.write_bytes(text)
        case _:
            path.write_text(text)
    found = runs_of(root)
    assert found["runs/a"].problem == why.format(path=path, run=path.parent)
    assert found["runs/b"].problem is None
    assert found["runs/b"].rubric is not None


def test_a_damaged_rubric_that_some_runs_share_is_read_once_for_all(
    tmp_path: Path, make_experiment: Make
) -> None:
    """Each of them says what is wrong; the runs with another rubric are as they were."""
    root = make_experiment(tmp_path, runs=["x/a", "x/b", "y/c"], judges=1)
    (root / "experiment.yaml").write_text("runs: runs/*/*\njudges: [{name: j, kind: checks}]\n")
    path = root / "runs" / "x" / "rubric.yaml"
    path.write_text("{}")
    why = f"{path}: the key 'categories' is missing; add it"
    problems = {name: run.problem for name, run in runs_of(root).items()}
    assert problems == {"runs/x/a": why, "runs/x/b": why, "runs/y/c": None}


def test_an_experiment_at_the_top_of_the_file_system_is_looked_through_to_its_end(
    tmp_path: Path, make_experiment: Make
) -> None:
    """What is nowhere is not found; nobody looks above the root for it."""
    layout = NativeLayout(make_experiment(tmp_path, runs=["a"]))
    layout.above._top = "/"
    assert layout.above.find(tmp_path, "is-nowhere.md") is None


@pytest.mark.parametrize("missing", ["task.md", "rubric.yaml"])
def test_a_run_without_task_or_rubric_says_where_to_write_it(
    tmp_path: Path, make_experiment: Make, missing: str
) -> None:
    """Nothing is judged without a task and a rubric."""
    root = make_experiment(tmp_path, runs=["a"])
    (root / missing).unlink()
    what = missing.partition(".")[0]
    assert runs_of(root)["runs/a"].problem == (
        f"{root}/runs/a: no {missing} in it or above it; write the {what} there"
    )


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("rubric.yaml", "{}", "the key 'categories' is missing; add it"),
        ("task.md", b"\xff", "is not UTF-8 (byte 0); replace it by a text file"),
    ],
)
def test_what_all_runs_share_spoils_the_experiment(
    tmp_path: Path, make_experiment: Make, file: str, text: str | bytes, why: str
) -> None:
    """A damaged task or rubric beside experiment.yaml is one error, not one per run."""
    root = make_experiment(tmp_path)
    (root / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert error_of(root) == f"{root}/{file}: {why}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: x", "the key 'judges' is missing; list at least one judge"),
        ("judges: []", "judges: the panel is empty; list at least one judge"),
        (
            "layout: scylla",
            "layout: scylla needs config/experiment.json beside it; restore that file",
        ),
        (
            "judges: [{name: a, kind: checks}]\nprompt: judge.md.j2",
            "prompt: there is no file {root}/judge.md.j2; create it",
        ),
        (
            "judges: [{name: a, kind: checks}]\nconsensus: {quorum: 2}",
            "consensus.quorum: 2 judgments of 1 judges cannot be reached; use at most 1",
        ),
        ("a: 1\na: 2", "the key 'a' (line 2, column 1) stands there twice; keep one"),
        ("a: &x 1\nb: *x", "uses an anchor or alias (line 1, column 4); write the value out"),
    ],
)
def test_a_wrong_configuration_spoils_the_experiment(
    tmp_path: Path, make_experiment: Make, text: str, why: str
) -> None:
    """The message names the file, the key, and the way out."""
    root = make_experiment(tmp_path)
    (root / "experiment.yaml").write_text(text)
    assert error_of(root) == f"{root}/experiment.yaml: {why.format(root=root)}"


def test_the_configuration_s_settings_arrive(tmp_path: Path, make_experiment: Make) -> None:
    """Names, rule, retries, template, and where the score comes from."""
    root = make_experiment(tmp_path / "exp", judges=3)
    plain = NativeLayout(root).experiment
    assert (plain.name, plain.retries, plain.score_from) == ("exp", 1, "rubric")
    assert (plain.root, plain.config_file) == (root, root / "experiment.yaml")
    assert (plain.rule.quorum, plain.rule.whole_panel, plain.prompt_template) == (2, True, None)
    make_experiment(
        root,
        judges=3,
        name="named",
        prompt="judge.md.j2",
        retries=0,
        score_from="declared",
        consensus={"score": "median", "quorum": 3},
    )
    (root / "judge.md.j2").write_text("{{ task }}")
    told = NativeLayout(root).experiment
    assert (told.name, told.retries, told.score_from) == ("named", 0, "declared")
    assert (told.rule.score, told.rule.quorum) == ("median", 3)
    assert told.prompt_template == root / "judge.md.j2"


# --- the output ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "output", "blocked"),
    [
        ({"output.md": b"done"}, "done", None),
        ({"output.txt": b"done"}, "done", None),
        ({"output.md": b"first", "output.txt": b"second"}, "first", None),
        ({"output.md": b" \n", "output.txt": b"second"}, "second", None),
        ({"output.md": b"\xef\xbb\xbfdone"}, "done", None),
        ({"output.md": b"caf\xe9"}, "caf\ufffd", None),
        ({}, "", "{run}: no output.md or output.txt with text in it"),
        ({"output.md": b""}, "", "{run}: no output.md or output.txt with text in it"),
        ({"output.md": b" \n\t"}, "", "{run}: no output.md or output.txt with text in it"),
    ],
)
def test_a_run_needs_an_output_with_text(
    tmp_path: Path,
    make_experiment: Make,
    files: dict[str, bytes],
    output: str,
    blocked: str | None,
) -> None:
    """Without one there is nothing to judge; with broken bytes there is."""
    root = make_experiment(tmp_path, runs={"a": None})
    for name, content in files.items():
        (root / "runs" / "a" / name).write_bytes(content)
    run = runs_of(root)["runs/a"]
    assert run.blocked == (None if blocked is None else blocked.format(run=run.path))
    assert NativeLayout(root).prompt_parts(run)["output"] == output


def test_an_output_that_is_no_file_is_named(tmp_path: Path, make_experiment: Make) -> None:
    """A directory in the output's place blocks the run and says so."""
    root = make_experiment(tmp_path, runs={"a": None})
    (root / "runs" / "a" / "output.md").mkdir()
    run = runs_of(root)["runs/a"]
    assert run.blocked == f"{root}/runs/a/output.md: is a directory"
    assert NativeLayout(root).output(run) is None


def test_output_and_workspace_are_found(tmp_path: Path, make_experiment: Make) -> None:
    """A judge gets paths of what is there, and None for what is not."""
    root = make_experiment(tmp_path / "e", runs=["a", "b", "c"])
    (root / "runs" / "a" / "workspace").mkdir()
    (root / "runs" / "b" / "workspace").symlink_to("../a/workspace")
    layout, found = NativeLayout(root), runs_of(root)
    assert layout.output(found["runs/a"]) == root / "runs" / "a" / "output.md"
    assert [layout.workspace(run) for run in found.values()] == [
        root / "runs" / "a" / "workspace",
        root / "runs" / "b" / "workspace",
        None,
    ]
    assert [run.problem for run in found.values()] == [None, None, None]


@pytest.mark.parametrize("kind", list(NO_WORKSPACE))
def test_what_is_no_workspace_is_a_problem_of_its_run(
    tmp_path: Path, make_experiment: Make, kind: str
) -> None:
    """Nothing is scored in its place; the message says what it is and the way out."""
    root = make_experiment(tmp_path / "e", runs=["a", "b"])
    place = root / "runs" / "a" / "workspace"
    make_no_workspace(place, kind)
    found = runs_of(root)
    assert found["runs/a"].problem == (
        f"{place}: {NO_WORKSPACE[kind]}; put what the agent left behind there, or remove it"
    )
    assert found["runs/b"].problem is None
    assert NativeLayout(root).workspace(found["runs/a"]) is None


def test_the_inputs_hash_covers_task_output_and_template(
    tmp_path: Path, make_experiment: Make
) -> None:
    """A change of any of them shows, and only then."""
    root = make_experiment(tmp_path, runs=["a"])
    seen = [runs_of(root)["runs/a"].inputs_sha256]
    for path in ["task.md", "runs/a/output.md"]:
        (root / path).write_text("changed")
        seen.append(runs_of(root)["runs/a"].inputs_sha256)
    (root / "p.j2").write_text("{{ task }}")
    text = (root / "experiment.yaml").read_text().replace("{", '{"prompt": "p.j2",', 1)
    (root / "experiment.yaml").write_text(text)
    seen.append(runs_of(root)["runs/a"].inputs_sha256)
    (root / "p.j2").write_text("{{ rubric }}")
    seen.append(runs_of(root)["runs/a"].inputs_sha256)
    assert len(set(seen)) == len(seen) == 5
    (root / "rubric.yaml").write_text((root / "rubric.yaml").read_text() + "# changed\n")
    assert runs_of(root)["runs/a"].inputs_sha256 == seen[-1]


def test_a_run_that_nobody_may_look_into_spoils_only_itself(
    tmp_path: Path, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permissions of one run are that run's problem."""
    root = make_experiment(tmp_path, runs=["a", "locked"])
    locked = str(root / "runs" / "locked") + "/"

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(locked):
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return real(path, *args, **kwargs)

        return call

    for name in ("stat", "lstat", "open", "listdir", "scandir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
    found = runs_of(root)
    monkeypatch.undo()
    assert found["runs/a"].blocked is None
    assert found["runs/locked"].blocked == f"{locked}output.txt: Permission denied"


# --- the consensus file ----------------------------------------------------------------------


def test_the_consensus_file_says_how_it_came_about(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """Every figure, the rule, and each judge's score by name."""
    layout = NativeLayout(make_experiment(tmp_path, runs=["a"], judges=3))
    (run,) = layout.runs()
    made = {n: judgment_of(judgment(s), GRADES) for n, s in [(3, 0.5), (1, 0.75)]}
    result = consensus(made, layout.experiment.panel, layout.experiment.rule)
    found = layout.consensus_files(run, result, made)
    assert found.problems == ()
    assert found.wanted == {
        tmp_path / "runs/a/judge/result.json": {
            "score": 0.625,
            "passed": True,
            "grade": "B",
            "reasoning": "worth 0.75",
            "complete": True,
            "judges": 3,
            "judged": 2,
            "votes": {"for": 2, "against": 0},
            "tie": False,
            "spread": 0.25,
            "disagreement": False,
            "quoted": "judge-a",
            "rule": "mean, majority of panel, quorum 2",
            "scores": {"judge-a": 0.75, "judge-c": 0.5},
        }
    }


def test_a_run_that_never_had_a_judgment_gets_no_consensus_file(
    tmp_path: Path, make_experiment: Make
) -> None:
    """But a file that is there is brought up to date when the last judgment goes."""
    layout = NativeLayout(make_experiment(tmp_path, runs=["a"]))
    (run,) = layout.runs()
    result = consensus({}, layout.experiment.panel, layout.experiment.rule)
    assert layout.consensus_files(run, result, {}).wanted == {}
    path = layout.consensus_file(run)
    path.parent.mkdir()
    path.write_text("{}")
    wanted = layout.consensus_files(run, result, {}).wanted[path]
    assert (wanted["score"], wanted["passed"], wanted["complete"]) == (None, None, False)
    assert (wanted["quoted"], wanted["scores"], wanted["judged"]) == (None, {}, 0)
