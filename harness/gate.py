"""One judge's gate: who may pass now, and when, if not now.

A gate stands for a credential and a model: what a provider counts. It is told of every
call that starts and of what became of it, on a clock that is given (seconds, any origin);
only the main thread uses it.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from harness.errors import (
    JudgeError,
    RetryableError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.pacing import Pace
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

PARKED_WITHOUT_TIME = 15 * 60.0
"""Seconds a judge is parked whose provider does not say when its usage limit ends."""

REFUSED_FOR, REFUSALS = 300.0, 8
"""Seconds, and calls, for which a provider has refused every call before its judge is parked
like one whose usage limit is reached: nobody may come back to a session that never ends."""

AFTER_RESET = 5.0
"""Seconds after a reset, at most, before the first call: clocks differ."""

FAILURES = 5
"""Calls in a row that a provider fails before no more are made for a while."""

UNEXPLAINED = 3
"""Calls in a row that fail and say nothing anybody knows, before the same."""

FIRST_PROBE, LAST_PROBE = 5.0, 60.0
"""Seconds until one call tries whether the provider is back; doubled each time, at most."""

PROBES = 3
"""Calls that try, in a row, before the judge is given up for the session."""


class Shut(Value, frozen=True):
    """Why a gate lets nobody pass, until when, and whether that is worth waiting for.

    ``until`` is on the gate's clock, infinite if nobody is asked any more in this session.
    ``waits``: the session waits by itself; otherwise only if it was told to.
    ``broken``: no time helps, somebody must act.
    """

    why: str
    until: float
    waits: bool = False
    broken: bool = False


class Gate:
    """Admission of one judge's calls. ``soft``, ``share``: as in ``Pace``."""

    def __init__(
        self, *, soft: bool, share: int = 1, chance: Callable[[], float] = random.random
    ) -> None:
        self.pace = Pace(soft=soft, share=share, chance=chance)
        self.at_work = 0
        self.shut: Shut | None = None
        self._soft = soft
        self._chance = chance
        self._probing = False
        self._probes = 0
        self._failures = 0
        self._unexplained = 0
        self._refused: list[float] = []

    def opens(self, now: float) -> float | None:
        """Return when a call may start, infinite if never; None: not before one comes back."""
        if self.shut is not None:
            if self._probing:
                return None
            if now < self.shut.until:
                return self.shut.until
            if self.at_work and self.shut.until < math.inf:
                return None  # one call at a time finds out whether it works again
        return self.pace.opens(now, self.at_work)

    def started(self, now: float) -> None:
        """Count a call that starts."""
        self.at_work += 1
        self._probing = self.shut is not None
        self.pace.started(now)

    def unasked(self, started: float) -> None:
        """Count one that came back without having asked anybody."""
        self.at_work -= 1
        self._probing = False
        self.pace.forget(started)

    def answered(self, now: float) -> None:
        """Count a call that came back with an answer, whatever it is worth."""
        self.pace.answered(now, self.at_work)
        self.at_work -= 1
        self._failures = self._unexplained = self._probes = 0
        self._refused.clear()
        if self._probing or (self.shut is not None and now >= self.shut.until):
            self.shut = None
        self._probing = False

    def failed(self, now: float, started: float, error: BaseException, *, epoch: float) -> None:
        """Count a call that ``error`` ended; ``epoch`` is ``now`` in seconds since the epoch."""
        probe, self._probing = self._probing, False
        match error:
            case ThrottledError():
                self.pace.throttled(
                    now, started=started, at_work=self.at_work, retry_after=error.retry_after
                )
                self.shut = None if probe else self.shut  # it speaks again
                self._refused.append(now)
                if len(self._refused) >= REFUSALS and now - self._refused[0] >= REFUSED_FOR:
                    self._refused.clear()
                    self._park(now, UsageLimitError(f"every call is refused: {error}"), epoch)
            case UsageLimitError():
                self.pace.forget(started)
                self._park(now, error, epoch)
            case UnusableJudgeError():
                until = math.inf if probe else now + LAST_PROBE
                self.shut = Shut(str(error), until, broken=True)
            case TransientError():
                self._failures += 1
                self._fail(now, error, probe=probe, enough=self._failures >= FAILURES)
            case JudgeError() if self._soft and not (
                error.unpaid or isinstance(error, RetryableError)
            ):
                self._unexplained += 1
                self._fail(now, error, probe=probe, enough=self._unexplained >= UNEXPLAINED)
            case _:
                self.answered(now)
                return
        self.at_work -= 1

    def park(self, shut: Shut) -> None:
        """Let nobody pass until a time on the gate's clock; the later of two times holds."""
        if self.shut is None or self.shut.until < shut.until:
            self.shut = shut

    def _park(self, now: float, error: UsageLimitError, epoch: float) -> None:
        wait = PARKED_WITHOUT_TIME if error.until is None else max(0.0, error.until - epoch)
        self.park(Shut(str(error), now + wait + AFTER_RESET * self._chance()))

    def _fail(self, now: float, error: Exception, *, probe: bool, enough: bool) -> None:
        """Shut the gate for a while if enough calls have failed, or if one that tried did."""
        if not (probe or enough) or (self.shut is not None and not probe):
            return
        self._probes += 1
        wait = min(LAST_PROBE, FIRST_PROBE * 2.0 ** (self._probes - 1))
        until = math.inf if self._probes > PROBES else now + wait
        self.shut = Shut(str(error), until, waits=until < math.inf)
