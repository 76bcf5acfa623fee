"""The judge that runs the rubric's own commands: what is the agent's fault, and what is not."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import disk, process
from harness.errors import JudgeError
from harness.judges import workspace as workspace_module
from harness.judges.workspace import copy_workspace
from tests.workshop import script, write_experiment

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = """\
categories:
  all:
    weight: 1.0
    scoring_type: points
    items:
{items}
grading:
  pass_threshold: 0.5
"""


def prepare(root: Path, *items: str, **keys: Any) -> Path:
    """Write an experiment whose rubric has commands; return the run's workspace."""
    write_experiment(root, judges=[{"name": "checks", "kind": "checks", **keys}])
    workspace = root / "runs/a/workspace"
    workspace.mkdir()
    (workspace / "f").write_text("there\n")
    lines = "\n".join(
        f"      - {{id: R{n}, check: it holds, points: 1.0, {item}}}"
        if item
        else f"      - {{id: R{n}, check: it holds, points: 1.0}}"
        for n, item in enumerate(items, 1)
    )
    (root / "rubric.yaml").write_text(CHECKS.format(items=lines))
    return workspace


def check(root: Path, *items: str, **keys: Any) -> harness.Statistics:
    """Judge a run with a workspace by the commands of its rubric."""
    prepare(root, *items, **keys)
    return harness.judge_experiment(root)


def stored(root: Path) -> dict[str, Any]:
    """Return the judgment of the only slot."""
    value: dict[str, Any] = json.loads((root / "runs/a/judge/judge_01/judgment.json").read_text())
    return value


def failure(root: Path) -> str:
    """Judge the only slot, and return why it failed; no score is there then."""
    statistics = harness.judge_experiment(root)
    (why,) = statistics.failures.values()
    assert not (root / "runs/a/judge/judge_01/judgment.json").exists()
    return why


def reasons(root: Path) -> dict[str, str]:
    """Return why each item got its points or did not."""
    items = stored(root)["criteria_scores"]["all"]["items"]
    return {name: item["reason"] for name, item in items.items()}


def test_points_are_given_for_commands_that_do_as_expected(tmp_path: Path) -> None:
    """Items without a command are N/A and do not count; the reasons are in the judgment."""
    root = tmp_path / "e"
    check(
        root,
        "run: [cat, f], expect: {stdout: there}",
        "run: [cat, g], expect: {exit_code: 0}",
        "run: [sh, -c, 'rm f'], expect: {exit_code: 0}",
        "run: [cat, f], expect: {contains: [nowhere]}",
        "",
    )
    items = stored(root)["criteria_scores"]["all"]["items"]
    assert [items[f"R{n}"]["reason"] for n in range(1, 6)] == [
        "as expected",
        "exit status 1, expected 0",
        "as expected",
        "printed 'there', expected 'nowhere' in it",
        "no command checks this item",
    ]
    assert (stored(root)["score"], stored(root)["passed"]) == (0.5, True)
    assert (root / "runs/a/workspace/f").read_text() == "there\n"


def test_rubric_without_commands_cannot_be_checked(tmp_path: Path) -> None:
    """A checks judge with nothing to check says so, and invents no score."""
    statistics = check(tmp_path / "e", "")
    assert list(statistics.failures.values()) == [
        "no item of the rubric has a command to check it; add run to one"
    ]


# --- whose fault it is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("./run.sh", "there is no program './run.sh'"),
        ("bin/run", "there is no program 'bin/run'"),
        ("./f", "'./f' is not executable"),
        ("./d", "'./d' is a directory"),
        ("./gone", "exit status 127, expected 0"),
    ],
)
def test_program_that_the_agent_did_not_deliver_costs_the_points(
    tmp_path: Path, program: str, why: str
) -> None:
    """A program in the workspace is the agent's work; the other items are checked."""
    root = tmp_path / "e"
    runs = f"run: [{program}], expect: 0", "run: ['true'], expect: 0"
    workspace = prepare(root, *runs)
    (workspace / "d").mkdir()
    script(workspace / "gone", "#!/bin/sh\nexec /no/such/program\n")
    assert harness.judge_experiment(root).failures == {}
    assert reasons(root) == {"R1": why, "R2": "as expected"}
    assert stored(root)["score"] == 0.5


