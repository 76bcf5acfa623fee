"""Two judges side by side, over the runs that both judged."""

from __future__ import annotations

import math
from operator import eq, mul, sub
from typing import TYPE_CHECKING

from harness.statistics.figure import Figure, undefined

if TYPE_CHECKING:
    from harness.statistics.column import Column, Two

TOO_FEW = "fewer than two runs were judged by both"
CONSTANT = "nothing varies: a judge gives every run the same"


def pearson(two: Two) -> Figure:
    """Return the product-moment correlation."""
    a, b, *_ = two
    return _correlation(a, b)


def spearman(two: Two) -> Figure:
    """Return the rank correlation; equal values share the mean of their ranks."""
    a, b, *_ = two
    return _correlation(a.ranks, b.ranks)


def mean_difference(two: Two) -> Figure:
    """Return the mean absolute difference."""
    a, b, *_ = two
    if not len(a):
        return undefined("no run was judged by both")
    return Figure(value=math.fsum(map(abs, map(sub, a.values, b.values))) / len(a), n=len(a))


def cohen(two: Two) -> Figure:
    """Return Cohen's kappa of two judges' verdicts."""
    a, b, *_ = two
    n, passed, other = len(a), a.total, b.total
    if not n:
        return undefined("no run was judged by both")
    expected = passed * other + (n - passed) * (n - other)  # times n * n
    if expected == n * n:
        return undefined("nothing varies: both give every run the same verdict", n)
    same = sum(map(eq, a.values, b.values))
    return Figure(value=(n * same - expected) / (n * n - expected), n=n)


def phi(two: Two) -> Figure:
    """Return the product-moment correlation of two judges' verdicts, from their counts."""
    a, b, *_ = two
    n, passed, other = len(a), a.total, b.total
    scale = passed * (n - passed) * other * (n - other)
    if n < 2:  # noqa: PLR2004 - one point has no direction
        return undefined(TOO_FEW, n)
    if not scale:
        return undefined(CONSTANT, n)
    together = math.fsum(map(mul, a.values, b.values))
    return Figure(value=(n * together - passed * other) / math.sqrt(scale), n=n)


def _correlation(a: Column, b: Column) -> Figure:
    n = len(a)
    if n < 2:  # noqa: PLR2004 - one point has no direction
        return undefined(TOO_FEW, n)
    if a.constant or b.constant:
        return undefined(CONSTANT, n)
    value = math.fsum(map(mul, a.centred, b.centred)) / (a.length * b.length)
    return Figure(value=min(1.0, max(-1.0, value)), n=n)
