"""Figures as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.statistics.figure import Figure


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed count of digits; a dash for none."""
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # there is no -0


def short(figure: Figure, digits: int = 3) -> str:
    """Return the value and its interval for a table; a dash if undefined."""
    if figure.low is None or figure.high is None:
        return number(figure.value, digits)
    low, high = number(figure.low, digits), number(figure.high, digits)
    return f"{number(figure.value, digits)} [{low}, {high}]"


MARK = "*"
"""Stands behind an interval that something weakens."""


def marked(figure: Figure, digits: int = 3) -> str:
    """Return the value and its interval for a table, with a mark if a note weakens it."""
    weak = figure.note is not None and figure.low is not None
    return short(figure, digits) + (MARK if weak else "")


def full(figure: Figure, digits: int = 3) -> str:
    """Return the same with the reason where it is undefined, and what weakens it."""
    if figure.value is None:
        return f"undefined ({figure.why})"
    return f"{short(figure, digits)} ({figure.note})" if figure.note else short(figure, digits)


def signed(figure: Figure, digits: int = 3) -> str:
    """Return a difference, with its sign."""
    if figure.value is None:
        return f"undefined ({figure.why})"
    text = f"{round(figure.value, digits) + 0.0:+.{digits}f}"
    if figure.low is not None and figure.high is not None:
        low, high = round(figure.low, digits) + 0.0, round(figure.high, digits) + 0.0
        text += f" [{low:+.{digits}f}, {high:+.{digits}f}]"
    return f"{text} ({figure.note})" if figure.note else text
