"""Jobs behind their judges' gates: whose turn it is, whose it is not yet, and what is left.

Only the main thread uses it. Workers never sleep: whatever must wait, waits here.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.durations import UNKNOWN, Durations
from harness.errors import (
    JudgeError,
    NotStartedError,
    ThrottledError,
    TransientError,
    UsageLimitError,
)
from harness.gates import Gates
from harness.model import NO_CALLS, Calls, Deferred, Failed, Judged, Raised

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from harness.gates import Place
    from harness.model import Outcome

Job = TypeVar("Job")

TRIES = 4
"""Calls for one slot, at most, that its judge's provider fails."""

LONGEST_DELAY = 60.0
"""Seconds at most until a slot is tried again whose call the provider failed."""


@dataclass(slots=True)
class _Waits(Generic[Job]):
    """A job in its place in the queue, and what became of it so far."""

    order: int
    job: Job
    place: Place
    started: float = 0.0
    failures: int = 0
    calls: Calls = NO_CALLS
    last: Outcome | None = None


class Waiting(Generic[Job]):
    """Jobs in their order; hands out the first whose gate is open.

    ``place`` says whose slot a job is about. A gate that is shut, a judge that has its
    ``max_parallel`` calls at work, or one that the budget refuses, never holds up another.
    Of several judges the one that is expected to take the longest comes first: by what
    ``durations`` has of its lane, and learns from the calls that come back.
    Handing out costs one look at each judge.
    """

    def __init__(
        self,
        jobs: Iterable[Job] = (),
        *,
        place: Callable[[Job], Place],
        gates: Gates | None = None,
        durations: Durations[Hashable] | None = None,
    ) -> None:
        self._place = place
        self._gates = Gates() if gates is None else gates
        self._durations = Durations() if durations is None else durations
        self._order = count()
        self._queues: dict[Hashable, deque[_Waits[Job]]] = {}
        self._later: list[tuple[float, int, _Waits[Job]]] = []
        self._at_work: dict[int, _Waits[Job]] = {}
        self._out: Counter[Hashable] = Counter()
        self._idle_since: float | None = None
        for job in jobs:
            self.add(job)

    def __bool__(self) -> bool:
        return bool(self._later) or any(self._queues.values())

    def add(self, job: Job) -> None:
        """Put a job behind the others."""
        waits = _Waits(next(self._order), job, self._place(job))
        self._queues.setdefault(waits.place.lane, deque()).append(waits)

    def take(self) -> Job | None:
        """Hand out a job that may start now; None if there is none."""
        now = self._gates.clock()
        while self._later and self._later[0][0] <= now:
            self._back(heapq.heappop(self._later)[2])
        ready = [
            queue[0]
            for queue in self._queues.values()
            if queue and _is_now(self._opens(queue[0].place, now), now)
        ]
        if not ready:
            return None
        chosen = min(ready, key=lambda w: (-self._expected(w.place.lane, now), w.order))
        lane = chosen.place.lane
        self._queues[lane].popleft()
        self._out[lane] += 1
        self._at_work[id(chosen.job)] = chosen
        chosen.started = now
        self._gates.of(chosen.place).started(now)
        if self._gates.budget is not None:
            self._gates.budget.started(lane)
        return chosen.job

    def done(self, job: Job, outcome: Outcome, again: Job | None = None) -> Outcome | None:
        """Take back a job that was handed out; return what became of its slot in the end.

        None if that is not decided: the job waits again, as ``again`` if that is given, else
        because the provider refused the call or failed. The calls of all its turns add up.
        """
        waits = self._at_work.pop(id(job))
        self._out[waits.place.lane] -= 1
        waits.last = self._counted(waits, outcome)
        error = outcome.error if isinstance(outcome, Failed | Raised) else None
        if again is not None:
            waits.job = again
            self._back(waits)
        elif isinstance(error, ThrottledError | UsageLimitError):
            self._back(waits)
        elif not (isinstance(error, TransientError) and self._once_more(waits, error)):
            return waits.last
        return None

    def opens(self, *, idle: bool) -> float | None:
        """Return in how many seconds a job may start; None: not without one coming back.

        ``idle``: nothing is at work. Then a judge that is parked is waited for only if the
        session was told to, and not longer.
        """
        now = self._gates.clock()
        times = [time for time, *_ in self._later[:1]]
        self._idle_since = (self._idle_since or now) if idle else self._idle_since
        for queue in self._queues.values():
            opens = self._opens(queue[0].place, now) if queue else None
            if opens is None or math.isinf(opens):
                continue
            shut = self._gates.of(queue[0].place).shut
            latest = (self._idle_since or now) + self._gates.patience
            if not idle or shut is None or shut.waits or opens <= latest:
                times.append(opens)
        return max(0.0, min(times) - now) if times else None

    def rest(self) -> Iterator[tuple[Job, Outcome]]:
        """Forget the jobs that wait, and yield what becomes of each, in order.

        A slot whose last call the provider failed has failed; the others are deferred.
        """
        waiting = [waits for queue in self._queues.values() for waits in queue]
        waiting += [waits for *_, waits in self._later]
        self.clear()
        for waits in sorted(waiting, key=lambda waits: waits.order):
            if isinstance(waits.last, Failed) and isinstance(waits.last.error, TransientError):
                yield waits.job, waits.last
            else:
                yield waits.job, self._deferred(waits)

    def clear(self) -> None:
        """Forget the jobs that wait."""
        self._queues.clear()
        self._later.clear()

    def _opens(self, place: Place, now: float) -> float | None:
        limit = place.judge.max_parallel
        if limit is not None and self._out[place.lane] >= max(1, limit // self._gates.share):
            return None
        budget = self._gates.budget
        if budget is not None and budget.refuses(place.lane) is not None:
            return None
        return self._gates.of(place).opens(now)

    def _expected(self, lane: Hashable, now: float) -> float:
        """Return what a call is expected to take, so coarsely that like judges keep their order.

        A judge that nobody has an answer of yet takes at least as long as its first call has.
        """
        if not self._durations:
            return 0.0
        known = self._durations.expected(lane)
        if known == UNKNOWN:
            began = (w.started for w in self._at_work.values() if w.place.lane == lane)
            known = now - min(began, default=-UNKNOWN)
        return round(known, 1)

    def _back(self, waits: _Waits[Job]) -> None:
        """Put a job before the others of its judge."""
        self._queues.setdefault(waits.place.lane, deque()).appendleft(waits)

    def _once_more(self, waits: _Waits[Job], error: TransientError) -> bool:
        """Try a slot again in a while, unless it was tried often enough.

        Calls that find out whether a provider is back do not count against their slots.
        """
        if self._gates.of(waits.place).shut is not None:
            self._back(waits)
            return True
        waits.failures += 1
        if waits.failures >= TRIES:
            return False
        delay = self._gates.chance() * min(LONGEST_DELAY, 2.0**waits.failures)
        when = self._gates.clock() + max(delay, error.retry_after or 0.0)
        heapq.heappush(self._later, (when, waits.order, waits))
        return True

    def _counted(self, waits: _Waits[Job], outcome: Outcome) -> Outcome:
        """Tell the gate and the budget what a call was; return the outcome with all calls."""
        place, calls = waits.place, outcome.calls
        error = outcome.error if isinstance(outcome, Failed | Raised) else None
        if isinstance(error, JudgeError) and not isinstance(error, NotStartedError):
            self._gates.failed(place, waits.started, error)
        elif calls.paid:
            self._gates.of(place).answered(self._gates.clock())
            if isinstance(outcome, Judged):
                self._durations.add(place.lane, outcome.seconds)
        else:
            self._gates.of(place).unasked(waits.started)
        if self._gates.budget is not None:
            self._gates.budget.ended(place.lane, paid=calls.paid, cost=calls.cost_usd)
        waits.calls += calls
        return replace(outcome, calls=waits.calls)

    def _deferred(self, waits: _Waits[Job]) -> Deferred:
        place = waits.place
        shut = self._gates.of(place).shut
        budget = self._gates.budget
        if shut is not None:
            why = f"{shut.why}{self._gates.when(shut)}"
        else:
            why = (budget and budget.refuses(place.lane)) or "there was no time left to ask"
        return Deferred(
            slot=place.slot,
            reason=f"{place.judge.name} is not asked: {why}",
            started=self._gates.epoch(),
            seconds=0.0,
            calls=waits.calls,
        )


def _is_now(opens: float | None, now: float) -> bool:
    return opens is not None and opens <= now
