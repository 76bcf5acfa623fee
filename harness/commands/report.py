"""``report DIR -o FILE``: one page about experiments, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.commands.places import HELP, node_id, scans, shown
from harness.commands.say import say
from harness.outlet import outlet
from harness.report.write import write_report
from harness.steps import Steps

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write it")


def run(arguments: argparse.Namespace) -> int:
    """Write the page, and further ones beside it if one would be too large."""
    file = outlet(arguments.output, create=True)
    found = list(scans(arguments.directory))
    with Steps("report", "runs") as steps:
        written = write_report(
            file,
            found,
            node_id=node_id,
            shown=shown,
            step=steps.step,
        )
    more = f" and {len(written) - 1} pages of runs" if len(written) > 1 else ""
    say(f"{arguments.output}{more}")
    return 0
