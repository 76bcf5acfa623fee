"""One judge's gate: pace, parking, and the breaker; on a fake clock."""

from __future__ import annotations

import math

import pytest

from harness.errors import (
    JudgeError,
    RetryableError,
    ThrottledError,
    TransientError,
    UnreachableError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.gate import (
    FAILURES,
    PARKED_WITHOUT_TIME,
    REFUSALS,
    REFUSED_FOR,
    UNEXPLAINED,
    Gate,
    Shut,
)
from tests.clocks import EPOCH


def gate(*, soft: bool = True) -> Gate:
    """Return a gate without chance."""
    return Gate(soft=soft, chance=lambda: 0.0)


def fail(one: Gate, now: float, error: Exception) -> None:
    """Start a call, and have it fail at once."""
    one.started(now)
    one.failed(now, now, error, epoch=EPOCH + now)


def test_a_throttled_gate_stays_open_but_waits() -> None:
    """A throttle is no reason to shut the gate: only the pace changes."""
    one = gate()
    fail(one, 1.0, ThrottledError("slow down", retry_after=3.0))
    assert (one.shut, one.at_work, one.opens(1.0)) == (None, 0, 4.0)


def test_a_provider_that_refuses_everything_is_parked_in_the_end() -> None:
    """After some minutes without one answer the session may end; an answer counts anew."""
    one, now = gate(), 0.0
    for number in range(2 * REFUSALS):
        if number == REFUSALS - 1:
            one.started(now)
            one.answered(now)
        assert one.shut is None
        fail(one, now, ThrottledError("slow down", retry_after=REFUSED_FOR / REFUSALS))
        now += REFUSED_FOR / REFUSALS + 1.0
    assert one.shut is not None
    assert one.shut.why == "every call is refused: slow down"
    assert not one.shut.waits


def test_a_usage_limit_parks_until_its_reset() -> None:
    """Nobody passes before the limit ends; then anybody does after one call that succeeds."""
    one = gate()
    fail(one, 1.0, UsageLimitError("limit reached", until=EPOCH + 601.0))
    assert one.shut == Shut("limit reached", 601.0)
    assert one.opens(600.0) == 601.0
    assert one.opens(602.0) == 602.0
    one.started(602.0)
    assert one.opens(602.0) is None  # one call finds out whether it works again
    one.answered(603.0)
    assert one.opens(603.0) == 603.0


def test_a_usage_limit_without_a_time_parks_for_a_while() -> None:
    """A quarter of an hour, since nobody knows better."""
    one = gate()
    fail(one, 1.0, UsageLimitError("limit reached"))
    assert one.shut == Shut("limit reached", 1.0 + PARKED_WITHOUT_TIME)


def test_of_two_times_the_later_holds() -> None:
    """Calls in flight that hear of an earlier end do not open the gate sooner."""
    one = gate()
    one.started(0.0)
    one.started(0.0)
    one.failed(1.0, 0.0, UsageLimitError("week", until=EPOCH + 900.0), epoch=EPOCH + 1.0)
    one.failed(1.0, 0.0, UsageLimitError("hour", until=EPOCH + 300.0), epoch=EPOCH + 1.0)
    assert one.shut == Shut("week", 900.0)


def test_a_bad_key_opens_the_breaker_at_once_and_for_good_if_a_probe_fails() -> None:
    """No call follows but one that tries, a minute later; then none."""
    one = gate()
    fail(one, 1.0, UnusableJudgeError("bad key"))
    assert one.opens(2.0) == 61.0
    fail(one, 61.0, UnusableJudgeError("bad key still"))
    assert one.shut == Shut("bad key still", math.inf, broken=True)
    assert one.opens(1e9) == math.inf


@pytest.mark.parametrize("error", [TransientError("overloaded"), UnreachableError("refused")])
def test_a_provider_that_fails_again_and_again_is_left_alone(error: Exception) -> None:
    """After some failures in a row nobody passes; the session waits for the probe by itself."""
    one = gate()
    for _ in range(FAILURES - 1):
        fail(one, 1.0, error)
        assert one.shut is None
    fail(one, 1.0, error)
    assert one.shut == Shut(str(error), 6.0, waits=True)


def test_probes_come_less_often_and_end() -> None:
    """Five seconds, ten, twenty; then the judge is given up."""
    one, now, waits = gate(), 1.0, []
    for _ in range(FAILURES):
        fail(one, now, TransientError("overloaded"))
    while one.shut is not None and one.shut.until < math.inf:
        waits.append(one.shut.until - now)
        now = one.shut.until
        fail(one, now, TransientError("overloaded"))
    assert waits == [5.0, 10.0, 20.0]


def test_a_probe_that_succeeds_opens_the_gate() -> None:
    """The provider is back."""
    one = gate()
    for _ in range(FAILURES):
        fail(one, 1.0, TransientError("overloaded"))
    one.started(6.0)
    assert one.opens(6.0) is None
    one.answered(7.0)
    assert (one.shut, one.opens(7.0)) == (None, 7.0)


def test_a_success_between_failures_counts_them_anew() -> None:
    """Only failures in a row say that the provider is gone."""
    one = gate()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            fail(one, 1.0, TransientError("overloaded"))
        one.started(1.0)
        one.answered(1.0)
    assert one.shut is None


def test_failures_that_nobody_can_explain_shut_a_service_sooner() -> None:
    """Each of them may have cost money."""
    one = gate()
    for _ in range(UNEXPLAINED):
        fail(one, 1.0, JudgeError("exit status 70"))
    assert one.shut == Shut("exit status 70", 6.0, waits=True)


def test_requests_that_are_wrong_in_themselves_shut_nothing() -> None:
    """A prompt that is too long says nothing of the provider: it cost nothing and was answered."""
    one = gate()
    for _ in range(20):
        error = JudgeError("too long")
        error.unpaid = True
        fail(one, 1.0, error)
    assert (one.shut, one.at_work) == (None, 0)


def test_answers_that_are_no_use_shut_nothing() -> None:
    """A judge that answers is there, whatever the answer is worth."""
    one = gate()
    for _ in range(20):
        fail(one, 1.0, RetryableError("no verdict"))
    assert (one.shut, one.at_work) == (None, 0)


def test_a_program_of_ones_own_may_fail_as_often_as_it_likes() -> None:
    """Its slots fail one by one, as tests do."""
    one = gate(soft=False)
    for _ in range(20):
        fail(one, 1.0, JudgeError("exit status 1"))
    assert (one.shut, one.at_work) == (None, 0)


def test_what_asked_nobody_says_nothing() -> None:
    """An adopted answer leaves the gate as it was."""
    one = gate()
    one.started(1.0)
    one.unasked(1.0)
    assert (one.at_work, one.opens(1.0)) == (0, 1.0)
