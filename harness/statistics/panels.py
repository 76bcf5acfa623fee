"""All judges of a panel at once."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

from harness.statistics.figure import Figure, constant, undefined
from harness.statistics.pairs import pearson

if TYPE_CHECKING:
    from collections.abc import Sequence


def fleiss(units: Sequence[Sequence[bool | None]]) -> Figure:
    """Return Fleiss' kappa of the verdicts; defined where every judge judged every run."""
    given = [[passed for passed in unit if passed is not None] for unit in units]
    given = [unit for unit in given if unit]
    size = max(map(len, units), default=0)
    holes = sum(len(unit) < size for unit in given)
    if size < 2:  # noqa: PLR2004 - agreement is between two
        return undefined("the panel has fewer than two judges", len(given))
    if not given:
        return undefined("there is no judgment")
    if holes:
        return undefined(f"{holes} of {len(given)} runs lack a judgment", len(given))
    n = len(given)
    votes = [sum(unit) for unit in given]
    share = sum(votes) / (n * size)
    if sum(votes) in (0, n * size):
        return undefined("nothing varies: every verdict is the same", n)
    expected = share**2 + (1 - share) ** 2
    same = sum(yes * (yes - 1) + (size - yes) * (size - yes - 1) for yes in votes)
    observed = same / (n * size * (size - 1))
    return Figure(value=(observed - expected) / (1 - expected), n=n)


def icc(units: Sequence[Sequence[float | None]]) -> tuple[Figure, Figure]:
    """Return the intraclass correlations ICC(A,1), of one judge, and ICC(A,k), of the mean.

    Two-way random effects, absolute agreement, over the runs that every judge judged.
    """
    judges = max(map(len, units), default=0)
    full = [[v for v in unit if v is not None] for unit in units if None not in unit]
    n = len(full)
    if judges < 2:  # noqa: PLR2004 - agreement is between two
        why = "the panel has fewer than two judges"
    elif n < 2:  # noqa: PLR2004 - variation is between two
        why = "fewer than two runs were judged by all judges"
    elif constant([value for unit in full for value in unit]):
        why = "nothing varies: all scores are the same"
    else:
        return _icc([[float(value) for value in unit] for unit in full], n, judges)
    return undefined(why, n), undefined(why, n)


def _icc(full: list[list[float]], n: int, k: int) -> tuple[Figure, Figure]:
    mean = math.fsum(value for unit in full for value in unit) / (n * k)
    of_runs = [math.fsum(unit) / k - mean for unit in full]
    of_judges = [math.fsum(column) / n - mean for column in zip(*full, strict=True)]
    between = k * math.fsum(off * off for off in of_runs) / (n - 1)
    judges = n * math.fsum(off * off for off in of_judges) / (k - 1)
    rest = math.fsum(
        (value - mean - run - judge) ** 2
        for unit, run in zip(full, of_runs, strict=True)
        for value, judge in zip(unit, of_judges, strict=True)
    ) / ((n - 1) * (k - 1))
    more = between - rest
    return (
        _quotient(more, between + (k - 1) * rest + k * (judges - rest) / n, n),
        _quotient(more, between + (judges - rest) / n, n),
    )


def _quotient(above: float, below: float, n: int) -> Figure:
    if below <= 0.0:
        return undefined("the judges differ more than the runs do", n)
    return Figure(value=above / below, n=n)


def effective_votes(units: Sequence[Sequence[float | None]]) -> Figure:
    """Return how many independent judges the panel is worth (Kish): k / (1 + (k - 1) r).

    ``r`` is the mean correlation of two judges. Not more than there are judges.
    """
    columns = list(zip(*units, strict=True))
    judges = [column for column in columns if any(value is not None for value in column)]
    k = len(judges)
    if k < 2:  # noqa: PLR2004 - agreement is between two
        return undefined("fewer than two judges gave a judgment", k)
    found = [pearson(zip(a, b, strict=True)).value for a, b in combinations(judges, 2)]
    known = [value for value in found if value is not None]
    if len(known) < len(found):
        return undefined(
            f"{len(found) - len(known)} of {len(found)} pairs of judges have no correlation", k
        )
    mean = math.fsum(known) / len(known)
    below = 1 + (k - 1) * mean
    if below <= 1.0:  # no correlation, or a negative one: nobody repeats anybody
        return Figure(value=float(k), n=k)
    return Figure(value=k / below, n=k)
