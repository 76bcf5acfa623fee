"""How much more may be spent: what was paid, and an estimate for the calls in flight."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

PERCENTILE = 0.95
"""The share of a judge's past calls that cost no more than what the next is expected to."""

SILENT = 3
"""Calls in a row without a known cost, after which no more are made: nobody could count them."""


class Budget:
    """A limit in USD on all calls of a session; only the main thread uses it.

    ``past``: known costs of earlier calls, by judge. A judge without any has one call at
    a time until the cost of one is known. ``free``: judges whose calls cost nothing.
    Judges may be anything that can be hashed.
    """

    def __init__(
        self,
        limit: float,
        *,
        past: Mapping[Hashable, Iterable[float]],
        free: Iterable[Hashable] = (),
    ) -> None:
        self.limit = limit
        self._free = frozenset(free)
        self._costs: defaultdict[Hashable, list[float]] = defaultdict(list)
        for judge, costs in past.items():
            self._costs[judge] = list(costs)
        self._in_flight: Counter[Hashable] = Counter()
        self._uncounted: Counter[Hashable] = Counter()
        self._silent: Counter[Hashable] = Counter()
        self._paid: list[float] = []

    @property
    def spent(self) -> float:
        """USD paid in this session: known costs, and estimates where a call did not tell."""
        guessed = [n * (self.expected(judge) or 0.0) for judge, n in self._uncounted.items()]
        return math.fsum([*self._paid, *guessed])

    def expected(self, judge: Hashable) -> float | None:
        """Return what the next call of a judge will hardly exceed; None if nothing is known."""
        costs = sorted(self._costs[judge])
        return costs[math.ceil(PERCENTILE * len(costs)) - 1] if costs else None

    def refuses(self, judge: Hashable) -> str | None:
        """Say why no call of a judge may start now; None if one may."""
        if judge in self._free:
            return None
        expected = self.expected(judge)
        spent = f"{self.spent:.4f} of {self.limit:g} USD spent"
        if expected is None:
            if self._silent[judge] >= SILENT:
                return f"its calls do not say what they cost; {spent}"
            if self._in_flight[judge]:
                return f"what a call costs is not known yet; {spent}"
            return None if self._taken() < self.limit else f"the budget is used up: {spent}"
        if self._taken() + expected <= self.limit:
            return None
        return f"the budget is used up: {spent}, and a call costs about {expected:.4f}"

    def started(self, judge: Hashable) -> None:
        """Count a call that starts."""
        self._in_flight[judge] += 1

    def ended(self, judge: Hashable, *, paid: int, cost: float | None) -> None:
        """Count a call that came back: how many calls were paid, and what they are known to cost.

        A paid call of unknown cost counts as much as the next is expected to.
        """
        self._in_flight[judge] -= 1
        if judge in self._free or not paid:
            return
        if cost is None:
            self._uncounted[judge] += paid
            self._silent[judge] += 1
            return
        self._silent[judge] = 0
        self._paid.append(cost)
        self._costs[judge].append(cost / paid)

    def _taken(self) -> float:
        """Return what is spent, and what the calls in flight are expected to cost."""
        in_flight = [n * (self.expected(judge) or 0.0) for judge, n in self._in_flight.items()]
        return self.spent + math.fsum(in_flight)
