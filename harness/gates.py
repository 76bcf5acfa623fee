"""Admission of jobs to the pool: how many calls of one judge may be at work at a time."""

from __future__ import annotations

from collections import Counter, deque
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

Job = TypeVar("Job")


class Waiting(Generic[Job]):
    """Jobs in their order; hands out the first whose gate has room.

    ``gate`` names the gate of a job, ``limit`` how many of its jobs may be out at the
    same time (None: any number). A full gate never holds up the jobs of another.
    Main thread only; handing out costs one look at each gate.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        gate: Callable[[Job], Hashable],
        limit: Callable[[Job], int | None],
    ) -> None:
        self._gate = gate
        self._limit = limit
        self._order = count()
        self._queues: dict[Hashable, deque[tuple[int, Job]]] = {}
        self._out: Counter[Hashable] = Counter()
        for job in jobs:
            self.add(job)

    def __bool__(self) -> bool:
        return any(self._queues.values())

    def add(self, job: Job) -> None:
        """Put a job behind the others."""
        self._queues.setdefault(self._gate(job), deque()).append((next(self._order), job))

    def take(self) -> Job | None:
        """Hand out the first job that may start now; None if there is none."""
        open_queues = [
            queue for key, queue in self._queues.items() if queue and self._has_room(key)
        ]
        if not open_queues:
            return None
        _, job = min(open_queues, key=lambda queue: queue[0][0]).popleft()
        self._out[self._gate(job)] += 1
        return job

    def done(self, job: Job) -> None:
        """Take back the place of a job that was handed out."""
        self._out[self._gate(job)] -= 1

    def clear(self) -> None:
        """Forget the jobs that wait."""
        self._queues.clear()

    def _has_room(self, key: Hashable) -> bool:
        limit = self._limit(self._queues[key][0][1])
        return limit is None or self._out[key] < limit
