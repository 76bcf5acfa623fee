"""``new DIR``: a small experiment that works, to be edited."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.commands.say import say
from harness.errors import SelectionError
from harness.layouts.starter import starter

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help="where to write it; must not be there yet")


def run(arguments: argparse.Namespace) -> int:
    """Write the files; a directory that holds anything is left alone."""
    root = Path(arguments.directory).absolute()
    if files.is_there(root) and (not files.is_directory(root) or files.list_names(root)):
        raise SelectionError(f"{arguments.directory}: is there already; choose another name")
    for name, text in starter().items():
        path = root / name
        files.make_directory(path.parent, root=root)
        files.commit_bytes(path, text.encode(), root=root, durable=False)
    place = shlex.quote(arguments.directory)
    say(
        f"{arguments.directory}: an experiment of two runs and two judges that cost nothing\n"
        f"judge it:  pytest {place}\n"
        f"look:      python -m harness report {place} -o report.html\n"
        "then edit the task, the rubric, the runs, and the judges; the files say how"
    )
    return 0
