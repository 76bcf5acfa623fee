"""Krippendorff's alpha in one pass, so that the number of distinct scores does not matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.statistics.bootstrap import RESAMPLES, percentile_interval
from harness.statistics.figure import Figure, constant, undefined

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOISE = 1e-12
"""Share of a sum of squares below which a difference of two is rounding, not variation."""


def alpha(
    units: Sequence[Sequence[float | None]], *, resamples: int = RESAMPLES, interval: bool = True
) -> Figure:
    """Return alpha with the interval metric over ``units``, one per run.

    On verdicts as 0 and 1 it is the nominal alpha: there both metrics are the same.
    The interval is a percentile bootstrap over the units.
    """
    given = [[value for value in unit if value is not None] for unit in units]
    pairable = [unit for unit in given if len(unit) > 1]
    values = [value for unit in pairable for value in unit]
    if not pairable:
        return undefined("no run has two judgments")
    if len(pairable) == 1:
        return undefined("one run: there is no other to compare it with", 1)
    centre = math.fsum(values) / len(values)
    parts = [_parts(unit, centre) for unit in pairable]
    value = _alpha(_totals(parts))
    if value is None or constant(values):
        return undefined("nothing varies: all judgments are the same", len(pairable))
    if not interval:
        return Figure(value=value, n=len(pairable))
    low, high, note = percentile_interval(parts, _alpha, resamples=resamples)
    return Figure(value=value, n=len(pairable), low=low, high=high, note=note)


def _parts(unit: list[float], centre: float) -> tuple[float, float, float, float]:
    """Return what a unit adds: its size, sum, sum of squares, and its own disagreement."""
    size = len(unit)
    shifted = [value - centre for value in unit]
    mean = math.fsum(shifted) / size
    within = math.fsum((value - mean) ** 2 for value in shifted)
    squares = math.fsum(value * value for value in shifted)
    return float(size), math.fsum(shifted), squares, size * within / (size - 1)


def _totals(parts: Sequence[Sequence[float]]) -> list[float]:
    return [math.fsum(column) for column in zip(*parts, strict=True)]


def _alpha(totals: Sequence[float]) -> float | None:
    """Return 1 - observed/expected disagreement; None where no disagreement is expected."""
    size, total, squares, disagreement = totals
    spread = squares - total * total / size
    if spread <= _NOISE * squares or spread <= 0.0:
        return None
    return 1.0 - (size - 1.0) / size * disagreement / spread
