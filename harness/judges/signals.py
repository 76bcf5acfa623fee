"""What a provider says of a call that it did not answer, and whose turn it is then.

Pure tables and functions, shared by every kind that calls a model. Only what is
structured decides: an HTTP status, an error's own code, a header. A text is looked at
only where the caller knows that it is an error's and not a model's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from harness.errors import (
    JudgeError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)

if TYPE_CHECKING:
    from datetime import tzinfo

LONG_WAIT = 15 * 60.0
"""Seconds of ``Retry-After`` above which a throttle is a usage limit: nobody waits that long."""

SOONEST, LATEST = 60.0, 8 * 86400.0
"""Seconds from now between which a reset is believed to lie; weekly limits are the longest."""

UNUSABLE, LIMIT, THROTTLE, TRANSIENT, SLOT = "unusable", "limit", "throttle", "transient", "slot"

STATUS = {
    400: SLOT,
    401: UNUSABLE,
    402: UNUSABLE,
    403: UNUSABLE,
    404: UNUSABLE,
    408: TRANSIENT,
    413: SLOT,
    422: SLOT,
    429: THROTTLE,
    **dict.fromkeys((500, 502, 503, 504, 520, 521, 522, 523, 524, 529), TRANSIENT),
}
"""HTTP statuses; one that is not here is the slot's own failure."""

CODES = {
    # Anthropic
    "authentication_error": UNUSABLE,
    "billing_error": UNUSABLE,
    "not_found_error": UNUSABLE,
    "permission_error": UNUSABLE,
    "rate_limit_error": THROTTLE,
    "api_error": TRANSIENT,
    "overloaded_error": TRANSIENT,
    "timeout_error": TRANSIENT,
    "request_too_large": SLOT,
    # OpenAI and those that speak like it
    "account_deactivated": UNUSABLE,
    "billing_hard_limit_reached": UNUSABLE,
    "credit_balance_exhausted": UNUSABLE,
    "insufficient_quota": UNUSABLE,
    "invalid_api_key": UNUSABLE,
    "model_not_found": UNUSABLE,
    "usage_limit_reached": LIMIT,
    "usage_limit_exceeded": LIMIT,
    "rate_limit_exceeded": THROTTLE,
    "server_error": TRANSIENT,
    "content_filter": SLOT,
    "content_policy_violation": SLOT,
    "context_length_exceeded": SLOT,
    # Claude Code
    "authentication_failed": UNUSABLE,
    "oauth_org_not_allowed": UNUSABLE,
    "rate_limit": THROTTLE,
    "connection_failed": TRANSIENT,
    "overloaded": TRANSIENT,
    "invalid_request": SLOT,
    "max_output_tokens": SLOT,
    # Google
    "UNAUTHENTICATED": UNUSABLE,
    "PERMISSION_DENIED": UNUSABLE,
    "NOT_FOUND": UNUSABLE,
    "RESOURCE_EXHAUSTED": THROTTLE,
    "UNAVAILABLE": TRANSIENT,
    "INTERNAL": TRANSIENT,
    "DEADLINE_EXCEEDED": TRANSIENT,
    "INVALID_ARGUMENT": SLOT,
}
"""An error's own code; where it is known it says more than the status it came with."""

