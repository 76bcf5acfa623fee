"""``import FORMAT FILE -o DIR``: an experiment of runs that another tool recorded."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.commands.say import say
from harness.errors import SelectionError
from harness.layouts.imported import write_imported
from harness.steps import Steps

if TYPE_CHECKING:
    import argparse

FORMATS = {
    "jsonl": "one JSON object a line: id, task, output, optional group and workspace",
    "inspect": "a log of Inspect, .eval or .json",
    "promptfoo": "what promptfoo eval -o FILE.json writes",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    kinds = "; ".join(f"{name}: {what}" for name, what in FORMATS.items())
    parser.add_argument("format", choices=FORMATS, help=kinds)
    parser.add_argument("file", metavar="FILE", help="what the other tool wrote")
    parser.add_argument(
        "-o", "--output", metavar="DIR", required=True, help="the experiment; must not be there yet"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the experiment; a directory that holds anything is left alone."""
    root, source = Path(arguments.output).absolute(), Path(arguments.file)
    if files.is_there(root) and (not files.is_directory(root) or files.list_names(root)):
        raise SelectionError(f"{arguments.output}: is there already; choose another name")
    found = []
    with Steps("import", "runs") as steps:
        for record in import_module(f"harness.foreign.{arguments.format}").records(source):
            found.append(record)
            steps.step(len(found))
        if not found:
            raise SelectionError(f"{arguments.file}: there are no runs in it")
        write_imported(root, found, source=source.name, step=steps.step)
    runs = "1 run" if len(found) == 1 else f"{len(found)} runs"
    say(f"{arguments.output}: {runs}; edit its experiment.yaml and rubric.yaml, then check it")
    return 0
