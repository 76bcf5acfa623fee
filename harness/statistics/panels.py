"""All judges of a panel at once."""

from __future__ import annotations

import math
from itertools import chain, combinations, repeat
from operator import sub
from typing import TYPE_CHECKING, cast

from harness.statistics.column import Column, both
from harness.statistics.figure import ROUNDING, Figure, constant, undefined
from harness.statistics.pairs import pearson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
    same = sum(yes * (yes - 1) + (size - yes) * (size - yes - 1) for yes in votes)
    value = fleiss_of(n, size, sum(votes), same)
    if value is None:
        return undefined("nothing varies: every verdict is the same", n)
    return Figure(value=value, n=n)


def fleiss_of(n: float, size: int, votes: float, same: float) -> float | None:
    """Return the kappa of ``n`` runs with ``votes`` to pass; ``same`` counts equal pairs, twice."""
    share = votes / (n * size)
    expected = share**2 + (1 - share) ** 2
    if 1 - expected <= ROUNDING:
        return None
    return (same / (n * size * (size - 1)) - expected) / (1 - expected)


def icc(units: Sequence[Sequence[float | None]]) -> tuple[Figure, Figure]:
    """Return the intraclass correlations ICC(A,1), of one judge, and ICC(A,k), of the mean.

    Two-way random effects, absolute agreement, over the runs that every judge judged.
    """
    judges = max(map(len, units), default=0)
    full = whole_units(units)
    n = len(full)
    if judges < 2:  # noqa: PLR2004 - agreement is between two
        why = "the panel has fewer than two judges"
    elif n < 2:  # noqa: PLR2004 - variation is between two
        why = "fewer than two runs were judged by all judges"
    elif constant(list(chain.from_iterable(full))):
        why = "nothing varies: all scores are the same"
    else:
        return _icc(full, n, judges)
    return undefined(why, n), undefined(why, n)


def whole_units(units: Iterable[Sequence[float | None]]) -> list[Sequence[float]]:
    """Return the units in which every judge said something."""
    return [cast("Sequence[float]", unit) for unit in units if None not in unit]


def _icc(full: Sequence[Sequence[float]], n: int, k: int) -> tuple[Figure, Figure]:
    columns = list(zip(*full, strict=True))
    means = [total / k for total in map(math.fsum, full)]
    mean = math.fsum(means) / n
    of_judges = [math.fsum(column) / n - mean for column in columns]
    between = k * math.fsum((run - mean) ** 2 for run in means) / (n - 1)
    judges = n * math.fsum(off * off for off in of_judges) / (k - 1)
    residuals = (
        map(sub, map(sub, column, means), repeat(judge))
        for column, judge in zip(columns, of_judges, strict=True)
    )
    rest = math.fsum(off * off for off in chain.from_iterable(residuals)) / ((n - 1) * (k - 1))
    why = "the judges differ more than the runs do"
    one, panel = (
        undefined(why, n) if value is None else Figure(value=value, n=n)
        for value in icc_of(between, judges, rest, n, k)
    )
    return one, panel


def icc_of(
    between: float, judges: float, rest: float, n: float, k: int
) -> tuple[float | None, float | None]:
    """Return both from the mean squares of runs, judges, and the rest; None: no denominator."""
    one = between + (k - 1) * rest + k * (judges - rest) / n
    panel = between + (judges - rest) / n
    more = between - rest
    least = ROUNDING * (between + judges + rest)
    return (more / one if one > least else None, more / panel if panel > least else None)


def effective_votes(units: Sequence[Sequence[float | None]]) -> Figure:
    """Return how many independent judges the panel is worth (Kish): k / (1 + (k - 1) r).

    ``r`` is the mean correlation of two judges. Not more than there are judges.
    """
    columns = zip(*units, strict=True)
    judges = [Column(said) for said in columns if any(value is not None for value in said)]
    found = [pearson(both(a, b)) for a, b in combinations(judges, 2)]
    return votes_from(found, len(judges))


def votes_from(correlations: Sequence[Figure], judges: int) -> Figure:
    """Return the effective votes of ``judges`` from the correlations of every two of them."""
    if judges < 2:  # noqa: PLR2004 - agreement is between two
        return undefined("fewer than two judges gave a judgment", judges)
    known = [found.value for found in correlations if found.value is not None]
    holes = len(correlations) - len(known)
    if holes:
        why = f"{holes} of {len(correlations)} pairs of judges have no correlation"
        return undefined(why, judges)
    return Figure(value=votes_of(math.fsum(known) / len(known), judges), n=judges)


def votes_of(mean: float, k: int) -> float:
    """Return the votes of ``k`` judges with this mean correlation."""
    below = 1 + (k - 1) * mean
    # Without a correlation, or with a negative one, nobody repeats anybody.
    return float(k) if below <= 1.0 else k / below
