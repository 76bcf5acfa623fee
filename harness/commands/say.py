"""The one place where commands write to the terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from harness.text import defused, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def say(text: str) -> None:
    """Write one line, or several, to stdout.

    What could steer a terminal is made visible, and what a CI service would take for a
    command is no command any more.
    """
    shown = safe_text(text, cap=1_000_000)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        shown = defused(shown)
    sys.stdout.write(f"{shown}\n")


def say_json(value: Any) -> None:
    """Write a value as JSON: ASCII only, no NaN."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def complain(text: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(f"{text}\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Lay out lines of equal columns; the first ``left`` columns are words, the rest figures."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
