"""The same judge calls through a bare pool, through this project, and through its peers."""

from __future__ import annotations

import json
import math
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import sleeper, write_experiment
from benchmarks.ledger import read_ledger
from benchmarks.measure import (
    JUDGE,
    Cost,
    Options,
    Table,
    in_turn,
    new_directory,
    pytest_command,
    run,
    verdict,
    version_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLOTS = 200
SECONDS = 0.5
TARGETS = {6: 1.02, 32: 1.05, 128: 1.10}
BARE = "bare ThreadPoolExecutor"
OURS = "pytest --parallel"
PEERS = {
    "pydantic-evals": "pydantic_evals_peer.py",
    "deepeval": "deepeval_peer.py",
    "inspect_ai": "inspect_peer.py",
}
PLACE = Path(__file__).with_name("peers")


@dataclass(frozen=True, slots=True)
class Load:
    """So many calls, of so many seconds, so many at a time."""

    slots: int
    seconds: float
    lanes: int

    @property
    def shortest(self) -> float:
        """The shortest time there can be, in seconds."""
        return math.ceil(self.slots / self.lanes) * self.seconds


def checked(cost: Cost, ledger: Path, load: Load) -> tuple[float, ...]:
    """Return window, wall, start-up, shut-down, and processor time of one subject."""
    found = read_ledger(ledger)
    if found.calls != load.slots or found.peak > load.lanes:
        raise SystemExit(f"{found.calls} calls, {found.peak} at one time: not what was asked for")
    ended = cost.began + cost.wall
    return found.window, cost.wall, found.first - cost.began, ended - found.last, cost.cpu


def ours(load: Load) -> tuple[float, ...]:
    """Judge an experiment."""
    with new_directory() as temporary:
        place = Path(temporary)
        ledger = place / "ledger"
        write_experiment(place / "e", [sleeper(ledger, f"{load.seconds:g}")], load.slots)
        (place / "pytest.ini").write_text("[pytest]\n")
        cost = run(pytest_command("e", f"--parallel={load.lanes}"), place)
        return checked(cost, ledger, load)


def peer(load: Load, command: Callable[[list[list[str]]], list[str]]) -> tuple[float, ...]:
    """Make the same calls through a program that is told the command of each."""
    with new_directory() as temporary:
        place = Path(temporary)
        ledger = place / "ledger"
        calls = [
            [str(JUDGE), str(ledger), f"{load.seconds:g}", f"runs/g0/{number:06d}/judge_01"]
            for number in range(load.slots)
        ]
        told = {"BENCHMARK_CALLS": json.dumps(calls), "BENCHMARK_LOGS": str(place)}
        return checked(run(command(calls), place, environment=told), ledger, load)


def xargs(lanes: int, calls: list[list[str]]) -> list[str]:
    """Return a shell's command that has ``xargs -P`` make the calls."""
    lines = "\n".join(shlex.join(argv) for argv in calls)
    Path(calls[0][1]).with_name("calls").write_text(f"{lines}\n")
    return ["sh", "-c", f"xargs -P {lanes} -I LINE sh -c LINE <calls >replies"]


def subjects(options: Options, load: Load) -> Iterator[tuple[str, Callable[[], tuple[float, ...]]]]:
    """Yield those that are installed."""

    def program(python: str, name: str, *more: str) -> Callable[[], tuple[float, ...]]:
        command = [python, str(PLACE / name), str(load.lanes), *more]
        return partial(peer, load, lambda _: command)

    yield BARE, program(sys.executable, "bare.py")
    yield OURS, partial(ours, load)
    yield "xargs -P", partial(peer, load, partial(xargs, load.lanes))
    for name, file in PEERS.items():
        if found := version_of(name, options.peers):
            yield f"{name} {found}", program(options.peers, file)
    test = str(PLACE / "test_xdist_peer.py")
    xdist = ["-p", "xdist.plugin", f"-n{load.lanes}", "--rootdir", str(PLACE), test]
    xdist += ["-p", "no:cacheprovider"]
    yield (
        f"pytest-xdist {version_of('pytest-xdist')}",
        partial(peer, load, lambda _: pytest_command(*xdist, plugin=False)),
    )
    if options.promptfoo is not None:
        yield "promptfoo", program(sys.executable, "promptfoo_peer.py", options.promptfoo)


def tables(options: Options) -> Iterator[Table]:
    """Measure with 6, 32, and 128 lanes; the peers with the first two, as they are slow."""
    missing = [name for name in PEERS if version_of(name, options.peers) is None]
    missing += ["promptfoo"] if options.promptfoo is None else []
    for lanes, target in TARGETS.items():
        load = Load(max(2, round(SLOTS * options.scale)), SECONDS, lanes)
        chosen = dict(subjects(options, load))
        if lanes == max(TARGETS):
            chosen = {name: chosen[name] for name in (BARE, OURS)}
        found = in_turn(chosen, options.rounds)
        bare = found[BARE][0]
        rows = tuple(
            (
                name,
                f"{window:.3f} s",
                f"{window / bare:.3f}",
                f"{wall / load.shortest:.3f}",
                f"{start:.2f} s",
                f"{end:.2f} s",
                f"{cpu / load.slots * 1000:.1f} ms",
            )
            for name, (window, wall, start, end, cpu) in found.items()
        )
        ratio = found[OURS][0] / bare
        note = (
            f"{load.slots} calls of {load.seconds:g} s; at the shortest {load.shortest:g} s. "
            f"First start to last end: {ratio:.3f} of the bare pool; at most {target:g} is wanted: "
            f"{verdict(ratio, target)}."
        )
        note += f" Not installed: {', '.join(missing)}." if missing else ""
        head = ("", "first start to last end", "to bare", "whole to shortest", "start", "end")
        yield Table(f"{lanes} calls at a time", note, (*head, "processor per call"), rows)
