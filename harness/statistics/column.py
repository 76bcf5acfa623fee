"""What one judge said of every run, as a column of numbers, and what is derived from it once."""

from __future__ import annotations

import math
from collections import Counter
from functools import cached_property, lru_cache
from itertools import repeat
from operator import mul, sub
from typing import TYPE_CHECKING, NamedTuple

from harness.statistics.figure import constant

if TYPE_CHECKING:
    from collections.abc import Sequence


class Column:
    """Scores, or verdicts as 0 and 1, in the order of the runs; None where nothing was said.

    A column is in many pairs, so what follows from it alone is kept. Everything but ``said``
    and ``whole`` is there for columns without a hole only.
    """

    def __init__(self, said: Sequence[float | None]) -> None:
        self.said = said
        self.whole = None not in said

    def __len__(self) -> int:
        return len(self.said)

    @cached_property
    def values(self) -> list[float]:
        """The numbers, verdicts as they are: they count as 0 and 1."""
        return [value for value in self.said if value is not None]

    @cached_property
    def total(self) -> float:
        """Their sum."""
        return math.fsum(self.values)

    @cached_property
    def constant(self) -> bool:
        """Whether nothing varies but rounding."""
        return constant(self.values)

    @cached_property
    def centred(self) -> list[float]:
        """The distances from the mean."""
        return list(map(sub, self.values, repeat(self.total / len(self) if len(self) else 0.0)))

    @cached_property
    def squares(self) -> list[float]:
        """The squares of these."""
        return list(map(mul, self.centred, self.centred))

    @cached_property
    def length(self) -> float:
        """The root of their sum."""
        return math.sqrt(math.fsum(self.squares))

    @cached_property
    def ranks(self) -> Column:
        """The ranks from 1 on; equal values share the mean of theirs."""
        counts, done, ranks = Counter(self.values), 0, {}
        for value in sorted(counts):
            ranks[value] = done + (counts[value] + 1) / 2
            done += counts[value]
        return Column(list(map(ranks.__getitem__, self.values)))

    @cached_property
    def rank_shares(self) -> list[float]:
        """The ranks as shares of the number of runs, around 0."""
        n = len(self)
        return [(rank - 0.5) / n - 0.5 for rank in self.ranks.values]

    @cached_property
    def _levels(self) -> tuple[list[int], int]:
        """The place of each value among the different ones, and how many these are."""
        places = {value: place for place, value in enumerate(sorted(set(self.values)))}
        return list(map(places.__getitem__, self.values)), len(places)

    def above(self, values: Sequence[float]) -> list[float]:
        """Return for each run the mean over all of ``values`` of the runs above it here.

        Of runs that are equal here half of their ``values`` count.
        """
        levels, many = self._levels
        sums = [0.0] * many
        for level, value in zip(levels, values, strict=True):
            sums[level] += value
        n, over = len(self), 0.0
        for level in reversed(range(many)):
            equal = sums[level]
            sums[level] = (over + equal / 2) / n
            over += equal
        return list(map(sums.__getitem__, levels))

    @cached_property
    def rank_variance(self) -> list[float]:
        """What each run adds to the variance of the ranks; see ``pair_sums``."""
        shares = self.rank_shares
        products = list(map(mul, shares, shares))
        own = 2 * math.fsum(products) / len(self) if len(self) else 0.0
        rises = self.above(shares)
        return [xx + 2 * rise - own for xx, rise in zip(products, rises, strict=True)]


class Two(NamedTuple):
    """Two columns without holes: of the runs in which both judges said something.

    ``places`` are those of these runs among all ``runs``; None: they are all of them.
    """

    first: Column
    second: Column
    places: Sequence[int] | None
    runs: int

    def spread(self, *columns: Sequence[float]) -> tuple[Sequence[float], ...]:
        """Return columns of these runs as columns of all runs, with 0 for the others."""
        return columns if self.places is None else spread(columns, self.places, self.runs)


def spread(
    columns: Sequence[Sequence[float]], places: Sequence[int], length: int
) -> tuple[Sequence[float], ...]:
    """Return columns that stand at ``places`` of ``length``, with 0 elsewhere."""
    found = tuple([0.0] * length for _ in columns)
    for wide, column in zip(found, columns, strict=True):
        for place, value in zip(places, column, strict=True):
            wide[place] = value
    return found


def both(first: Column, second: Column) -> Two:
    """Return what two judges said of the runs that both judged."""
    if first.whole and second.whole:
        return Two(first, second, None, len(first))
    places = [
        place
        for place, (a, b) in enumerate(zip(first.said, second.said, strict=True))
        if a is not None and b is not None
    ]
    one, two = ([column.said[place] for place in places] for column in (first, second))
    return Two(Column(one), Column(two), places, len(first))


@lru_cache(maxsize=8)
def ones(length: int) -> tuple[float, ...]:
    """Return the column that counts; the same one for all who ask."""
    return (1.0,) * length
