"""Jobs behind gates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.gates import Waiting

LIMITS = {"a": 1, "b": 2, "c": None}


def waiting(jobs: list[str]) -> Waiting[str]:
    """Return jobs whose first letter is their gate."""
    return Waiting(jobs, gate=lambda job: job[0], limit=lambda job: LIMITS[job[0]])


def test_jobs_without_a_limit_come_in_their_order() -> None:
    """Nothing is overtaken where no gate is full."""
    jobs = waiting(["c1", "c2", "c3"])
    assert [jobs.take() for _ in range(4)] == ["c1", "c2", "c3", None]
    assert not jobs


def test_a_full_gate_is_passed_by() -> None:
    """The first job whose gate has room comes next."""
    jobs = waiting(["a1", "a2", "c1"])
    assert [jobs.take(), jobs.take(), jobs.take()] == ["a1", "c1", None]
    assert jobs
    jobs.done("a1")
    assert jobs.take() == "a2"


def test_cleared_jobs_are_never_handed_out() -> None:
    """Only what is out already comes back."""
    jobs = waiting(["a1", "a2"])
    jobs.take()
    jobs.clear()
    jobs.done("a1")
    assert jobs.take() is None
    assert not jobs


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_no_gate_is_ever_overfull_and_no_job_is_lost(steps: list[tuple[str, bool]]) -> None:
    """Whatever the order of taking and finishing, every job comes out exactly once."""
    jobs = [f"{gate}{number}" for number, (gate, _) in enumerate(steps)]
    queue = waiting(jobs)
    out: list[str] = []
    seen: list[str] = []
    finish_first = [first for _, first in steps]
    while queue or out:
        job = None if out and finish_first and finish_first.pop() else queue.take()
        if job is None:
            queue.done(out.pop(0))
            continue
        out.append(job)
        seen.append(job)
        for gate, limit in LIMITS.items():
            assert limit is None or sum(j[0] == gate for j in out) <= limit
    assert sorted(seen) == sorted(jobs)
