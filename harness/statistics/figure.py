"""A number with its interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; ``value`` is None exactly if ``why`` says why it is undefined.

    ``n`` counts what it is made of. ``low`` and ``high`` are its 95 % interval, None
    where there is none. ``note`` says what weakens it.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    why: str | None = None
    note: str | None = None


@lru_cache(maxsize=1024)  # many tasks are undefined for the same reason
def undefined(why: str, n: int = 0) -> Figure:
    """Return the figure that has no value, and the reason."""
    return Figure(value=None, n=n, why=why)


ROUNDING = 1e-12
"""Scores that lie closer differ by rounding."""


def noted(figure: Figure, note: str) -> Figure:
    """Return a figure without an interval, and why it has none; an undefined one as it is."""
    if figure.value is None:
        return figure
    return Figure(value=figure.value, n=figure.n, note=note)


def constant(values: list[float]) -> bool:
    """Tell whether nothing varies, where a variance would be a rounding error."""
    return not values or max(values) - min(values) <= ROUNDING
