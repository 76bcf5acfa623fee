"""The whole job without pytest."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import pipeline
from harness.errors import ExperimentError, SelectionError
from harness.model import SlotStatus
from harness.settle import How, settle
from tests.workshop import answer, shell_judge, snapshot, write_experiment

if TYPE_CHECKING:
    from pathlib import Path

    from harness.scan import Scan
    from harness.settle import Settled

PANEL = [shell_judge(answer(), "one"), shell_judge(answer(score=0.25, passed=False), "two")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write an experiment of three runs and two judges."""
    return write_experiment(tmp_path / "e", runs=("a", "b", "c"), judges=PANEL)


@pytest.mark.parametrize("parallel", [1, 4])
def test_every_open_slot_is_judged_and_every_run_settled(root: Path, parallel: int) -> None:
    """The statistics say what was found and done; a second call has nothing to do."""
    statistics = harness.judge_experiment(root, parallel=parallel)
    assert statistics.slots == {SlotStatus.MISSING: 6}
    assert len(statistics.selected) == 6
    assert (statistics.judged, statistics.failed, statistics.regenerated) == (6, 0, 3)
    assert (statistics.failures, statistics.deferred, statistics.problems) == ({}, {}, [])
    assert {name: c.score for name, c in statistics.consensus.items()} == {
        "runs/a": 0.5,
        "runs/b": 0.5,
        "runs/c": 0.5,
    }
    again = harness.judge_experiment(root, parallel=parallel)
    assert again.slots == {SlotStatus.COMPLETE: 6}
    assert (again.selected, again.judged, again.regenerated) == ((), 0, 0)
    assert again.consensus == statistics.consensus


def test_dry_run_changes_nothing_on_disk(root: Path) -> None:
    """A dry run names the slots; no byte, mode, or time of the tree changes."""
    before = snapshot(root)
    statistics = harness.judge_experiment(root, parallel=4, dry_run=True)
    assert statistics.selected == tuple(
        f"runs/{run}/judge_0{n}" for run in ("a", "b", "c") for n in (1, 2)
    )
    assert statistics.judged == 0
    assert snapshot(root) == before


def test_status_selects_slots(root: Path) -> None:
    """Only slots of the chosen statuses are judged; complete and blocked ones never are."""
    (root / "runs/a/output.md").write_text("")
    judgment = root / "runs/b/judge/judge_01/judgment.json"
    judgment.parent.mkdir(parents=True)
    judgment.write_text("{")
    counts = {SlotStatus.BLOCKED: 2, SlotStatus.FAILED: 1, SlotStatus.MISSING: 3}
    for status in ("complete", "blocked", "stale", ["complete", SlotStatus.BLOCKED]):
        statistics = harness.judge_experiment(root, status=status)
        assert (statistics.slots, statistics.selected) == (counts, ())
    assert harness.judge_experiment(root, status="failed").selected == ("runs/b/judge_01",)
    assert len(harness.judge_experiment(root).selected) == 3


def test_settling_starts_after_the_last_outcome(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every outcome has been counted by the time the first run is settled."""
    events: list[str] = []
    count = harness.Statistics.count

    def counted(self: harness.Statistics, outcome: harness.model.Outcome) -> None:
        events.append("outcome")
        count(self, outcome)

    def settled(found: Scan, how: How) -> Settled:
        events.append("settle")
        return settle(found, how)

    monkeypatch.setattr(harness.Statistics, "count", counted)
    monkeypatch.setattr(pipeline, "settle", settled)
    harness.judge_experiment(root, parallel=4)
    assert events == ["outcome"] * 6 + ["settle"]


def test_failures_are_told_by_slot_and_stop_no_other(tmp_path: Path) -> None:
    """A judge that always fails has its reason in the statistics; the other's slots are judged."""
    panel = [shell_judge("echo broken >&2; exit 3", "bad"), shell_judge(answer(), "good")]
    root = write_experiment(tmp_path / "e", runs=("a", "b"), judges=panel)
    statistics = harness.judge_experiment(root, parallel=2)
    assert (statistics.judged, statistics.failed) == (2, 2)
    why = "the judge ended with exit status 3: broken"
    assert statistics.failures == {f"runs/{run}/judge_01": why for run in ("a", "b")}


def test_bad_file_never_stops_the_others(root: Path) -> None:
    """A damaged judgment and an unwritable consensus each spoil their own run only."""
    (root / "runs/a/judge/judge_01").mkdir(parents=True)
    (root / "runs/a/judge/judge_01/judgment.json").write_text("[1]")
    (root / "runs/b/judge/result.json").mkdir(parents=True)
    statistics = harness.judge_experiment(root, parallel=2)
    assert (statistics.judged, statistics.failed) == (6, 0)
    assert len(statistics.consensus) == 3
    assert (root / "runs/b/judge/result.json").is_file()
    assert json.loads((root / "runs/a/judge/result.json").read_text())["score"] == 0.5
    kept = list((root / "runs/a/judge/judge_01").glob("judgment.json.bad-*"))
    assert [path.read_text() for path in kept] == ["[1]"]


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        *(("max_cost", v, "an amount of USD above 0") for v in ("5", 0, -1.0, math.nan, True)),
        *(("wait", v, "a number of seconds from 0 on") for v in ("30m", -1, math.nan, None, True)),
    ],
)
def test_senseless_bounds_are_refused_before_anything_is_done(
    root: Path, name: str, value: object, what: str, *, dry_run: bool
) -> None:
    """Text that an option would read is refused, too: here a number is meant."""
    arguments: Any = {name: value}
    with pytest.raises(SelectionError) as caught:
        harness.judge_experiment(root, dry_run=dry_run, **arguments)
    assert str(caught.value) == f"{name} must be {what}, got {value!r}"


@pytest.mark.parametrize("parallel", [0, -1, 2.0, "4", True, None])
def test_senseless_number_of_lanes_is_refused(root: Path, parallel: object) -> None:
    """Anything but a whole number from 1 on is a SelectionError."""
    with pytest.raises(SelectionError) as caught:
        harness.judge_experiment(root, parallel=parallel)  # type: ignore[arg-type] # the point
    assert str(caught.value) == f"parallel must be a whole number from 1 on, got {parallel!r}"


def test_unknown_status_is_refused(root: Path) -> None:
    """A mistyped status names those there are."""
    with pytest.raises(SelectionError) as caught:
        harness.judge_experiment(root, status=["missing", "mising"])
    assert str(caught.value) == (
        "unknown status 'mising'; use one of: complete, missing, failed, stale, blocked"
    )


def test_directory_without_configuration_is_refused(tmp_path: Path) -> None:
    """A path that holds no experiment is an ExperimentError that says what it needs."""
    with pytest.raises(ExperimentError) as caught:
        harness.judge_experiment(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is no experiment; it needs experiment.yaml or config/experiment.json"
    )