# An error's own words, where they say more than its status or there is none. Programs type
# an apostrophe in more than one way, so none is looked for.
_WORDS = (
    (LIMIT, r"hit your [\w -]*limit|usage limit"),
    (UNUSABLE, r"credit balance|insufficient (?:credit|funds|balance)"),
    (UNUSABLE, r"invalid api key|api key not valid|no key found|not logged in|please run /login"),
    (UNUSABLE, r"unknown model"),
    (THROTTLE, r"temporarily limiting requests|too many requests"),
    (TRANSIENT, r"connection (?:error|refused|reset)|timed out|overloaded"),
    (TRANSIENT, r"\b(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|EPIPE)\b"),
)
_SAID = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is known of a call that was not answered; ``message`` is the error's own text.

    ``retry_after`` is in seconds, ``until`` in seconds since the epoch.
    """

    message: str = ""
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    until: float | None = None


def kind_of(refusal: Refusal) -> str:
    """Return whose turn it is: ``limit``, ``throttle``, ``transient``, ``unusable``, ``slot``."""
    kind = CODES.get(refusal.code or "") or STATUS.get(refusal.status or 0)
    said = next((kind for kind, words in _SAID if words.search(refusal.message)), None)
    if kind is None:
        return SLOT if refusal.status is not None or said is None else said
    if kind == SLOT and said == UNUSABLE:
        return UNUSABLE  # comes as 400, like a request that is wrong in itself
    long = refusal.until is not None or (refusal.retry_after or 0.0) > LONG_WAIT
    if kind == THROTTLE and (long or said == LIMIT):
        return LIMIT
    return kind


def error_of(refusal: Refusal, *, now: float) -> JudgeError:
    """Return the error that whoever asks the judge raises."""
    known = [str(refusal.status)] if refusal.status is not None else []
    known += [refusal.code] if refusal.code else []
    text = f"the call was refused ({' '.join(known)})" if known else "the call was refused"
    text = f"{text}: {refusal.message}" if refusal.message else text
    match kind_of(refusal):
        case "limit":
            until = refusal.until
            if until is None and refusal.retry_after is not None:
                until = now + refusal.retry_after
            return UsageLimitError(text, until=until and believed(until, now=now))
        case "throttle":
            return ThrottledError(text, retry_after=refusal.retry_after)
        case "transient":
            return TransientError(text, retry_after=refusal.retry_after)
        case "unusable":
            return UnusableJudgeError(text)
        case _:
            return JudgeError(text)


def believed(until: float, *, now: float) -> float:
    """Return a reset time, moved to where one can lie: an odd clock must not park a judge."""
    return min(max(until, now + SOONEST), now + LATEST)


def retry_after(value: str | None, *, now: float) -> float | None:
    """Return the seconds that a header ``Retry-After`` asks to wait, in either of its forms."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now)


_EPOCH = re.compile(r"\|(\d{10})(?:\d{3})?\b")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - reads better
_AT = re.compile(
    r"(?:resets|try again at)\s+(?:at\s+)?"
    r"(?:(?P<month>[A-Z][a-z]{2})[a-z]*\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?"
    r"(?:\s+(?P<year>\d{4}),?)?\s+(?:at\s+)?)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s*(?P<half>[ap])\.?m\b\.?"
    r"(?:\s*\((?P<zone>[A-Za-z0-9_+/-]+)\))?",
    re.IGNORECASE,
)
_IN = re.compile(
    r"try again in\s+(?:(?P<days>\d+)\s*d(?:ays?)?)?[\s,]*(?:(?P<hours>\d+)\s*h(?:ours?)?)?[\s,]*"
    r"(?:(?P<minutes>\d+)\s*m(?:in(?:ute)?s?)?)?",
    re.IGNORECASE,
)


def reset_time(text: str, *, now: float, local: tzinfo | None = None) -> float | None:
    """Return when a limit ends, from the text of an error; None if it does not say.

    A time of day is the next one from ``now``, in the zone that the text names, else in
    ``local``, which is the machine's by default.
    """
    if found := _EPOCH.search(text):
        return float(found[1])
    if found := _AT.search(text):
        return _next(found.groupdict(), now, local)
    if (found := _IN.search(text)) and any(found.groups()):
        spans = {name: int(count) for name, count in found.groupdict().items() if count}
        try:
            return now + timedelta(**spans).total_seconds()
        except OverflowError:
            return None
    return None


def _next(parts: dict[str, str | None], now: float, local: tzinfo | None) -> float | None:
    try:
        zone = ZoneInfo(parts["zone"]) if parts["zone"] else local
    except (
        KeyError,
        ValueError,
        OSError,
    ):  # a zone that is not known is no reason to guess another
        return None
    here = datetime.fromtimestamp(now, UTC).astimezone(zone)
    hour = int(parts["hour"] or 0) % 12 + (12 if str(parts["half"]).lower() == "p" else 0)
    naive = here.replace(tzinfo=None) if zone is None else here
    try:
        when = naive.replace(hour=hour, minute=int(parts["minute"] or 0), second=0, microsecond=0)
        if parts["month"] is None:
            day = timedelta(days=1)
            return (when if when > naive else when + day).timestamp()
        month = _MONTHS.index(parts["month"].lower()) + 1
        when = when.replace(month=month, day=int(parts["day"] or 1))
        if parts["year"]:
            return when.replace(year=int(parts["year"])).timestamp()
        gone = when < naive - timedelta(days=180)  # in December, January is ahead
        return (when.replace(year=when.year + 1) if gone else when).timestamp()
    except (ValueError, OverflowError):
        return None
