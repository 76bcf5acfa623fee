"""How fast one judge may be called: it is found out from the calls that were refused.

A pure state machine on a clock that is given (seconds, any origin), so that hours can be
tried in a moment. The shape is additive increase, multiplicative decrease, as TCP has it
(Chiu and Jain 1989), on two figures: starts a second, and calls at work at a time.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = 2
"""Calls that are started at once while nothing is known of a provider's limits."""

GUESS = 4
"""Calls a second where so few were accepted before the first refusal that nothing was measured."""

RAMP = 32.0
"""Further calls at work a second after the first call, four times as many after two: slow at
first, so that a refusal is heard before many calls more are on their way. A judge takes
seconds: nobody waits for it."""

WINDOW = 1.0
"""Seconds, the shortest period of a limit: until the first refusal so many starts fit in."""

COOL_DOWN = 15.0
"""Seconds after a cut in which nothing grows: what was just measured is to be believed."""

CLEAN = 10
"""Accepted calls without a refusal that it takes to grow, for judges of few calls a minute."""

IN_A_ROW = 3
"""Cuts, none after a quiet time, from which on fewer calls are at work, too: a provider
that counts these is not helped by a slower pace."""

BELOW = 0.96
"""Share of a measured rate that is used: at the rate itself every second call is on the edge."""

GROWTH = 1.1
FASTER_GROWTH = 1.25
"""Factors of the rate when it grows; the second one while it is a guess."""

CUT = 0.9
SHORT_CUT = 0.8
DEEPEST_CUT = 0.5
"""Factors of the rate when it is cut: at the least, without a new measurement, at the most."""

NARROWER = 0.8
"""Factor of the calls at work when they are cut."""

REMEMBERED = 1000
"""Accepted starts that are kept for measuring."""

LONGEST_BACKOFF = 60.0
"""Seconds at most before the next try where the provider does not say how long to wait."""


