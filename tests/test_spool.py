"""What a judge's process wrote: cleaned of secrets before anybody reads it."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import spool
from harness.calling import value_of
from harness.redact import Redactor
from harness.spool import READERS, Reading, clean_files
from tests.workshop import VERDICT, answer, shell_judge, snapshot, write_experiment

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
