"""Two judges side by side, over the runs that both judged."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from harness.statistics.figure import Figure, constant, undefined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def both(pairs: Iterable[tuple[float | None, float | None]]) -> list[tuple[float, float]]:
    """Keep the pairs that have both values."""
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def pearson(pairs: Iterable[tuple[float | None, float | None]]) -> Figure:
    """Return the product-moment correlation."""
    return _correlation(both(pairs))


def spearman(pairs: Iterable[tuple[float | None, float | None]]) -> Figure:
    """Return the rank correlation; equal values share the mean of their ranks."""
    known = both(pairs)
    first, second = _ranks([a for a, _ in known]), _ranks([b for _, b in known])
    return _correlation(list(zip(first, second, strict=True)))


def mean_difference(pairs: Iterable[tuple[float | None, float | None]]) -> Figure:
    """Return the mean absolute difference."""
    known = both(pairs)
    if not known:
        return undefined("no run was judged by both")
    return Figure(value=math.fsum(abs(a - b) for a, b in known) / len(known), n=len(known))


def cohen(pairs: Iterable[tuple[bool | None, bool | None]]) -> Figure:
    """Return Cohen's kappa of two judges' verdicts."""
    known = both(pairs)
    n = len(known)
    if not known:
        return undefined("no run was judged by both")
    first, second = sum(a for a, _ in known), sum(b for _, b in known)
    expected = first * second + (n - first) * (n - second)  # times n * n
    if expected == n * n:
        return undefined("nothing varies: both give every run the same verdict", n)
    same = sum(a == b for a, b in known)
    return Figure(value=(n * same - expected) / (n * n - expected), n=n)


def _correlation(known: list[tuple[float, float]]) -> Figure:
    n = len(known)
    first, second = [a for a, _ in known], [b for _, b in known]
    if n < 2:  # noqa: PLR2004 - one point has no direction
        return undefined("fewer than two runs were judged by both", n)
    if constant(first) or constant(second):
        return undefined("nothing varies: a judge gives every run the same", n)
    mean_a, mean_b = math.fsum(first) / n, math.fsum(second) / n
    off_a, off_b = [a - mean_a for a in first], [b - mean_b for b in second]
    squares_a = math.fsum(a * a for a in off_a)
    squares_b = math.fsum(b * b for b in off_b)
    scale = math.sqrt(squares_a) * math.sqrt(squares_b)
    value = math.fsum(a * b for a, b in zip(off_a, off_b, strict=True)) / scale
    return Figure(value=min(1.0, max(-1.0, value)), n=n)


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    done = 0
    for _, same in groupby(order, key=values.__getitem__):
        places = list(same)
        for place in places:
            ranks[place] = done + (len(places) + 1) / 2
        done += len(places)
    return ranks
