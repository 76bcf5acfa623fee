"""How far long work is, on the last line of a terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from typing import TextIO

PATIENCE = 2.0
"""Seconds of work that need no progress."""

ERASE = "\x1b[K"
"""Erases the rest of a terminal's line (ECMA-48, EL)."""


class Steps:
    """Says how far work is from two seconds on, at most once a second, and only to a terminal.

    ``stream`` defaults to stderr. In the end the line is taken away again.
    """

    def __init__(self, what: str, units: str, stream: TextIO | None = None) -> None:
        self._what, self._units = what, units
        self._stream = stream or sys.stderr
        self._began = self._shown = time.monotonic()
        self._visible = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away again."""
        if self._visible:
            self._write(f"\r{ERASE}")

    def step(self, done: int, total: int | None = None) -> None:
        """Tell how much is done, of how much if that is known."""
        now = time.monotonic()
        if now - self._began < PATIENCE or now - self._shown < 1 or not self._is_terminal():
            return
        self._shown, self._visible = now, True
        of = "" if total is None else f" of {total}"
        self._write(f"\r{self._what}: {done}{of} {self._units}{ERASE}")

    def _is_terminal(self) -> bool:
        return self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