def test_interpreter_that_the_agents_script_names_is_the_agents_fault(tmp_path: Path) -> None:
    """Its first line is the agent's work."""
    root = tmp_path / "e"
    workspace = prepare(root, "run: [./run.sh], expect: 0", "run: ['true'], expect: 0")
    script(workspace / "run.sh", "#!/gone/sh\n")
    assert harness.judge_experiment(root).failures == {}
    assert reasons(root) == {
        "R1": "'./run.sh' needs the interpreter '/gone/sh', which is not there",
        "R2": "as expected",
    }


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "../no-such-program"])
def test_program_that_this_machine_lacks_is_no_score(tmp_path: Path, program: str) -> None:
    """It says nothing about the agent: the slot fails, and whoever runs it must act."""
    root = tmp_path / "e"
    prepare(root, f"run: [{program}], expect: 0", "run: ['true'], expect: 0")
    assert failure(root) == (
        f"item R1 of the rubric: there is no program {program!r}; install it or correct the command"
    )


def test_process_that_this_machine_refuses_is_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork that fails says nothing about the agent."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    prepare(tmp_path / "e", "run: ['true'], expect: 0")
    assert failure(tmp_path / "e") == (
        "item R1 of the rubric: 'true' could not be run: "
        "the program cannot be started (Resource temporarily unavailable)"
    )


@pytest.mark.parametrize("code", [0, 2, 125, 126, 127])
def test_guard_that_fails_is_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Not even if its exit status is the one that the item expects."""
    monkeypatch.setattr(process, "wrapped", lambda *_, **__: ["/bin/sh", "-c", f"exit {code}"])
    prepare(tmp_path / "e", f"run: ['true'], expect: {code}")
    assert failure(tmp_path / "e") == (
        "item R1 of the rubric: 'true' could not be run: "
        f"the program cannot be started (its launcher ended with exit status {code})"
    )


def test_check_that_fails_on_a_full_disk_is_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that cannot write its answer looks like a wrong one."""
    full: list[Path] = []

    def check_room(directory: Path) -> None:
        full.append(directory)
        if directory.name.startswith("judge-"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))

    monkeypatch.setattr(disk, "check_room", check_room)
    prepare(tmp_path / "e", "run: ['true'], expect: 0", "run: ['false'], expect: 0")
    why = failure(tmp_path / "e")
    assert why == (
        f"{full[-1]}: cannot be written (No space left on device); "
        "nothing was paid; mend that and run the same command again"
    )


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("rm ../*.stdout", "its stdout has vanished"),
        ("rm ../*.stdout; mkdir ../0.stdout", "its stdout is a directory"),
    ],
)
def test_output_that_cannot_be_read_is_no_score(tmp_path: Path, command: str, why: str) -> None:
    """Nobody knows what was printed."""
    prepare(tmp_path / "e", f"run: [sh, -c, '{command}'], expect: {{contains: there}}")
    assert failure(tmp_path / "e") == f"item R1 of the rubric: {why}"


def test_output_without_end_costs_the_points(tmp_path: Path) -> None:
    """It is the agent's program that does not stop writing."""
    root = tmp_path / "e"
    check(root, "run: [cat, /dev/zero], expect: 0", "run: ['true']")
    assert reasons(root) == {"R1": "wrote more than 10 MiB", "R2": "as expected"}


def test_long_output_is_told_in_brief(tmp_path: Path) -> None:
    """As much as fits into a line of a report."""
    root = tmp_path / "e"
    check(root, f"run: [echo, {'x' * 500}], expect: {{stdout: there}}")
    assert reasons(root) == {"R1": f"printed '{'x' * 116}..., expected 'there'"}


def test_commands_that_count_for_nothing_give_no_score(tmp_path: Path) -> None:
    """A category of weight 0 is no part of the score, so there must be another one."""
    root = tmp_path / "e"
    prepare(root, "run: ['true']")
    rubric = root / "rubric.yaml"
    other = (
        "  other:\n    weight: 1.0\n    items:\n      - {id: O1, check: it is good, points: 1.0}\n"
    )
    text = rubric.read_text().replace("weight: 1.0", "weight: 0")
    rubric.write_text(text.replace("grading:", f"{other}grading:"))
    assert failure(root) == "every item that has a command lies in a category of weight 0"


# --- time -----------------------------------------------------------------------------------------


