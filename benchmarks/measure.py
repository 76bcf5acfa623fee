"""Processes in their turn, medians, and tables."""

from __future__ import annotations

import functools
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
JUDGE = Path(__file__).with_name("judge.sh")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says: how often, how much, and where the peers are installed."""

    rounds: int
    scale: float
    peers: str
    promptfoo: str | None


@dataclass(frozen=True, slots=True)
class Cost:
    """One process: ``wall`` and ``cpu`` in seconds, when it began, and what it printed."""

    wall: float
    cpu: float
    began: float
    output: str


@functools.cache
def _all_directories() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="benchmarks-")


@contextmanager
def new_directory() -> Iterator[str]:
    """Make a directory that is removed when the benchmark ends, not before.

    File systems avoid what was deleted a moment ago: ext4 looks for another inode for every
    file that is created then, and the next subject would pay for the end of the last one.
    """
    yield tempfile.mkdtemp(dir=_all_directories().name)


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of what is measured: no other plugins, bytecode is kept."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "HARNESS_REAL_DATA"):
        environment.pop(name, None)
    return {**environment, **more}


def run(
    command: Sequence[str],
    cwd: Path,
    *,
    codes: Iterable[int] = (0,),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Cost:
    """Run a process to its end; one that ends in another way than ``codes`` ends the benchmark."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, clock = time.time(), time.perf_counter()
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - clock
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        raise SystemExit(f"{list(command)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, began, done.stdout)


def pytest_command(*arguments: str, plugin: bool = True) -> list[str]:
    """Return the command of a session without other plugins."""
    ours = ["-p", "harness.plugin"] if plugin else []
    return [sys.executable, "-m", "pytest", "-q", *ours, *arguments]


def in_turn(
    subjects: Mapping[str, Callable[[], tuple[float, ...]]], rounds: int
) -> dict[str, list[float]]:
    """Measure all subjects once a round, first another one each time; return the medians.

    One more round before those warms the caches of the disk and of bytecode, and is thrown away.
    """
    names = list(subjects)
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    for number in range(-1, rounds):
        turn = max(number, 0) % len(names)
        for name in names[turn:] + names[:turn]:
            found = subjects[name]()
            if number >= 0:
                rows[name].append(found)
    return {
        name: [statistics.median(column) for column in zip(*row, strict=True)]
        for name, row in rows.items()
    }


@dataclass(frozen=True, slots=True)
class Table:
    """A table in Markdown; ``note`` says what was done."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Return the table, its columns aligned."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        ruled = [self.head, tuple("-" * width for width in widths), *self.rows]
        body = "\n".join(
            "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
            for line in ruled
        )
        return f"### {self.title}\n\n{self.note}\n\n{body}\n"


def verdict(value: float, target: float) -> str:
    """Say whether a figure keeps its target."""
    return "met" if value <= target else "not met"


def version_of(package: str, python: str = sys.executable) -> str | None:
    """Return the version of a package that an interpreter finds; None if it finds none."""
    if python == sys.executable:
        try:
            return version(package)
        except PackageNotFoundError:
            return None
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def machine() -> str:
    """Say what the figures were made with."""
    packages = ("pytest-judge-panel", "pytest", "pytest-xdist", "msgspec", "filelock")
    found = ", ".join(f"{name} {version_of(name)}" for name in packages)
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"Python {platform.python_version()}, {found}; {system}, {os.cpu_count()} CPUs, {load}"
