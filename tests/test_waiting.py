"""Jobs behind gates: whose turn it is, what goes back to the queue, what is left at the end."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.budget import Budget
from harness.durations import Durations
from harness.errors import (
    JudgeError,
    NotStartedError,
    RetryableError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.gate import Shut
from harness.gates import EVER
from harness.model import Calls, Deferred, Failed, Judged
from harness.waiting import TRIES, Waiting
from tests.clocks import EPOCH, FakeClock, failed, gates, judged, place, slot

if TYPE_CHECKING:
    from harness.gates import Gates
    from harness.model import Slot

LIMITS = {"a": 1, "b": 2, "c": None}


def waiting(*names: str, clock: FakeClock | None = None, **keys: float | Budget) -> Waiting[Slot]:
    """Return slots whose first letter is their judge, which is a program of one's own."""
    slots = [slot(name, remote=False, max_parallel=LIMITS[name[0]]) for name in names]
    return behind(gates(clock or FakeClock(), **keys), *slots)  # type: ignore[arg-type] # keys of a test


def behind(own: Gates, *slots: Slot) -> Waiting[Slot]:
    """Return slots behind gates."""
    return Waiting(slots, place=place, gates=own)


def name(job: Slot | None) -> str | None:
    """Return a slot's name in these tests."""
    return None if job is None else f"{job.judge.name}{job.run.path}"


def take(jobs: Waiting[Slot]) -> Slot:
    """Take a job that must be there."""
    job = jobs.take()
    assert job is not None
    return job


def left(jobs: Waiting[Slot]) -> list[tuple[str | None, str]]:
    """Return the names and reasons of what is left."""
    return [
        (name(job), outcome.reason if isinstance(outcome, Deferred) else str(outcome.error))  # type: ignore[union-attr] # it has failed
        for job, outcome in jobs.rest()
    ]


def test_jobs_without_a_limit_come_in_their_order() -> None:
    """Nothing is overtaken where no gate is full."""
    jobs = waiting("c1", "c2", "c3")
    assert [name(jobs.take()) for _ in range(4)] == ["c1", "c2", "c3", None]
    assert not jobs


def test_a_judge_with_enough_at_work_is_passed_by() -> None:
    """The first job whose judge has room comes next."""
    jobs = waiting("a1", "a2", "c1")
    first = take(jobs)
    assert [name(first), name(jobs.take()), jobs.take()] == ["a1", "c1", None]
    assert jobs
    jobs.done(first, judged(first))
    assert name(jobs.take()) == "a2"


def test_cleared_jobs_are_never_handed_out() -> None:
    """Only what is out already comes back."""
    jobs = waiting("a1", "a2")
    first = take(jobs)
    jobs.clear()
    jobs.done(first, judged(first))
    assert jobs.take() is None
    assert not jobs


def test_the_judge_that_takes_longest_comes_first() -> None:
    """So that the end of a session is short."""
    slots = [slot(each, remote=False) for each in ("a1", "b1", "c1", "b2")]
    known = [(place(slots[n]).lane, seconds) for n, seconds in ((0, 1.0), (1, 5.0), (2, 2.0))]
    jobs = Waiting(slots, place=place, gates=gates(FakeClock()), durations=Durations(known))
    assert [name(jobs.take()) for _ in range(4)] == ["b1", "b2", "c1", "a1"]


def test_what_judges_take_is_learned_from_the_calls_that_come_back() -> None:
    """Nobody is known at first, so the order holds; then the slower judge goes first."""
    clock = FakeClock()
    slots = [slot(each, remote=False) for each in ("a1", "b1", "a2", "b2", "a3", "b3")]
    jobs = Waiting(slots, place=place, gates=gates(clock))
    first, second = take(jobs), take(jobs)
    assert [name(first), name(second)] == ["a1", "b1"]
    clock.now += 1.0
    jobs.done(first, replace(judged(first), seconds=1.0))
    assert name(jobs.take()) == "a2", "b has taken as long so far"
    clock.now += 1.0
    assert name(jobs.take()) == "b2", "b is still not back"
    jobs.done(second, replace(judged(second), seconds=9.0))
    assert [name(jobs.take()) for _ in range(2)] == ["b3", "a3"]


