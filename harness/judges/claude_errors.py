"""What a stream of Claude Code says of a call that has no answer."""

from __future__ import annotations

import re
import time
from typing import Any

from harness.errors import JudgeError, RetryableError
from harness.judges.cli import NoAnswer, Printed, number
from harness.judges.signals import CODES, Refusal, error_of, reset_time, retry_after

Events = list[dict[str, Any]]

_TRIED = {
    "error_max_structured_output_retries": "the judge did not keep to the schema of a reply",
    "error_max_turns": "the judge did not come to an answer",
    "error_during_execution": "the judge failed while it answered",
}
"""What may go well when it is asked again; all of it may have been billed."""


def failure(envelope: dict[str, Any], events: Events, printed: Printed) -> JudgeError:
    """Return the error that the last event of a stream tells, with what the others say of it."""
    subtype = str(envelope.get("subtype"))
    listed = envelope.get("errors")
    told = [str(e).partition(" \u2014 ")[0] for e in listed] if isinstance(listed, list) else []
    detail = "; ".join(told)[:300]
    if subtype in _TRIED:
        return RetryableError(f"{_TRIED[subtype]} ({detail or subtype})")
    if subtype.startswith("error_"):
        return JudgeError(f"the judge gave up: {detail or subtype}")
    text = envelope.get("result")
    message = text[:500] if isinstance(text, str) else detail
    now = time.time()
    limit = _rejected(events)
    status = envelope.get("api_error_status")
    refusal = Refusal(
        message=message,
        status=status if isinstance(status, int) else None,
        code="usage_limit_reached" if limit is not None else _code(envelope, events),
        retry_after=_asked_to_wait(events, printed),
        until=number((limit or {}).get("resetsAt")) or reset_time(message, now=now),
    )
    return error_of(refusal, now=now)


def _rejected(events: Events) -> dict[str, Any] | None:
    """Return what the provider said when it refused for a limit; a warning is no refusal."""
    for event in reversed(events):
        told = event.get("rate_limit_info")
        if event.get("type") == "rate_limit_event" and isinstance(told, dict):
            return told if told.get("status") == "rejected" else None
    return None


def _code(envelope: dict[str, Any], events: Events) -> str | None:
    """Return the most telling code: the program's own words, then the API's."""
    own = [event.get("error") for event in events if event.get("type") == "assistant"]
    told = [envelope.get("api_error"), *reversed(own), envelope.get("api_error_type")]
    codes = [code for code in told if isinstance(code, str) and code != "unknown"]
    known = [code for code in codes if code in CODES]
    return next(iter([*known, *codes]), None)


# With ANTHROPIC_LOG=debug the library below the program shows the headers of an error, since
# the program's own events do not tell how long the API asks to wait.
_SHOWN = re.compile(r"^\[\w+\] response error .*?^\}", re.MULTILINE | re.DOTALL)
_RETRY_AFTER = re.compile(
    r"""^\s+["']?retry-after["']?: ["']([^"'\n]{1,40})["'],?$""", re.MULTILINE
)


def _asked_to_wait(events: Events, printed: Printed) -> float | None:
    """Return the seconds that the API asked to wait when it refused the last call."""
    shown = _SHOWN.findall(printed.stdout)
    header = _RETRY_AFTER.search(shown[-1]) if shown else None
    if header is not None:
        return retry_after(header[1], now=time.time())
    return _delay(_last_retry(events))


def _last_retry(events: Events) -> dict[str, Any] | None:
    """Return what the program said when it meant to repeat a call, as it does if it is told to."""
    return next((e for e in reversed(events) if e.get("subtype") == "api_retry"), None)


def _delay(retry: dict[str, Any] | None) -> float | None:
    delay = number((retry or {}).get("retry_delay_ms"))
    throttled = (retry or {}).get("error_status") == 429  # noqa: PLR2004 - the HTTP status
    return delay / 1000 if delay is not None and throttled else None


def unfinished(events: Events) -> JudgeError | NoAnswer:
    """Return what a stream without an end says: it was ended while it waited, or nothing."""
    limit = _rejected(events)
    retry = _last_retry(events)
    if limit is None and (retry is None or retry is not events[-1]):
        return NoAnswer()
    status, code = (retry or {}).get("error_status"), (retry or {}).get("error")
    refusal = Refusal(
        message="no answer came",
        status=status if isinstance(status, int) else None,
        code="usage_limit_reached" if limit else code if isinstance(code, str) else None,
        retry_after=_delay(retry),
        until=number((limit or {}).get("resetsAt")),
    )
    return error_of(refusal, now=time.time())
