"""Two judges side by side, over the runs that both judged."""

from __future__ import annotations

import math
from itertools import groupby
from operator import mul
from typing import TYPE_CHECKING

from harness.statistics.figure import Figure, constant, undefined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def both(pairs: Iterable[tuple[float | None, float | None]]) -> list[tuple[float, float]]:
    """Keep the pairs that have both values."""
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def pearson(pairs: Iterable[tuple[float | None, float | None]]) -> Figure:
    """Return the product-moment correlation."""
    return _correlation(both(pairs))


def spearman(pairs: Iterable[tuple[float | None, float | None]]) -> Figure:
    """Return the rank correlation; equal values share the mean of their ranks."""
    known = both(pairs)
    first, second = ranks([a for a, _ in known]), ranks([b for _, b in known])
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
    first, second = sum([a for a, _ in known]), sum([b for _, b in known])
    expected = first * second + (n - first) * (n - second)  # times n * n
    if expected == n * n:
        return undefined("nothing varies: both give every run the same verdict", n)
    same = sum([a is b for a, b in known])
    return Figure(value=(n * same - expected) / (n * n - expected), n=n)


def phi(pairs: Iterable[tuple[bool | None, bool | None]]) -> Figure:
    """Return the product-moment correlation of two judges' verdicts, from their counts."""
    known = both(pairs)
    n = len(known)
    first, second = sum([a for a, _ in known]), sum([b for _, b in known])
    scale = first * (n - first) * second * (n - second)
    if n < 2:  # noqa: PLR2004 - one point has no direction
        return undefined("fewer than two runs were judged by both", n)
    if not scale:
        return undefined("nothing varies: a judge gives every run the same", n)
    together = sum([a and b for a, b in known])
    return Figure(value=(n * together - first * second) / math.sqrt(scale), n=n)


def _correlation(known: list[tuple[float, float]]) -> Figure:
    n = len(known)
    first, second = [a for a, _ in known], [b for _, b in known]
    if n < 2:  # noqa: PLR2004 - one point has no direction
        return undefined("fewer than two runs were judged by both", n)
    if constant(first) or constant(second):
        return undefined("nothing varies: a judge gives every run the same", n)
    mean_a, mean_b = math.fsum(first) / n, math.fsum(second) / n
    off_a, off_b = [a - mean_a for a in first], [b - mean_b for b in second]
    squares_a, squares_b = math.fsum(map(mul, off_a, off_a)), math.fsum(map(mul, off_b, off_b))
    scale = math.sqrt(squares_a) * math.sqrt(squares_b)
    value = math.fsum(map(mul, off_a, off_b)) / scale
    return Figure(value=min(1.0, max(-1.0, value)), n=n)


def ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 1 on; equal values share the mean of theirs."""
    found = [0.0] * len(values)
    done = 0
    for places in groups_of_equals(values):
        for place in places:
            found[place] = done + (len(places) + 1) / 2
        done += len(places)
    return found


def groups_of_equals(values: Sequence[float]) -> Iterator[list[int]]:
    """Yield the places of each value, from the lowest value to the highest."""
    order = sorted(range(len(values)), key=values.__getitem__)
    for _, same in groupby(order, key=values.__getitem__):
        yield list(same)
