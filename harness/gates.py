"""The gates of a session: one for each credential and model, and the budget for all."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.gate import Gate, Shut
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from harness.budget import Budget
    from harness.model import JudgeSpec, Slot

EVER = 1e9
"""Seconds that stand for no end where a number must travel."""


class Place(Value, frozen=True):
    """Whose slot a job is about: the experiment's root, and the slot."""

    root: Path
    slot: Slot

    @property
    def judge(self) -> JudgeSpec:
        """Who is asked."""
        return self.slot.judge

    @property
    def lane(self) -> tuple[Path, int]:
        """The judge's identity in a session."""
        return self.root, self.judge.number

    @property
    def provider(self) -> Hashable:
        """What shares a gate: a credential and a model, or else a judge of an experiment."""
        judge, settings = self.judge, self.judge.settings
        if not judge.remote:
            return self.lane
        names = ("base_url", "api_key_env")
        return (judge.kind, judge.model, *(getattr(settings, name, None) for name in names))


@dataclass(slots=True, kw_only=True)
class Gates:
    """Who may ask whom now; only the main thread uses it.

    ``share``: how many processes use the gates beside each other. ``patience``: seconds
    that the session waits, once it has nothing else to do, for judges that are parked.
    ``on_park``: told of a judge that was parked here: arguments of ``park`` elsewhere.
    """

    share: int = 1
    budget: Budget | None = None
    patience: float = 0.0
    clock: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    on_park: Callable[[dict[str, Any]], object] = lambda _: None
    _gates: dict[Hashable, Gate] = field(default_factory=dict)
    _told: dict[str, Shut] = field(default_factory=dict)

    def of(self, place: Place) -> Gate:
        """Return the gate of a judge; made when it is first asked for."""
        provider = place.provider
        gate = self._gates.get(provider)
        if gate is None:
            gate = Gate(soft=place.judge.remote, share=self.share, chance=self.chance)
            self._gates[provider] = gate
            if repr(provider) in self._told:
                gate.park(self._told[repr(provider)])
        return gate

    def park(self, provider: str, why: str, seconds: float, *, broken: bool) -> None:
        """Park a judge that was parked in another process, which told of it with ``on_park``."""
        until = math.inf if seconds >= EVER else self.clock() + seconds
        self._told[provider] = Shut(why, until, broken=broken)
        for known, gate in self._gates.items():
            if repr(known) == provider:
                gate.park(self._told[provider])

    def failed(self, place: Place, started: float, error: BaseException) -> None:
        """Tell the gate of a judge what ended a call, and other processes if it is parked now."""
        gate, now = self.of(place), self.clock()
        before = gate.shut
        gate.failed(now, started, error, epoch=self.epoch())
        if gate.shut is not None and gate.shut != before and not gate.shut.waits:
            self.on_park(
                {
                    "provider": repr(place.provider),
                    "why": gate.shut.why,
                    "seconds": min(gate.shut.until - now, EVER),
                    "broken": gate.shut.broken,
                }
            )

    def when(self, shut: Shut) -> str:
        """Say until when a gate is shut, for people; nothing if no time is known to help."""
        if shut.broken or math.isinf(shut.until):
            return ""
        now = self.epoch()
        until = time.gmtime(now + shut.until - self.clock())
        same_day = until[:3] == time.gmtime(now)[:3]
        return time.strftime(" until %H:%M UTC" if same_day else " until %Y-%m-%d %H:%M UTC", until)
