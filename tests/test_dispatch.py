"""From jobs to outcomes: how many at once, in which order, and what a failure harms."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from harness import dispatch as module
from harness.dispatch import Pool, capture, dispatch, explain
from harness.errors import ExperimentError, Interrupted, JudgeError
from harness.gates import Place
from harness.model import (
    Deferred,
    Failed,
    Judged,
    JudgeSpec,
    Judgment,
    Raised,
    Run,
    Slot,
    SlotStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.model import Outcome

WAIT = 30.0


def make_slot(path: Path, name: str = "a") -> Slot:
    """Return a slot that no stage below dispatch looks at."""
    return Slot(
        run=Run(name=f"runs/{name}", path=path),
        judge=JudgeSpec(number=1, name="one", kind="command"),
        status=SlotStatus.MISSING,
    )


def place(slot: Slot) -> Place:
    """Return whose slot it is."""
    return Place(slot.run.path, slot)


def judged(slot: Slot) -> Judged:
    """Return the outcome of a judged slot."""
    judgment = Judgment(score=1.0, passed=True, grade="S", reasoning="", raw={})
    return Judged(slot=slot, judgment=judgment, started=0.0, seconds=0.0)


@pytest.fixture
def slots(tmp_path: Path) -> list[Slot]:
    """Twelve slots."""
    return [make_slot(tmp_path, f"{number:02d}") for number in range(12)]


def names(outcomes: list[Outcome]) -> list[str]:
    """Return the slots of outcomes, in order."""
    return [outcome.slot.run.name for outcome in outcomes]


@pytest.mark.parametrize("parallel", [2, 6])
def test_as_many_jobs_as_lanes_are_at_work_at_the_same_time(
    slots: list[Slot], parallel: int
) -> None:
    """Jobs that wait for each other in groups of N all end, so N are at work at once."""
    barrier = threading.Barrier(parallel, timeout=WAIT)

    def work(slot: Slot) -> Outcome:
        barrier.wait()
        return judged(slot)

    outcomes = list(dispatch(slots, work, parallel=parallel, stop=lambda: None, place=place))
    assert sorted(names(outcomes)) == sorted(slot.run.name for slot in slots)


def test_never_more_jobs_than_lanes_are_at_work(slots: list[Slot]) -> None:
    """The highest number of jobs at work at one time is the number of lanes."""
    lock = threading.Lock()
    full = threading.Barrier(3, timeout=WAIT)
    at_work = peak = 0

    def work(slot: Slot) -> Outcome:
        nonlocal at_work, peak
        with lock:
            at_work += 1
            peak = max(peak, at_work)
        full.wait()
        with lock:
            at_work -= 1
        return judged(slot)

    list(dispatch(slots, work, parallel=3, stop=lambda: None, place=place))
    assert peak == 3


def test_outcomes_come_in_the_order_of_completion(slots: list[Slot]) -> None:
    """The first job ends last because it waits for the second, and is yielded last."""
    second_seen = threading.Event()

    def work(slot: Slot) -> Outcome:
        if slot is slots[0]:
            assert second_seen.wait(WAIT)
        return judged(slot)

    seen = []
    for outcome in dispatch(slots[:2], work, parallel=2, stop=lambda: None, place=place):
        seen.append(outcome.slot.run.name)
        second_seen.set()
    assert seen == ["runs/01", "runs/00"]


@pytest.mark.parametrize("parallel", [1, 4])
def test_one_failing_slot_harms_no_other(slots: list[Slot], parallel: int) -> None:
    """A judge that raises fails its own slot; all others are judged."""
    bad = slots[5]

    def judge(slot: Slot) -> Judged:
        if slot is bad:
            raise JudgeError("no")
        return judged(slot)

    def work(slot: Slot) -> Outcome:
        return capture(slot, judge)

    outcomes = list(dispatch(slots, work, parallel=parallel, stop=lambda: None, place=place))
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert [(f.slot, str(f.error)) for f in failed] == [(bad, "no")]
    assert sum(isinstance(outcome, Judged) for outcome in outcomes) == len(slots) - 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, Interrupted])
def test_what_is_not_about_the_slot_travels_with_the_outcome(
    slots: list[Slot], kind: type[BaseException]
) -> None:
    """A BaseException in a worker is no failure of the slot: it arrives as Raised."""
    error = kind()

    def judge(_: Slot) -> Judged:
        raise error

    outcome = capture(slots[0], judge)
    assert isinstance(outcome, Raised)
    assert outcome.error is error


def test_chosen_exceptions_travel_as_well(slots: list[Slot]) -> None:
    """An Exception named in pass_on is treated like a BaseException."""

    def judge(_: Slot) -> Judged:
        raise LookupError

    assert isinstance(capture(slots[0], judge, pass_on=(LookupError,)), Raised)
    assert isinstance(capture(slots[0], judge), Failed)


def test_outcome_of_the_work_is_returned_as_it_is(slots: list[Slot]) -> None:
    """A Deferred passes through the wrapper untouched."""
    deferred = Deferred(slot=slots[0], reason="busy", started=0.0, seconds=0.0)
    assert capture(slots[0], lambda _: deferred) is deferred


def test_nothing_more_is_started_when_the_consumer_stops_early(slots: list[Slot]) -> None:
    """Closing the iterator starts no job that waited, and waits for those at work."""
    started: list[str] = []
    ended: list[str] = []
    gate = threading.Event()

    def work(slot: Slot) -> Outcome:
        started.append(slot.run.name)
        if slot is not slots[0]:
            assert gate.wait(WAIT)
        ended.append(slot.run.name)
        return judged(slot)

    outcomes = dispatch(slots, work, parallel=3, stop=lambda: pytest.fail("stopped"), place=place)
    assert next(outcomes).slot is slots[0]
    gate.set()
    outcomes.close()  # type: ignore[attr-defined] # dispatch is a generator
    assert sorted(started) == sorted(ended)
    assert set(started) <= {slot.run.name for slot in slots[:3]}


def test_interrupt_in_the_consumer_stops_the_jobs_at_work(slots: list[Slot]) -> None:
    """Ctrl-C calls stop, which must make the jobs end; no other job is started."""
    gate = threading.Event()
    started: list[str] = []

    def work(slot: Slot) -> Outcome:
        started.append(slot.run.name)
        if slot is not slots[0]:
            assert gate.wait(WAIT)
        return judged(slot)

    def consume() -> None:
        with Pool(3, work, stop=gate.set) as pool:
            for slot in slots[:3]:
                pool.submit(slot)
            pool.next()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert gate.is_set()
    assert set(started) <= {slot.run.name for slot in slots[:3]}


@pytest.mark.parametrize(("parallel", "count"), [(1, 12), (6, 1)])
def test_one_lane_or_one_job_uses_no_pool(
    slots: list[Slot], parallel: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one lane, or one job, the work is done in the caller's own thread, in order."""
    monkeypatch.setattr(module, "ThreadPoolExecutor", lambda **_: pytest.fail("made a pool"))
    threads = set()

    def work(slot: Slot) -> Outcome:
        threads.add(threading.current_thread())
        return judged(slot)

    outcomes = list(
        dispatch(slots[:count], work, parallel=parallel, stop=lambda: None, place=place)
    )
    assert names(outcomes) == [slot.run.name for slot in slots[:count]]
    assert threads == {threading.main_thread()}


