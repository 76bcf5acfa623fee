"""How long the modules and the functions are: medians, the longest, and whether bounds hold.

    python benchmarks/structure.py [DIRECTORY ...]

Without arguments: the package, its tests, and its benchmarks. All lines count: of a
module blank ones and comments too, of a function those from its ``def`` to its end,
docstring included. Exits with 1 if the package breaks a bound.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MODULE = 250
"""The most lines of a module of the package."""

FUNCTION = 40
"""The most lines of one of its functions."""

MEDIAN = 10
"""The most lines of the median of its functions."""

SHOWN = 5


@dataclass(frozen=True, slots=True, order=True)
class Length:
    """How many lines something has, and what it is called: a path, or a path and a function."""

    lines: int
    name: str


@dataclass(frozen=True, slots=True)
class Structure:
    """The lengths of the modules and functions below a directory, the longest first."""

    modules: tuple[Length, ...]
    functions: tuple[Length, ...]

    def broken(self) -> list[str]:
        """Return a line for each bound that does not hold."""
        too_long = [
            f"{length.name}: {length.lines} lines, at most {bound}"
            for lengths, bound in ((self.modules, MODULE), (self.functions, FUNCTION))
            for length in lengths
            if length.lines > bound
        ]
        middle = median(self.functions)
        high = [f"median function: {middle:g} lines, at most {MEDIAN}"] if middle > MEDIAN else []
        return too_long + high


def structure(directory: Path, root: Path = ROOT) -> Structure:
    """Measure every module below ``directory``; names are relative to ``root``."""
    modules, functions = [], []
    for path in sorted(directory.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        modules.append(Length(len(text.splitlines()), name))
        functions += [
            Length((node.end_lineno or 0) - node.lineno + 1, f"{name}:{node.name}")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
    return Structure(tuple(sorted(modules, reverse=True)), tuple(sorted(functions, reverse=True)))


def median(lengths: tuple[Length, ...]) -> float:
    """Return the median number of lines; 0 of nothing."""
    return statistics.median(length.lines for length in lengths) if lengths else 0.0


def report(directory: str, found: Structure) -> list[str]:
    """Return the figures as lines of text."""
    lines = [directory]
    for what, lengths in (("modules", found.modules), ("functions", found.functions)):
        lines.append(f"  {len(lengths)} {what}, median {median(lengths):g} lines, the longest:")
        lines += [f"  {length.lines:6} {length.name}" for length in lengths[:SHOWN]]
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; return 1 if a bound of the package does not hold."""
    parser = argparse.ArgumentParser(description="How long the modules and the functions are.")
    parser.add_argument("directories", nargs="*", default=["harness", "tests", "benchmarks"])
    broken = []
    for directory in parser.parse_args(arguments).directories:
        found = structure(ROOT / directory)
        print("\n".join(report(directory, found)))
        if directory == "harness":
            broken = found.broken()
    print("\n".join(broken or ["the package keeps its bounds"]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
