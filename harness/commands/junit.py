"""``junit DIR -o FILE``: JUnit XML of all slots as they stand, without a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.commands.output import write
from harness.commands.places import HELP, node_id, scans
from harness.commands.say import say
from harness.junit import junit_xml

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write it")


def run(arguments: argparse.Namespace) -> int:
    """Write the file."""
    found = list(scans(arguments.directory))
    content = junit_xml(found, node_id)
    write(arguments.output, content)
    slots = sum(len(scanned.slots) for scanned in found)
    say(f"{arguments.output}: {slots} slots")
    return 0
