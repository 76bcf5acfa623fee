"""``compare A B``: what changed from one experiment, or saved baseline, to another."""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

from harness.baseline import read_baseline
from harness.bounds import ROUNDING, interval_of, partner, points_of
from harness.commands.places import node_id, scans
from harness.commands.say import complain, say, say_json, table
from harness.comparison import compare
from harness.errors import SelectionError
from harness.files import is_directory
from harness.gather import sheet_of
from harness.statistics.words import number, short, signed
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.comparison import Comparison, Point
    from harness.model import Experiment

LISTED = 20
"""Differences, flips, and runs without a partner that are listed; ``--json`` has all."""


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of the comparison; a baseline has no experiment on disk."""

    name: str
    points: Sequence[Point]
    experiment: Experiment | None = None

    def shown(self, run: str) -> str:
        """Return a run as it can be pasted after ``pytest``, if it is on disk."""
        return safe_line(run) if self.experiment is None else node_id(self.experiment, run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    what = "an experiment's directory, or a file written by the command baseline"
    parser.add_argument("first", metavar="A", help=what)
    parser.add_argument("second", metavar="B", help="the same, for the later state")
    parser.add_argument("--json", action="store_true", help="for programs, with everything")
    parser.add_argument(
        "--max-regression",
        metavar="D",
        type=_share,
        help="exit with 1 if the mean score of B is lower by more than D",
    )


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, got {text!r}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison; exit with 1 if the score fell too far."""
    second = _side(arguments.second, None)
    first = _side(arguments.first, second.name)
    found = compare(first.points, second.points)
    if arguments.json:
        say_json({"first": first.name, "second": second.name, **dataclasses.asdict(found)})
    else:
        say("\n".join(_lines(first, second, found)))
    return _gate(found, arguments.max_regression)


def _gate(found: Comparison, most: float | None) -> int:
    if most is None:
        return 0
    if found.score.value is None:
        complain(f"the change of the score is undefined ({found.score.why}); a gate needs a figure")
        return 1
    if -found.score.value > most + ROUNDING:
        line = f"the mean score fell by {-found.score.value:.6g}, at most {most:g} is allowed"
        complain(line + interval_of(found.score, -1))
        return 1
    return 0


def _side(path: str, other: str | None) -> Side:
    if not is_directory(path):
        saved = read_baseline(Path(path))
        found = partner(saved, other or "")
        if found is None:
            raise SelectionError(
                f"{path}: holds the experiments {', '.join(map(repr, saved))}; none of them is "
                "the other side's, and only a file with one can be compared with any"
            )
        return Side(str(other if other in saved else next(iter(saved))), found)
    scanned = list(scans(path))
    if len(scanned) > 1:
        raise SelectionError(f"{path}: holds {len(scanned)} experiments; name one of them")
    sheet = sheet_of(scanned[0])
    return Side(sheet.experiment, points_of(sheet), scanned[0].layout.experiment)


def _lines(one: Side, other: Side, found: Comparison) -> list[str]:
    first, second = one.name, other.name
    paired = len(found.differences)
    lines = [
        f"from {safe_line(first)} to {safe_line(second)}, {_count(paired, found.unit)} paired",
        f"  score      {signed(found.score)}",
        f"  pass rate  {signed(found.pass_rate)}",
        f"  {found.wins} better, {found.losses} worse, {found.ties} the same",
    ]
    apart = sorted(found.differences, key=lambda d: (d.change.value or 0.0, d.name))
    rows = [
        [f"  {safe_line(d.name)}", number(d.first), number(d.second), short(d.change)]
        for d in apart[:LISTED]
    ]
    if rows:
        lines += table([f"  {found.unit}", "first", "second", "change"], rows)
    lines += _more(len(apart))
    for flip in found.flips[:LISTED]:
        verdicts = "passed, now fails" if flip.first else "failed, now passes"
        lines.append(f"  {other.shown(flip.run)}: {verdicts}")
    lines += _more(len(found.flips))
    for side, names in ((first, found.only_first), (second, found.only_second)):
        if names:
            shown = ", ".join(map(safe_line, names[:LISTED]))
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            lines.append(f"  only in {safe_line(side)}: {shown}{more}")
    return lines


def _count(number_of: int, unit: str) -> str:
    return f"1 {unit}" if number_of == 1 else f"{number_of} {unit}s"


def _more(count: int) -> list[str]:
    return [f"  ... and {count - LISTED} more"] if count > LISTED else []
