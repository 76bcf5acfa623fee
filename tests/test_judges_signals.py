"""What providers say of a call: statuses, codes, headers, and texts that name a time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from harness.errors import (
    JudgeError,
    NotStartedError,
    ThrottledError,
    TransientError,
    UnreachableError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.judges.signals import LATEST, Refusal, error_of, reset_time, retry_after

NOW = datetime(2026, 5, 4, 20, 0, tzinfo=UTC).timestamp()


def at(*when: int, zone: str = "UTC") -> float:
    """Return a moment in seconds since the epoch."""
    return datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[arg-type,misc] # year to minute


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, "invalid_request_error", "max_tokens is too large", JudgeError),
        (400, "invalid_request_error", "Your credit balance is too low", UnusableJudgeError),
        (400, "INVALID_ARGUMENT", "API key not valid. Pass a valid one.", UnusableJudgeError),
        (400, "context_length_exceeded", "", JudgeError),
        (401, "authentication_error", "invalid x-api-key", UnusableJudgeError),
        (401, None, "", UnusableJudgeError),
        (402, None, "", UnusableJudgeError),
        (403, "permission_error", "", UnusableJudgeError),
        (404, "not_found_error", "model: x", UnusableJudgeError),
        (408, None, "", TransientError),
        (413, "request_too_large", "", JudgeError),
        (418, None, "", JudgeError),
        (429, "rate_limit_error", "", ThrottledError),
        (429, "insufficient_quota", "", UnusableJudgeError),
        (429, "usage_limit_reached", "", UsageLimitError),
        (429, "of_tomorrow", "", ThrottledError),
        (500, "api_error", "", TransientError),
        (502, None, "", TransientError),
        (503, "UNAVAILABLE", "", TransientError),
        (504, None, "", TransientError),
        (529, "overloaded_error", "Overloaded", TransientError),
        (None, None, "nobody knows", JudgeError),
    ],
)
def test_status_and_code_tell_whose_turn_it_is(
    status: int | None, code: str | None, message: str, kind: type[JudgeError]
) -> None:
    """A code that is known says more than its status; what is unknown is the slot's failure."""
    error = error_of(Refusal(status=status, code=code, message=message), now=NOW)
    assert type(error) is kind


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (
            Refusal(status=429, code="rate_limit_error", message="Slow down"),
            "the call was refused (429 rate_limit_error): Slow down",
        ),
        (Refusal(status=502), "the call was refused (502)"),
        (Refusal(message="Not logged in"), "the call was refused: Not logged in"),
        (Refusal(), "the call was refused"),
    ],
)
def test_message_says_what_is_known(refusal: Refusal, text: str) -> None:
    """Status, code, and the error's own words, as far as there are any."""
    assert str(error_of(refusal, now=NOW)) == text


def test_throttle_carries_the_wait_that_was_asked_for() -> None:
    """Whoever waits knows for how long, or that nobody said so."""
    asked = error_of(Refusal(status=429, retry_after=7.0), now=NOW)
    silent = error_of(Refusal(status=429), now=NOW)
    assert isinstance(asked, ThrottledError)
    assert isinstance(silent, ThrottledError)
    assert (asked.retry_after, silent.retry_after) == (7.0, None)


def test_overload_carries_the_wait_that_was_asked_for() -> None:
    """A provider that is overloaded may say for how long."""
    error = error_of(Refusal(status=529, retry_after=7.0), now=NOW)
    assert isinstance(error, TransientError)
    assert error.retry_after == 7.0


def test_only_calls_that_nobody_got_are_sure_to_cost_nothing() -> None:
    """An error says whether its call may have been billed; by default it may."""
    errors = (JudgeError(""), TransientError(""), UnreachableError(""), NotStartedError(""))
    assert [error.unpaid for error in errors] == [False, False, True, True]


