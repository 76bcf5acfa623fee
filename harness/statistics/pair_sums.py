"""What the figures of two judges are functions of, for their intervals.

A run of which one of them said nothing adds nothing to any sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import mul, sub
from typing import TYPE_CHECKING

from harness.statistics.bootstrap import NOISE, Sums
from harness.statistics.column import ones

if TYPE_CHECKING:
    from harness.statistics.column import Column, Two


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


def pearson_sums(two: Two) -> Sums:
    """Return the sums of the product-moment correlation, around the means."""
    a, b, *_ = two
    together = list(map(mul, a.centred, b.centred))
    count = ones(len(a))
    columns = two.spread(count, a.centred, b.centred, a.squares, b.squares, together)
    return Sums(columns, _pearson)


def score_sums(two: Two) -> ScoreSums:
    """Return the sums of the correlations and of the mean absolute difference."""
    a, b, *_ = two
    pearson = pearson_sums(two)
    count = pearson.columns[0]
    ranks = two.spread(_rank_covariance(a, b), a.rank_variance, b.rank_variance)
    apart = two.spread(list(map(abs, map(sub, a.values, b.values))))
    return ScoreSums(
        pearson=pearson,
        spearman=Sums((count, *ranks), _spearman),
        difference=Sums((count, *apart), lambda n, total: total / n),
    )


def verdict_sums(two: Two) -> VerdictSums:
    """Return the sums of Cohen's kappa, and of the correlation of the verdicts."""
    a, b, *_ = two
    together = list(map(mul, a.values, b.values))
    columns = two.spread(ones(len(a)), a.values, b.values, together)
    return VerdictSums(kappa=Sums(columns, _kappa), pearson=Sums(columns, _phi))


def _rank_covariance(a: Column, b: Column) -> list[float]:
    """Return what each run adds to the covariance of the ranks.

    In a resample the ranks are others: where a run is drawn once more, all above it rise.
    To first order (Hájek's projection) that adds the mean, over the runs above it, of
    what their ranks are multiplied with.
    """
    x, y = a.rank_shares, b.rank_shares
    products = list(map(mul, x, y))
    own = 2 * math.fsum(products) / len(a) if len(a) else 0.0
    rises = zip(products, a.above(y), b.above(x), strict=True)
    return [xy + by_x + by_y - own for xy, by_x, by_y in rises]


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