def test_pool_has_no_more_threads_than_jobs(
    slots: list[Slot], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking for many lanes for a few jobs makes a pool of a few."""
    made: list[int] = []

    def spy(max_workers: int, thread_name_prefix: str) -> ThreadPoolExecutor:
        made.append(max_workers)
        return ThreadPoolExecutor(max_workers, thread_name_prefix)

    monkeypatch.setattr(module, "ThreadPoolExecutor", spy)
    list(dispatch(slots[:3], judged, parallel=64, stop=lambda: None, place=place))
    assert made == [3]


def test_no_jobs_give_no_outcomes() -> None:
    """Nothing to do is done at once."""
    none: list[Slot] = []
    assert list(dispatch(none, judged, parallel=4, stop=lambda: None, place=place)) == []


class _SignalError(Exception):
    """What the handler of a test's signal raises."""


def test_signal_that_does_not_interrupt_the_wait_is_heard_at_once(slots: list[Slot]) -> None:
    """As one that comes when the main thread is about to wait; the judges are ended for it."""
    submitted, ended = threading.Event(), threading.Event()
    told: list[bool] = []

    def interrupt(*_: object) -> None:
        raise _SignalError

    def work(slot: Slot) -> Outcome:
        assert submitted.wait(WAIT)
        signal.raise_signal(signal.SIGUSR1)  # in this thread, so that no wait of the other ends
        told.append(ended.wait(WAIT))
        return judged(slot)

    def session() -> None:
        with Pool(2, work, stop=ended.set, interrupts=(_SignalError,)) as pool:
            pool.submit(slots[0])
            submitted.set()
            pool.next()

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(_SignalError):
            session()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert told == [True]
    assert signal.set_wakeup_fd(-1) == -1


def test_signal_at_the_end_of_a_pool_ends_what_is_at_work(slots: list[Slot]) -> None:
    """An error elsewhere lets it finish; whoever does not want to wait for that need not."""
    waiting, ended = threading.Event(), threading.Event()
    told: list[bool] = []

    def interrupt(*_: object) -> None:
        raise _SignalError

    def work(slot: Slot) -> Outcome:
        assert waiting.wait(WAIT)
        signal.raise_signal(signal.SIGUSR1)
        told.append(ended.wait(WAIT))
        return judged(slot)

    def session() -> None:
        with Pool(2, work, stop=ended.set) as pool:
            pool.submit(slots[0])
            waiting.set()
            raise ValueError

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(_SignalError):
            session()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert told == [True]


def test_somebody_else_listens_to_signals(slots: list[Slot]) -> None:
    """Whoever it is keeps doing so."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    try:
        with Pool(2, judged, stop=lambda: None) as pool:
            pool.submit(slots[0])
            assert pool.next(timeout=WAIT)[0] is slots[0]
    finally:
        mine = signal.set_wakeup_fd(-1)
        os.close(reading)
        os.close(writing)
    assert mine == writing


def test_pool_of_another_thread_leaves_signals_alone(slots: list[Slot]) -> None:
    """They are the main thread's."""
    with Pool(2, judged, stop=lambda: None):
        mine = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(mine)
        with ThreadPoolExecutor(1) as other:
            other.submit(lambda: list(_dispatched(slots))).result(WAIT)
        assert signal.set_wakeup_fd(mine) == mine


def _dispatched(slots: list[Slot]) -> Iterator[Outcome]:
    return dispatch(slots, judged, parallel=2, stop=lambda: None, place=place)


def test_submitting_beyond_the_lanes_is_refused(slots: list[Slot]) -> None:
    """A pool never holds a queue whose jobs could be paid for after the session has stopped."""
    gate = threading.Event()

    def work(slot: Slot) -> Outcome:
        assert gate.wait(WAIT)
        return judged(slot)

    with Pool(1, work, stop=gate.set) as pool:
        pool.submit(slots[0])
        assert (pool.free, pool.busy) == (0, 1)
        with pytest.raises(AssertionError, match="no free place"):
            pool.submit(slots[1])
        gate.set()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (JudgeError("it said no"), "it said no"),
        (ExperimentError("a.yaml: bad"), "a.yaml: bad"),
        (ValueError("odd"), "ValueError: odd"),
        (ValueError(), "ValueError: ValueError"),
        (JudgeError(), "JudgeError"),
    ],
)
def test_failures_are_explained_in_one_line(error: Exception, text: str) -> None:
    """Our own errors speak for themselves; others are given with their type."""
    assert explain(error) == text


def test_outcome_knows_when_and_how_long(slots: list[Slot]) -> None:
    """A failure has its start and its duration, measured around the work."""
    outcome = capture(slots[0], _raise)
    assert isinstance(outcome, Failed)
    assert outcome.started > 0
    assert outcome.seconds >= 0


def _raise(_: Slot) -> Judged:
    raise ValueError
