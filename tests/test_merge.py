"""The results of jobs that shared no disk, put together slot by slot."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.__main__ import main
from harness.layouts import open_experiment
from harness.locks import claim
from harness.merge import Merge
from harness.model import SlotStatus
from tests.workshop import answer, scanned, shell_judge, snapshot, write_experiment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PANEL = [shell_judge(answer(), "one"), shell_judge(answer(score=0.25, passed=False), "two")]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a directory of its own; durability is the concern of other tests."""
    monkeypatch.setattr(sys, "argv", ["__main__.py"])  # as `python -m harness` has it
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    return tmp_path


@pytest.fixture
def target(here: Path) -> Path:
    """Return an experiment of three runs and two judges, not judged."""
    return write_experiment(here / "exp", runs=["a", "b", "c"], judges=PANEL)


def shard(target: Path, name: str, *runs: str) -> Path:
    """Return a copy of the experiment, as a job has it, in which some runs were judged."""
    place = target.parent / name / "exp"
    shutil.copytree(target, place)
    for run in runs:
        harness.judge_experiment(place, only=[f"runs/{run}"])
    return place


def slot(root: Path, name: str) -> Path:
    """Return the directory of a slot."""
    run, _, judge = name.rpartition("/")
    return root / run / "judge" / judge


def names(directory: Path) -> list[str]:
    """Return the names in a directory, sorted."""
    return sorted(path.name for path in directory.iterdir())


def edit(path: Path, **keys: Any) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}, indent=2))


def counts(root: Path) -> dict[str, int]:
    """Return the slots by status."""
    return {status.value: n for status, n in scanned(root).counts().items()}


