"""Experiments, runs, judges, and judgments that are not as they should be."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.plugin_project import FakePanel, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)


# --- experiments that cannot be read -----------------------------------------------------------


JUDGES = "judges: [{name: one, kind: command, argv: [x]}]\n"

KEYS = (
    "name, description, layout, task, rubric, runs, prompt, judges, consensus, score_from, "
    "require_token, retries"
)

BROKEN = {
    "": "must be a mapping of keys, found nothing; correct it",
    "- a\n": "must be a mapping of keys, found a list; correct it",
    "judges: [\n": "is not valid YAML: did not find expected node content (line 2, column 1); "
    "correct it",
    f"name: a\nname: b\n{JUDGES}": "the key 'name' (line 2, column 1) stands there twice; keep one",
    "a: &x 1\nb: *x\n": "uses an anchor or alias (line 1, column 4); write the value out",
    f"judgess: []\n{JUDGES}": f"unknown key 'judgess'; remove it or use one of: {KEYS}",
    "name: a\n": "the key 'judges' is missing; list at least one judge",
    "judges: []\n": "judges: the panel is empty; list at least one judge",
    "judges: [{name: a, kind: nonsense}]\n": "judges[0]: unknown kind 'nonsense'; use one of: "
    "anthropic, checks, claude, codex, command, gemini, human, llm, openai, python, replay",
    f"runs: nope/*\n{JUDGES}": "runs: nothing matches 'nope/*'; put the runs there or correct the "
    "pattern",
    f"runs: ../*\n{JUDGES}": "runs: '../*' is no path below the experiment; correct it",
    "layout: scylla\n": "layout: scylla needs config/experiment.json beside it; restore that file",
}


@pytest.mark.parametrize("config", BROKEN)
def test_a_configuration_that_makes_no_sense_is_one_line(project: Project, config: str) -> None:
    """The collection error is one line: the file, what is wrong, and the way out."""
    (project.experiment("bad") / "experiment.yaml").write_text(config, encoding="utf-8")
    done = project.run()
    assert done.exit == 1
    assert done.section("ERRORS") == [
        "_____________________ ERROR collecting bad/experiment.yaml _____________________",
        f"bad/experiment.yaml: {BROKEN[config]}",
    ]


def replace_by_directory(file: Path) -> None:
    """Put a directory in a file's place."""
    file.unlink()
    file.mkdir()


def replace_by_dangling_link(file: Path) -> None:
    """Put a link to nowhere in a file's place."""
    file.unlink()
    file.symlink_to("nowhere")


def replace_by_pipe(file: Path) -> None:
    """Put a named pipe in a file's place; who opens it waits."""
    file.unlink()
    os.mkfifo(file)


def make_invalid_text(file: Path) -> None:
    """Write bytes that are no UTF-8."""
    file.write_bytes(b"name: \xff\n")


def make_huge(file: Path) -> None:
    """Write more than is read."""
    file.write_text("#" * 2_000_000, encoding="utf-8")


DAMAGED: dict[Callable[[Path], None], str] = {
    replace_by_directory: "is a directory; replace it by a text file",
    replace_by_dangling_link: "is a dangling symbolic link; replace it by a text file",
    replace_by_pipe: "is no regular file; replace it by a text file",
    make_invalid_text: "is not UTF-8 (byte 6); replace it by a text file",
    make_huge: "is 2,000,000 bytes long; at most 1,048,576 are read; replace it by a text file",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_configuration_that_cannot_be_read_is_one_line(
    project: Project, damage: Callable[[Path], None]
) -> None:
    """What stands in the configuration's place is named in one line, and left as it is."""
    damage(project.experiment("bad") / "experiment.yaml")
    before = project.snapshot()
    done = project.run()
    assert (done.exit, done.section("ERRORS")) == (
        1,
        [
            "_____________________ ERROR collecting bad/experiment.yaml _____________________",
            f"bad/experiment.yaml: {DAMAGED[damage]}",
        ],
    )
    assert project.snapshot() == before


@pytest.mark.parametrize("argument", ["bad", "bad/experiment.yaml", "bad/runs/a"])
def test_a_link_to_nowhere_among_the_arguments_spoils_only_itself(
    project: Project, argument: str
) -> None:
    """Named on the command line, it is the same line; the other experiment is judged."""
    replace_by_dangling_link(project.experiment("bad") / "experiment.yaml")
    project.experiment("good", runs=["a"])
    panel = FakePanel()
    done = project.run(argument, "good", panel=panel)
    assert (done.exit, panel.asked) == (1, slots("a"))
    assert done.section("ERRORS")[1:] == [
        "bad/experiment.yaml: is a dangling symbolic link; replace it by a text file"
    ]


def test_an_experiment_without_its_configuration_is_named(project: Project) -> None:
    """A directory with runs and a task but no configuration is an error, not silence."""
    (project.experiment("bad") / "experiment.yaml").unlink()
    done = project.run()
    assert (done.exit, done.section("ERRORS")) == (
        1,
        [
            "_____________________________ ERROR collecting bad _____________________________",
            (
                "bad: looks like an experiment, but has no experiment.yaml and no "
                "config/experiment.json; create one of them"
            ),
        ],
    )


def test_an_experiment_without_runs_is_named(
    project: Project, make_scylla: Callable[..., Path]
) -> None:
    """A ProjectScylla experiment before its first run is a collection error."""
    make_scylla(project.path / "bad", runs=[])
    done = project.run()
    assert (done.exit, done.section("ERRORS")) == (
        1,
        [
            "_________________ ERROR collecting bad/config/experiment.json __________________",
            "bad: there is no run (T0/00/run_01, ...) in it; run the agents first",
        ],
    )


@pytest.mark.parametrize("text", ["", "[]", '{"judge_models": []}', "{", "\xff"])
def test_a_damaged_scylla_configuration_spoils_only_itself(
    project: Project, make_scylla: Callable[..., Path], text: str
) -> None:
    """The collection error is one line that names the file; the next experiment is judged."""
    root = make_scylla(project.path / "bad", replay=False)
    (root / "config" / "experiment.json").write_bytes(text.encode("latin-1"))
    project.experiment("good", runs=["a"], judges=1)
    panel = FakePanel()
    done = project.run(panel=panel)
    title, message = done.section("ERRORS")
    assert title.strip("_") == " ERROR collecting bad/config/experiment.json "
    assert message.startswith("bad/config/experiment.json: ")
    assert (done.exit, panel.asked) == (1, ["runs/a/judge_01"])


@pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])
def test_broken_experiments_do_not_stop_the_others(
    project: Project, options: tuple[str, ...]
) -> None:
    """Two experiments are collection errors, the third is judged and settled, the exit is 1."""
    for name in ("bad", "worse"):
        (project.experiment(name) / "experiment.yaml").write_text("", encoding="utf-8")
    good = project.experiment("good")
    panel = FakePanel()
    done = project.run(*options, panel=panel)
    assert (done.exit, sorted(panel.asked)) == (1, slots("a", "b"))
    assert done.lines[-1] == (
        "========================= 4 passed, 2 errors in 0.00s =========================="
    )
    assert (good / "runs" / "a" / "judge" / "result.json").is_file()