def test_judges_that_take_about_the_same_keep_the_order_of_the_slots() -> None:
    """What a judge takes is never the same twice; the order of the runs is worth more."""
    slots = [slot(each, remote=False) for each in ("a1", "b1", "a2", "b2")]
    known = [(place(slots[0]).lane, 0.50), (place(slots[1]).lane, 0.54)]
    jobs = Waiting(slots, place=place, gates=gates(FakeClock()), durations=Durations(known))
    assert [name(jobs.take()) for _ in range(4)] == ["a1", "b1", "a2", "b2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_no_gate_is_ever_overfull_and_no_job_is_lost(steps: list[tuple[str, bool]]) -> None:
    """Whatever the order of taking and finishing, every job comes out exactly once."""
    queue = waiting(*(f"{gate}{number}" for number, (gate, _) in enumerate(steps)))
    out: list[Slot] = []
    seen: list[str | None] = []
    finish_first = [first for _, first in steps]
    while queue or out:
        job = None if out and finish_first and finish_first.pop() else queue.take()
        if job is None:
            ended = out.pop(0)
            queue.done(ended, judged(ended))
            continue
        out.append(job)
        seen.append(name(job))
        for gate, limit in LIMITS.items():
            assert limit is None or sum(j.judge.name == gate for j in out) <= limit
    assert sorted(filter(None, seen)) == sorted(f"{g}{n}" for n, (g, _) in enumerate(steps))


def test_a_throttled_slot_goes_back_and_is_asked_first_when_it_may() -> None:
    """A throttle decides nothing; meanwhile the other judges go on."""
    clock = FakeClock()
    jobs = behind(gates(clock), slot("a1"), slot("a2"), slot("b1"))
    first = take(jobs)
    assert jobs.done(first, failed(first, ThrottledError("slow down", retry_after=3.0))) is None
    assert name(jobs.take()) == "b1"
    assert jobs.take() is None
    assert jobs.opens(idle=True) == 3.0
    clock.now += 3.0
    again = take(jobs)
    assert name(again) == "a1"
    decided = jobs.done(again, judged(again))
    assert isinstance(decided, Judged)
    assert decided.calls == Calls(paid=1)


def test_an_answer_that_was_no_use_is_asked_for_again_before_others() -> None:
    """The job that follows takes its place, and the calls add up."""
    jobs = behind(gates(FakeClock()), slot("a1"), slot("a2"))
    first, second = take(jobs), slot("a1")
    assert jobs.done(first, failed(first, RetryableError("no verdict"), paid=1), second) is None
    assert take(jobs) is second
    decided = jobs.done(second, judged(second))
    assert decided is not None
    assert decided.calls == Calls(paid=2)


def test_a_usage_limit_defers_what_is_left_of_its_judge_only() -> None:
    """The others are judged; what is left says whose limit it is and until when."""
    clock = FakeClock()
    jobs = behind(gates(clock), slot("a1"), slot("a2"), slot("b1"))
    first = take(jobs)
    until = EPOCH + clock.now + 3600.0
    assert jobs.done(first, failed(first, UsageLimitError("limit reached", until=until))) is None
    other = take(jobs)
    assert isinstance(jobs.done(other, judged(other)), Judged)
    assert jobs.take() is None
    assert jobs.opens(idle=True) is None
    why = "a is not asked: limit reached until 23:15 UTC"
    assert left(jobs) == [("a1", why), ("a2", why)]
    assert not jobs


def test_another_day_is_named() -> None:
    """A limit that ends tomorrow says so."""
    clock = FakeClock()
    jobs = behind(gates(clock), slot("a1"))
    first = take(jobs)
    jobs.done(first, failed(first, UsageLimitError("week", until=EPOCH + clock.now + 86400.0)))
    assert left(jobs) == [("a1", "a is not asked: week until 2023-11-15 22:15 UTC")]


def test_a_session_that_was_told_to_waits_for_a_parked_judge() -> None:
    """As long as it was told, counted from when there was nothing else to do."""
    clock = FakeClock()
    jobs = behind(gates(clock, patience=120.0), slot("a1"), slot("b1"))
    first, other = take(jobs), take(jobs)
    jobs.done(first, failed(first, UsageLimitError("x", until=EPOCH + clock.now + 100.0)))
    assert jobs.opens(idle=False) == 100.0
    clock.now += 50.0
    jobs.done(other, judged(other))
    assert jobs.opens(idle=True) == 50.0
    clock.now += 50.0
    again = take(jobs)
    jobs.done(again, failed(again, UsageLimitError("x", until=EPOCH + clock.now + 100.0)))
    assert jobs.opens(idle=True) is None  # 50 of 120 seconds were waited; 100 more are too many


def test_what_a_provider_fails_is_tried_some_times_and_then_has_failed() -> None:
    """Each time after a while; the last error is the slot's, and every call is counted."""
    clock = FakeClock()
    jobs = behind(gates(clock), slot("a1"))
    for number in range(1, TRIES + 1):
        job = take(jobs)
        decided = jobs.done(job, failed(job, TransientError(f"overloaded {number}"), paid=1))
        assert (decided is None) == (number < TRIES)
    assert isinstance(decided, Failed)
    assert str(decided.error) == "overloaded 4"
    assert decided.calls == Calls(paid=TRIES)


def test_a_slot_waits_as_long_as_its_failing_provider_asks_for() -> None:
    """Others of the same judge need not."""
    clock = FakeClock()
    jobs = behind(gates(clock), slot("a1"), slot("a2"))
    first = take(jobs)
    jobs.done(first, failed(first, TransientError("overloaded", retry_after=9.0)))
    assert name(jobs.take()) == "a2"
    assert jobs.take() is None
    assert jobs.opens(idle=False) == 9.0


def test_a_provider_that_is_gone_fails_the_slots_it_was_asked_about() -> None:
    """The others are deferred: nobody was asked about them."""
    clock = FakeClock()
    jobs = behind(gates(clock), *(slot(f"a{number}") for number in range(1, 9)))
    while True:
        job = jobs.take()
        if job is not None:
            jobs.done(job, failed(job, TransientError("gone")))
            continue
        wait = jobs.opens(idle=True)
        if wait is None:
            break
        clock.now += max(wait, 0.001)
    found = left(jobs)
    assert {why for _, why in found} == {"gone", "a is not asked: gone"}
    assert found[0] == ("a1", "gone") or found[-1][1] == "a is not asked: gone"


def test_a_bad_key_fails_one_slot_and_defers_the_others() -> None:
    """No second call is made."""
    jobs = behind(gates(FakeClock()), slot("a1"), slot("a2"), slot("a3"))
    first = take(jobs)
    assert isinstance(jobs.done(first, failed(first, UnusableJudgeError("bad key"))), Failed)
    assert jobs.take() is None
    assert jobs.opens(idle=True) is None
    why = "a is not asked: bad key"
    assert left(jobs) == [("a2", why), ("a3", why)]


@pytest.mark.parametrize("error", [JudgeError("no"), NotStartedError("no program"), ValueError()])
def test_other_failures_are_final(error: Exception) -> None:
    """They are about the slot."""
    jobs = behind(gates(FakeClock()), slot("a1"), slot("a2"))
    first = take(jobs)
    assert jobs.done(first, failed(first, error)) == failed(first, error)
    assert name(jobs.take()) == "a2"


def test_judges_of_one_credential_and_model_share_a_gate() -> None:
    """What a provider says of one holds for the other, and for no other model."""
    own = gates(FakeClock())
    jobs = behind(own, slot("a1", model="m"), slot("b1", model="m"), slot("c1", model="n"))
    first = take(jobs)
    jobs.done(first, failed(first, ThrottledError("slow down", retry_after=3.0)))
    assert [name(jobs.take()), jobs.take()] == ["c1", None]


def test_gates_of_services_start_slowly_and_share_that_with_other_processes() -> None:
    """Two processes start half as many calls at once each; a program of one's own has no bound."""

    def at_once(job: Slot, *, share: int) -> int:
        clock = FakeClock()
        gate = gates(clock, share=share).of(place(job))
        while gate.at_work < 100 and gate.opens(clock()) == clock():
            gate.started(clock())
        return gate.at_work

    alone, shared = (at_once(slot("a1"), share=share) for share in (1, 2))
    assert 1 <= shared < alone < 100
    assert at_once(slot("a1", remote=False), share=2) == 100


def test_another_processes_word_is_for_one_provider_only() -> None:
    """Its reason, its time, and whether anything helps are kept; other judges go on."""
    clock = FakeClock()
    here = gates(clock)
    ours, other = here.of(place(slot("a1"))), here.of(place(slot("b1")))
    here.park(repr(place(slot("a1")).provider), "limit reached", 60.0, broken=False)
    assert (ours.shut, other.shut) == (Shut("limit reached", clock() + 60.0), None)
    here.park(repr(place(slot("b1")).provider), "bad key", EVER, broken=True)
    assert other.shut == Shut("bad key", math.inf, broken=True)


def test_only_what_shuts_a_gate_is_told_to_other_processes() -> None:
    """Once; not what finds it shut, and not what the session waits for by itself."""
    clock, told = FakeClock(), list[dict[str, Any]]()
    here, job = gates(clock), place(slot("a1"))
    here.on_park = told.append
    for _ in range(3):
        here.of(job).started(clock())
    here.failed(job, clock(), ThrottledError("slow down"))
    here.failed(job, clock(), UsageLimitError("limit reached", until=clock.epoch() + 60.0))
    here.failed(job, clock(), TransientError("overloaded"))
    assert [(one["why"], one["seconds"], one["broken"]) for one in told] == [
        ("limit reached", 60.0, False)
    ]


def test_a_judge_that_another_process_parked_is_parked_here() -> None:
    """Whether it was asked here before or not; what is told travels as text and numbers."""
    told: list[dict[str, Any]] = []
    clock = FakeClock()
    here, there = gates(clock), gates(clock)
    there.on_park = told.append
    jobs = behind(there, slot("a1"))
    first = take(jobs)
    jobs.done(first, failed(first, UsageLimitError("x", until=EPOCH + clock.now + 100.0)))
    here.park(**told[0])
    late = behind(here, slot("a2"))
    assert late.take() is None
    assert late.opens(idle=False) == 100.0
    assert len(told) == 1


def test_workers_share_the_calls_of_a_judge() -> None:
    """Of four calls at a time each of two workers has two."""
    own = gates(FakeClock(), share=2)
    jobs = behind(own, *(slot(f"a{n}", remote=False, max_parallel=4) for n in range(4)))
    assert [jobs.take() is None for _ in range(3)] == [False, False, True]


def test_the_budget_stops_new_calls_and_names_what_is_left() -> None:
    """Nothing starts that would cost more than is left; a judge that is free goes on."""
    budget = Budget(1.0, past={(place(slot("a1")).lane): [0.4]}, free=[place(slot("b1")).lane])
    jobs = behind(gates(FakeClock(), budget=budget), *map(slot, ("a1", "a2", "a3", "b1")))
    first, second, free = take(jobs), take(jobs), take(jobs)
    assert [name(first), name(second), name(free), jobs.take()] == ["a1", "a2", "b1", None]
    for job in (first, second):
        jobs.done(job, judged(job, cost=0.4))
    assert jobs.take() is None
    assert jobs.opens(idle=True) is None
    assert left(jobs) == [
        (
            "a3",
            (
                "a is not asked: the budget is used up: 0.8000 of 1 USD spent, "
                "and a call costs about 0.4000"
            ),
        )
    ]


def test_everything_that_was_put_off_is_accounted_for() -> None:
    """A slot that was paid for in vain and then throttled for good keeps its calls."""
    jobs = behind(gates(FakeClock()), slot("a1"))
    first = take(jobs)
    jobs.done(first, failed(first, RetryableError("no verdict"), paid=1), first)
    second = take(jobs)
    jobs.done(second, failed(second, UsageLimitError("limit")))
    [(_, outcome)] = jobs.rest()
    assert isinstance(outcome, Deferred)
    assert outcome.calls == Calls(paid=1)
