"""Krippendorff's alpha in one pass, so that the number of distinct scores does not matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.statistics.bootstrap import Sums
from harness.statistics.figure import Figure, constant, undefined

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOISE = 1e-12
"""Share of a sum of squares below which a difference of two is rounding, not variation."""


def alpha(units: Sequence[Sequence[float | None]]) -> Figure:
    """Return alpha with the interval metric over ``units``, one per run.

    On verdicts as 0 and 1 it is the nominal alpha: there both metrics are the same.
    """
    pairable = [given for given in map(_given, units) if len(given) > 1]
    values = [value for unit in pairable for value in unit]
    if not pairable:
        return undefined("no run has two judgments")
    if len(pairable) == 1:
        return undefined("one run: there is no other to compare it with", 1)
    centre = math.fsum(values) / len(values)
    parts = [_parts(unit, centre) for unit in pairable]
    value = _alpha(*(math.fsum(column) for column in zip(*parts, strict=True)))
    if value is None or constant(values):
        return undefined("nothing varies: all judgments are the same", len(pairable))
    return Figure(value=value, n=len(pairable))


def alpha_sums(units: Sequence[Sequence[float | None]]) -> Sums:
    """Return what alpha is a function of, for its interval; runs with one judgment add nothing."""
    given = [known if len(known) > 1 else [] for known in map(_given, units)]
    values = [value for unit in given for value in unit]
    centre = math.fsum(values) / len(values) if values else 0.0
    parts = [_parts(unit, centre) if unit else (0.0,) * 4 for unit in given]
    return Sums(tuple(zip(*parts, strict=True)), _alpha)


def _given(unit: Sequence[float | None]) -> list[float]:
    return [value for value in unit if value is not None]


def _parts(unit: list[float], centre: float) -> tuple[float, float, float, float]:
    """Return what a unit adds: its size, sum, sum of squares, and its own disagreement."""
    size = len(unit)
    shifted = [value - centre for value in unit]
    mean = math.fsum(shifted) / size
    within = math.fsum((value - mean) ** 2 for value in shifted)
    squares = math.fsum(value * value for value in shifted)
    return float(size), math.fsum(shifted), squares, size * within / (size - 1)


def _alpha(size: float, total: float, squares: float, disagreement: float) -> float | None:
    """Return 1 - observed/expected disagreement; None where no disagreement is expected."""
    spread = squares - total * total / size
    if spread <= _NOISE * squares or spread <= 0.0:
        return None
    return 1.0 - (size - 1.0) / size * disagreement / spread
