"""``--judge-shard``: jobs that know nothing of each other share the runs."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plugin.shard import Shard
from tests.plugin_project import FakePanel, Project, project, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["project"]  # a fixture

RUNS = [f"r{number:02d}" for number in range(12)]


def shards(count: int) -> list[Shard]:
    """Return all parts."""
    return [Shard(number, count) for number in range(1, count + 1)]


@given(st.text(), st.text(), st.integers(1, 50))
def test_a_run_is_in_one_shard(experiment: str, run: str, count: int) -> None:
    """Whatever its name: never in two, never in none."""
    assert sum(shard.has(experiment, run) for shard in shards(count)) == 1


def test_shards_stay_what_they_are() -> None:
    """Versions of the harness agree: jobs need not all have the same one."""
    runs = [f"runs/{name}" for name in "abcdefgh"]
    found = [[r for r in runs if s.has("quickstart", r)] for s in shards(3)]
    assert found == [
        ["runs/b", "runs/d", "runs/e"],
        ["runs/c", "runs/f"],
        ["runs/a", "runs/g", "runs/h"],
    ]


def test_shards_are_equal_on_average() -> None:
    """Of many runs each shard gets about its part, in each experiment another one."""
    sizes = [sum(s.has("e", f"runs/{n}") for n in range(8000)) for s in shards(8)]
    assert sum(sizes) == 8000
    assert max(abs(size - 1000) for size in sizes) < 150
    alone = {next(s.number for s in shards(8) if s.has(f"e{n}", "runs/a")) for n in range(100)}
    assert alone == set(range(1, 9)), "experiments of one run are shared out, too"


def test_the_shards_have_all_slots_and_none_twice(project: Project) -> None:
    """All judges of a run are in one shard."""
    project.experiment(runs=RUNS)
    parts = [project.ids(f"--judge-shard={number}/3") for number in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == [
        f"exp/experiment.yaml::{name}" for name in slots(*RUNS)
    ]
    assert all(len(part) > 2 for part in parts)
    for part in parts:
        runs = [name.rpartition("/")[0] for name in part]
        assert all(runs.count(run) == 2 for run in runs)


def test_a_shard_is_the_same_whatever_is_judged_or_added(project: Project) -> None:
    """A job that is run again goes on with the runs that it had."""
    root = project.experiment(runs=RUNS)
    before = project.ids("--judge-shard=2/3")
    name = before[0].partition("::")[2].rpartition("/")[0]
    project.judgment(root / name)
    project.experiment(runs=[*RUNS, "another", "one", "more"])
    after = project.ids("--judge-shard=2/3")
    assert [one for one in after if "/r" in one.partition("::runs")[2]] == before[1:]


def test_the_session_says_which_shard_it_is(project: Project) -> None:
    """The header names it, and what is found says how many runs are in it."""
    project.experiment(runs=RUNS)
    panel = FakePanel()
    done = project.run("--judge-shard=1/3", "--parallel=2", panel=panel)
    assert done.exit == 0
    assert "judge shard: 1/3" in done.lines
    own = len(panel.asked) // 2
    assert done.body[:2] == ["exp: 24 slots: 24 missing", f"  shard 1/3: {own} of 12 runs"]
    assert done.progress[-1].startswith(f"[{2 * own}/{2 * own}] ")
    again = project.run("--judge-shard=1/3", panel=panel)
    assert (again.exit, len(panel.asked)) == (0, 2 * own)
    assert "nothing left to judge in shard 1/3" in again.lines


def test_what_to_run_next_is_no_work_of_other_shards(project: Project) -> None:
    """On the terminal and in the summary: its own open slots, or the merge."""
    project.experiment(runs=RUNS, retries=0)
    options = ("--judge-shard=1/3", "--judge-markdown=s.md", "-k")
    own = len(project.ids("--judge-shard=1/3")) // 2
    part = project.run(*options, "judge_01", panel=FakePanel())
    todo = f"judges what is open in shard 1/3: {own} missing"
    assert part.section("consensus")[-2] == f"next: pytest exp --judge-shard 1/3 ({todo})"
    assert summary_of(project) == f"Next: <code>pytest exp --judge-shard 1/3</code>, {todo}."
    done = project.run(*options, "judge_02", panel=FakePanel())
    merge, why = "python -m harness merge TARGET exp", "puts the shards together"
    assert done.section("consensus")[-2] == f"next: {merge} ({why})"
    assert summary_of(project) == f"Next: <code>{merge}</code>, {why}."


def summary_of(project: Project) -> str:
    """Return the last line of the summary in Markdown."""
    return html.unescape((project.path / "s.md").read_text(encoding="utf-8").splitlines()[-1])


def test_an_empty_shard_says_so_and_exits_0(project: Project) -> None:
    """With fewer runs than jobs some have nothing to do, and that is no error."""
    project.experiment(runs=["a"])
    panel = FakePanel()
    done = [project.run(f"--judge-shard={number}/4", panel=panel) for number in (1, 2, 3, 4)]
    assert [one.exit for one in done] == [0, 0, 0, 0]
    empty = [one for one in done if "nothing left to judge in shard" in "\n".join(one.lines)]
    assert len(empty) == 3
    assert all("0 of 1 runs" in one.body[1] for one in empty)
    assert sorted(panel.asked) == slots("a")


@pytest.mark.parametrize(
    ("options", "status"),
    [(("-k", "judge_01"), 0), (("-k", "no_such_judge"), 0), (("--judge-slot=9",), 5)],
)
def test_what_else_selects_selects_within_the_shard(
    project: Project, options: tuple[str, ...], status: int
) -> None:
    """What a job's part has nothing of, others may have; what no part has is a mistake."""
    project.experiment(runs=RUNS)
    panel = FakePanel()
    done = project.run("--judge-shard=1/3", *options, panel=panel)
    assert done.exit == status
    assert all(name.endswith("judge_01") for name in panel.asked)


