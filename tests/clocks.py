"""A clock that tests move, slots for jobs, and providers with limits on that clock."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.gates import Gates, Place
from harness.model import Calls, Failed, Judged, JudgeSpec, Judgment, Run, Slot, SlotStatus
from harness.pacing import Pace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.budget import Budget

EPOCH = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


@dataclass
class FakeClock:
    """Seconds that pass only when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def epoch(self) -> float:
        """Return the time in seconds since the epoch."""
        return EPOCH + self.now


def gates(
    clock: FakeClock, *, patience: float = 0.0, budget: Budget | None = None, share: int = 1
) -> Gates:
    """Return gates on a fake clock, without chance."""
    return Gates(
        clock=clock,
        epoch=clock.epoch,
        chance=lambda: 0.0,
        patience=patience,
        budget=budget,
        share=share,
    )


def slot(name: str, **keys: object) -> Slot:
    """Return a slot, ``a1``: of judge ``a``, and of run ``1``."""
    number = ord(name[0]) - ord("a") + 1
    keys = {"kind": "command", "remote": True, "model": name[0], **keys}
    judge = JudgeSpec(number=number, name=name[0], **keys)  # type: ignore[arg-type] # keys of a test
    run = Run(name=f"runs/{name[1:]}", path=Path(name[1:]))
    return Slot(run=run, judge=judge, status=SlotStatus.MISSING)


def place(job: Slot) -> Place:
    """Return whose slot a job is about."""
    return Place(Path("exp"), job)


def judged(job: Slot, *, cost: float | None = None, paid: int = 1) -> Judged:
    """Return the outcome of a slot that was judged with one call."""
    judgment = Judgment(score=1.0, passed=True, grade="S", reasoning="", raw={})
    calls = Calls(paid=paid, cost_usd=cost)
    return Judged(slot=job, judgment=judgment, started=0.0, seconds=0.0, calls=calls)


def failed(job: Slot, error: Exception, *, paid: int = 0, cost: float | None = None) -> Failed:
    """Return the outcome of a slot whose call an error ended."""
    calls = Calls(paid=paid, cost_usd=cost)
    return Failed(slot=job, error=error, started=0.0, seconds=0.0, calls=calls)


class Server(Protocol):
    """A provider with a limit: what it says of a call at a time."""

    def ask(self, now: float) -> float | None:
        """Return the seconds until there is room again; None: the call is taken."""
        ...


@dataclass
class SlidingWindow:
    """Takes at most ``most`` calls in any ``seconds``."""

    most: int
    seconds: float = 1.0
    taken: list[float] = field(default_factory=list)

    def ask(self, now: float) -> float | None:
        """Count the calls of the last seconds."""
        self.taken = [time for time in self.taken if time > now - self.seconds]
        if len(self.taken) < self.most:
            self.taken.append(now)
            return None
        return self.taken[0] + self.seconds - now


@dataclass
class TokenBucket:
    """Takes ``rate`` calls a second, and ``capacity`` at once after a rest."""

    rate: float
    capacity: float
    tokens: float = -1.0
    last: float = 0.0

    def ask(self, now: float) -> float | None:
        """Take a token, if there is one."""
        if self.tokens < 0:
            self.tokens, self.last = self.capacity, now
        self.tokens = min(self.capacity, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens >= 1 - 1e-9:
            self.tokens -= 1
            return None
        return (1 - self.tokens) / self.rate


@dataclass
class Model:
    """A judge under simulation: its provider, its slots, and how long it takes."""

    server: Server
    slots: int
    seconds: tuple[float, float]
    refused: int = 0
    ended: float = 0.0


def simulate(
    models: Sequence[Model], *, lanes: int, seed: int = 0, rejection: float = 0.02
) -> None:
    """Run the slots of all models in ``lanes`` lanes on a clock of its own, as dispatch does.

    Refusals come back after ``rejection`` seconds and say in fractions when to come again.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    paces = [Pace(soft=True, chance=chance.random) for _ in models]
    left, at_work = [m.slots for m in models], [0] * len(models)
    events: list[tuple[float, int, int, float, float | None]] = []
    now, number = 0.0, 0
    while any(left) or events:
        starts = [
            (opens, index)
            for index, pace in enumerate(paces)
            if left[index] and (opens := pace.opens(now, at_work[index])) is not None
        ]
        if starts and sum(at_work) < lanes and min(starts)[0] <= now:
            index = min(starts)[1]
            left[index] -= 1
            at_work[index] += 1
            paces[index].started(now)
            wait = models[index].server.ask(now)
            takes = rejection if wait is not None else chance.uniform(*models[index].seconds)
            number += 1
            heapq.heappush(events, (now + takes, number, index, now, wait))
            continue
        times = [events[0][0]] if events else []
        now = min(times + ([min(starts)[0]] if starts and sum(at_work) < lanes else []))
        while events and events[0][0] <= now:
            _, _, index, started, wait = heapq.heappop(events)
            if wait is None:
                paces[index].answered(now, at_work[index])
                models[index].ended = now
            else:
                models[index].refused += 1
                left[index] += 1
                paces[index].throttled(
                    now, started=started, at_work=at_work[index], retry_after=wait
                )
            at_work[index] -= 1
