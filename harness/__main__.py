"""The second adapter: ``python -m harness``, installed as ``judge-panel``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from harness import __version__, commands
from harness.commands.say import complain
from harness.errors import HarnessError
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 2
"""The exit status for what the person at the command line must change, as argparse has it."""

INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; what a user did wrong is one line on stderr and exit status 2."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser(given).parse_args(given)
    module = commands.load(arguments.command)
    try:
        status = module.run(arguments)
        sys.stdout.flush()
    except HarnessError as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.close()
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _fail(message: str) -> int:
    complain(f"{_name()}: error: {safe_line(message, 2000)}")
    return USAGE


def _name() -> str:
    """Return what this program was called as."""
    called = os.path.basename(sys.argv[0])  # noqa: PTH119 - a word, not a path
    return "python -m harness" if called in ("", "__main__.py", "-c") else called


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser; only the command that was given is imported for its arguments."""
    parser = argparse.ArgumentParser(
        prog=_name(),
        description="Everything about experiments that is not judging: pytest does that.",
        epilog="Exit status: 0 done, 1 a gate does not hold, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    shown = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, purpose in commands.COMMANDS.items():
        sub = shown.add_parser(
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
        )
        if name in given:
            commands.load(name).add_arguments(sub)
    return parser


if __name__ == "__main__":
    sys.exit(main())
