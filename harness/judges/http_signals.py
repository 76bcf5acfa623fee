"""What the answer of an HTTP endpoint says that is no reply: pure functions.

Formats: the error objects and rate-limit headers of OpenAI, Anthropic, and OpenRouter, and
of the servers that speak like OpenAI (vLLM, Ollama, llama.cpp); RFC 9110 for ``Retry-After``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from harness.errors import JudgeError, UnusableJudgeError
from harness.json_text import parse_json_object
from harness.judges.signals import CODES, TRANSIENT, Refusal, error_of, retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_CAP = 300
"""Characters of an error's own text that are shown."""

NOT_BILLED = (*range(300, 500), 503, 529)
"""Statuses with which nobody charges for a call; behind another one it may have been answered."""

_MISSING, _WRONG_METHOD = 404, 405
_TOO_MANY, _FORBIDDEN = 429, 403
_CLIENT, _SERVER = range(400, 500), range(500, 600)
_WAITS = (408, 409, 425, _TOO_MANY)


def error_for(
    status: int, headers: Mapping[str, str], body: str, *, url: str, now: float
) -> JudgeError:
    """Return the error that an answer is which is no success; ``headers`` in lower case.

    ``now``: seconds since the epoch. ``unpaid`` is set where it is sure.
    """
    error = _moved(headers) if status // 100 == 3 else _refused(status, headers, body, url, now)  # noqa: PLR2004 - redirections
    error.unpaid = status in NOT_BILLED
    return error


def _moved(headers: Mapping[str, str]) -> JudgeError:
    to = _line(headers.get("location", "")) or "somewhere else"
    return UnusableJudgeError(
        f"the endpoint sends elsewhere, to {to}, where no key is sent; "
        "set base_url to the address that answers"
    )


def _refused(
    status: int, headers: Mapping[str, str], body: str, url: str, now: float
) -> JudgeError:
    told = error_object(body)
    message = _message(told, body)
    if status in (_MISSING, _WRONG_METHOD) and not {"code", "type"} & set(told):
        return UnusableJudgeError(
            f"the call was refused ({status}): {message or 'nothing is there'}; "
            f"correct model, or base_url, which leads to {url}"
        )
    wait, until = _wait(headers, told, now) if status in (_TOO_MANY, *_SERVER) else (None, None)
    refusal = Refusal(
        message=message,
        status=status,
        code=_code(status, headers, told, message),
        retry_after=wait,
        until=until,
    )
    return error_of(refusal, now=now)


def error_object(body: str) -> dict[str, Any]:
    """Return the object that says what went wrong; an empty one if the body has none."""
    text = body.strip()
    if text.startswith("[") and text.endswith("]"):  # as Google's endpoint sends it
        text = text[1:-1]
    try:
        whole = parse_json_object(text)
    except ValueError:
        return {}
    inner = whole.get("error")
    if isinstance(inner, dict):
        return inner
    if isinstance(inner, str):
        return {"message": inner}
    return {key: value for key, value in whole.items() if key in _NAMED}


_NAMED = ("message", "detail", "code", "type", "param")
"""What servers without an object ``error`` have at the top."""


def _message(told: Mapping[str, Any], body: str) -> str:
    said = told.get("message") or told.get("detail")
    if isinstance(said, str):
        return _line(said)
    if said is not None:
        return _line(str(said))
    titled = re.search(r"<title>(.*?)</title>", body[:4096], re.IGNORECASE | re.DOTALL)
    return _line(titled[1] if titled else body)


def _line(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * MESSAGE_CAP])
    return " ".join(printable.split())[:MESSAGE_CAP]


def _code(
    status: int, headers: Mapping[str, str], told: Mapping[str, Any], message: str
) -> str | None:
    """Return the most telling code, if there is one that does not contradict the status."""
    if headers.get("anthropic-ratelimit-unified-status") == "rejected":
        return "usage_limit_reached"
    if status == _TOO_MANY and message.startswith("Request too large"):
        return "request_too_large"  # more than a minute's allowance: waiting does not help
    if status == _FORBIDDEN and _flagged(told):
        return "content_filter"
    if status == _TOO_MANY and any("PerDay" in str(detail) for detail in _details(told)):
        return "usage_limit_reached"
    codes = [told.get(name) for name in ("code", "type", "status")]
    named = [code for code in codes if isinstance(code, str)]
    fitting = [code for code in named if not _contradicts(code, status)]
    known = [code for code in fitting if code in CODES]
    if status == _TOO_MANY and not known and "exceeded your current quota" in message:
        return "insufficient_quota"  # a gateway has dropped the code
    return next(iter([*known, *fitting]), None)


