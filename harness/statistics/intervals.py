"""Error bars: means with clustered standard errors, and shares."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from harness.statistics.figure import Figure, constant, undefined

if TYPE_CHECKING:
    from collections.abc import Sequence

Z = 1.959963984540054
"""The 97.5 per cent point of the normal distribution."""

FEW = 10
"""Fewer clusters get a note: an interval from so few says little."""


def clustered_mean(
    values: Sequence[float],
    clusters: Sequence[str],
    *,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    named: str = "tasks",
) -> Figure:
    """Return the mean with its 95 % interval; values of one cluster are not independent.

    Clusters are tasks. With a single task its values count one by one, and the interval
    is for further runs of that task. Student's t with one degree of freedom fewer than
    there are clusters; cut off at ``bounds``. ``named``: what clusters are called in notes.
    """
    n = len(values)
    if not n:
        return undefined("there is no value")
    mean = math.fsum(values) / n
    groups, kind = _sums(values, clusters, mean, named)
    many = len(groups)
    if many < 2:  # noqa: PLR2004 - variation is between two
        return Figure(value=mean, n=n, note="no interval: one run says nothing of others")
    note = f"only {many} {kind}: the interval says little" if many < FEW else None
    if constant(list(values)):
        note = "no interval: all values are the same"
        return Figure(value=values[0], n=n, note=note)
    error = math.sqrt(many / (many - 1) * math.fsum(s * s for s in groups)) / n
    reach = t_quantile(many - 1) * error
    low, high = max(bounds[0], mean - reach), min(bounds[1], mean + reach)
    return Figure(value=mean, n=n, low=low, high=high, note=note)


def clustered_share(values: Sequence[bool], clusters: Sequence[str]) -> Figure:
    """Return the share of True with its interval; Wilson's, of the clusters, if all are equal."""
    figure = clustered_mean([float(value) for value in values], clusters, bounds=(0.0, 1.0))
    if not values or figure.low is not None or len(values) == 1:
        return figure
    groups, kind = _sums([0.0] * len(values), clusters, 0.0, "tasks")
    many = len(groups)
    low, high = wilson(many if values[0] else 0, many)
    note = f"only {many} {kind}: the interval says little" if many < FEW else None
    return Figure(value=float(values[0]), n=len(values), low=low, high=high, note=note)


def _sums(
    values: Sequence[float], clusters: Sequence[str], mean: float, named: str
) -> tuple[list[float], str]:
    """Return the sum of residuals of each cluster, and what the clusters are."""
    if len(set(clusters)) == 1:
        return [value - mean for value in values], "runs"
    groups: dict[str, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        groups.setdefault(cluster, []).append(value - mean)
    return [math.fsum(group) for group in groups.values()], named


def independent(values: Sequence[bool], clusters: Sequence[str]) -> float:
    """Return how many independent values say as much about a share; never more than there are.

    The size over the design effect, which is the clustered variance over that of values
    that are independent (Kish 1965); where nothing varies, the number of clusters.
    """
    n, share = len(values), sum(values) / len(values)
    groups, _ = _sums([float(value) for value in values], clusters, share, "tasks")
    many = len(groups)
    if share in (0.0, 1.0) or n == many:
        return float(many)
    clustered = many / (many - 1) * math.fsum(s * s for s in groups)
    alone = n / (n - 1) * n * share * (1 - share)
    return n / max(1.0, clustered / alone)


def wilson(yes: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    share, z2 = yes / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - reach), min(1.0, centre + reach)


@functools.lru_cache(maxsize=4096)
def t_quantile(freedom: int) -> float:
    """Return the 97.5 per cent point of Student's t."""
    low, high = 1.0, 13.0
    for _ in range(60):  # halves until nothing is left to halve
        middle = (low + high) / 2
        x = freedom / (freedom + middle * middle)
        if _incomplete_beta(freedom / 2, 0.5, x) / 2 > 0.025:  # noqa: PLR2004 - one tail of 95 %
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction."""
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction from the front (Lentz)."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1.0 / (1.0 + step * d)
            c = 1.0 + step / c
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:  # noqa: PLR2004 - nothing left to add
            break
    return value
