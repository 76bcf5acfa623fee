"""What the plugin costs a session that has no experiment, and what an experiment's costs.

    python benchmarks/startup.py --rounds 20

Each round starts these sessions one after the other, each in a process of its own, none
with other plugins:

- ``pytest`` with one ordinary test, without the plugin;
- the same with the plugin;
- with the plugin, ``--collect-only`` in an experiment of 24 slots.

The order within a round changes from round to round. The table has the medians of the
wall time and of the processor time of the processes, and their ratios to pytest alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PLAIN = "pytest alone"


def sessions(project: Path) -> dict[str, list[str]]:
    """Write the files that the sessions need; return their arguments by name."""
    tests = project / "tests"
    tests.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    (tests / "test_plain.py").write_text("def test_plain():\n    assert True\n")
    experiment = project / "experiment"
    experiment.mkdir()
    (experiment / "experiment.yaml").write_text(
        'judges:\n  - {name: a, kind: command, argv: ["true"]}\n'
    )
    (experiment / "task.md").write_text("Answer.\n")
    (experiment / "rubric.yaml").write_text(
        "categories:\n  all: {weight: 1, items: [{id: A1, check: It is right, points: 1}]}\n"
    )
    for number in range(24):
        run = experiment / "runs" / f"{number:02d}"
        run.mkdir(parents=True)
        (run / "output.md").write_text("42\n")
    ours = ["-p", "harness.plugin"]
    return {
        PLAIN: ["tests"],
        "with the plugin, no experiment": [*ours, "tests"],
        "with the plugin, 24 slots, --collect-only": [*ours, "--collect-only", "experiment"],
    }


def measure(arguments: list[str], project: Path) -> tuple[float, float]:
    """Return the seconds of wall time and of processor time of one session."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or every start would compile the plugin
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, cwd=project, env=environment, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        arguments = sessions(project)
        for chosen in arguments.values():  # fills the caches of bytecode and of the disk
            measure(chosen, project)
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in arguments}
        names = list(arguments)
        for number in range(rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                figures[name].append(measure(arguments[name], project))
    print(
        f"Python {platform.python_version()}, pytest {version('pytest')}, {rounds} rounds, medians"
    )
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in figures.items()
    }
    wall, cpu = medians[PLAIN]
    print(f"{'':<44}{'wall':>10}{'ratio':>8}{'processor':>12}{'ratio':>8}")
    for name, (seconds, busy) in medians.items():
        print(f"{name:<44}{seconds:>8.3f} s{seconds / wall:>8.3f}{busy:>10.3f} s{busy / cpu:>8.3f}")


if __name__ == "__main__":
    main()