def _flagged(told: Mapping[str, Any]) -> bool:
    """Tell whether it was the prompt that a moderation of OpenRouter's refused, not the key."""
    metadata = told.get("metadata")
    return isinstance(metadata, dict) and ("flagged_input" in metadata or "reasons" in metadata)


def _contradicts(code: str, status: int) -> bool:
    """Tell whether a code says that it passes of a status that says that it does not."""
    passes = CODES.get(code) == TRANSIENT
    return passes and status in _CLIENT and status not in _WAITS


# --- how long to wait ------------------------------------------------------------------------

_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")
_OPENAI = ("requests", "tokens")
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_MILLISECONDS = 1e11
"""A moment in seconds since the epoch has fewer digits; one in milliseconds has more."""
_EPOCH = 1e9
"""What is less is a number of seconds, not a moment."""


def _wait(
    headers: Mapping[str, str], told: Mapping[str, Any], now: float
) -> tuple[float | None, float | None]:
    """Return for how many seconds the endpoint asks to wait, and until when it is no use.

    The most explicit header decides; a limit that is not used up says nothing.
    """
    until = None
    if headers.get("anthropic-ratelimit-unified-status") == "rejected":
        until = _number(headers.get("anthropic-ratelimit-unified-reset"))
    precise = _number(headers.get("retry-after-ms"))
    if precise is not None:
        return precise / 1000, until
    asked = retry_after(headers.get("retry-after"), now=now)
    if asked is not None:
        return asked, until
    spans = [*_openai(headers), *_anthropic(headers, now), *_openrouter(headers, told, now)]
    return max([*spans, *_google(told)], default=None), until


def _openai(headers: Mapping[str, str]) -> list[float]:
    found = []
    for what in _OPENAI:
        reset = _seconds(headers.get(f"x-ratelimit-reset-{what}"))
        if reset is not None and _is_used_up(headers.get(f"x-ratelimit-remaining-{what}")):
            found.append(reset)
    return found


def _anthropic(headers: Mapping[str, str], now: float) -> list[float]:
    found = []
    for what in _ANTHROPIC:
        reset = headers.get(f"anthropic-ratelimit-{what}-reset")
        if reset and _is_used_up(headers.get(f"anthropic-ratelimit-{what}-remaining")):
            moment = _moment(reset)
            found += [] if moment is None else [max(0.0, moment - now)]
    return found


def _openrouter(headers: Mapping[str, str], told: Mapping[str, Any], now: float) -> list[float]:
    metadata = told.get("metadata")
    inner = metadata.get("headers") if isinstance(metadata, dict) else None
    given = {str(k).lower(): v for k, v in inner.items()} if isinstance(inner, dict) else headers
    reset = _number(given.get("x-ratelimit-reset"))
    if reset is None or not _is_used_up(given.get("x-ratelimit-remaining")):
        return []
    moment = reset / 1000 if reset > _MILLISECONDS else reset
    return [max(0.0, moment - now) if moment > _EPOCH else moment]


def _google(told: Mapping[str, Any]) -> list[float]:
    delays = [_seconds(detail.get("retryDelay")) for detail in _details(told)]
    return [delay for delay in delays if delay is not None]


def _details(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what Google's endpoint adds to an error: which quota, and when to try again."""
    found = told.get("details")
    return [d for d in found if isinstance(d, dict)] if isinstance(found, list) else []


def _is_used_up(remaining: Any) -> bool:
    left = _number(remaining)
    return left is None or left <= 0


def _number(value: Any) -> float | None:
    text = str(value).strip() if value is not None else ""
    return float(text) if re.fullmatch(r"\d{1,15}(?:\.\d{1,9})?", text) else None


def _seconds(text: Any) -> float | None:
    """Read a span such as ``1m30.5s`` or ``20ms``; a bare number is of seconds."""
    stripped = text.strip() if isinstance(text, str) else ""
    found = _SPAN.fullmatch(stripped)
    if found is None or not any(found.groups()):
        return _number(text)
    return sum(
        float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part
    )


def _moment(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return when.timestamp() if when.tzinfo else None