def test_a_broken_test_file_still_stops_the_session(project: Project) -> None:
    """As in pytest: an ordinary collection error keeps everything from running."""
    project.experiment()
    project.pytester.makepyfile(test_broken="syntax error")
    panel = FakePanel()
    done = project.run(panel=panel)
    assert (done.exit, panel.asked) == (2, [])
    assert (
        "!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!"
        in done.lines
    )


# --- runs and judges that spoil only themselves ------------------------------------------------


def test_a_run_without_output_is_blocked(project: Project) -> None:
    """Neither an empty nor an absent output is judged; both are counted."""
    project.experiment(runs={"a": "It is done.\n", "empty": " \n", "none": None}, judges=1)
    panel = FakePanel()
    done = project.run(panel=panel)
    assert (done.exit, panel.asked) == (0, ["runs/a/judge_01"])
    assert done.body[0] == "exp: 3 slots: 1 missing, 2 blocked"


def test_a_judge_program_that_does_not_exist_fails_its_slots_only(project: Project) -> None:
    """Its slots fail with the program's name and cost nothing; the other judge's are judged."""
    panel = [
        {"name": "one", "kind": "command", "argv": ["no-such-program"]},
        {"name": "two", "kind": "replay", "reply": "recorded/{run}/{slot}.txt"},
    ]
    project.experiment(runs=["a"], judges=panel)
    done = project.run()
    why = (
        "exp/experiment.yaml: judges[0].argv: there is no program 'no-such-program'; "
        "install it or correct argv"
    )
    assert done.exit == 1
    assert done.progress == [
        f"[1/2] runs/a/judge_01 -> FAIL (1 remaining, 0s elapsed): {why}",
        "[2/2] runs/a/judge_02 -> OK (0 remaining, 0s elapsed)",
    ]
    assert not [line for line in done.body if line.startswith("calls:")]


DAMAGES = {
    "empty": b"",
    "truncated": b'{"score": 0.',
    "list": b"[1]",
    "NaN": b'{"score": NaN, "passed": true}',
    "text": b'{"score": "0.9", "passed": true}',
    "percent": b'{"score": 95, "passed": true}',
    "bytes": b'{"score": 0.9, "passed": true, "reasoning": "\xff"}',
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_judgment_is_judged_again_and_kept(project: Project, damage: str) -> None:
    """The bad file is set aside, byte by byte as it was; a valid judgment takes its place."""
    root = project.experiment(runs=["a"], judges=1)
    path = project.judgment(root / "runs" / "a")
    path.write_bytes(DAMAGES[damage])
    done = project.run(panel=FakePanel())
    assert (done.exit, done.body[0]) == (0, "exp: 1 slot: 1 failed")
    assert json.loads(path.read_bytes())["score"] == 0.5
    aside = list(path.parent.glob("judgment.json.bad-*"))
    assert [file.read_bytes() for file in aside] == [DAMAGES[damage]]


@pytest.mark.parametrize(
    "damage", [replace_by_directory, replace_by_dangling_link, replace_by_pipe]
)
def test_what_stands_in_a_judgments_place_is_set_aside(
    project: Project, damage: Callable[[Path], None]
) -> None:
    """A directory, a dangling link, or a pipe is renamed; a valid judgment takes its place."""
    root = project.experiment(runs=["a"], judges=1)
    path = project.judgment(root / "runs" / "a")
    damage(path)
    done = project.run(panel=FakePanel())
    assert (done.exit, done.body[0]) == (0, "exp: 1 slot: 1 failed")
    assert json.loads(path.read_bytes())["score"] == 0.5
    assert [os.path.lexists(file) for file in path.parent.glob("judgment.json.bad-*")] == [True]


def test_a_huge_judgment_is_not_read(project: Project) -> None:
    """A file of 100 MB in a judgment's place is a failed slot like any other."""
    root = project.experiment(runs=["a"], judges=1)
    path = project.judgment(root / "runs" / "a")
    with path.open("wb") as stream:
        stream.truncate(100_000_000)
    done = project.run("--dry-run")
    assert done.body[1:3] == [
        "  failed: 1",
        (
            "    runs/a/judge_01 (judge-a): exp/runs/a/judge/judge_01/judgment.json: "
            "not a judgment (is 100,000,000 bytes long; at most 8,388,608 are read)"
        ),
    ]