def test_item_that_takes_too_long_costs_its_points(tmp_path: Path) -> None:
    """The item's own limit is the agent's."""
    root = tmp_path / "e"
    check(root, "run: [sleep, '60'], expect: 0, timeout: 0.3", "run: ['true']")
    assert reasons(root) == {"R1": "still running after 0.3 s", "R2": "as expected"}


def test_time_limit_of_the_judge_holds_for_all_items_together(tmp_path: Path) -> None:
    """Each item would have been in time, but not all: there is no score, as of any judge."""
    items = ["run: [sleep, '0.3'], expect: 0"] * 5
    prepare(tmp_path / "e", *items, timeout=0.7)
    assert failure(tmp_path / "e") == "the judge took longer than 0.7 s and was ended"


def test_nothing_is_begun_when_the_time_is_up(tmp_path: Path) -> None:
    """What is late is the judge, not the agent: there is no score."""
    prepare(tmp_path / "e", "run: ['true']", timeout=1e-9)
    assert failure(tmp_path / "e") == "the judge took longer than 1e-09 s and was ended"


def test_time_that_is_used_up_ends_the_copying_as_well(tmp_path: Path) -> None:
    """The workspace is not copied on when there is no time left to look at it."""
    source = tmp_path / "workspace"
    (source / "a/b").mkdir(parents=True)
    calls: list[int] = []

    def check_time() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise JudgeError("time is up")

    with pytest.raises(JudgeError) as caught:
        copy_workspace(source, tmp_path / "copy", check_time)
    assert str(caught.value) == "time is up"
    assert not (tmp_path / "copy/a/b").exists()


# --- regular expressions --------------------------------------------------------------------------


def test_regular_expression_is_searched_in_all_that_was_printed(tmp_path: Path) -> None:
    """With characters of any kind in it, on any line."""
    root = tmp_path / "e"
    prepare(
        root,
        r"run: [cat, g], expect: {matches: '(?m)^caf\u00e9\s\U0001f600$'}",
        "run: [cat, g], expect: {matches: '^café'}",
        "run: [cat, g], expect: {matches: '\\\\'}",
        'run: [cat, g], expect: {matches: "\\0"}',
        'run: [cat, f], expect: {matches: "it\'s"}',
    )
    (root / "runs/a/workspace/g").write_bytes("one\ncafé 😀\n\\ \0 \n".encode() + b"\xff\n")
    assert harness.judge_experiment(root).failures == {}
    assert reasons(root) == {
        "R1": "as expected",
        "R2": r"printed 'one\ncafé 😀\n\\ \x00 \n�', expected a match of '^café'",
        "R3": "as expected",
        "R4": "as expected",
        "R5": "printed 'there', expected a match of \"it's\"",
    }


def test_regular_expression_that_takes_for_ever_is_ended_and_is_no_score(tmp_path: Path) -> None:
    """What the agent printed must neither freeze the session nor cost points for a pattern."""
    root = tmp_path / "e"
    prepare(
        root,
        "run: [cat, g], expect: {matches: '^(a+)+$'}, timeout: 0.5",
    )
    (root / "runs/a/workspace/g").write_text("a" * 60 + "!")
    assert failure(root) == (
        "item R1 of the rubric: expect.matches: '^(a+)+$' was still being searched for "
        "after 0.5 s; write it so that it needs not go back and try again"
    )


def test_time_limit_of_the_judge_holds_for_a_search_as_well(tmp_path: Path) -> None:
    """A search is part of the call."""
    root = tmp_path / "e"
    prepare(root, "run: [cat, g], expect: {matches: '^(a+)+$'}", timeout=0.7)
    (root / "runs/a/workspace/g").write_text("a" * 60 + "!")
    assert failure(root) == "the judge took longer than 0.7 s and was ended"


