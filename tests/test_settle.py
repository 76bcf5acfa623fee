"""Settling: derived files follow the judgments, and nothing else is touched."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ExperimentError
from harness.layouts import open_experiment
from harness.layouts.derived import differs, update_derived
from harness.locks import locked
from harness.scan import scan
from harness.settle import Settled, read_judgments, settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Path]


def settled(root: Path) -> Settled:
    """Scan and settle the experiment at ``root``."""
    return settle(scan(open_experiment(root)))


def put(path: Path, value: object) -> Path:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def get(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def state(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what every file of an experiment is, to the byte and the nanosecond."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            path.stat().st_ino,
            path.read_bytes(),
        )
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def fill(root: Path, judgment: Callable[..., Any], *scores: tuple[str, float]) -> Path:
    """Write judgments by slot name and return the experiment."""
    for name, score in scores:
        run, _, slot = name.rpartition("/")
        put(root / run / "judge" / slot / "judgment.json", judgment(score))
    return root


@pytest.fixture
def native(tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]) -> Path:
    """Return a native experiment: run a is judged, b in part, c not at all."""
    root = make_experiment(tmp_path / "native", runs=["a", "b", "c"], judges=2)
    scores = [("runs/a/judge_01", 0.5), ("runs/a/judge_02", 0.75), ("runs/b/judge_01", 0.25)]
    return fill(root, judgment, *scores)


@pytest.fixture
def scylla(tmp_path: Path, make_scylla: Make) -> Path:
    """Return a ProjectScylla experiment of two judged runs with all their files in order."""
    root = make_scylla(tmp_path / "scylla", runs=["T0/00/run_01", "T1/00/run_01"])
    assert settled(root).regenerated == 2
    return root


# --- what is written -------------------------------------------------------------------------


def test_every_judged_run_gets_its_consensus(native: Path) -> None:
    """One file for each run with a judgment, complete or not; none for the others."""
    found = settled(native)
    assert (found.regenerated, found.problems) == (2, [])
    assert list(found.results) == ["runs/a", "runs/b"]
    a = get(native / "runs/a/judge/result.json")
    assert (a["score"], a["passed"], a["complete"], a["judged"]) == (0.625, True, True, 2)
    b = get(native / "runs/b/judge/result.json")
    assert (b["score"], b["passed"], b["complete"], b["judged"]) == (None, None, False, 1)
    assert not (native / "runs/c/judge").exists()
    assert found.results["runs/a"].score == 0.625


@pytest.mark.parametrize("kind", ["native", "scylla"])
def test_what_is_settled_is_not_touched_again(kind: str, request: pytest.FixtureRequest) -> None:
    """The second time no file changes, not even its time, and no lock is taken."""
    root: Path = request.getfixturevalue(kind)
    settled(root)
    before = state(root)
    found = settled(root)
    assert (found.regenerated, found.problems) == (0, [])
    assert len(found.results) == 2
    assert state(root) == before


@pytest.mark.parametrize("kind", ["native", "scylla"])
def test_derived_files_can_be_deleted_and_come_back(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """A consensus is made again from the judgments, byte for byte."""
    root: Path = request.getfixturevalue(kind)
    settled(root)
    before = {name: content for name, (_, _, content) in state(root).items()}
    results = sorted(root.rglob("judge/result.json"))
    assert len(results) == 2
    for path in results:
        path.unlink()
    assert settled(root).regenerated == 2
    assert {name: content for name, (_, _, content) in state(root).items()} == before


def test_only_the_run_that_changed_is_written(native: Path, judgment: Callable[..., Any]) -> None:
    """A new judgment moves its own run's consensus and no other file."""
    settled(native)
    before = state(native)
    fill(native, judgment, ("runs/b/judge_02", 0.75))
    assert settled(native).regenerated == 1
    after = state(native)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"runs/b/judge/judge_02/judgment.json", "runs/b/judge/result.json"}
    assert get(native / "runs/b/judge/result.json")["score"] == 0.5


def test_the_last_judgment_that_goes_takes_the_verdict_with_it(native: Path) -> None:
    """A consensus without judgments is written as incomplete, never left as it was."""
    settled(native)
    shutil.rmtree(native / "runs/a/judge/judge_01")
    shutil.rmtree(native / "runs/a/judge/judge_02")
    found = settled(native)
    assert (found.regenerated, list(found.results)) == (1, ["runs/b"])
    value = get(native / "runs/a/judge/result.json")
    assert (value["score"], value["passed"], value["complete"]) == (None, None, False)
    assert value["scores"] == {}