def merge(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str]]:
    """Return the exit status, and what the command prints."""
    status = main(["merge", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, (printed.out + printed.err).splitlines()


def test_the_parts_make_a_whole(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Judgments, attempts, and prompts come over as they are, and the consensus is made."""
    first, second = shard(target, "1", "a", "b"), shard(target, "2", "c")
    status, lines = merge(capsys, "exp", first, second)
    assert (status, lines) == (
        0,
        [
            "small (exp)",
            f"  {first}: 4 judgments, 4 attempts, 2 prompts taken over; 0 the same",
            f"  {second}: 2 judgments, 2 attempts, 1 prompt taken over; 0 the same",
            "  6 of 6 slots complete, consensus regenerated 3",
        ],
    )
    for part, runs in ((first, "ab"), (second, "c")):
        for path in (path for run in runs for path in (part / "runs" / run).rglob("*")):
            if path.is_file() and path.name not in (".claim", ".lock"):
                copy = target / path.relative_to(part)
                assert copy.read_bytes() == path.read_bytes(), copy
    assert harness.judge_experiment(target).judged == 0


def test_a_second_merge_changes_nothing(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there already is the same."""
    part = shard(target, "1", "a", "b", "c")
    merge(capsys, "exp", part)
    before = snapshot(target)
    status, lines = merge(capsys, "exp", part)
    assert (status, lines[1]) == (
        0,
        f"  {part}: 0 judgments, 0 attempts, 0 prompts taken over; 6 the same",
    )
    after = snapshot(target)
    assert {k: v for k, v in after.items() if not k.endswith(".claim")} == {
        k: v for k, v in before.items() if not k.endswith(".claim")
    }


def test_a_dry_run_writes_nothing(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what would be done."""
    part = shard(target, "1", "a")
    before = snapshot(target)
    status, lines = merge(capsys, "exp", part, "--dry-run")
    assert (status, lines) == (
        0,
        [
            "small (exp)",
            f"  {part}: 2 judgments, 2 attempts, 1 prompt would be taken over; 0 the same",
            "dry run: nothing was changed",
        ],
    )
    assert snapshot(target) == before


def test_judge_directories_alone_will_do(
    target: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An archive need not hold the experiment, and may keep paths from here on."""
    part = shard(target, "1", "a", "b", "c")
    for place in ("bare/runs/a", "deep/exp/runs/b"):
        copy = here / place / "judge"
        shutil.copytree(part / "runs" / copy.parent.name / "judge", copy)
    status, lines = merge(capsys, "exp", "bare", "deep")
    assert (status, lines[1:3]) == (
        0,
        [
            "  bare: 2 judgments, 2 attempts, 0 prompts taken over; 0 the same",
            "  deep: 2 judgments, 2 attempts, 0 prompts taken over; 0 the same",
        ],
    )
    assert counts(target) == {"complete": 4, "missing": 2}


def test_a_target_may_hold_several_experiments(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each shard is laid out like the target."""
    for name in ("x", "y"):
        write_experiment(here / "all" / name, judges=PANEL, name=name)
    shutil.copytree("all", "part")
    harness.judge_experiment(here / "part" / "y")
    status, lines = merge(capsys, "all", "part")
    assert (status, lines) == (
        0,
        [
            "x (all/x)",
            "  no shard has a result of it",
            "  0 of 2 slots complete, consensus regenerated 0",
            "y (all/y)",
            "  part: 2 judgments, 2 attempts, 1 prompt taken over; 0 the same",
            "  2 of 2 slots complete, consensus regenerated 1",
        ],
    )


def test_a_contradiction_is_reported_and_nothing_is_overwritten(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The judgment that is here stays; the attempt of the other one is kept, too."""
    harness.judge_experiment(target, only=["runs/a"])
    part = shard(target, "1")
    path = slot(part, "runs/a/judge_01") / "judgment.json"
    edit(path, score=0.5)
    edit(path.parent / "attempts" / "0001" / "intent.json", started="2026-01-01T00:00:00+00:00")
    before = (slot(target, "runs/a/judge_01") / "judgment.json").read_bytes()
    status, lines = merge(capsys, "exp", part)
    assert status == 1
    assert lines[1:3] == [
        f"  {part}: 0 judgments, 1 attempt, 0 prompts taken over; 1 the same",
        (
            "  conflict: runs/a/judge_01: score 0.750 (passed) here, score 0.500 (passed) "
            f"in {part}; the one here is kept"
        ),
    ]
    assert (slot(target, "runs/a/judge_01") / "judgment.json").read_bytes() == before
    assert names(slot(target, "runs/a/judge_01") / "attempts") == ["0001", "0002"]


def test_attempts_whose_numbers_clash_are_all_kept(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The judgment names its attempt by the new number, and a second merge finds it the same."""
    part = shard(target, "1", "a")
    attempt = slot(target, "runs/a/judge_01") / "attempts" / "0001"
    attempt.mkdir(parents=True)
    (attempt / "intent.json").write_text('{"judge": "one", "started": "then"}')
    (attempt / "exit.json").write_text('{"outcome": "failed", "why": "no verdict"}')
    status, _ = merge(capsys, "exp", part)
    assert status == 0
    directory = slot(target, "runs/a/judge_01")
    made = json.loads((directory / "judgment.json").read_text())
    assert made["provenance"]["attempt"] == "0002"
    theirs = slot(part, "runs/a/judge_01") / "attempts" / "0001" / "stdout"
    assert (directory / "attempts" / "0002" / "stdout").read_bytes() == theirs.read_bytes()
    assert json.loads((attempt / "intent.json").read_text())["started"] == "then"
    assert merge(capsys, "exp", part)[1][1].endswith("0 prompts taken over; 2 the same")
    assert names(directory / "attempts") == ["0001", "0002"]


def test_prompts_that_differ_are_reported(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Judges of one run that were asked differently make no panel."""
    harness.judge_experiment(target, only=["runs/a/judge_01"])
    fresh = write_experiment(target.parent / "1" / "exp", runs=["a", "b", "c"], judges=PANEL)
    harness.judge_experiment(fresh, only=["runs/a/judge_02"])
    status, lines = merge(capsys, "exp", fresh)
    prompt = target / "runs" / "a" / "judge_prompt.md"
    assert status == 1
    assert lines[2] == (
        f"  conflict: runs/a: its prompt in {fresh} is another one than {prompt}; "
        "the judgments made from it are left there"
    )
    assert counts(target) == {"complete": 1, "missing": 5}
    (fresh / "runs" / "a" / "judge_prompt.md").unlink()  # as an archive without it has it
    shutil.rmtree(fresh / "runs" / "b")
    (fresh / "experiment.yaml").unlink()
    status, lines = merge(capsys, "exp", fresh)
    assert status == 1
    assert lines[2] == (
        f"  conflict: runs/a/judge_02: the judgment in {fresh} was made from another prompt "
        f"than {prompt}; it is left there"
    )


def test_what_the_part_has_replaced_is_replaced_here(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that judged stale slots anew contradicts nothing: it kept what it replaced."""
    harness.judge_experiment(target)
    old = json.loads((slot(target, "runs/a/judge_01") / "judgment.json").read_text())
    (target / "task.md").write_text("Answer well.\n")
    part = shard(target, "1")
    assert harness.judge_experiment(part, status="stale").judged == 6
    status, lines = merge(capsys, "exp", part)
    assert (status, lines[1]) == (
        0,
        f"  {part}: 6 judgments, 6 attempts, 3 prompts taken over; 0 the same",
    )
    assert counts(target) == {"complete": 6}
    kept = slot(target, "runs/a/judge_01") / "attempts" / "0002" / "replaced-judgment.json"
    assert json.loads(kept.read_text()) == old
    assert len(list((target / "runs" / "a").glob("judge_prompt.md.old-*"))) == 1
    stale = shard(target, "2")  # one that has the older state brings nothing back
    for name in ("runs/a/judge_01", "runs/a/judge_02"):
        attempts = slot(stale, name) / "attempts"
        (attempts / "0002" / "replaced-judgment.json").rename(slot(stale, name) / "judgment.json")
        shutil.rmtree(attempts / "0002")
    before = counts(target)
    assert merge(capsys, "exp", stale)[0] == 0
    assert counts(target) == before


@pytest.mark.parametrize(
    ("file", "change", "difference"),
    [
        ("experiment.yaml", ('"one"', '"other"'), "its judges are others"),
        (
            "experiment.yaml",
            ('"name": "small"', '"consensus": {"score": "median"}'),
            "its rule of the consensus is another",
        ),
        (
            "experiment.yaml",
            ('"name": "small"', '"score_from": "declared"'),
            "score_from is declared, not rubric",
        ),
        (
            "experiment.yaml",
            ("\n  ]", ', {"name": "ada", "kind": "human"}]'),
            "the people who judge are others",
        ),
        ("rubric.yaml", ("points: 1.0", "points: 2.0"), "the rubric of runs/a is another"),
        (
            "task.md",
            ("Answer.", "Answer!"),
            "the task, the output, or the template of runs/a is another",
        ),
    ],
)
def test_another_experiment_is_refused(
    target: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    change: tuple[str, str],
    difference: str,
) -> None:
    """Before anything is written, and of whichever shard."""
    good, part = shard(target, "1", "b"), shard(target, "2")
    (part / file).write_text((part / file).read_text().replace(*change))
    harness.judge_experiment(part, only=["runs/a"])
    before = snapshot(target)
    status, lines = merge(capsys, "exp", good, part)
    assert (status, lines) == (
        2,
        [
            (
                f"python -m harness: error: {part}: is another experiment than {target} "
                f"({difference}); merge parts of one version of one experiment"
            )
        ],
    )
    assert snapshot(target) == before


def test_results_without_an_experiment_say_what_they_were_made_from(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that is only results is known by what its judgments have on record."""
    part = shard(target, "1", "a")
    (target / "rubric.yaml").write_text(
        (target / "rubric.yaml").read_text().replace("points: 1.0", "points: 2.0")
    )
    (part / "experiment.yaml").unlink()
    before = snapshot(target)
    status, lines = merge(capsys, "exp", part)
    assert (status, lines) == (
        2,
        [
            (
                f"python -m harness: error: {part}: runs/a/judge_01 was judged from other inputs "
                f"than those of {target} (the rubric changed since); merge it into the version "
                "of the experiment that it was judged in"
            )
        ],
    )
    assert snapshot(target) == before


def test_what_is_no_part_is_refused(
    target: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what to give instead."""
    part = shard(target, "1", "a")
    (here / "nothing").mkdir()
    prefix = "python -m harness: error: "
    assert merge(capsys, "exp", "absent") == (2, [f"{prefix}absent: is no directory"])
    assert merge(capsys, "exp", target) == (
        2,
        [f"{prefix}{target}: is the target itself; name the directory of another job"],
    )
    assert merge(capsys, "nothing", part) == (
        2,
        [f"{prefix}nothing: there is no experiment here or below"],
    )
    (here / "deeper").mkdir()
    shutil.move(part, here / "deeper" / "down")
    assert merge(capsys, "exp", "deeper") == (
        2,
        [
            (
                f"{prefix}deeper: its results do not lie where exp has its runs (the first is "
                "down/runs/a/judge/judge_01); give the directory in it that corresponds to exp"
            )
        ],
    )


def test_an_empty_shard_is_no_mistake(
    target: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job may have had nothing to do."""
    (here / "empty").mkdir()
    assert merge(capsys, "exp", "empty", shard(target, "1", "a"))[0] == 0
    assert counts(target) == {"complete": 2, "missing": 4}


def test_results_of_no_run_are_reported(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be put anywhere is not passed over in silence."""
    part = shard(target, "1", "a", "b")
    shutil.rmtree(target / "runs" / "b")
    status, lines = merge(capsys, "exp", part)
    assert status == 1
    assert lines[-2:] == [
        f"of no run here: {part}: runs/b/judge/judge_01",
        f"of no run here: {part}: runs/b/judge/judge_02",
    ]


def test_a_slot_that_is_being_judged_is_left_alone(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its claim is respected; the others are merged."""
    part = shard(target, "1", "a")
    directory = slot(target, "runs/a/judge_01")
    directory.mkdir(parents=True)
    with claim(directory / ".claim"):
        status, lines = merge(capsys, "exp", part)
    assert status == 1
    assert lines[2].startswith("  runs/a/judge_01: is being judged by ")
    assert lines[2].endswith("; merge again when that is over")
    assert counts(target) == {"complete": 1, "missing": 5}


def test_a_damaged_judgment_here_is_set_aside_and_one_there_is_left(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A valid judgment takes the place of a file that is none, never the other way round."""
    part = shard(target, "1", "a")
    here, there = slot(target, "runs/a/judge_01"), slot(part, "runs/a/judge_02")
    here.mkdir(parents=True)
    (here / "judgment.json").write_text("{")
    (there / "judgment.json").write_text("[]")
    status, lines = merge(capsys, "exp", part)
    assert status == 1
    assert [path.read_text() for path in here.glob("judgment.json.bad-*")] == ["{"]
    assert json.loads((here / "judgment.json").read_text())["score"] == 0.75
    assert lines[2].startswith(f"  runs/a/judge_02: {there}/judgment.json: not a judgment (")
    assert lines[2].endswith("; it is left there")
    assert not (slot(target, "runs/a/judge_02") / "judgment.json").exists()


@pytest.mark.parametrize("step", range(1, 12))
def test_a_merge_that_is_killed_is_done_again(
    target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: int
) -> None:
    """Wherever it stopped, nothing is lost, and nothing is there twice."""
    part = shard(target, "1", "a")
    before = snapshot(part)
    left = step

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **keys: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
            return call(*args, **keys)

        return counted

    with monkeypatch.context() as patched:
        for name in ("rename", "link", "mkdir", "unlink"):
            patched.setattr(os, name, dying(getattr(os, name)))
        main(["merge", "exp", str(part)])
    status, _ = merge(capsys, "exp", part)
    assert status == 0
    assert counts(target) == {"complete": 2, "missing": 4}
    for name in ("runs/a/judge_01", "runs/a/judge_02"):
        assert names(slot(target, name) / "attempts") == ["0001"]
        assert not (slot(target, name) / ".merge.tmp").exists()
    assert snapshot(part) == before


def test_results_for_programs(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` has every figure and every conflict."""
    part = shard(target, "1", "a")
    status = main(["merge", "exp", str(part), "--json"])
    assert status == 0
    assert json.loads(capsys.readouterr().out) == {
        "experiments": [
            {
                "name": "small",
                "path": "exp",
                "shards": [
                    {
                        "path": str(part),
                        "judgments": ["runs/a/judge_01", "runs/a/judge_02"],
                        "same": 0,
                        "attempts": 2,
                        "prompts": 1,
                        "conflicts": [],
                        "problems": [],
                    }
                ],
                "slots": 6,
                "complete": 2,
                "regenerated": 1,
                "problems": [],
            }
        ],
        "strays": [],
    }


def test_scylla_runs_are_found_wherever_they_lie(
    here: Path, make_scylla: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that is in progress there may be completed here; its result goes where it is."""
    run, models = "T0/00/run_01", ["a", "b"]
    open_slot = {f"{run}/judge_02": None}
    root = make_scylla(
        here / "exp", runs=[run], models=models, part="completed", judgments=open_slot
    )
    part = make_scylla(
        here / "1", runs=[run], models=models, part="in_progress", judgments=open_slot
    )
    harness.judge_experiment(part)
    status, lines = merge(capsys, "exp", "1")
    assert (status, lines[1]) == (
        0,
        "  1: 1 judgment, 1 attempt, 0 prompts taken over; 1 the same",
    )
    assert scanned(root).counts() == {SlotStatus.COMPLETE: 2}
    result = json.loads((root / "completed" / run / "run_result.json").read_text())
    assert len(result["judges"]) == 2
    assert not (root / "in_progress").exists()


def test_links_in_a_part_are_not_followed(target: Path, here: Path) -> None:
    """An archive of somebody else's cannot bring files of this machine in."""
    part = shard(target, "1", "a")
    secret = here / "secret"
    secret.write_text("mine")
    directory = slot(part, "runs/a/judge_01")
    (directory / "attempts" / "0001" / "more").symlink_to(secret)
    (directory / "notes.txt").symlink_to(secret)
    (directory / "kept.txt").write_text("theirs")
    Merge(open_experiment(target), part, shown="part").run()
    copied = slot(target, "runs/a/judge_01")
    assert (copied / "kept.txt").read_text() == "theirs"
    assert not os.path.lexists(copied / "notes.txt")
    assert not os.path.lexists(copied / "attempts" / "0001" / "more")
