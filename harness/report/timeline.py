"""How full the lanes of a session were, from when its calls were at work; pure functions."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.calls import Call

IDLE = 600.0
"""Seconds without a call after which the next one belongs to another session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The calls of the latest session, each with its lane; ``earlier`` calls came before it.

    ``peak`` is how many were at work at the same time at most, ``busy`` the seconds of
    all calls together, ``steps`` the number at work from each moment on, in seconds
    since ``began``.
    """

    calls: tuple[Call, ...] = ()
    lanes: tuple[int, ...] = ()
    peak: int = 0
    began: float = 0.0
    ended: float = 0.0
    busy: float = 0.0
    earlier: int = 0
    steps: tuple[tuple[float, int], ...] = ()

    @property
    def seconds(self) -> float:
        """How long the session was at work."""
        return self.ended - self.began

    @property
    def speed_up(self) -> float | None:
        """How many times as fast it was as one call at a time; None for no time at all."""
        return self.busy / self.seconds if self.seconds > 0 else None


def timeline(calls: Sequence[Call], *, idle: float = IDLE) -> Timeline:
    """Lay out the calls since the last pause; ``calls`` are in the order of their start."""
    first, reached = 0, float("-inf")
    for place, call in enumerate(calls):
        if call.started - reached > idle:
            first = place
        reached = max(reached, call.ended)
    latest = tuple(calls[first:])
    if not latest:
        return Timeline()
    began = latest[0].started
    steps = _steps(latest, began)
    return Timeline(
        calls=latest,
        lanes=_lanes(latest),
        peak=max(count for _, count in steps),
        began=began,
        ended=max(call.ended for call in latest),
        busy=sum(call.seconds for call in latest),
        earlier=first,
        steps=steps,
    )


def _lanes(calls: Sequence[Call]) -> tuple[int, ...]:
    """Give each call the lowest lane that is free when it starts."""
    free: list[int] = []
    working: list[tuple[float, int]] = []
    lanes = []
    for call in calls:
        while working and working[0][0] <= call.started:
            heapq.heappush(free, heapq.heappop(working)[1])
        lane = heapq.heappop(free) if free else len(working)
        lanes.append(lane)
        heapq.heappush(working, (call.ended, lane))
    return tuple(lanes)


def _steps(calls: Sequence[Call], began: float) -> tuple[tuple[float, int], ...]:
    changes = [(call.started, 1) for call in calls] + [(call.ended, -1) for call in calls]
    count, steps = 0, []
    for moment, change in sorted(changes):  # at the same moment an end comes before a start
        count += change
        steps.append((moment - began, count))
    return tuple(steps)