def test_search_that_cannot_be_done_is_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent has no part in it, be it the machine or the pattern that is at fault."""
    where = "item R1 of the rubric: expect.matches: 'there' could not be searched for"
    root = tmp_path / "e"
    prepare(root, "run: [cat, f], expect: {matches: there}")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/gone/python")
        why = "there is no program '/gone/python'; install it or correct the command"
        assert failure(root) == f"{where}: {why}"
    child = tmp_path / "child.py"
    child.write_text("raise SystemExit(3)\n")
    monkeypatch.setattr("harness.judges.check_command.CHILD", child)
    assert failure(root) == f"{where} (exit status 3); simplify it"


# --- the copy of the workspace --------------------------------------------------------------------


def copied(source: Path, target: Path) -> list[str]:
    """Copy a workspace and return what is in the copy."""
    copy_workspace(source, target, lambda: None)
    return sorted(str(path.relative_to(target)) for path in target.rglob("*"))


def test_what_is_no_file_is_left_out_of_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FIFO or a socket would block the copying; files, directories, and their modes are kept."""
    source = tmp_path / "w"
    (source / "d").mkdir(parents=True)
    script(source / "d/run.sh", "#!/bin/sh\n")
    os.mkfifo(source / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(source / "d")  # the path of a socket must be short
        listening.bind("socket")
        assert copied(source, tmp_path / "copy") == ["d", "d/run.sh"]
    assert os.access(tmp_path / "copy/d/run.sh", os.X_OK)


def test_fifo_in_the_workspace_does_no_harm_to_a_check(tmp_path: Path) -> None:
    """The checks are made as if it were not there."""
    root = tmp_path / "e"
    os.mkfifo(prepare(root, "run: [ls], expect: f") / "fifo")
    assert harness.judge_experiment(root).failures == {}
    assert reasons(root) == {"R1": "as expected"}


def test_links_are_copied_if_they_stay_in_the_workspace(tmp_path: Path) -> None:
    """Relative ones, as links, dangling or not; what leads out, or into the original, is not."""
    source = tmp_path / "w"
    (source / "d").mkdir(parents=True)
    (source / "f").write_text("x")
    (tmp_path / "secret").write_text("s")
    links = {
        "in": "f",
        "d/up": "../f",
        "dir": "d",
        "dangling": "nothing",
        "loop": "loop",
        "out": "../secret",
        "d/out": "../../secret",
        "absolute": str(tmp_path / "secret"),
        "original": str(source / "f"),
        "through": "d/../../secret",
        "later": "missing/../../secret",
    }
    for name, target in links.items():
        (source / name).symlink_to(target)
    assert copied(source, tmp_path / "copy") == [
        "d", "d/up", "dangling", "dir", "f", "in", "loop"
    ]  # fmt: skip
    assert str((tmp_path / "copy/d/up").readlink()) == "../f"


@pytest.mark.parametrize(
    ("cap", "value", "why"),
    [
        ("SIZE_CAP", 10_000, "holds more than 10,000 bytes"),
        ("COUNT_CAP", 2, "holds more than 2 files"),
    ],
)
def test_workspace_that_is_no_answer_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: str, value: int, why: str
) -> None:
    """What an agent installed would be copied for every item."""
    monkeypatch.setattr(workspace_module, cap, value)
    root = tmp_path / "e"
    workspace = prepare(root, "run: ['true']")
    (workspace / ".git").mkdir()
    (workspace / ".git/large").write_bytes(b"x" * 20_000)
    (workspace / "more").mkdir()
    (workspace / "more/x").write_bytes(b"x" * 10_000)
    assert failure(root) == (
        "item R1 of the rubric: 'true' could not be run: "
        f"the workspace {workspace} {why}; remove from it what is no part of the answer"
    )


def test_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Nothing of the agent's is at fault."""
    with pytest.raises(JudgeError) as caught:
        copy_workspace(None, tmp_path / "gone" / "copy", lambda: None)
    assert str(caught.value) == (
        f"the workspace cannot be copied: {tmp_path}/gone/copy: No such file or directory"
    )


def test_agent_that_left_nothing_has_an_empty_workspace(tmp_path: Path) -> None:
    """Its rubric's commands run all the same."""
    copy_workspace(None, tmp_path / "copy", lambda: None)
    assert list((tmp_path / "copy").iterdir()) == []


def test_file_that_cannot_be_copied_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one, and how many there are; not the whole list, cut off."""

    def refuse(source: Path, *_: object, **__: object) -> None:
        denied = [(f"{source}/{n}", "", "[Errno 13] Permission denied") for n in "abc"]
        raise shutil.Error(denied)

    monkeypatch.setattr(workspace_module, "files", SimpleNamespace(copy_tree=refuse))
    with pytest.raises(JudgeError) as caught:
        copy_workspace(tmp_path / "w", tmp_path / "copy", lambda: None)
    assert str(caught.value) == (
        f"the workspace cannot be copied: {tmp_path}/w/a: [Errno 13] Permission denied, and 2 more"
    )