def test_a_dry_run_and_a_listing_are_about_the_shard(project: Project) -> None:
    """Nothing is judged."""
    root = project.experiment(runs=RUNS)
    for run in RUNS:
        project.judgment(root / "runs" / run)
    own = len(project.ids("--judge-shard=1/3"))
    dry = project.run("--dry-run", "--judge-shard=1/3")
    assert f"dry run: {own} slots would be judged; nothing was changed" in dry.lines
    listed = project.run("--status=complete", "--judge-shard=1/3")
    assert f"  complete: {own}" in listed.lines
    assert (dry.exit, listed.exit) == (0, 0)


def test_scylla_runs_are_shared_out_too(project: Project, make_scylla: Callable[..., Path]) -> None:
    """By their names, wherever they lie."""
    runs = [f"T0/00/run_{number:02d}" for number in range(1, 9)]
    none = {f"{run}/judge_01": None for run in runs}
    make_scylla(project.path / "exp", runs=runs, models=["a"], judgments=none)
    parts = [project.ids(f"--judge-shard={number}/2") for number in (1, 2)]
    names = [f"exp/config/experiment.json::{run}/judge_01" for run in runs]
    assert sorted(name for part in parts for name in part) == names
    assert all(parts)


@pytest.mark.parametrize("value", ["", "2", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/2", "²/3"])
def test_a_shard_that_is_none_is_a_usage_error(project: Project, value: str) -> None:
    """The message says what it must be, and nothing is judged."""
    project.experiment()
    panel = FakePanel()
    done = project.run(f"--judge-shard={value}", panel=panel)
    assert (done.exit, panel.asked) == (4, [])
    assert done.problem[1].partition(": error: ")[2] == (
        f"argument --judge-shard: must be I/N with 1 <= I <= N, such as 2/8, got {value!r}"
    )