@pytest.mark.parametrize("kind", ["native", "scylla"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("score", 0.1),
        ("score", "0.8"),
        ("passed", None),
        ("passed", 1),
        ("grade", "S"),
        ("reasoning", ""),
    ],
)
def test_a_consensus_that_was_tampered_with_is_put_right(
    kind: str, key: str, value: object, request: pytest.FixtureRequest
) -> None:
    """The judgments decide, by value and by type; unknown keys survive."""
    root: Path = request.getfixturevalue(kind)
    settled(root)
    path, _ = sorted(root.rglob("judge/result.json"))
    right = get(path)
    put(path, {**right, key: value, "note": "kept"})
    assert settled(root).regenerated == 1
    assert get(path) == {**right, "note": "kept"}


def test_a_number_of_another_type_is_another_value() -> None:
    """1, 1.0, and true are equal to Python, but not in a file; order of keys is nothing."""
    assert differs({"score": 1}, {"score": 1.0})
    assert differs({"passed": 1}, {"passed": True})
    assert differs({"judges": [{"passed": 1}]}, {"judges": [{"passed": True}]})
    assert differs({}, {"score": None})
    assert not differs({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 2, "x": 1}})


def test_in_projectscylla_both_files_follow(scylla: Path, judgment: Callable[..., Any]) -> None:
    """result.json and the judges' part of run_result.json; the agent's figures stay."""
    before = get(scylla / "T0/00/run_01/run_result.json")
    fill(scylla, judgment, ("T0/00/run_01/judge_01", 0.25))
    assert settled(scylla).regenerated == 1
    run = get(scylla / "T0/00/run_01/run_result.json")
    assert [judge["score"] for judge in run["judges"]] == [0.25, 0.8, 0.7]
    result = get(scylla / "T0/00/run_01/judge/result.json")
    assert result["score"] == run["judge_score"] == pytest.approx(1.75 / 3)
    assert list(result) == ["score", "passed", "grade", "reasoning", "panel"]
    assert {k: run[k] for k in ("run_number", "exit_code", "cost_usd", "criteria_scores")} == {
        k: before[k] for k in ("run_number", "exit_code", "cost_usd", "criteria_scores")
    }


def test_in_projectscylla_a_run_without_judgments_keeps_its_files(scylla: Path) -> None:
    """The format has no word for an empty panel, so nothing is written."""
    for number in (1, 2, 3):
        shutil.rmtree(scylla / f"T0/00/run_01/judge/judge_0{number}")
    before = state(scylla)
    found = settled(scylla)
    assert (found.regenerated, list(found.results)) == (0, ["T1/00/run_01"])
    assert state(scylla) == before


