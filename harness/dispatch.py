"""From slots to outcomes, in completion order; owns the thread pool.

Only the main thread calls the methods here; worker threads run ``work`` and hand
their outcomes over through one queue.
"""

from __future__ import annotations

import queue
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from harness.errors import HarnessError
from harness.model import NO_CALLS, Calls, Failed, Judged, Outcome, Raised
from harness.waiting import Waiting
from harness.waking import waking

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from harness.durations import Durations
    from harness.gates import Gates, Place
    from harness.model import Deferred, Slot

    Work = Callable[[Slot], Judged | Deferred]

Job = TypeVar("Job")


def capture(slot: Slot, work: Work, *, pass_on: tuple[type[BaseException], ...] = ()) -> Outcome:
    """Do the work for ``slot`` and return what became of it; never raise.

    An ``Exception`` is the slot's own failure. Anything else, and ``pass_on``, is not
    about the slot: it travels with the outcome and is raised in the main thread.
    """
    started = time.time()
    began = time.monotonic()
    try:
        return work(slot)
    except BaseException as error:  # noqa: BLE001 - whatever a judge raises is its outcome
        own = isinstance(error, Exception) and not isinstance(error, pass_on)
        return (Failed if own else Raised)(
            slot=slot,
            error=error,  # type: ignore[arg-type] # an Exception wherever Failed takes it
            started=started,
            seconds=time.monotonic() - began,
            calls=calls_before(error),
        )


def calls_before(error: BaseException) -> Calls:
    """Return what had been paid for when ``error`` was raised, as far as it carries that."""
    found = getattr(error, "calls", None)
    return found if isinstance(found, Calls) else NO_CALLS


def light(outcome: Outcome) -> Outcome:
    """Return an outcome without the judgment's texts, which are on disk.

    Many outcomes may wait to be reported, and a judge may have written megabytes.
    """
    if not isinstance(outcome, Judged):
        return outcome
    raw = {"provenance": outcome.judgment.provenance}
    return replace(outcome, judgment=replace(outcome.judgment, reasoning="", raw=raw))


class Pool(Generic[Job]):
    """At most ``parallel`` jobs at work at a time, never more submitted than that.

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
    ) -> None:
        self.free = parallel
        self._parallel = parallel
        self._work = work
        self._stop = stop
        self._interrupts = interrupts
        self._jobs: dict[Future[Outcome], Job] = {}
        self._done: queue.SimpleQueue[Future[Outcome] | None] = queue.SimpleQueue()
        self._executor = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="judge")
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
        return tuple(self._jobs.values())

    @property
    def busy(self) -> int:
        """How many jobs are at work or have an outcome that nobody took yet."""
        return self._parallel - self.free

    def submit(self, job: Job) -> None:
        """Start a job; only while ``free`` is above 0."""
        if self.free == 0:
            raise AssertionError("submit was called with no free place")
        self.free -= 1
        future = self._executor.submit(self._work, job)
        self._jobs[future] = job
        future.add_done_callback(self._done.put)

    def next(self, timeout: float | None = None) -> tuple[Job, Outcome]:
        """Wait for the next outcome; ``queue.Empty`` after ``timeout`` seconds without one."""
        while (done := self.next_or_wake(timeout)) is None:
            pass
        return done

    def next_or_wake(self, timeout: float | None = None) -> tuple[Job, Outcome] | None:
        """Wait for the next outcome, or for ``wake``, for which None is returned."""
        future = self._done.get(timeout=timeout)
        if future is None:
            return None
        self.free += 1
        return self._jobs.pop(future), future.result()

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


def explain(error: BaseException) -> str:
    """Return what a failure is, in one line for people."""
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, HarnessError) else f"{type(error).__name__}: {text}"
