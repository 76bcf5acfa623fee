"""Sessions that are killed at a random moment and run again, until all is judged: what is paid."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import sleeper, write_experiment
from benchmarks.ledger import read_ledger
from benchmarks.measure import (
    JUDGE,
    Options,
    Table,
    clean_environment,
    new_directory,
    pytest_command,
    version_of,
)
from benchmarks.pool import PEERS, PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SLOTS, SECONDS, LANES, KILLS = 60, 0.5, 6, 5

# What people write who keep each answer in a file and skip what is there.
KEEPING = """\
import json, os, subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

def ask(argv):
    path = Path(argv[3].replace("/", "_") + ".json")
    if not path.exists():
        path.write_bytes(subprocess.run(argv, input=b"", capture_output=True, check=True).stdout)

with ThreadPoolExecutor(6) as pool:
    list(pool.map(ask, json.loads(os.environ["BENCHMARK_CALLS"])))
"""


def until_done(command: Sequence[str], cwd: Path, more: dict[str, str], seed: int) -> None:
    """Run a program, kill it ``KILLS`` times, then let it end."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    ledger = cwd / "ledger"
    for kill in range(KILLS + 1):
        before = len(ledger.read_text().splitlines()) if ledger.exists() else 0
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=clean_environment(more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if kill < KILLS:
            # Not before it has begun to ask: else slow starts would be cheap.
            while child.poll() is None:
                now = len(ledger.read_text().splitlines()) if ledger.exists() else 0
                if now > before:
                    break
                time.sleep(0.02)
            time.sleep(chance.uniform(0.2, 1.2))
            os.kill(child.pid, signal.SIGKILL)
        child.wait()
    if child.returncode != 0:
        raise SystemExit(f"{list(command)} ended with {child.returncode}")


def paid(command: Sequence[str], *, ours: bool, seed: int) -> float:
    """Return how many calls were made for each slot."""
    with new_directory() as temporary:
        place = Path(temporary)
        ledger = place / "ledger"
        if ours:
            write_experiment(place / "e", [sleeper(ledger, f"{SECONDS:g}")], SLOTS)
            (place / "pytest.ini").write_text("[pytest]\n")
        calls = [
            [str(JUDGE), str(ledger), f"{SECONDS:g}", f"runs/g0/{number:06d}/judge_01"]
            for number in range(SLOTS)
        ]
        told = {"BENCHMARK_CALLS": json.dumps(calls), "BENCHMARK_LOGS": str(place)}
        until_done(command, place, told, seed)
        time.sleep(2 * SECONDS)  # what a killed program left behind comes to its end
        return read_ledger(ledger).calls / SLOTS


def tables(options: Options) -> Iterator[Table]:
    """Measure those that can be run again with the same command."""
    lanes = str(LANES)
    commands = {
        "pytest --parallel": pytest_command("e", f"--parallel={LANES}"),
        "a pool that keeps answers in files": [sys.executable, "-c", KEEPING],
        "bare ThreadPoolExecutor": [sys.executable, str(PLACE / "bare.py"), lanes],
    }
    for name in PEERS:
        if found := version_of(name, options.peers):
            commands[f"{name} {found}"] = [options.peers, str(PLACE / PEERS[name]), lanes]
    rows = []
    for name, command in commands.items():
        ours = name.startswith("pytest")
        rounds = range(max(1, options.rounds // 2))
        found_paid = sorted(paid(command, ours=ours, seed=seed) for seed in rounds)
        rows.append((name, f"{found_paid[len(found_paid) // 2]:.2f}"))
    note = (
        f"{SLOTS} slots of {SECONDS:g} s, {LANES} at a time; the program is killed {KILLS} times "
        "with SIGKILL, up to 1.2 s after its first new call, and started again by the same command."
    )
    yield Table("Killed and run again", note, ("", "calls paid for each slot"), tuple(rows))
