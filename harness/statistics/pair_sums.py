"""What the figures of two judges are functions of, for their intervals.

Every function takes what the two said of each run, None where one said nothing; such a
run adds nothing to any sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.statistics.bootstrap import NOISE, Sums
from harness.statistics.pairs import groups_of_equals, ranks

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class ScoreSums:
    """The sums behind the figures of two judges' scores."""

    pearson: Sums
    spearman: Sums
    difference: Sums


@dataclass(frozen=True, slots=True)
class VerdictSums:
    """The sums behind the figures of two judges' verdicts; ``pearson`` is that of 0 and 1."""

    kappa: Sums
    pearson: Sums


def pearson_sums(first: Sequence[float | None], second: Sequence[float | None]) -> Sums:
    """Return the sums of the product-moment correlation, around the means."""
    places, a, b = _both(first, second)
    a, b = _centred(a), _centred(b)
    rows = [(1.0, x, y, x * x, y * y, x * y) for x, y in zip(a, b, strict=True)]
    return Sums(_spread(rows, places, len(first), 6), _pearson)


def score_sums(first: Sequence[float | None], second: Sequence[float | None]) -> ScoreSums:
    """Return the sums of the correlations and of the mean absolute difference."""
    pearson = pearson_sums(first, second)
    places, a, b = _both(first, second)
    count = pearson.columns[0]
    apart = _spread([(abs(x - y),) for x, y in zip(a, b, strict=True)], places, len(first), 1)
    ranks = _spread(_rank_rows(a, b), places, len(first), 3)
    return ScoreSums(
        pearson=pearson,
        spearman=Sums((count, *ranks), _spearman),
        difference=Sums((count, *apart), lambda n, total: total / n),
    )


def verdict_sums(first: Sequence[bool | None], second: Sequence[bool | None]) -> VerdictSums:
    """Return the sums of Cohen's kappa, and of the correlation of the verdicts."""
    places, a, b = _both(first, second)
    rows = [(1.0, x, y, x * y) for x, y in zip(a, b, strict=True)]
    columns = _spread(rows, places, len(first), 4)
    return VerdictSums(kappa=Sums(columns, _kappa), pearson=Sums(columns, _phi))


def _both(
    first: Sequence[float | None], second: Sequence[float | None]
) -> tuple[list[int], list[float], list[float]]:
    places, a, b = [], [], []
    for place, (x, y) in enumerate(zip(first, second, strict=True)):
        if x is not None and y is not None:
            places.append(place)
            a.append(float(x))
            b.append(float(y))
    return places, a, b


def _centred(values: list[float]) -> list[float]:
    mean = math.fsum(values) / len(values) if values else 0.0
    return [value - mean for value in values]


def _spread(
    rows: Sequence[tuple[float, ...]], places: Sequence[int], length: int, width: int
) -> tuple[Sequence[float], ...]:
    """Return the columns of ``rows``, which stand at ``places``; 0 elsewhere."""
    columns = [[0.0] * length for _ in range(width)]
    for column, values in zip(columns, zip(*rows, strict=True), strict=False):
        for place, value in zip(places, values, strict=True):
            column[place] = value
    return tuple(columns)


def _rank_rows(a: list[float], b: list[float]) -> list[tuple[float, float, float]]:
    """Return what each run adds to the covariance and the variances of the ranks.

    In a resample the ranks are others: where a run is drawn once more, all above it rise.
    To first order (Hájek's projection) that adds the mean, over the runs above it, of
    what their ranks are multiplied with.
    """
    n = len(a)
    x, y = _ranks(a), _ranks(b)
    of_both, of_x, of_y = (
        [p * q for p, q in zip(*two, strict=True)] for two in ((x, y), (x, x), (y, y))
    )
    both, own_x, own_y = (
        2 * math.fsum(products) / n if n else 0.0 for products in (of_both, of_x, of_y)
    )
    rises = zip(_above(a, y), _above(b, x), _above(a, x), _above(b, y), strict=True)
    return [
        (xy + by_x + by_y - both, xx + 2 * x_by_x - own_x, yy + 2 * y_by_y - own_y)
        for xy, xx, yy, (by_x, by_y, x_by_x, y_by_y) in zip(of_both, of_x, of_y, rises, strict=True)
    ]


def _ranks(values: list[float]) -> list[float]:
    """Return the ranks as shares, around 0."""
    n = len(values)
    return [(rank - 0.5) / n - 0.5 for rank in ranks(values)]


def _above(order: list[float], values: list[float]) -> list[float]:
    """Return for each run the mean over all of ``values`` of those above it; equals count half."""
    n, above = len(order), 0.0
    found = [0.0] * n
    for places in reversed(list(groups_of_equals(order))):
        equal = math.fsum(values[place] for place in places)
        for place in places:
            found[place] = (above + equal / 2) / n
        above += equal
    return found


def _pearson(  # noqa: PLR0917 - six sums
    n: float, a: float, b: float, aa: float, bb: float, ab: float
) -> float | None:
    of_a, of_b = aa - a * a / n, bb - b * b / n
    if of_a <= NOISE * aa or of_b <= NOISE * bb:
        return None
    return _within((ab - a * b / n) / (math.sqrt(of_a) * math.sqrt(of_b)))


def _spearman(n: float, of_both: float, of_a: float, of_b: float) -> float | None:
    if min(of_a, of_b) <= NOISE * n:
        return None
    return _within(of_both / (math.sqrt(of_a) * math.sqrt(of_b)))


def _kappa(n: float, a: float, b: float, ab: float) -> float | None:
    expected = a * b + (n - a) * (n - b)  # times n * n
    if n * n - expected <= NOISE * n * n:
        return None
    return (n * (n - a - b + 2 * ab) - expected) / (n * n - expected)


def _phi(n: float, a: float, b: float, ab: float) -> float | None:
    of_a, of_b = a * (n - a), b * (n - b)
    if min(of_a, of_b) <= NOISE * n * n:
        return None
    return _within((n * ab - a * b) / (math.sqrt(of_a) * math.sqrt(of_b)))


def _within(value: float) -> float:
    """Take off what rounding adds to a correlation."""
    return min(1.0, max(-1.0, value))