def test_an_old_run_of_one_judge_is_settled(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """A judgment in logs/ gives a consensus in judge/, as in every other version."""
    root = make_scylla(tmp_path, models=["m"], judgments={"T0/00/run_01/judge_01": None})
    put(root / "T0/00/run_01/logs/judgment.json", judgment(0.4))
    assert settled(root).regenerated == 1
    assert get(root / "T0/00/run_01/judge/result.json")["score"] == 0.4


# --- what is damaged -------------------------------------------------------------------------


def _damage(path: Path, kind: str) -> None:
    if path.exists():
        path.unlink()
    match kind:
        case "directory":
            path.mkdir()
        case "dangling link":
            path.symlink_to("gone")
        case "loop":
            path.symlink_to(path.name)
        case "100 MB":
            path.touch()
            os.truncate(path, 100 * 1024 * 1024)
        case _:
            path.write_bytes(DAMAGED[kind])


DAMAGED = {
    "empty": b"",
    "truncated": b'{"score": 0.5, ',
    "a list": b"[]",
    "NaN": b'{"score": NaN}',
    "1e999": b'{"note": 1e999}',
    "bad UTF-8": b"\xff",
    "deep": b'{"a":' * 900 + b"1" + b"}" * 900,
}
KINDS = [*DAMAGED, "directory", "dangling link", "loop", "100 MB"]


@pytest.mark.parametrize("damage", KINDS)
@pytest.mark.parametrize("kind", ["native", "scylla"])
def test_a_damaged_consensus_is_set_aside_and_made_again(
    kind: str, damage: str, request: pytest.FixtureRequest
) -> None:
    """Whatever stands in its place is kept beside it; the other runs are not touched."""
    root: Path = request.getfixturevalue(kind)
    settled(root)
    path, other = sorted(root.rglob("judge/result.json"))
    right = get(path)
    _damage(path, damage)
    before = other.stat().st_mtime_ns
    found = settled(root)
    assert (found.regenerated, found.problems) == (1, [])
    assert get(path) == right
    (aside,) = path.parent.glob("result.json.bad-*")
    (note,) = found.notes
    assert re.fullmatch(re.escape(f"{path}: ") + r".+; set aside as " + re.escape(aside.name), note)
    if damage in DAMAGED:
        assert aside.read_bytes() == DAMAGED[damage]
    assert other.stat().st_mtime_ns == before
    assert settled(root).regenerated == 0


@pytest.mark.parametrize("damage", [kind for kind in KINDS if kind != "100 MB"])
def test_a_damaged_run_result_is_a_problem_and_stays(scylla: Path, damage: str) -> None:
    """It holds what cannot be made again, so it is never overwritten; the consensus is written."""
    path = scylla / "T0/00/run_01/run_result.json"
    _damage(path, damage)
    content = path.read_bytes() if path.is_file() else None
    (scylla / "T0/00/run_01/judge/result.json").unlink()
    (scylla / "T1/00/run_01/judge/result.json").unlink()
    found = settled(scylla)
    assert found.regenerated == 2
    (problem,) = found.problems
    assert problem.startswith(f"{path}: ")
    assert problem.endswith("; restore it, the judgments are safe")
    assert (path.read_bytes() if path.is_file() else None) == content
    assert (scylla / "T0/00/run_01/judge/result.json").exists()


def test_a_damaged_judgment_counts_in_no_consensus(scylla: Path) -> None:
    """It is neither 0 nor what it seems to say; the others settle as they always would."""
    path = scylla / "T0/00/run_01/judge/judge_01/judgment.json"
    path.write_text('{"score": "0.9", "passed": "false"}')
    found = settled(scylla)
    assert found.results["T0/00/run_01"].judged == 2
    assert get(scylla / "T0/00/run_01/judge/result.json")["score"] == 0.75
    assert path.read_text() == '{"score": "0.9", "passed": "false"}'


def test_a_run_that_cannot_be_settled_stops_no_other(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """A link out of the experiment, or a refusal of the system, is that run's problem."""
    names = ["a", "b", "c"]
    root = make_experiment(tmp_path / "e", runs=names, judges=1)
    fill(root, judgment, *[(f"runs/{name}/judge_01", 0.5) for name in names])
    outside = put(tmp_path / "outside.json", {"mine": True})
    (root / "runs/a/judge/result.json").symlink_to(outside)
    (root / "runs/b/judge/.lock").mkdir()
    found = settled(root)
    assert found.regenerated == 2
    assert list(found.results) == ["runs/a", "runs/c"]
    assert found.problems == [
        (
            "runs/b: the consensus cannot be written "
            f"([Errno 21] Is a directory: '{root}/runs/b/judge/.lock')"
        )
    ]
    assert get(outside) == {"mine": True}
    assert get(root / "runs/a/judge/result.json")["score"] == 0.5


def test_a_judge_directory_that_leaves_the_experiment_is_not_written_to(
    tmp_path: Path, make_scylla: Make
) -> None:
    """Where a run's directory leads out, its judgments are none and nothing is written."""
    root = make_scylla(tmp_path / "e", runs=["T0/00/run_01", "T0/01/run_01"])
    elsewhere = tmp_path / "elsewhere"
    (root / "T0/00/run_01/judge").rename(elsewhere)
    (root / "T0/00/run_01/judge").symlink_to(elsewhere)
    found = settled(root)
    assert list(found.results) == ["T0/01/run_01"]
    assert not (elsewhere / "result.json").exists()


def test_an_error_of_the_layout_is_a_problem_of_the_run(
    native: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong while one run is written is said, and the next run is settled."""
    real = update_derived
    calls = iter([ExperimentError("the first is refused")])

    def refuse_once(*args: Any, **kwargs: Any) -> None:
        for error in calls:
            raise error
        real(*args, **kwargs)

    monkeypatch.setattr("harness.settle.update_derived", refuse_once)
    found = settled(native)
    assert found.problems == ["runs/a: the consensus cannot be written (the first is refused)"]
    assert list(found.results) == ["runs/b"]


def test_a_run_without_a_usable_workspace_is_settled(
    native: Path, judgment: Callable[..., Any]
) -> None:
    """What keeps it from being judged says nothing against the judgments it has."""
    (native / "runs/a/workspace").symlink_to("/")
    fill(native, judgment, ("runs/a/judge_01", 0.0))
    found = settled(native)
    assert found.problems == []
    assert "runs/a" in found.results


def test_a_run_with_a_judgment_that_cannot_be_read_keeps_its_consensus(
    native: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judgment may be valid: no consensus is made without it, and it is said."""
    settled(native)
    before = (native / "runs/a/judge/result.json").read_bytes()
    path = native / "runs/a/judge/judge_02/judgment.json"
    real = os.open

    def guarded(name: Any, *args: Any, **how: Any) -> int:
        if str(name) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return real(name, *args, **how)

    monkeypatch.setattr(os, "open", guarded)
    found = settled(native)
    assert found.problems == [
        f"runs/a: the consensus is left as it is ({path}: cannot be read (Permission denied))"
    ]
    assert (native / "runs/a/judge/result.json").read_bytes() == before
    assert list(found.results) == ["runs/b"]


def test_a_run_that_its_author_must_mend_keeps_its_consensus(
    native: Path, judgment: Callable[..., Any]
) -> None:
    """Without its rubric nobody knows its grades."""
    settled(native)
    (native / "runs/a/rubric.yaml").write_text("categories: {}")
    before = (native / "runs/a/judge/result.json").read_bytes()
    fill(native, judgment, ("runs/a/judge_01", 0.0))
    found = settled(native)
    assert found.problems == [
        (
            f"runs/a: the consensus is left as it is ({native}/runs/a/rubric.yaml: categories: "
            "no category has both a weight above 0 and items; add one)"
        )
    ]
    assert (native / "runs/a/judge/result.json").read_bytes() == before


# --- what counts -----------------------------------------------------------------------------


def test_runs_are_settled_in_sorted_order(
    tmp_path: Path,
    make_experiment: Make,
    judgment: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As people count, whatever order the file system has."""
    names = ["run_10", "run_2", "run_1", "b", "a"]
    root = make_experiment(tmp_path, runs=names, judges=1)
    fill(root, judgment, *[(f"runs/{name}/judge_01", 0.5) for name in names])
    written: list[str] = []
    real = update_derived

    def record(path: Path, *args: Any, **kwargs: Any) -> None:
        written.append(path.parents[1].name)
        real(path, *args, **kwargs)

    monkeypatch.setattr("harness.settle.update_derived", record)
    found = settled(root)
    assert written == ["a", "b", "run_1", "run_2", "run_10"]
    assert list(found.results) == [f"runs/{name}" for name in written]


def test_runs_with_open_slots_are_read_again(native: Path, judgment: Callable[..., Any]) -> None:
    """What was judged after the scan counts; for complete runs the scan's values do."""
    scanned = scan(open_experiment(native))
    fill(native, judgment, ("runs/b/judge_02", 0.75), ("runs/c/judge_01", 0.5))
    found = settle(scanned)
    assert list(found.results) == ["runs/a", "runs/b", "runs/c"]
    assert get(native / "runs/b/judge/result.json")["score"] == 0.5


def test_what_is_on_disk_when_the_lock_is_held_counts(
    native: Path, judgment: Callable[..., Any]
) -> None:
    """Another session may have judged since: settling waits for its lock and reads again."""
    layout = open_experiment(native)
    scanned = scan(layout)
    run = scanned.slots[0].run
    done: list[Settled] = []
    waiting = threading.Event()

    def watched(path: Path) -> Any:
        waiting.set()
        return locked(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("harness.settle.locked", watched)
        thread = threading.Thread(target=lambda: done.append(settle(scanned)))
        with locked(layout.settle_lock(run)):
            thread.start()
            assert waiting.wait(timeout=10)
            fill(native, judgment, ("runs/a/judge_01", 1.0))
            assert not (native / "runs/a/judge/result.json").exists()
        thread.join(timeout=10)
    assert done[0].results["runs/a"].score == 0.875
    assert get(native / "runs/a/judge/result.json")["score"] == 0.875


def test_judgments_are_read_by_number(native: Path) -> None:
    """Only valid ones are there."""
    layout = open_experiment(native)
    (native / "runs/a/judge/judge_02/judgment.json").write_text("{")
    run = next(iter(layout.runs()))
    assert {n: j.score for n, j in read_judgments(layout, run).items()} == {1: 0.5}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
derived = st.dictionaries(
    st.sampled_from(
        ["score", "passed", "judges", "judge_score", "is_valid", "criteria_scores", "x"]
    ),
    json_values
    | st.lists(st.dictionaries(st.sampled_from(["judge_number", "score"]), json_values)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(result=derived | json_values, run_result=derived | json_values)
def test_nothing_in_derived_files_makes_settling_raise(
    scylla: Path, result: object, run_result: object
) -> None:
    """Whatever other tools, or damage, have left there, every run is settled."""
    path = scylla / "T0/00/run_01/judge/result.json"
    put(path, result)
    put(scylla / "T0/00/run_01/run_result.json", run_result)
    found = settled(scylla)
    assert list(found.results) == ["T0/00/run_01", "T1/00/run_01"]
    assert all("run_result.json" in problem for problem in found.problems)
    assert get(path)["score"] == found.results["T0/00/run_01"].score
    assert settled(scylla).regenerated == 0
