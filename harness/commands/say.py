"""The one place where commands write to the terminal."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from harness.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def say(text: str) -> None:
    """Write one line, or several, to stdout; what could steer a terminal is made visible."""
    sys.stdout.write(f"{safe_text(text, cap=1_000_000)}\n")


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


class Steps:
    """Says on stderr how far long work is, from two seconds on, and only to a terminal."""

    def __init__(self, what: str, units: str) -> None:
        self._what, self._units = what, units
        self._began = self._shown = time.monotonic()
        self._visible = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away again."""
        if self._visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def step(self, done: int, total: int | None = None) -> None:
        """Tell how much is done, of how much if that is known."""
        now = time.monotonic()
        if now - self._began < PATIENCE or now - self._shown < 1 or not sys.stderr.isatty():
            return
        self._shown, self._visible = now, True
        of = "" if total is None else f" of {total}"
        sys.stderr.write(f"\r{self._what}: {done}{of} {self._units}\x1b[K")
        sys.stderr.flush()


PATIENCE = 2.0
"""Seconds of work that need no progress."""
