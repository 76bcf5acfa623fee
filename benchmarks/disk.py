"""What is on disk already: scanning it, collecting nothing, and a session with nothing to do."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import write_experiment, write_judgments
from benchmarks.measure import Options, Table, in_turn, new_directory, pytest_command, run, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCAN = """\
import sys, time
from pathlib import Path
from harness.layouts import open_experiment
from harness.scan import scan
began = time.perf_counter()
found = scan(open_experiment(Path(sys.argv[1])))
print(time.perf_counter() - began, sum(found.counts().values()))
"""

LEARN = """\
import sys, time
from pathlib import Path
from harness.layouts import open_experiment
from harness.memory import Memory
from harness.scan import scan
from harness.settle import settle
root = Path(sys.argv[1])
settle(scan(open_experiment(root)))
time.sleep(3)  # what was just written is not remembered
memory = Memory(open_experiment(root))
found = scan(memory.layout, memory=memory)
Path("memory.json").write_text(memory.to_keep(found, settle(found)))
"""

REMEMBER = """\
import sys, time
from pathlib import Path
from harness.layouts import open_experiment
from harness.memory import Memory
from harness.scan import scan
began = time.perf_counter()
memory = Memory(open_experiment(Path(sys.argv[1])), Path("memory.json").read_text())
found = scan(memory.layout, memory=memory)
print(time.perf_counter() - began, sum(found.counts().values()))
"""

WALK = """\
import sys, time
from benchmarks.disk import walk
began = time.perf_counter()
found = walk(sys.argv[1])
print(time.perf_counter() - began, found)
"""

JUDGES = 5
SMALL, COMPLETE, LARGE, DONE = 10_000, 8_000, 100_000, 30_000
TARGETS = {SMALL: 0.5, LARGE: 6.0}
TIMES = 3.0
NOTHING = 2.0


def walk(directory: str) -> int:
    """Walk a directory and look at the judgments' sizes and times; return how many there are."""
    found = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += walk(entry.path)
            elif entry.name == "judgment.json":
                entry.stat(follow_symlinks=False)
                found += 1
    return found


def timed(code: str, root: Path) -> tuple[float, ...]:
    """Return the seconds that a fresh interpreter says its work took."""
    seconds, _ = run([sys.executable, "-c", code, str(root)], root).output.split()
    return (float(seconds),)


def whole(command: list[str], cwd: Path) -> tuple[float, ...]:
    """Return wall and processor time of a session with nothing to do."""
    cost = run(command, cwd)
    return cost.wall, cost.cpu


def tables(options: Options) -> Iterator[Table]:
    """Measure scans of two sizes against a walk, and a session over complete slots."""
    command = {"kind": "command", "argv": ["true"]}
    judges = [{"name": f"judge-{number}", **command} for number in range(JUDGES)]
    rows = []
    notes = []
    for size, target in TARGETS.items():
        slots = round(size * options.scale)
        with new_directory() as temporary:
            root = Path(temporary) / "e"
            runs = write_experiment(root, judges, slots // JUDGES, groups=20)
            write_judgments(runs, JUDGES, slots=slots * COMPLETE // SMALL)
            run([sys.executable, "-c", LEARN, str(root)], root)
            codes = {"walk": WALK, "scan": SCAN, "known": REMEMBER}
            subjects = {name: partial(timed, code, root) for name, code in codes.items()}
            found = in_turn(subjects, options.rounds)
        bare, ours, known = (found[name][0] for name in ("walk", "scan", "known"))
        figures = [f"{seconds:.3f} s" for seconds in (bare, ours, known)]
        rows.append((f"{slots:,}", *figures, f"{ours / bare:.2f}", f"{known / bare:.2f}"))
        kept = verdict(ours, target * options.scale)
        notes.append(f"{slots:,} slots: at most {target * options.scale:g} s are wanted: {kept}.")
        if size == SMALL:
            cold, warm = verdict(ours / bare, TIMES), verdict(known / bare, TIMES)
            notes.append(f"At most {TIMES:g} times the walk: {cold}; with a memory {warm}.")
    note = (
        "Four fifths of the slots are complete. The walk stats every judgment and reads none. "
        "A memory is what an earlier session left of finished runs in pytest's cache. "
        + " ".join(notes)
    )
    head = ("slots", "bare os.scandir walk", "scan", "with a memory", "scan to walk", "with it")
    yield Table("Scan", note, head, tuple(rows))
    yield _nothing_to_do(options, judges[:3])


def _nothing_to_do(options: Options, judges: Sequence[Mapping[str, object]]) -> Table:
    slots = round(DONE * options.scale)
    with new_directory() as temporary:
        place = Path(temporary)
        runs = write_experiment(place / "e", judges, slots // len(judges), groups=20)
        write_judgments(runs, len(judges))
        (place / "pytest.ini").write_text("[pytest]\n")
        command = pytest_command("e")
        run(command, place)  # settles
        found = in_turn({"session": partial(whole, command, place)}, options.rounds)
    wall, cpu = found["session"]
    target = NOTHING * options.scale
    note = f"At most {target:g} s are wanted: {verdict(wall, target)}."
    row = (f"{slots:,}", f"{wall:.3f} s", f"{cpu:.3f} s", f"{wall / slots * 1e6:.0f} us")
    head = ("complete slots", "whole session", "processor", "per slot")
    return Table("A session with nothing to do", note, head, (row,))
