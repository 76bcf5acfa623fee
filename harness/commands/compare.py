"""``compare A B``: what changed from one experiment, or saved baseline, to another."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from harness.baseline import read_baseline
from harness.bounds import ROUNDING, partner, points_of
from harness.commands.places import scans
from harness.commands.say import complain, say, say_json, table
from harness.comparison import compare
from harness.errors import SelectionError
from harness.files import is_directory
from harness.gather import sheet_of
from harness.statistics.words import number, short, signed
from harness.text import safe_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from harness.comparison import Comparison, Point

LISTED = 20
"""Differences, flips, and runs without a partner that are listed; ``--json`` has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    what = "an experiment's directory, or a file written by the command baseline"
    parser.add_argument("first", metavar="A", help=what)
    parser.add_argument("second", metavar="B", help="the same, for the later state")
    parser.add_argument("--json", action="store_true", help="for programs, with everything")
    parser.add_argument(
        "--max-regression",
        metavar="D",
        type=float,
        help="exit with 1 if the mean score of B is lower by more than D",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison; exit with 1 if the score fell too far."""
    second_name, second = _side(arguments.second, None)
    first_name, first = _side(arguments.first, second_name)
    found = compare(first, second)
    if arguments.json:
        say_json({"first": first_name, "second": second_name, **dataclasses.asdict(found)})
    else:
        say("\n".join(_lines(first_name, second_name, found)))
    return _gate(found, arguments.max_regression)


def _gate(found: Comparison, most: float | None) -> int:
    if most is None:
        return 0
    if found.score.value is None:
        complain(f"the change of the score is undefined ({found.score.why}); a gate needs a figure")
        return 1
    if -found.score.value > most + ROUNDING:
        complain(f"the mean score fell by {-found.score.value:.6g}, at most {most:g} is allowed")
        return 1
    return 0


def _side(path: str, other: str | None) -> tuple[str, Sequence[Point]]:
    if not is_directory(path):
        saved = read_baseline(Path(path))
        found = partner(saved, other or "")
        if found is None:
            raise SelectionError(
                f"{path}: holds the experiments {', '.join(map(repr, saved))}; none of them is "
                "the other side's, and only a file with one can be compared with any"
            )
        name = other if other in saved else next(iter(saved))
        return str(name), found
    scanned = list(scans(path))
    if len(scanned) > 1:
        raise SelectionError(f"{path}: holds {len(scanned)} experiments; name one of them")
    sheet = sheet_of(scanned[0])
    return sheet.experiment, points_of(sheet)


def _lines(first: str, second: str, found: Comparison) -> list[str]:
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
        lines.append(f"  {safe_line(flip.run)}: {verdicts}")
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
