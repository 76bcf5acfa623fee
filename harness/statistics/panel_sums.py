"""What the figures of a whole panel are functions of, for their intervals."""

from __future__ import annotations

import math
from itertools import chain, repeat
from operator import mul, sub
from typing import TYPE_CHECKING

from harness.statistics.bootstrap import NOISE, Sums
from harness.statistics.column import ones, spread
from harness.statistics.panels import fleiss_of, icc_of, votes_of, whole_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def fleiss_sums(units: Sequence[Sequence[bool | None]]) -> Sums:
    """Return the sums of Fleiss' kappa; for units in which nobody or everybody judged."""
    size = max(map(len, units), default=0)
    votes = [sum(passed is True for passed in unit) for unit in units]
    judged = [any(passed is not None for passed in unit) for unit in units]
    same = [v * (v - 1) + (size - v) * (size - v - 1) for v in votes]
    columns = (
        [float(there) for there in judged],
        [float(count) for count in votes],
        [float(count) if there else 0.0 for count, there in zip(same, judged, strict=True)],
    )
    return Sums(columns, lambda n, yes, equal: fleiss_of(n, size, yes, equal))


def icc_sums(units: Sequence[Sequence[float | None]]) -> tuple[Sums, Sums]:
    """Return the sums of ICC(A,1) and ICC(A,k), over the units that every judge judged."""
    full = whole_units(units)
    values = list(chain.from_iterable(full))
    centre = math.fsum(values) / len(values) if values else 0.0
    judges = [list(map(sub, column, repeat(centre))) for column in zip(*full, strict=True)]
    totals = list(map(math.fsum, zip(*judges, strict=True)))
    squares = map(math.fsum, zip(*(map(mul, one, one) for one in judges), strict=True))
    found = (ones(len(full)), list(map(mul, totals, totals)), list(squares), *judges)
    places = [place for place, unit in enumerate(units) if None not in unit]
    columns = found if len(full) == len(units) else tuple(spread(found, places, len(units)))

    def statistic(which: int) -> Callable[..., float | None]:
        return lambda *totals: _icc(totals)[which]

    return Sums(columns, statistic(0)), Sums(columns, statistic(1))


def _icc(totals: Sequence[float]) -> tuple[float | None, float | None]:
    n, of_runs, squares, *judges = totals
    k, total = len(judges), math.fsum(judges)
    if n < 1.5:  # noqa: PLR2004 - a count: one run has no variance
        return None, None
    rest = total * total / (n * k)
    between, apart = of_runs / k - rest, math.fsum(j * j for j in judges) / n - rest
    within = max(0.0, squares - rest - between - apart)
    if squares - rest <= NOISE * squares:
        return None, None
    return icc_of(between / (n - 1), apart / (k - 1), within / ((n - 1) * (k - 1)), n, k)


def votes_sums(pairs: Sequence[Sums], judges: int) -> Sums:
    """Return the sums of the effective votes, from those of the correlation of each pair."""
    columns = tuple(column for pair in pairs for column in pair.columns)

    def statistic(*totals: float) -> float | None:
        found, place = [], 0
        for pair in pairs:
            mine = totals[place : place + len(pair.columns)]
            place += len(pair.columns)
            value = pair.statistic(*mine) if mine[0] > 0.5 else None  # noqa: PLR2004 - a count
            if value is None:
                return None
            found.append(value)
        return votes_of(math.fsum(found) / len(found), judges)

    return Sums(columns, statistic)
