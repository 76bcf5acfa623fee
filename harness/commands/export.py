"""``export DIR --to FORMAT``: the judgments as tables for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.commands.output import write
from harness.commands.places import HELP, node_id, scans
from harness.commands.say import say
from harness.export.formats import FORMATS
from harness.export.rows import tables
from harness.steps import Steps

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)
    parser.add_argument("--to", choices=FORMATS, required=True, help="the format of the files")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIRECTORY",
        default=".",
        help="where runs, judgments, and criteria are written; default: here",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write one file for each table."""
    found = list(scans(arguments.directory))
    form = FORMATS[arguments.to]
    with Steps("export", "runs") as steps:
        made = tables(found, node_id, step=steps.step)
    with Steps("export", "tables") as steps:
        contents = []
        for done, table in enumerate(made, 1):
            contents.append((table, form(table)))
            steps.step(done, len(made))
    directory = Path(arguments.output)
    files.make_directory(directory.absolute(), root=directory.absolute())
    for table, content in contents:
        path = directory / f"{table.name}.{arguments.to}"
        write(str(path), content)
        rows = "1 row" if len(table.rows) == 1 else f"{len(table.rows)} rows"
        say(f"{path}: {rows}")
    return 0
