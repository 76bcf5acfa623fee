"""The commands of ``python -m harness``, one small module each, imported when it is called.

To add one: a line in ``COMMANDS`` and a module of that name with ``add_arguments(parser)``
and ``run(arguments)``, which returns the exit status. What a user did wrong it raises as a
``HarnessError``; it writes through ``say``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import argparse

COMMANDS = {
    "new": "write a small experiment that works, to be edited",
    "import": "make an experiment of runs that another tool recorded",
    "check": "find what is wrong with experiments and judges before anything is paid",
    "status": "count the slots of experiments by status and judge",
    "show": "print one slot, or one run: prompt, attempts, reply, judgment",
    "report": "draw one page about experiments, for people",
    "agreement": "show coverage, error bars, and how far the judges agree",
    "compare": "show what changed from one experiment, or baseline, to another",
    "export": "write runs, judgments, and criteria as tables for other tools",
    "junit": "write JUnit XML of all slots as they stand on disk",
    "merge": "put the results of jobs together that shared no disk",
    "baseline": "save the consensus of every run, to compare with later",
}
"""What each command is for, in the order of ``--help``."""

MODULES = {"import": "importing"}
"""The modules of commands whose name is a word of Python's own."""


class Command(Protocol):
    """The shape of a command's module."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what the command takes."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it, and return the exit status."""


def load(name: str) -> Command:
    """Import a command's module."""
    return cast("Command", import_module(f"harness.commands.{MODULES.get(name, name)}"))
