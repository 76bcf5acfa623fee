"""What a worker makes of the slots that the controller listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import harness
from harness.errors import ExperimentError
from harness.model import SlotStatus
from harness.modes import Mode, workable
from harness.plugin.snapshot import as_listed, listed
from tests.workshop import answer, scanned, shell_judge, write_experiment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an experiment of two runs, of which the first is judged."""
    judges = [shell_judge(answer())]
    root = write_experiment(tmp_path / "e", runs=["a", "b"], judges=judges)
    harness.judge_experiment(root, only="runs/a")
    return root


def test_a_complete_slot_that_is_asked_again_is_so_in_the_worker(root: Path) -> None:
    """As long as its judgment is the one that the controller saw."""
    found = scanned(root)
    again = workable(Mode.REJUDGE, found.slots, found.layout)
    travelled = json.loads(json.dumps(listed(again)))
    assert [(s.name, s.again) for s in as_listed(found, travelled)] == [("runs/a/judge_01", True)]
    path = root / "runs/a/judge/judge_01/judgment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "score": 0.125}))
    (slot,) = as_listed(scanned(root), travelled)
    assert (slot.status, slot.judgment, slot.again) == (SlotStatus.MISSING, None, False)


def test_slots_that_are_judged_are_not_asked_again(root: Path) -> None:
    """Nothing marks them, and what was judged meanwhile is not judged twice."""
    found = scanned(root)
    missing = workable(Mode.JUDGE, found.slots, found.layout)
    assert listed(missing) == [["runs/b/judge_01", "missing", ""]]
    harness.judge_experiment(root)
    (slot,) = as_listed(scanned(root), listed(missing))
    assert (slot.status, slot.judgment, slot.again) == (SlotStatus.MISSING, None, False)


def test_a_slot_that_is_gone_is_an_error_of_the_experiment(root: Path) -> None:
    """The worker cannot run what the controller has dealt out."""
    with pytest.raises(ExperimentError) as caught:
        as_listed(scanned(root), [["runs/c/judge_01", "missing", ""]])
    assert str(caught.value) == (
        f"{root}/experiment.yaml: runs/c/judge_01 has vanished since the session started; "
        "run the same command again"
    )
