"""What a slot costs the process that judges: processor time of its main thread, and memory."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import write_experiment
from benchmarks.measure import Options, Table, in_turn, new_directory, run, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

# A conftest replaces the judges: what is measured is everything but them.
CONFTEST = """\
import json, resource, sys, threading, time
import pytest

REPLY = json.dumps({"score": 0.5, "passed": True, "reasoning": "r" * PRINTED})

class Stub:
    deterministic = True
    def ask(self, question):
        time.sleep(SECONDS)
        return REPLY

JUDGE = Stub()

def pytest_harness_judge(slot, judge):
    return JUDGE

def resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session):
    slots, before = len(session.items), resident()
    cpu, whole, wall = time.thread_time(), time.process_time(), time.perf_counter()
    result = yield
    print(json.dumps({
        "main": time.thread_time() - cpu, "process": time.process_time() - whole,
        "wall": time.perf_counter() - wall, "memory": resident() - before, "slots": slots,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
    }), file=open("figures.json", "w"))
    return result
"""

MAIN_MS, KB = 0.3, 6.0
FLIGHT, FLIGHT_MB = 256, 64.0
BUSY = 0.01
"""Of a core, for 10 calls a second that end."""


def session(slots: int, lanes: int, seconds: float, printed: int) -> tuple[float, ...]:
    """Return main thread, process, wall (s), memory after and at its peak (KB)."""
    with new_directory() as temporary:
        place = Path(temporary)
        write_experiment(
            place / "e", [{"name": "stub", "kind": "command", "argv": ["true"]}], slots
        )
        text = CONFTEST.replace("PRINTED", str(printed)).replace("SECONDS", str(seconds))
        (place / "conftest.py").write_text(text)
        (place / "pytest.ini").write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "harness.plugin", "e"]
        run([*command, f"--parallel={lanes}"], place)
        found = json.loads((place / "figures.json").read_text())
    return tuple(found[name] for name in ("main", "process", "wall", "memory", "peak"))


def tables(options: Options) -> Iterator[Table]:
    """Measure trivial slots, and slots that wait."""
    sizes = [max(100, round(n * options.scale)) for n in (1_000, 10_000, 100_000)]
    rows = []
    for size in sizes:
        rounds = options.rounds if size < sizes[-1] else 1
        found = in_turn({"": partial(session, size, 4, 0.0, 10)}, rounds)[""]
        main, process, wall, memory, _ = found
        rows.append(
            (
                f"{size:,}",
                f"{main / size * 1e3:.3f} ms",
                f"{process / size * 1e3:.2f} ms",
                f"{wall / size * 1e3:.2f} ms",
                f"{memory / size:.1f} KB",
            )
        )
        last = main / size * 1e3, memory / size
    note = (
        "Judges that answer at once, in the process; everything else is as always: claims, "
        f"prompts, attempts, judgments, reports. At most {MAIN_MS:g} ms of the main thread are "
        f"wanted: {verdict(last[0], MAIN_MS)}; at most {KB:g} KB: {verdict(last[1], KB)}."
    )
    head = ("slots", "main thread", "process", "wall", "memory after")
    yield Table("Trivial slots", note, head, tuple(rows))
    yield _waiting(options)


def _waiting(options: Options) -> Table:
    seconds = 5.0
    one = partial(session, FLIGHT, FLIGHT, seconds, 200_000)
    _, process, _, _, peak = in_turn({"": one}, max(1, options.rounds // 2))[""]
    _, busy, idle, _, _ = in_turn({"": partial(session, 60, 10, 1.0, 10)}, 1)[""]
    rate = 60 / idle
    share = busy / idle / (rate / 10)
    note = (
        f"{FLIGHT} judges at one time, each with a reply of 200 KB: at most {FLIGHT_MB:g} MB over "
        f"the process before: {verdict(peak / 1024, FLIGHT_MB)}. While waiting, at most "
        f"{BUSY:.0%} of a core for 10 calls a second: {verdict(share, BUSY)}."
    )
    rows = (
        (f"{FLIGHT} in flight, {seconds:g} s", f"{peak / 1024:.1f} MB", f"{process:.2f} s", "", ""),
        (
            f"60 calls of 1 s, 10 at a time ({rate:.1f} a second)",
            "",
            f"{busy:.3f} s in {idle:.1f} s",
            f"{busy / idle:.2%}",
            f"{share:.2%}",
        ),
    )
    head = ("", "memory at its peak", "processor", "of a core", "for 10 calls a second")
    return Table("Slots that wait", note, head, rows)
