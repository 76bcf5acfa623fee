"""What pytest adds to the time of a pool of judges.

    python benchmarks/dispatch.py --slots 60 --seconds 0.5 --lanes 6 --rounds 5

Each round starts, one after the other and each in a process of its own:

- a bare ``ThreadPoolExecutor`` that starts the same judge programs and reads their replies;
- ``pytest --parallel``, which also scans, freezes prompts, records, reports, and settles;
- the same session again, when there is nothing left to judge.

A judge is a shell that sleeps and prints a reply. The table has the medians over the rounds,
and their ratios to the shortest time there can be and to the bare pool.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RUBRIC = """\
categories:
  all:
    weight: 1
    items:
      - {id: A1, check: The answer is right, points: 1}
"""

REPLY = json.dumps({"score": 0.5, "passed": True, "reasoning": "As good as any."})


def judge_argv(seconds: float) -> list[str]:
    """Return the command of one judge call."""
    return ["/bin/sh", "-c", f"cat > /dev/null; sleep {seconds:g}; echo '{REPLY}'"]


def write_experiment(root: Path, slots: int, seconds: float) -> None:
    """Write an experiment with one judge and ``slots`` runs."""
    argv = json.dumps(judge_argv(seconds))
    root.mkdir(parents=True)
    (root / "experiment.yaml").write_text(
        f"judges:\n  - {{name: sleeper, kind: command, argv: {argv}}}\n"
    )
    (root / "task.md").write_text("Answer.\n")
    (root / "rubric.yaml").write_text(RUBRIC)
    for number in range(1, slots + 1):
        run = root / "runs" / f"{number:03d}"
        run.mkdir(parents=True)
        (run / "output.md").write_text("An answer.\n")


def bare(slots: int, seconds: float, lanes: int) -> None:
    """Make the same calls with nothing around them but a pool."""

    def ask(_: int) -> str:
        done = subprocess.run(
            judge_argv(seconds), input="Answer.\n", capture_output=True, text=True, check=True
        )
        return done.stdout

    with ThreadPoolExecutor(lanes) as pool:
        replies = list(pool.map(ask, range(slots)))
    assert replies == [f"{REPLY}\n"] * slots  # noqa: S101 - a benchmark of wrong answers is none


def timed(command: list[str], cwd: Path) -> float:
    """Run a process to its good end and return its wall time."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds


def one_round(directory: Path, slots: int, seconds: float, lanes: int) -> tuple[float, ...]:
    """Return the times of the bare pool, of judging, and of the session after it."""
    write_experiment(directory / "experiment", slots, seconds)
    (directory / "pytest.ini").write_text("[pytest]\n")
    figures = [f"--slots={slots}", f"--seconds={seconds}", f"--lanes={lanes}"]
    pool = [sys.executable, str(Path(__file__).resolve()), "--bare", *figures]
    judge = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "experiment"]
    judge.append(f"--parallel={lanes}")
    return timed(pool, directory), timed(judge, directory), timed(judge, directory)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slots", type=int, default=60, help="judge calls (default: 60)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of one call (default: 0.5)")
    parser.add_argument("--lanes", type=int, default=6, help="calls at a time (default: 6)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        bare(given.slots, given.seconds, given.lanes)
        return
    rounds = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as directory:
            rounds.append(one_round(Path(directory), given.slots, given.seconds, given.lanes))
    shortest = math.ceil(given.slots / given.lanes) * given.seconds
    report(given, shortest, [statistics.median(column) for column in zip(*rounds, strict=True)])


def report(given: argparse.Namespace, shortest: float, medians: list[float]) -> None:
    """Print what was measured, with what, and the table."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("pytest", "msgspec", "filelock"))
    print(f"Python {platform.python_version()}, {packages}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs")
    print(f"{given.slots} judge calls of {given.seconds:g} s, {given.lanes} at a time;", end=" ")
    print(f"medians of {given.rounds} rounds")
    print()
    print(f"{'':<34}{'seconds':>9}{'to shortest':>13}{'to bare pool':>14}")
    names = ("bare ThreadPoolExecutor", "pytest --parallel", "pytest, nothing left to judge")
    for name, seconds in (("shortest possible", shortest), *zip(names, medians, strict=True)):
        ratios = f"{seconds / shortest:>13.3f}{seconds / medians[0]:>14.3f}"
        print(f"{name:<34}{seconds:>9.3f}{ratios}")


if __name__ == "__main__":
    main()
