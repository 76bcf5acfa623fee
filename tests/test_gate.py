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
    for _ in range(3):
        assert one.shut is not None
        assert one.shut.waits
        waits.append(one.shut.until - now)
        now = one.shut.until
        fail(one, now, TransientError("overloaded"))
    assert waits == [5.0, 10.0, 20.0]
    assert one.shut == Shut("overloaded", math.inf)


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
        assert one.shut is None
        one.started(1.0)
        one.answered(1.0)


def test_an_answer_that_is_no_use_is_an_answer() -> None:
    """Failures before it and after it are not in a row, and a gate that was shut opens."""
    one = gate()
    for _ in range(2):
        for _ in range(FAILURES - 1):
            fail(one, 1.0, TransientError("overloaded"))
        assert one.shut is None
        fail(one, 1.0, RetryableError("no verdict"))
    one.started(1.0)
    fail(one, 1.0, UsageLimitError("limit reached", until=EPOCH + 601.0))
    one.failed(601.0, 1.0, RetryableError("no verdict"), epoch=EPOCH + 601.0)
    assert (one.shut, one.at_work) == (None, 0)


def test_calls_at_work_are_counted() -> None:
    """Each that starts, until it comes back in one way or another."""
    one = gate()
    for _ in range(4):
        one.started(1.0)
    assert one.at_work == 4
    one.answered(2.0)
    one.unasked(1.0)
    one.failed(2.0, 1.0, TransientError("overloaded"), epoch=EPOCH)
    assert one.at_work == 1


def test_an_answer_after_the_reset_opens_a_gate_for_everybody() -> None:
    """Also one to a call that was at work when the limit was reached; an earlier one does not."""
    one = gate()
    one.started(0.0)
    one.started(0.0)
    fail(one, 1.0, UsageLimitError("limit reached", until=EPOCH + 601.0))
    one.answered(600.0)
    assert one.opens(600.0) == 601.0
    one.answered(601.0)
    assert (one.shut, one.opens(601.0)) == (None, 601.0)


def test_after_a_probe_calls_are_ordinary_ones_again() -> None:
    """A key that fails once more after an answer gets another probe; it is not given up."""
    one = gate()
    fail(one, 1.0, UnusableJudgeError("bad key"))
    one.started(61.0)
    one.answered(62.0)
    one.started(62.0)
    one.failed(70.0, 62.0, UnusableJudgeError("bad key"), epoch=EPOCH)
    assert one.shut == Shut("bad key", 130.0, broken=True)


def test_a_probe_that_asked_nobody_lets_another_one_try() -> None:
    """An adopted answer says nothing of the provider."""
    one = gate()
    fail(one, 1.0, UnusableJudgeError("bad key"))
    one.started(61.0)
    assert one.opens(61.0) is None
    one.unasked(61.0)
    assert one.opens(61.0) == 61.0


def test_a_throttle_opens_a_gate_only_if_it_answers_a_probe() -> None:
    """The provider speaks again; a call that was at work before says nothing new."""
    one = gate()
    one.started(0.0)
    fail(one, 1.0, UsageLimitError("limit reached", until=EPOCH + 601.0))
    one.failed(2.0, 0.0, ThrottledError("slow down"), epoch=EPOCH + 2.0)
    assert one.shut == Shut("limit reached", 601.0)
    fail(one, 601.0, ThrottledError("slow down"))
    assert one.shut is None


def test_failures_of_calls_at_work_leave_a_parked_judge_parked() -> None:
    """However many there are: its limit ends when its provider has said."""
    one = gate()
    for _ in range(FAILURES + 1):
        one.started(0.0)
    fail(one, 1.0, UsageLimitError("limit reached", until=EPOCH + 601.0))
    for _ in range(FAILURES + 1):
        one.failed(2.0, 0.0, TransientError("overloaded"), epoch=EPOCH + 2.0)
    assert one.shut == Shut("limit reached", 601.0)


def test_a_provider_that_refuses_is_parked_after_the_last_refusal_that_it_takes() -> None:
    """Eight of them, and five minutes from the first one on."""
    one = gate()
    for number in range(REFUSALS):
        assert one.shut is None
        fail(one, number * REFUSED_FOR / (REFUSALS - 1), ThrottledError("slow down"))
    until = REFUSED_FOR + PARKED_WITHOUT_TIME
    assert one.shut == Shut("every call is refused: slow down", until)


def test_a_limit_that_has_ended_already_parks_for_no_time() -> None:
    """A clock that is behind the provider's does not put the reset into the past."""
    one = gate()
    fail(one, 1.0, UsageLimitError("limit reached", until=EPOCH - 5.0))
    assert one.shut == Shut("limit reached", 1.0)


def test_the_first_call_comes_a_little_after_the_reset() -> None:
    """Up to five seconds, by chance, because clocks differ."""
    one = Gate(soft=True, chance=lambda: 1.0)
    fail(one, 1.0, UsageLimitError("limit reached", until=EPOCH + 601.0))
    assert one.shut == Shut("limit reached", 606.0)


def test_of_two_reasons_until_the_same_time_the_first_holds() -> None:
    """What is said at the end does not depend on which call came back last."""
    one = gate()
    one.park(Shut("first", 601.0))
    one.park(Shut("second", 601.0))
    assert one.shut == Shut("first", 601.0)


@pytest.mark.parametrize("unasked", [True, False], ids=["adopted", "limit"])
def test_a_call_that_measures_nothing_is_forgotten(unasked: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The pace after a throttle is that of what the provider took, without it."""

    def paced(*, more: bool) -> float | None:
        one = gate()
        for number in range(20):
            one.started(number / 10)
            one.answered(number / 10)
        if more:
            one.started(1.95)
            if unasked:
                one.unasked(1.95)
            else:
                one.failed(1.95, 1.95, UsageLimitError("limit", until=EPOCH), epoch=EPOCH)
        fail(one, 2.0, ThrottledError("slow down"))
        return one.pace.rate

    assert paced(more=True) == paced(more=False)


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
