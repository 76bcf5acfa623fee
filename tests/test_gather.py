"""From an experiment on disk to its sheet: judges, people, and what the judges took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.effort import efforts
from harness.errors import ExperimentError
from harness.gather import judged_by_people, sheet_of
from harness.layouts import open_experiment
from harness.scan import scan
from harness.settle import settle
from tests.conftest import replay_panel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HUMAN = {"name": "ada", "kind": "human"}


def judge(run: Path, number: int, **keys: Any) -> None:
    """Write a slot's judgment as a person would: two keys are enough."""
    path = run / "judge" / f"judge_{number:02d}" / "judgment.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"score": 0.8, "passed": True, **keys}), encoding="utf-8")


def test_people_have_slots_but_are_no_members_of_the_panel(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Their slots are not scanned, and they count neither in the quorum nor in the consensus."""
    root = make_experiment(tmp_path / "exp", runs=["a"], judges=[*replay_panel(2), HUMAN])
    run = root / "runs" / "a"
    judge(run, 1, score=0.4, passed=False)
    judge(run, 2, score=0.6)
    judge(run, 3, score=1.0)
    scanned = scan(open_experiment(root))
    assert [slot.name for slot in scanned.slots] == ["runs/a/judge_01", "runs/a/judge_02"]
    assert [person.label for person in scanned.layout.experiment.people] == ["03 ada"]
    result = settle(scanned).results["runs/a"]
    assert (result.judges, result.judged, result.score) == (2, 2, 0.5)
    row = sheet_of(scanned).rows[0]
    assert (row.scores, row.people, row.people_scores) == ((0.4, 0.6), (True,), (1.0,))


def test_a_person_may_stand_anywhere_in_the_list(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """The number of a slot is the place in the list, for judges behind a person, too."""
    first, second = replay_panel(2)
    root = make_experiment(tmp_path / "exp", runs=["a"], judges=[first, HUMAN, second])
    names = [slot.name for slot in scan(open_experiment(root)).slots]
    assert names == ["runs/a/judge_01", "runs/a/judge_03"]


def test_a_person_alone_is_no_panel(tmp_path: Path, make_experiment: Callable[..., Path]) -> None:
    """There would be nothing to collect."""
    root = make_experiment(tmp_path / "exp", judges=[HUMAN])
    with pytest.raises(ExperimentError) as caught:
        open_experiment(root)
    assert str(caught.value) == (
        f"{root.resolve()}/experiment.yaml: judges: a person alone is no panel; "
        "list at least one judge"
    )


def test_people_can_judge_experiments_of_projectscylla(
    tmp_path: Path, make_scylla: Callable[..., Path]
) -> None:
    """Behind the judges of its own config, as an entry of experiment.yaml."""
    root = make_scylla(tmp_path / "exp")
    overrides = json.loads((root / "experiment.yaml").read_bytes())
    overrides["judges"].append(HUMAN)
    (root / "experiment.yaml").write_text(json.dumps(overrides), encoding="utf-8")
    judge(root / "T0" / "00" / "run_01", 4, score=0.25, passed=False)
    scanned = scan(open_experiment(root))
    assert len(scanned.slots) == 3
    row = sheet_of(scanned).rows[0]
    assert (len(row.scores), row.people, row.group, row.task) == (3, (False,), "T0", "T0/00")


def test_the_judgment_of_an_only_judge_is_not_taken_for_a_persons(
    tmp_path: Path, make_scylla: Callable[..., Path]
) -> None:
    """Older versions keep the one judgment of a run outside of any slot."""
    root = make_scylla(
        tmp_path / "exp", models=["model-a"], judgments={"T0/00/run_01/judge_01": None}
    )
    overrides = json.loads((root / "experiment.yaml").read_bytes())
    overrides["judges"].append(HUMAN)
    (root / "experiment.yaml").write_text(json.dumps(overrides), encoding="utf-8")
    path = root / "T0" / "00" / "run_01" / "judge" / "judgment.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"score": 0.5, "passed": True}), encoding="utf-8")
    row = sheet_of(scan(open_experiment(root))).rows[0]
    assert (row.scores, row.people) == ((0.5,), ())


def test_what_a_person_wrote_wrongly_is_left_out(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """A score of 80 is no score; nothing is guessed."""
    root = make_experiment(tmp_path / "exp", judges=[*replay_panel(1), HUMAN])
    judge(root / "runs" / "a", 2, score=80)
    judge(root / "runs" / "b", 2)
    found = judged_by_people(scan(open_experiment(root)))
    assert {number: list(runs) for number, runs in found.items()} == {2: ["runs/b"]}


def test_a_run_that_was_judged_since_the_scan_is_read_again(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Only the named slots' runs are."""
    root = make_experiment(tmp_path / "exp", judges=1)
    scanned = scan(open_experiment(root))
    judge(root / "runs" / "a", 1)
    judge(root / "runs" / "b", 1)
    rows = sheet_of(scanned, judged={"runs/a/judge_01"}).rows
    assert [(row.run, row.scores, row.score) for row in rows] == [
        ("runs/a", (0.8,), 0.8),
        ("runs/b", (None,), None),
    ]


def test_a_blocked_run_is_marked(tmp_path: Path, make_experiment: Callable[..., Path]) -> None:
    """Its agent left nothing to judge."""
    root = make_experiment(tmp_path / "exp", runs={"a": "Done.\n", "b": None})
    rows = sheet_of(scan(open_experiment(root))).rows
    assert [(row.run, row.blocked) for row in rows] == [("runs/a", False), ("runs/b", True)]


def attempt(run: Path, name: str, **end: Any) -> None:
    """Write an attempt at the first slot of a run."""
    directory = run / "judge" / "judge_01" / "attempts" / name
    directory.mkdir(parents=True)
    (directory / "intent.json").write_text("{}", encoding="utf-8")
    (directory / "exit.json").write_text(json.dumps(end), encoding="utf-8")


def test_efforts_are_those_of_the_attempts_and_judgments_on_disk(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Calls, known cost, the median of the known times, and attempts beyond the first."""
    root = make_experiment(tmp_path / "exp", runs=["a", "b"], judges=2)
    run = root / "runs" / "a"
    attempt(run, "1", outcome="failed", cost_usd=0.25)
    attempt(run, "2", outcome="judged", cost_usd=0.5)
    judge(run, 1, provenance={"duration_seconds": 2.0})
    judge(root / "runs" / "b", 1, provenance={"duration_seconds": 5.0})
    one, two = efforts(scan(open_experiment(root)))
    assert (one.judge, one.calls.paid, one.calls.wasted, one.calls.cost_usd) == (
        "judge-a",
        2,
        1,
        0.75,
    )
    assert (one.retries, one.median_seconds) == (1, 3.5)
    assert (two.calls.paid, two.calls.cost_usd, two.median_seconds, two.retries) == (
        0,
        None,
        None,
        0,
    )
