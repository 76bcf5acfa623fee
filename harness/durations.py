"""How long a judge is expected to take: the median of what it took before; a pure module."""

from __future__ import annotations

import math
from bisect import insort
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Judge = TypeVar("Judge")

UNKNOWN = math.inf
"""What is expected of a judge that was never timed: it goes first, so that it is soon known."""


class Durations(Generic[Judge]):
    """The known durations of judges, in seconds; more may be added at any time.

    Those expected to take the longest are to be started first: then the last ones to end
    are short, and no lane works long after the others (Graham's longest processing time
    first, at most 4/3 of the shortest schedule where the expectations hold).
    """

    def __init__(self, known: Iterable[tuple[Judge, float]] = ()) -> None:
        self._known: dict[Judge, list[float]] = {}
        for judge, seconds in known:
            self.add(judge, seconds)

    def __bool__(self) -> bool:
        """Tell whether anything is known of any judge."""
        return bool(self._known)

    def add(self, judge: Judge, seconds: float) -> None:
        """Learn how long a judge took; what is no duration is ignored."""
        if math.isfinite(seconds) and seconds >= 0:
            insort(self._known.setdefault(judge, []), seconds)

    def expected(self, judge: Judge) -> float:
        """Return the median, the upper one of an even number; ``UNKNOWN`` without any."""
        known = self._known.get(judge)
        return known[len(known) // 2] if known else UNKNOWN
