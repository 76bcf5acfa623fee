"""What the plugin costs a session without an experiment, and an experiment's collection."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import write_experiment
from benchmarks.measure import Options, Table, in_turn, new_directory, pytest_command, run, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAIN = "pytest alone, one test"
PLUGIN = "with the plugin, no experiment"
COLLECT = "with the plugin, 24 slots, --collect-only"

RATIO = 1.05
IMPORT_MS = 10.0
COLLECT_S = 0.15


def tables(options: Options) -> Iterator[Table]:
    """Compare the sessions, and add up the imports."""
    with new_directory() as temporary:
        project = Path(temporary)
        (project / "tests").mkdir()
        (project / "pytest.ini").write_text("[pytest]\n")
        (project / "tests/test_plain.py").write_text("def test_plain():\n    assert True\n")
        judge = {"name": "a", "kind": "command", "argv": ["true"]}
        write_experiment(project / "experiment", [judge], 24)
        quiet = ("-p", "no:cacheprovider")
        commands = {
            PLAIN: pytest_command(*quiet, "tests", plugin=False),
            PLUGIN: pytest_command(*quiet, "tests"),
            COLLECT: pytest_command(*quiet, "--collect-only", "experiment"),
        }
        rounds = max(3, round(4 * options.rounds * options.scale))
        subjects = {name: partial(session, command, project) for name, command in commands.items()}
        found = in_turn(subjects, rounds)
        imports = imported(project)
    wall, cpu = found[PLAIN]
    rows = tuple(
        (name, f"{s:.3f} s", f"{s / wall:.3f}", f"{busy:.3f} s", f"{busy / cpu:.3f}")
        for name, (s, busy) in found.items()
    )
    more, collects = found[PLUGIN][0] / wall, found[COLLECT][0] - wall
    note = (
        f"Medians of {rounds} sessions each. With the plugin: {more:.3f} of pytest alone; at most "
        f"{RATIO:g} is wanted: {verdict(more, RATIO)}. Its own imports take {imports:.1f} ms; at "
        f"most {IMPORT_MS:g} ms: {verdict(imports, IMPORT_MS)}. Collecting takes {collects:.3f} s "
        f"more; at most {COLLECT_S:g} s: {verdict(collects, COLLECT_S)}."
    )
    yield Table("Start-up", note, ("", "wall", "ratio", "processor", "ratio"), rows)


def session(command: list[str], project: Path) -> tuple[float, ...]:
    """Return wall and processor time."""
    cost = run(command, project)
    return cost.wall, cost.cpu


def imported(project: Path) -> float:
    """Return what the modules take, in ms, that only the plugin imports; the least of three."""

    def once(measure: Callable[[str], float]) -> float:
        return measure("import pytest, _pytest.terminal, _pytest.runner, harness.plugin")

    def milliseconds(code: str) -> float:
        lines = run([sys.executable, "-X", "importtime", "-c", code], project).output.splitlines()
        cells = [line.removeprefix("import time:").split("|") for line in lines if "|" in line]
        own = [(int(c[0]), c[2].strip()) for c in cells if c[0].strip().isdecimal()]
        return sum(us for us, name in own if name.startswith("harness")) / 1000

    return min(once(milliseconds) for _ in range(3))
