"""Figures as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.statistics.figure import Figure


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed count of digits; a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def short(figure: Figure, digits: int = 3) -> str:
    """Return the value and its interval for a table; a dash if undefined."""
    if figure.low is None or figure.high is None:
        return number(figure.value, digits)
    return f"{figure.value:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def full(figure: Figure, digits: int = 3) -> str:
    """Return the same with the reason where it is undefined, and what weakens it."""
    if figure.value is None:
        return f"undefined ({figure.why})"
    return f"{short(figure, digits)} ({figure.note})" if figure.note else short(figure, digits)


def signed(figure: Figure, digits: int = 3) -> str:
    """Return a difference, with its sign."""
    if figure.value is None:
        return f"undefined ({figure.why})"
    text = f"{figure.value:+.{digits}f}"
    if figure.low is not None and figure.high is not None:
        text += f" [{figure.low:+.{digits}f}, {figure.high:+.{digits}f}]"
    return f"{text} ({figure.note})" if figure.note else text
