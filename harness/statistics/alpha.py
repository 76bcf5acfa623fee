"""Krippendorff's alpha in one pass, so that the number of distinct scores does not matter."""

from __future__ import annotations

import math
from itertools import chain, repeat
from operator import mul, sub
from typing import TYPE_CHECKING

from harness.statistics.bootstrap import Sums
from harness.statistics.figure import Figure, constant, undefined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOISE = 1e-12
"""Share of a sum of squares below which a difference of two is rounding, not variation."""


def alpha(units: Sequence[Sequence[float | None]]) -> Figure:
    """Return alpha with the interval metric over ``units``, one per run.

    On verdicts as 0 and 1 it is the nominal alpha: there both metrics are the same.
    """
    return measured(units)[0]


def measured(units: Sequence[Sequence[float | None]]) -> tuple[Figure, Sums]:
    """Return alpha, and what it is a function of, for its interval.

    Runs with one judgment add nothing to the sums.
    """
    given = [known if len(known) > 1 else () for known in map(_given, units)]
    values = list(chain.from_iterable(given))
    columns = _columns(given, math.fsum(values) / len(values) if values else 0.0)
    return _figure(values, sum(map(bool, given)), columns), Sums(columns, _alpha)


def _figure(values: list[float], pairable: int, columns: Sequence[Sequence[float]]) -> Figure:
    if not pairable:
        return undefined("no run has two judgments")
    if pairable == 1:
        return undefined("one run: there is no other to compare it with", 1)
    value = _alpha(*map(math.fsum, columns))
    if value is None or constant(values):
        return undefined("nothing varies: all judgments are the same", pairable)
    return Figure(value=value, n=pairable)


def _given(unit: Sequence[float | None]) -> Sequence[float]:
    return [value for value in unit if value is not None]


def _columns(units: Sequence[Sequence[float]], centre: float) -> tuple[Sequence[float], ...]:
    """Return what each unit adds: its size, sum, sum of squares, and its own disagreement.

    Units of one size are taken together, column by column; an empty one adds nothing.
    """
    of_size: dict[int, list[int]] = {}
    for place, size in enumerate(map(len, units)):
        of_size.setdefault(size, []).append(place)
    found = [(0.0,) * 4] * len(units)
    for size, places in of_size.items():
        parts = _parts([units[place] for place in places], size, centre) if size else ()
        for place, part in zip(places, parts, strict=False):
            found[place] = part
    return tuple(zip(*found, strict=True))


def _parts(
    units: Sequence[Sequence[float]], size: int, centre: float
) -> Iterator[tuple[float, float, float, float]]:
    shifted = [list(map(sub, column, repeat(centre))) for column in zip(*units, strict=True)]
    sums = list(map(math.fsum, zip(*shifted, strict=True)))
    means = [total / size for total in sums]
    within = _squares([list(map(sub, column, means)) for column in shifted])
    apart = [size * square / (size - 1) for square in within]
    return zip(repeat(float(size)), sums, _squares(shifted), apart, strict=False)


def _squares(columns: Sequence[Sequence[float]]) -> Iterator[float]:
    """Return the sum of squares across the columns, row by row."""
    return map(math.fsum, zip(*(map(mul, column, column) for column in columns), strict=True))


def _alpha(size: float, total: float, squares: float, disagreement: float) -> float | None:
    """Return 1 - observed/expected disagreement; None where no disagreement is expected."""
    spread = squares - total * total / size
    if spread <= _NOISE * squares or spread <= 0.0:
        return None
    return 1.0 - (size - 1.0) / size * disagreement / spread
