"""``baseline DIR -o FILE``: save the consensus of every run, to compare with later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.baseline import write_baseline
from harness.bounds import points_of
from harness.commands.places import HELP, scans
from harness.commands.say import say
from harness.errors import SelectionError
from harness.gather import sheet_of
from harness.outlet import outlet

if TYPE_CHECKING:
    import argparse

    from harness.comparison import Point


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write it")


def run(arguments: argparse.Namespace) -> int:
    """Write the file."""
    found: dict[str, tuple[Point, ...]] = {}
    for scanned in scans(arguments.directory):
        sheet = sheet_of(scanned)
        if sheet.experiment in found:
            raise SelectionError(
                f"{arguments.directory}: two experiments are called {sheet.experiment!r}; "
                "save them in two files, or give them names"
            )
        found[sheet.experiment] = points_of(sheet)
    write_baseline(outlet(arguments.output), found)
    runs = sum(map(len, found.values()))
    judged = sum(point.score is not None for points in found.values() for point in points)
    say(f"{arguments.output}: {judged} of {runs} runs have a consensus")
    return 0
