"""Sessions that are killed again and again, and what must hold however often that happens."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.ledger import read_ledger
from harness.model import SlotStatus
from harness.settle import settle
from tests.workshop import paid_experiment, payments, scanned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent


SURE = 10
"""Kills after which some answer has been adopted, but for one loop in many thousands."""


def kills(full: int) -> int:
    """Return how many kills a crash loop makes.

    ``HARNESS_KILLS`` bounds them: the loop that would make 500 makes that many, the
    others in proportion.
    """
    bound = os.environ.get("HARNESS_KILLS")
    return full if bound is None else max(1, full * int(bound) // 500)


def session(root: Path, *options: str, parallel: int = 4) -> subprocess.Popen[bytes]:
    """Start a pytest session that judges an experiment."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "harness.plugin", "-p", "no:cacheprovider"]
    argv += ["-c", os.devnull, "--rootdir", str(root.parent), "--parallel", str(parallel)]
    return subprocess.Popen(
        [*argv, *options, str(root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=session_environment(),
        cwd=root.parent,
    )


def session_environment() -> dict[str, str]:
    """Return an environment in which the harness of this checkout is found."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "HARNESS_"))
    }
    path = os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path}


def finish(root: Path, *options: str) -> str:
    """Run sessions until one of them has nothing left to do; return what the last one said."""
    for _ in range(100):
        child = session(root, *options)
        shown, _ = child.communicate(timeout=120)
        if child.returncode == 0:
            return shown.decode()
        assert child.returncode == 75, shown.decode()
        time.sleep(0.05)  # judges of killed sessions are still at work
    raise AssertionError("a hundred sessions were not enough")


def crash_loop(
    tmp_path: Path,
    count: int,
    *options: str,
    sessions: int = 1,
    seed: int = 0,
    life: tuple[float, float] = (0.25, 1.3),
) -> None:
    """Kill sessions on experiments of 60 slots at random moments until ``count`` are dead.

    ``life``: the shortest and the longest time that a session gets, in seconds on an idle
    machine; a busy one is slower to come to the judges.
    """
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    root, _ = paid_experiment(tmp_path / "pace", runs=1)
    slow = max(1.0, seconds_to_start(root) / START)
    killed = number = adopted = 0
    while killed < count:
        number += 1
        root, ledger = paid_experiment(tmp_path / f"e{number}", runs=30)
        while killed < count and not is_complete(root):
            killed += kill_some(root, options, sessions, lambda: slow * dice.uniform(*life))
            assert_no_torn_file(root)
        finish(root, *options)
        adopted += assert_exactly_paid(root, ledger)
    # Whether a kill meets a judge at work is chance: two in three do.
    assert adopted or killed < SURE


START = 0.5
"""Seconds that a session takes to start on an idle machine."""


def seconds_to_start(root: Path) -> float:
    """Return how long a session takes that judges nothing."""
    began = time.monotonic()
    session(root, "--dry-run").communicate(timeout=120)
    return time.monotonic() - began


def kill_some(root: Path, options: Sequence[str], sessions: int, life: Callable[[], float]) -> int:
    """Start sessions, kill each at a random moment; return how many were alive to be killed."""
    started = [session(root, *options) for _ in range(sessions)]
    killed = 0
    for child in started:
        try:
            child.wait(timeout=life() / (1 if child is started[0] else 5))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            killed += 1
        with contextlib.closing(child.stdout) as stream:  # type: ignore[type-var] # it is a pipe
            assert stream is not None
        child.wait()
    return killed


def is_complete(root: Path) -> bool:
    """Tell whether every slot has its judgment."""
    return all(slot.status is SlotStatus.COMPLETE for slot in scanned(root).slots)


def assert_no_torn_file(root: Path) -> None:
    """Every JSON file that is there at all is whole."""
    for path in (root / "runs").rglob("*.json"):
        assert isinstance(files.read_json(path, root=root), files.Ok), path


def assert_exactly_paid(root: Path, ledger: Path) -> int:
    """Every slot has its judgment, was paid once, and the consensus is what they give.

    Returns how many answers were adopted.
    """
    found = scanned(root)
    assert is_complete(root)
    assert payments(ledger) == len(found.slots)
    calls = read_ledger(found.layout, found.slots)
    assert (calls.paid, calls.lost, calls.wasted) == (len(found.slots), 0, 0)
    assert_consensus_is_fresh(root)
    return calls.adopted


def assert_consensus_is_fresh(root: Path) -> None:
    """Check that deleting every consensus and settling again gives the same files.

    A run whose judgments have all been deleted keeps a consensus that says so.
    """
    judged = {slot.run.name for slot in scanned(root).slots if slot.judgment is not None}
    stored = {}
    for path in sorted(root.glob("runs/*/judge/result.json")):
        name = str(path.parent.parent.relative_to(root))
        stored[name] = json.loads(path.read_text())
        if name in judged:
            path.unlink()
    empty = [value for name, value in stored.items() if name not in judged]
    assert all(
        (value["judged"], value["score"], value["passed"]) == (0, None, None) for value in empty
    )
    settled = settle(scanned(root))
    assert settled.problems == []
    again = {name: json.loads((root / name / "judge/result.json").read_text()) for name in stored}
    assert again == stored
    assert judged <= set(stored)
