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


WIDTH = 80
"""Columns of a screen."""


def tables(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a table; one wider than a screen in parts that all begin with the first column."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    parts, used = [[0]], widths[0]
    for column, width in enumerate(widths[1:], 1):
        if used + 2 + width > WIDTH and len(parts[-1]) > 1:
            parts.append([0])
            used = widths[0]
        parts[-1].append(column)
        used += 2 + width
    return [
        line
        for part in parts
        for line in table([head[n] for n in part], [[row[n] for n in part] for row in rows])
    ]


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