class Pace:
    """One judge's pace; ``allows`` before a start, ``started``, then one of the three ends.

    ``soft``: whether the judge is somebody's service, which may refuse; others start at
    full speed. ``share``: how many processes use the judge beside each other.
    """

    def __init__(
        self, *, soft: bool, share: int = 1, chance: Callable[[], float] = random.random
    ) -> None:
        self._soft = soft
        self._share = share
        self._chance = chance
        self._began: float | None = None
        self.rate: float | None = None
        """Starts a second; None as long as nothing was refused."""
        self.limit: float | None = None
        """Calls at work at a time; None as long as a slower pace is enough."""
        self.not_before = 0.0
        """Time before which nothing is started."""
        self._next_start = 0.0
        self._cut_at: float | None = None
        self._grown_at = 0.0
        self._clean = 0
        self._row = 1
        self._guessed = False
        self._burst = 0
        self._accepted: deque[float] = deque(maxlen=REMEMBERED)

    def opens(self, now: float, at_work: int) -> float | None:
        """Return when the next call may start: ``now`` or a later time; None: not by waiting.

        ``at_work``: the calls of this judge that have not come back.
        """
        if self.limit is not None and at_work >= max(1, int(self.limit)):
            return None
        time = max(now, self.not_before, self._next_start)
        if self._soft and self.rate is None and self._began is not None:
            further = max(0.0, (at_work + 1) * self._share - START)
            time = max(time, self._began + math.sqrt(further / RAMP))
        return time

    def started(self, now: float) -> None:
        """Count a start."""
        if self._began is None:
            self._began = now
        self._accepted.append(now)
        if self.rate is not None:
            # What a start comes too late by a little, the next makes up for.
            apart = 1 / self.rate
            self._next_start = max(now - apart / 10, self._next_start) + apart

    def forget(self, started: float) -> None:
        """Take a start back that says nothing of what the provider allows."""
        with contextlib.suppress(ValueError):
            self._accepted.remove(started)

    def answered(self, now: float, at_work: int) -> None:
        """Count a call that came back and was not refused; ``at_work`` counts it, too."""
        if self._cut_at is None:
            return
        self._clean += 1
        quiet = now >= self.not_before + COOL_DOWN
        if self.limit is not None and quiet and at_work >= int(self.limit):
            self.limit += 1 / self.limit
        if self.rate is None or self._clean < CLEAN:
            return
        if self._guessed or now >= max(self.not_before, self._grown_at) + COOL_DOWN:
            self.rate *= FASTER_GROWTH if self._guessed else GROWTH
            self._clean = 0
            self._grown_at = now

    def throttled(
        self, now: float, *, started: float, at_work: int, retry_after: float | None
    ) -> None:
        """Count a refusal of a call that was started at ``started``; ``at_work`` counts it, too.

        Refusals of calls that were on their way when the first one was heard are taken off
        what was accepted; at a later cut they only make the pause longer.
        """
        self.forget(started)
        if self._cut_at is None or started > self._cut_at:
            if self._cut_at is None or self.rate is None:
                self._first_cut(started, retry_after)
            else:
                self.rate = self._cut(self.rate, started, at_work)
                self._row = self._row + 1 if started < self.not_before + COOL_DOWN else 1
            self._cut_at = self._grown_at = now
            self._clean = 0
            self._accepted.clear()
        elif self.rate is not None and self._burst > 1:
            # It was taken for accepted when another one of its burst was refused.
            self.rate *= (self._burst - 1) / self._burst
            self._burst -= 1
        wait = retry_after
        if wait is None:
            wait = min(LONGEST_BACKOFF, 2.0 ** (self._row - 1)) * (0.5 + self._chance() / 2)
        # A little later than asked, and not all who were told the same at the same time.
        self.not_before = max(self.not_before, now + wait * (1 + 0.05 * self._chance()))
        self._next_start = max(self._next_start, self.not_before)

    def _seen(self, started: float) -> int:
        """Count the starts before one that was refused; those refused as well are still in it."""
        return sum(1 for time in self._accepted if time < started)

    def _first_cut(self, started: float, retry_after: float | None) -> None:
        """Take what was accepted so far for what is allowed in one period of the limit."""
        told = float(retry_after or 0.0)
        if told.is_integer():  # rounded up to a second
            told -= min(told, 1.0) if told <= 1.0 else 0.5
        seen = len(self._accepted)  # those that are refused as well are taken off when they are
        period = max(WINDOW, told + started - min(self._accepted, default=started))
        allowed = max(1, seen) / period
        if told <= WINDOW:  # the limit is one of a second: what the last one took counts
            recent = sum(1 for time in self._accepted if time > started - WINDOW)
            allowed = max(allowed, min(recent, seen) / WINDOW)
        self.rate = BELOW * allowed
        self._burst = seen
        # Refused at once: that says what fits into a moment, not what does into a second.
        self._guessed = seen < GUESS and period <= WINDOW
        if self._guessed:
            self.rate = GUESS / WINDOW
            self._burst = 0  # nothing was measured that others could be taken off

    def _cut(self, rate: float, started: float, at_work: int) -> float:
        """Return the pace that was accepted since the last cut; a slower one in any case."""
        self._guessed = False
        self._burst = 0
        if self._row >= IN_A_ROW:
            before = at_work - 1 if self.limit is None else min(at_work - 1, self.limit)
            self.limit = max(1.0, NARROWER * before)
        seen = self._seen(started)
        # Enough starts measure a pace without the pause before them; a few say what a pause buys.
        since = self.not_before if seen >= GUESS else self._cut_at or 0.0
        span = started - since
        full = len(self._accepted) == self._accepted.maxlen
        measured = (
            BELOW * max(1, seen) / span if span > WINDOW / 2 and not full else SHORT_CUT * rate
        )
        return min(max(measured, DEEPEST_CUT * rate), CUT * rate)
