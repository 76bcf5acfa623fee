"""Judges that take as long as real ones do, scaled down; and two processes in place of one."""

from __future__ import annotations

import math
import random
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import sleeper, write_experiment
from benchmarks.ledger import read_ledger
from benchmarks.measure import Options, Table, in_turn, new_directory, pytest_command, run, verdict
from benchmarks.pool import Load, checked

if TYPE_CHECKING:
    from collections.abc import Iterator

LANES = 6
RUNS = 20
MEDIANS = {"large": 1.55, "middle": 1.38, "small": 0.98}
"""Seconds: a fortieth of what three models take that judge the work of an agent.

With shorter calls the order would be hidden behind what a slot costs, which ``pool`` measures.
"""

SPREAD = 0.35
"""Of the logarithm of a call's seconds; a few calls take twice the median, or half."""

TARGET = 1.03
PROCESSES = 1.05


def durations() -> dict[str, list[float]]:
    """Return the seconds of each judge for each run, the same in every round."""
    chance = random.Random(2)  # noqa: S311 - no secret
    return {
        name: [round(chance.lognormvariate(math.log(median), SPREAD), 3) for _ in range(RUNS)]
        for name, median in MEDIANS.items()
    }


def least(seconds: list[float]) -> float:
    """Return what no order can be faster than."""
    return max(math.fsum(seconds) / LANES, *seconds)


def in_order(seconds: list[float]) -> float:
    """Return what first in, first out takes, without any cost of its own."""
    lanes = [0.0] * LANES
    for each in seconds:
        lanes.sort()
        lanes[0] += each
    return max(lanes)


def session(*more: str) -> tuple[float, ...]:
    """Judge for the first time, then again all that is complete; return the two windows."""
    with new_directory() as temporary:
        place = Path(temporary)
        ledger = place / "ledger"
        judges = [sleeper(ledger, f"{{run_dir}}/{name}", name) for name in MEDIANS]
        for number, path in enumerate(write_experiment(place / "e", judges, RUNS)):
            for name, each in durations().items():
                (path / name).write_text(f"{each[number]}\n")
        (place / "pytest.ini").write_text("[pytest]\n")
        command = pytest_command("e", f"--parallel={LANES}", *more)
        run(command, place)
        first = read_ledger(ledger).window
        ledger.unlink()
        run([*command, "--rejudge"], place)
        return first, read_ledger(ledger).window


def processes(load: Load, *more: str) -> tuple[float, ...]:
    """Return window and wall of a session."""
    with new_directory() as temporary:
        place = Path(temporary)
        ledger = place / "ledger"
        write_experiment(place / "e", [sleeper(ledger, f"{load.seconds:g}")], load.slots)
        (place / "pytest.ini").write_text("[pytest]\n")
        return checked(run(pytest_command("e", *more), place), ledger, load)[:3]


def tables(options: Options) -> Iterator[Table]:
    """Measure both."""
    by_judge = durations()
    in_turns = [by_judge[name][run] for run in range(RUNS) for name in MEDIANS]
    shortest = least(in_turns)
    first, again = in_turn({"": session}, options.rounds)[""]
    ratio = again / shortest
    rows = (
        ("no order can be faster", f"{shortest:.2f} s", "1.000"),
        ("first in, first out, at no cost", *_against(in_order(in_turns), shortest)),
        ("first session: medians as they come in", *_against(first, shortest)),
        ("second session: medians are known", *_against(again, shortest)),
    )
    note = (
        f"{len(in_turns)} slots of three judges, {LANES} at a time, first start to last end. "
        f"At most {TARGET:g} is wanted where durations are known: {verdict(ratio, TARGET)}."
    )
    yield Table("A real mix of durations", note, ("", "seconds", "ratio"), rows)
    yield _processes(options)


def _against(seconds: float, shortest: float) -> tuple[str, str]:
    return f"{seconds:.2f} s", f"{seconds / shortest:.3f}"


def _processes(options: Options) -> Table:
    load = Load(max(24, round(200 * options.scale)), 0.5, 2 * LANES)
    xdist = ("-p", "xdist.plugin", "-n2", f"--parallel={LANES}")
    subjects = {
        f"--parallel {2 * LANES}": partial(processes, load, f"--parallel={2 * LANES}"),
        f"-n 2 --parallel {LANES}": partial(processes, load, *xdist),
    }
    found = in_turn(subjects, options.rounds)
    one, two = found.values()
    ratio = two[0] / one[0]
    rows = tuple(
        (
            name,
            f"{window:.3f} s",
            f"{window / load.shortest:.3f}",
            f"{wall:.2f} s",
            f"{start:.2f} s",
        )
        for name, (window, wall, start) in found.items()
    )
    note = (
        f"{load.slots} calls of {load.seconds:g} s; at most {PROCESSES:g} of one process is "
        f"wanted from first start to last end: {ratio:.3f}, {verdict(ratio, PROCESSES)}."
    )
    head = ("", "first start to last end", "to shortest", "whole", "start")
    return Table("Two processes", note, head, rows)
