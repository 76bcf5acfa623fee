"""What a judge's process wrote: cleaned of secrets before anybody reads it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import spool
from harness.attempt import Bench, judge_slot
from harness.calling import value_of
from harness.commit import commit_judgment
from harness.dispatch import light
from harness.model import Judged
from harness.redact import Redactor
from harness.spool import LARGE, READERS, Reading, clean_files
from tests.workshop import (
    VERDICT,
    FakeJudge,
    answer,
    scanned,
    shell_judge,
    snapshot,
    write_experiment,
)

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2-and-more"


def test_files_are_cleaned_and_others_are_not_touched(tmp_path: Path) -> None:
    """What holds no secret keeps its inode and its time; what is not there is no matter."""
    leaky, plain = tmp_path / "leaky", tmp_path / "plain"
    leaky.write_bytes(b"\xff" + SECRET.encode())
    plain.write_text("nothing")
    before = snapshot(tmp_path)
    clean_files(Redactor({"A_KEY": SECRET}), leaky, plain, tmp_path / "none")
    after = snapshot(tmp_path)
    assert leaky.read_bytes() == b"\xff[redacted]"
    assert after["plain"] == before["plain"]
    assert set(after) == set(before)


def test_output_of_a_judge_is_cleaned_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So neither the judgment nor the attempt has the key, and the message has it neither."""
    monkeypatch.setenv("A_KEY", SECRET)
    verdict = json.dumps({**VERDICT, "reasoning": "with $A_KEY"}).replace('"', '\\"')
    good = {**shell_judge(f'cat >/dev/null; echo "{verdict}"'), "env": ["A_KEY"]}
    bad = {**shell_judge('echo "no $A_KEY" >&2; exit 3', "two"), "env": ["A_KEY"]}
    root = write_experiment(tmp_path / "e", judges=[good, bad])
    statistics = harness.judge_experiment(root)
    assert list(statistics.failures.values()) == [
        "the judge ended with exit status 3: no [redacted]"
    ]
    found = json.loads((root / "runs/a/judge/judge_01/judgment.json").read_text())
    assert found["reasoning"] == "with [redacted]"
    files = [path for path in root.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize("finished", [True, False])
def test_output_of_a_session_that_died_is_cleaned_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: object
) -> None:
    """Whether it is an answer to adopt or the rest of a judge that was killed."""
    root = write_experiment(tmp_path / "e", judges=[shell_judge(answer())])
    harness.judge_experiment(root)
    slot = root / "runs/a/judge/judge_01"
    (slot / "judgment.json").unlink()
    (attempt,) = slot.glob("attempts/*")
    (attempt / "exit.json").unlink()
    if not finished:
        (attempt / "stdout.status").unlink()
    (attempt / "stdout").write_text(json.dumps({**VERDICT, "reasoning": SECRET}))
    (attempt / "stderr").write_text(f"used {SECRET}\n")
    monkeypatch.setenv("A_KEY", SECRET)
    statistics = harness.judge_experiment(root)
    assert statistics.calls.adopted == int(bool(finished))
    assert (attempt / "stderr").read_text() == "used [redacted]\n"
    assert SECRET not in (attempt / "stdout").read_text()
    assert SECRET not in (slot / "judgment.json").read_text()


# Names, because pytest-xdist shows them in the process list, where other tests look for keys.
@pytest.mark.parametrize("key", [SECRET, "sk-ant-api03-abcdefgh"], ids=["known", "pattern"])
def test_key_on_the_command_line_of_a_judge_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Everybody on the machine could read it there; nothing is paid."""
    monkeypatch.setenv("A_KEY", SECRET)
    root = write_experiment(
        tmp_path / "e", judges=[{"name": "one", "kind": "command", "argv": ["echo", key]}]
    )
    statistics = harness.judge_experiment(root)
    assert list(statistics.failures.values()) == [
        (
            "the judge's command line holds a key, which every user of the machine could read "
            "there; take it out and name its variable under env"
        )
    ]
    assert statistics.calls.paid == 0


def test_check_may_look_for_a_key(tmp_path: Path) -> None:
    """The commands of a rubric are no calls of a judge: what they look for is the agent's."""
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": "checks"}])
    (root / "runs/a/workspace").mkdir()
    (root / "runs/a/workspace/f").write_text("AKIAIOSFODNN7EXAMPLE\n")
    (root / "rubric.yaml").write_text(
        "categories:\n  all:\n    weight: 1\n    items:\n"
        "      - {id: A, check: no key, points: 1, run: grep -q AKIAIOSFODNN7EXAMPLE f, "
        "expect: {exit_code: 1}}\n"
    )
    assert harness.judge_experiment(root).failures == {}
    found = json.loads((root / "runs/a/judge/judge_01/judgment.json").read_text())
    assert found["score"] == 0.0