@pytest.mark.parametrize(
    ("refusal", "until"),
    [
        (Refusal(status=429, retry_after=7200.0), NOW + 7200),
        (Refusal(status=429, until=NOW + 300), NOW + 300),
        (Refusal(code="usage_limit_reached", until=NOW + 300), NOW + 300),
        (Refusal(code="usage_limit_reached", until=NOW - 300), NOW + 60),
        (Refusal(code="usage_limit_reached", until=NOW * 2), NOW + LATEST),
        (Refusal(code="usage_limit_reached"), None),
    ],
)
def test_usage_limit_says_until_when(refusal: Refusal, until: float | None) -> None:
    """A long wait is a limit, too; a time that cannot be meant is moved to one that can."""
    error = error_of(refusal, now=NOW)
    assert isinstance(error, UsageLimitError)
    assert error.until == until


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("1.5", 1.5),
        ("Mon, 04 May 2026 20:00:30 GMT", 30.0),
        ("Mon, 04 May 2026 22:00:30 +0200", 30.0),
        ("Mon, 04 May 2026 19:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("nan", None),
    ],
)
def test_retry_after_is_read_in_both_of_its_forms(
    header: str | None, seconds: float | None
) -> None:
    """Seconds or a date; anything else says nothing."""
    assert retry_after(header, now=NOW) == seconds


@pytest.mark.parametrize(
    ("text", "when"),
    [
        (
            "You've hit your limit \u00b7 resets 1:30am (Asia/Dhaka)",
            at(2026, 5, 6, 1, 30, zone="Asia/Dhaka"),
        ),
        (
            "You've hit your session limit \u00b7 resets 11:10pm (Europe/Paris)",
            at(2026, 5, 4, 23, 10, zone="Europe/Paris"),
        ),
        ("resets 9pm (UTC)", at(2026, 5, 4, 21, 0)),
        ("resets 8pm (UTC)", at(2026, 5, 5, 20, 0)),
        ("resets 12am (UTC)", at(2026, 5, 5, 0, 0)),
        ("resets 12pm (UTC)", at(2026, 5, 5, 12, 0)),
        (
            "weekly limit \u00b7 resets May 5 at 9pm (America/New_York)",
            at(2026, 5, 5, 21, 0, zone="America/New_York"),
        ),
        ("resets Jan 2, 9am (UTC)", at(2026, 1, 2, 9, 0)),
        ("Claude AI usage limit reached|1750708800", 1750708800.0),
        ("Claude AI usage limit reached|1750708800000", 1750708800.0),
        (
            "You\u2019ve hit your usage limit. Or try again at May 18th, 2033 3:33 AM.",
            at(2033, 5, 18, 3, 33),
        ),
        ("try again at 3:33 AM.", at(2026, 5, 5, 3, 33)),
        ("try again in 3 days 2 hours 5 minutes.", NOW + 3 * 86400 + 2 * 3600 + 300),
        ("try again in 40 minutes", NOW + 2400),
        ("resets 9pm (Mars/Base)", None),
        ("resets 9pm (../../etc/passwd)", at(2026, 5, 4, 21, 0)),
        ("resets Feb 31 at 9pm (UTC)", None),
        ("try again in 99999999999 days", None),
        ("resets soon", None),
        ("", None),
    ],
)
def test_reset_time_is_read_from_every_known_text(text: str, when: float | None) -> None:
    """The next such time in the zone that is named, else in the machine's."""
    assert reset_time(text, now=NOW, local=UTC) == when


def test_reset_in_january_is_ahead_in_december() -> None:
    """A date without a year is the nearest one."""
    december = at(2026, 12, 30, 12, 0)
    assert reset_time("resets Jan 2 at 9am (UTC)", now=december) == at(2027, 1, 2, 9, 0)


def test_time_without_a_zone_is_the_machines() -> None:
    """The CLI that says so runs on this machine."""
    here = datetime.fromtimestamp(NOW).astimezone()
    said = (here.hour + 2) % 24
    text = f"try again at {said % 12 or 12}:00 {'PM' if said >= 12 else 'AM'}"
    found = reset_time(text, now=NOW)
    assert found is not None
    assert NOW < found <= NOW + 7200
