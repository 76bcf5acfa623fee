"""From slots to outcomes, in completion order; owns the thread pool.

Only the main thread calls the methods here; worker threads run ``work`` and hand
their outcomes over through one queue.
"""

from __future__ import annotations

import queue
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from harness.lanes import in_lane
from harness.waiting import Waiting
from harness.waking import waking

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from harness.durations import Durations
    from harness.gates import Gates, Place
    from harness.model import Outcome

Job = TypeVar("Job")


class _Lane:
    """What a job runs in; ``taken`` once the pool knows that it is free again."""

    taken = False


class Pool(Generic[Job]):
    """At most ``parallel`` jobs at work at a time, never more submitted than that.

    With ``early`` a job that makes no call any more (``lanes.lane_is_free``) does not count;
    of those there are no more than ``parallel``, either.

    So there is no queue whose content could be paid for after the session has
    stopped. Used as a context manager: leaving it waits for the jobs at work, unless
    an interrupt, or one of ``interrupts``, is on its way; then ``stop`` is called first,
    which must make them end. A signal is heard at once, whatever is being waited for.
    """

    def __init__(
        self,
        parallel: int,
        work: Callable[[Job], Outcome],
        *,
        stop: Callable[[], object],
        interrupts: tuple[type[BaseException], ...] = (),
        early: bool = False,
    ) -> None:
        self._free = parallel
        self._most = 2 * parallel if early else parallel
        self._early = early
        self._work = work
        self._stop = stop
        self._interrupts = interrupts
        self._jobs: dict[Future[Outcome], tuple[Job, _Lane]] = {}
        self._done: queue.SimpleQueue[Future[Outcome] | _Lane | None] = queue.SimpleQueue()
        self._executor = ThreadPoolExecutor(max_workers=self._most, thread_name_prefix="judge")
        self._waking = waking(self.wake)

    def __enter__(self) -> Self:
        self._waking.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._end(kind)
        finally:
            self._waking.__exit__(None, None, None)

    def _end(self, kind: type[BaseException] | None) -> None:
        waits = kind is None or issubclass(kind, Exception | GeneratorExit)
        if waits and not (kind is not None and issubclass(kind, self._interrupts)):
            try:
                while self._jobs:  # not by joining threads, which no signal would end for sure
                    self.next_or_wake()
            except BaseException:
                self._abandon()
                raise
            self._executor.shutdown(wait=True)
        else:
            self._abandon()

    def _abandon(self) -> None:
        """Make the jobs at work end, and wait for them a moment."""
        self._stop()
        self._executor.shutdown(wait=False, cancel_futures=True)
        wait(self._jobs, timeout=STOP_WAIT)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs at work, and those whose outcome nobody took yet."""
        return tuple(job for job, _ in self._jobs.values())

    @property
    def busy(self) -> int:
        """How many jobs are at work or have an outcome that nobody took yet."""
        return len(self._jobs)

    @property
    def free(self) -> int:
        """How many jobs may be submitted now."""
        return min(self._free, self._most - len(self._jobs))

    def submit(self, job: Job) -> None:
        """Start a job; only while ``free`` is above 0."""
        if self.free == 0:
            raise AssertionError("submit was called with no free place")
        self._free -= 1
        lane = _Lane()
        future = self._executor.submit(self._run, job, lane)
        self._jobs[future] = job, lane
        future.add_done_callback(self._done.put)

    def _run(self, job: Job, lane: _Lane) -> Outcome:
        if not self._early:
            return self._work(job)
        with in_lane(partial(self._done.put, lane)):
            return self._work(job)

    def next(self, timeout: float | None = None) -> tuple[Job, Outcome]:
        """Wait for the next outcome; ``queue.Empty`` after ``timeout`` seconds without one."""
        while (done := self.next_or_wake(timeout)) is None:
            pass
        return done

    def next_or_wake(self, timeout: float | None = None) -> tuple[Job, Outcome] | None:
        """Wait for the next outcome; None for ``wake``, or if only a lane became free."""
        found = self._done.get(timeout=timeout)
        if found is None:
            return None
        if isinstance(found, _Lane):  # comes before the outcome, which is put after it
            found.taken = True
            self._free += 1
            return None
        job, lane = self._jobs.pop(found)
        self._free += not lane.taken
        return job, found.result()

    def wake(self) -> None:
        """Make the next ``next_or_wake`` return; the only method for other threads."""
        self._done.put(None)


STOP_WAIT = 1.0
"""Seconds that an interrupted session waits for the jobs at work, their processes ended."""


class Here(Generic[Job]):
    """A pool of one lane that needs no thread: what is submitted runs when it is waited for."""

    def __init__(self, work: Callable[[Job], Outcome]) -> None:
        self._work = work
        self._jobs: list[Job] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to end."""

    @property
    def free(self) -> int:
        """Whether a job may be submitted, as a number."""
        return 1 - len(self._jobs)

    @property
    def busy(self) -> int:
        """Whether one was, as a number."""
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Take a job; only while ``free`` is above 0."""
        self._jobs.append(job)

    def next(self, timeout: float | None = None) -> tuple[Job, Outcome]:
        """Do the job; with none, sleep and raise ``queue.Empty``."""
        if not self._jobs:
            time.sleep(timeout or 0.0)
            raise queue.Empty
        return self._jobs[0], self._work(self._jobs.pop())


def dispatch(
    jobs: Iterable[Job],
    work: Callable[[Job], Outcome],
    *,
    parallel: int,
    stop: Callable[[], object],
    place: Callable[[Job], Place],
    gates: Gates | None = None,
    durations: Durations[Hashable] | None = None,
    again: Callable[[Job, Outcome], Job | None] = lambda *_: None,
) -> Iterator[Outcome]:
    """Yield what became of every job, as they complete.

    ``place``, ``gates``, ``durations``: as in ``Waiting``. ``again`` returns the job that
    follows from an outcome that is not the last word. One lane, or one job, needs no pool. When the
    consumer stops early nothing that waits is started; what is at work is waited for.
    """
    listed = list(jobs)
    waiting = Waiting(listed, place=place, gates=gates, durations=durations)
    lanes = min(parallel, len(listed))
    pool: Here[Job] | Pool[Job] = Pool(lanes, work, stop=stop) if lanes > 1 else Here(work)
    with pool:
        while waiting or pool.busy:
            while pool.free and (job := waiting.take()) is not None:
                pool.submit(job)
            wait = waiting.opens(idle=not pool.busy) if pool.free else None
            if wait is None and not pool.busy:
                break
            try:
                done, outcome = pool.next(timeout=wait)
            except queue.Empty:
                continue
            decided = waiting.done(done, outcome, again(done, outcome))
            if decided is not None:
                yield decided
        yield from (outcome for _, outcome in waiting.rest())
