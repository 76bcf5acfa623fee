"""What a worker makes of the slots that the controller listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.errors import ExperimentError
from harness.layouts.parts import session_mark
from harness.model import SlotStatus
from harness.modes import Mode, workable
from harness.plugin import snapshot
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


class FakeWorker:
    """The part of a worker's config that tells what the controller said."""

    def __init__(self, rootpath: Path, **told: Any) -> None:
        self.rootpath = rootpath
        self.workerinput = {"harness_snapshot": told}


def told(root: Path, **changes: Any) -> Any:
    """Return what a controller says of an experiment whose mark is ``.session-1``."""
    found = scanned(root)
    mark = session_mark(found.layout, "1")
    return {**snapshot.shipped(found, found.slots, file="e/experiment.yaml", mark=mark), **changes}


def test_an_experiment_is_known_by_its_mark_at_any_path(root: Path, tmp_path: Path) -> None:
    """Its path and its name are the controller's."""
    (root / ".session-1").mkdir()
    (tmp_path / "link").symlink_to(root)
    worker: Any = FakeWorker(tmp_path / "elsewhere", **{"a/b": told(root, name="theirs")})
    place, entry = snapshot.find(worker, tmp_path / "link") or ("", None)
    assert place == "a/b"
    snapshot.check(worker, tmp_path / "link", entry)
    experiment = scanned(root).layout.experiment
    assert snapshot.place(worker, experiment) == ("a/b", "theirs")


def test_without_its_mark_an_experiment_is_a_copy(root: Path, tmp_path: Path) -> None:
    """Even at the very path that the controller has."""
    worker: Any = FakeWorker(tmp_path, e=told(root))
    assert snapshot.find(worker, root) is None
    with pytest.raises(ExperimentError) as caught:
        snapshot.check(worker, root, None)
    assert str(caught.value) == (
        f"{root}: is a copy, or another experiment than the session was started for: its "
        "judgments would stay on this machine; have all machines share one directory (chdir=), "
        "or use --judge-shard and python -m harness merge"
    )


def test_workers_of_another_version_are_refused(root: Path, tmp_path: Path) -> None:
    """They would record, or read, something else."""
    worker: Any = FakeWorker(tmp_path, e=told(root, mark="", version="0.0.1"))
    _, entry = snapshot.find(worker, root) or ("", None)
    with pytest.raises(ExperimentError) as caught:
        snapshot.check(worker, root, entry)
    assert str(caught.value) == (
        f"{root}: this worker has version {harness.__version__} of pytest-judge-panel, the "
        "session was started with 0.0.1; install the same on every machine"
    )


def test_what_the_controller_could_not_read_is_an_error_of_the_worker_too(
    root: Path, tmp_path: Path
) -> None:
    """With the controller's words."""
    worker: Any = FakeWorker(tmp_path, e=snapshot.broken(ExperimentError("it is broken")))
    place, entry = snapshot.find(worker, root) or ("", None)
    assert place == "e"
    with pytest.raises(ExperimentError, match=r"^it is broken$"):
        snapshot.check(worker, root, entry)
    assert snapshot.place(worker, scanned(root).layout.experiment) == ("e", "small")
