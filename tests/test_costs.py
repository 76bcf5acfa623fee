"""What is asked of the system for a slot: counted, as a stopwatch would measure the machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from harness.attempt import Bench, judge_slot
from harness.launch import timeout_program
from harness.model import Judged
from tests.workshop import VERDICT, answer, scanned, shell_judge, write_experiment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model import Slot
    from harness.scan import Scan


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count calls of the system from here on, in this process."""
    timeout_program()  # asked once a session
    found: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            found[name] += 1
            return real(*arguments, **named)

        return call

    for name in ("open", "fsync", "lstat", "listdir", "scandir"):
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    monkeypatch.setattr(subprocess, "Popen", counting("Popen", subprocess.Popen))
    return found


def judge(found: Scan, slot: Slot, bench: Bench) -> None:
    """Judge a slot as a session would."""
    assert isinstance(judge_slot(slot, layout=found.layout, bench=bench), Judged)


def test_a_slot_is_synced_to_disk_four_times_and_its_runs_first_six(
    tmp_path: Path, calls: Counter[str]
) -> None:
    """The intent and the judgment, each with its directory; once for a run its prompt."""
    panel = [shell_judge(answer(), name) for name in ("one", "two")]
    found = scanned(write_experiment(tmp_path / "e", judges=panel))
    bench = Bench()
    for slot, syncs in zip(found.slots, (6, 4), strict=True):
        calls.clear()
        judge(found, slot, bench)
        assert calls["fsync"] == syncs
        assert calls["Popen"] == 1


def test_a_slot_opens_few_files_and_looks_along_no_paths(
    tmp_path: Path, calls: Counter[str]
) -> None:
    """However deep an experiment lies, a slot costs the same."""
    deep = tmp_path.joinpath(*"abcdefghijkl")
    counted = []
    for root in (tmp_path / "e", deep / "e"):
        found = scanned(write_experiment(root, runs=("a", "b"), judges=[shell_judge(answer())]))
        bench = Bench()
        judge(found, found.slots[0], bench)
        calls.clear()
        judge(found, found.slots[1], bench)
        counted.append(dict(calls))
    assert counted[0] == counted[1]
    assert counted[0]["open"] <= 30
    assert counted[0]["lstat"] <= 20


def test_a_scan_opens_each_judgment_and_each_answer_once(
    tmp_path: Path, calls: Counter[str]
) -> None:
    """What one more run costs: where it lies, its answer, and a file for each of its judgments."""

    def opened(runs: int) -> int:
        root = write_experiment(
            tmp_path / str(runs),
            runs=[f"r{number}" for number in range(runs)],
            judges=[shell_judge(answer(), name) for name in ("one", "two", "three")],
        )
        for run in (root / "runs").iterdir():
            for number in (1, 2, 3):
                slot = run / f"judge/judge_{number:02d}"
                slot.mkdir(parents=True)
                (slot / "judgment.json").write_text(json.dumps(VERDICT))
        calls.clear()
        scanned(root)
        return calls["open"]

    assert opened(11) - opened(10) == 1 + 1 + 3
