"""From the text a judge answered to a verdict, without guessing.

The last JSON object that satisfies the schema counts, because judges draft and
then correct themselves. Nothing is clamped, converted, or made up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import RetryableError
from harness.model import check_score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REQUIRED = ("score", "passed", "reasoning")
"""An object without these keys is no reply (a category's own object has a score, too)."""


class ReplyError(RetryableError):
    """The reply holds no valid verdict; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a reply declares; ``criteria_scores`` is None if it has none."""

    score: float
    passed: bool
    reasoning: str
    criteria_scores: Mapping[str, Any] | None = None


def parse_reply(text: str, *, token: str | None = None) -> Verdict:
    """Return the verdict of the last object in ``text`` that satisfies the schema.

    With ``token`` only objects that carry it under the key ``token`` count, so that
    text which the judge merely quotes cannot become its verdict. Raises
    ``ReplyError``.
    """
    if not text.strip():
        raise ReplyError("the reply is empty")
    problem: str | None = None
    for value in _candidates(text, token):
        try:
            return _verdict(value)
        except ValueError as error:
            problem = problem or str(error)
    if problem is not None:
        raise ReplyError(f"the reply is invalid: {problem}")
    with_token = " that repeats the token" if token is not None else ""
    raise ReplyError(f"the reply has no JSON object with {', '.join(REQUIRED)}{with_token}")


def _candidates(text: str, token: str | None) -> Iterator[dict[str, Any]]:
    """Yield what looks like a verdict, the last one first."""
    for value in reversed(list(_objects(text))):
        if token is not None and value.get("token") != token:
            continue
        if "score" in value and ("passed" in value or "reasoning" in value):
            yield value


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the outermost JSON objects in ``text``, in order.

    The decoder itself finds where an object ends, so that braces inside strings
    are no braces. A text that starts like an object but is none is skipped by one
    character: what it contains may be whole.
    """
    at = text.find("{")
    false_starts = 0
    while at >= 0 and false_starts < FALSE_STARTS:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, OverflowError, RecursionError, MemoryError):
            false_starts += 1
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


FALSE_STARTS = 100_000
"""Braces that open no object after which the search ends: it must, for hostile text."""

# Not strict about raw line breaks in strings: models write them, and they harm nobody.
# NaN and the infinities are kept until the range check, which names them in its message.
_DECODER = json.JSONDecoder(strict=False, parse_constant=float)


def _verdict(value: Mapping[str, Any]) -> Verdict:
    for key in REQUIRED:
        if key not in value:
            raise ValueError(f"{key} is missing")
    score = check_score(value["score"])
    passed, reasoning = value["passed"], value["reasoning"]
    if not isinstance(passed, bool):
        raise ValueError(f"passed must be true or false, got {_short(passed)}")  # noqa: TRY004 - one error type for every bad reply
    if not isinstance(reasoning, str):
        raise ValueError(f"reasoning must be text, got {_short(reasoning)}")  # noqa: TRY004 - the same
    criteria = value.get("criteria_scores", value.get("categories"))
    if criteria is not None and not isinstance(criteria, dict):
        raise ValueError(f"criteria_scores must be an object, got {_short(criteria)}")
    _check_finite(criteria)
    return Verdict(score=score, passed=passed, reasoning=reasoning, criteria_scores=criteria)


def _check_finite(value: Any) -> None:
    """Refuse what strict JSON cannot hold; it could not be written back."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("criteria_scores holds a number that is not finite") from None


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - one line of a terminal
