"""Sessions over finished experiments remember them in pytest's cache, and say the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness import memory
from harness.layouts.native import NativeLayout
from harness.plugin import memories

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import JudgeSpec, Run
    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the slots whose files are read; a small experiment counts as large, new files as old."""
    monkeypatch.setattr(memory, "YOUNG", -(10**12))
    monkeypatch.setattr(memories, "MANY", 4)
    found: list[str] = []
    real = NativeLayout.read_slot

    def spy(layout: NativeLayout, run: Run, judge: JudgeSpec) -> object:
        found.append(f"{run.name}/{judge.slot}")
        return real(layout, run, judge)

    monkeypatch.setattr(NativeLayout, "read_slot", spy)
    return found


@pytest.fixture
def done(project: Project) -> Path:
    """Judge and settle an experiment of four slots; nothing of it is remembered."""
    root = project.experiment()
    project.run("-p", "no:cacheprovider")
    assert not (project.path / ".pytest_cache").exists()
    return root


@pytest.mark.usefixtures("done")
def test_a_second_session_reads_nothing_and_says_the_same(
    project: Project, read: list[str]
) -> None:
    """The cache may be deleted at any time, which changes nothing but what is read."""
    said = []
    for options, expected in (
        ((), 4),
        ((), 0),
        (("--collect-only",), 0),
        (("-p", "no:cacheprovider"), 4),
        (("--cache-clear",), 4),
        ((), 0),
        (("--status", "complete", "--dry-run"), 0),
    ):
        read.clear()
        ran = project.run(*options)
        assert (ran.exit, len(read)) == (0, expected), options
        said.append(ran.body)
    assert said[0] == said[1] == said[3] == said[4] == said[5]
    assert said[0][0] == "exp: 4 slots: 4 complete"


def test_what_was_remembered_is_not_believed_after_a_change(
    project: Project, read: list[str], done: Path
) -> None:
    """A run whose judgment was cut is read again, and judged."""
    project.run()
    read.clear()
    (done / "runs/a/judge/judge_02/judgment.json").write_text("{")
    ran = project.run("--collect-only", "-q")
    assert ran.lines[0].endswith("::runs/a/judge_02")
    assert set(read) == {"runs/a/judge_01", "runs/a/judge_02"}
    assert project.run().exit == 0
    stored = json.loads((done / "runs/a/judge/judge_02/judgment.json").read_text())
    assert stored["is_valid"] is True


@pytest.mark.usefixtures("done")
def test_sessions_that_replace_judgments_read_them_all(project: Project, read: list[str]) -> None:
    """What is to be replaced must be known as it was when the session began."""
    project.run()
    for options in (["--rejudge", "--dry-run"], ["--reparse", "--dry-run"]):
        read.clear()
        assert project.run(*options).exit == 0
        assert len(set(read)) == 4


@pytest.mark.usefixtures("done", "read")
def test_small_experiments_are_not_remembered(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below a thousand slots reading takes no time, and nothing is written to the cache."""
    monkeypatch.setattr(memories, "MANY", 5)
    project.run()
    assert not (project.path / ".pytest_cache/v/harness").exists()


@pytest.mark.usefixtures("read")
def test_layouts_that_read_runs_in_their_own_way_are_not_remembered(
    project: Project, make_scylla: object
) -> None:
    """Only where all is known that a run depends on can a change be seen."""
    make_scylla(project.path / "exp")  # type: ignore[operator] # a factory
    assert project.run().exit == 0
    assert project.run().exit == 0
    assert not (project.path / ".pytest_cache/v/harness").exists()