def test_only_a_few_outputs_are_read_at_the_same_time() -> None:
    """A third thread gets its turn when one of two has ended; whoever began does not wait again."""
    turns = threading.BoundedSemaphore(2)
    with Reading(turns) as first:
        first.begin()
        first.begin()
        with Reading(turns) as second:
            second.begin()
            assert not turns.acquire(blocking=False)
        assert turns.acquire(blocking=False)
        turns.release()
    with Reading(turns):
        pass  # nobody began: nothing is given back
    assert turns.acquire(blocking=False)
    assert turns.acquire(blocking=False)
    assert not turns.acquire(blocking=False)


def test_no_more_outputs_than_that_are_in_memory_when_many_judges_end_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six judges end at once, and two are read at a time; none of the processes had to wait."""
    lock = threading.Lock()  # protects what the judges' threads write
    reading: set[str] = set()
    peaks: list[int] = []
    clean = spool.clean_files

    def watched(redactor: Redactor, *paths: Path) -> None:
        with lock:
            reading.add(str(paths[0]))
            peaks.append(len(reading))
        clean(redactor, *paths)

    def done(*args: Any, **keys: Any) -> dict[str, Any]:
        value = value_of(*args, **keys)
        with lock:
            reading.discard(str(keys["attempt"] / "stdout"))
        return value

    monkeypatch.setattr(spool, "clean_files", watched)
    monkeypatch.setattr("harness.asking.value_of", done)
    up = tmp_path / "up"
    up.mkdir()
    body = (
        f"cat >/dev/null; : >{up}/$$; while [ $(ls {up} | wc -l) -lt 6 ]; do sleep 0.1; done; "
        f"{answer()}"
    )
    names = [f"r{number}" for number in range(6)]
    root = write_experiment(tmp_path / "e", runs=names, judges=[shell_judge(body)])
    assert harness.judge_experiment(root, parallel=6).judged == 6
    assert max(peaks) <= READERS


@pytest.mark.parametrize(("length", "together"), [(2 * LARGE, READERS), (10, 4)])
def test_large_judgments_are_written_in_turn_and_small_ones_wait_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, together: int
) -> None:
    """Four judges answer at once: so many texts are in memory until they are on disk."""
    lock = threading.Lock()  # protects the counts
    small = threading.Barrier(4)
    asked = threading.Barrier(4)
    at_work, peak = 0, 0

    def watched(*args: Any, **keys: Any) -> Any:
        nonlocal at_work, peak
        with lock:
            at_work += 1
            peak = max(peak, at_work)
        if length < LARGE:
            small.wait(30)
        try:
            return commit_judgment(*args, **keys)
        finally:
            with lock:
                at_work -= 1

    def reply(_: object) -> str:
        asked.wait(30)
        return json.dumps({**VERDICT, "reasoning": "r" * length})

    monkeypatch.setattr("harness.asking.commit_judgment", watched)
    root = write_experiment(tmp_path / "e", runs=["a", "b", "c", "d"])
    found, bench, judge = scanned(root), Bench(), FakeJudge(reply)
    with ThreadPoolExecutor(4) as pool:
        done = pool.map(
            lambda slot: judge_slot(slot, layout=found.layout, bench=bench, judge=judge),
            found.slots,
        )
        outcomes = [outcome for outcome in done if isinstance(outcome, Judged)]
    assert len(outcomes) == 4
    assert peak <= together
    assert length > LARGE or peak == together


def test_an_outcome_that_waits_to_be_reported_has_no_texts(tmp_path: Path) -> None:
    """They are on disk; its score, verdict, and provenance are what reports are made of."""
    root = write_experiment(tmp_path / "e")
    found = scanned(root)
    outcome = judge_slot(found.slots[0], layout=found.layout, bench=Bench(), judge=FakeJudge())
    assert isinstance(outcome, Judged)
    waiting = light(outcome)
    assert isinstance(waiting, Judged)
    left, whole = waiting.judgment, outcome.judgment
    assert (left.score, left.passed, left.grade) == (whole.score, whole.passed, whole.grade)
    assert left.provenance == whole.provenance
    assert (left.reasoning, set(left.raw)) == ("", {"provenance"})
    assert whole.reasoning == VERDICT["reasoning"]
