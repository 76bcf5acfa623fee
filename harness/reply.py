"""From the text a judge answered to a verdict, without guessing.

The last JSON object that satisfies the schema counts, because judges draft and
then correct themselves. Nothing is clamped, converted, or made up.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.damage import Damage
from harness.errors import RetryableError
from harness.json_text import DIGITS_CAP, nested_deeper
from harness.scores import check_score
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REQUIRED = ("score", "passed", "reasoning")
"""An object without these keys is no reply (a category's own object has a score, too)."""


DEPTH_CAP = 32
"""Levels of an object; a verdict has four, and its judgment adds one."""

LENGTH_CAP = 1_000_000
"""Characters of a verdict as it is recorded."""

TAIL = 1 << 20
"""Characters of a reply that are looked at, the last ones: the last object wins, and a judge
that prints megabytes must not keep the interpreter from its neighbours."""


class ReplyError(RetryableError):
    """The reply holds no valid verdict; the message says what is wrong with it."""


class Verdict(Value, frozen=True, kw_only=True):
    """What a reply declares; ``criteria_scores`` is None if it has none."""

    score: float
    passed: bool
    reasoning: str
    criteria_scores: Mapping[str, Any] | None = None


class _Object(dict[str, Any]):
    """A JSON object that remembers a key that stands there more than once."""

    repeated: str | None = None

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        if len(self) != len(pairs):
            self.repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]


def parse_reply(text: str, *, token: str | None = None) -> Verdict:
    """Return the verdict of the last object in ``text`` that satisfies the schema.

    With ``token`` only objects that carry it under the key ``token`` count, so that
    text which the judge merely quotes cannot become its verdict. Only the last ``TAIL``
    characters are looked at. Raises ``ReplyError``, and nothing else, whatever the text is.
    """
    if not text.strip():
        raise ReplyError("the reply is empty")
    problem: str | None = None
    candidates = [value for value in _objects(text) if _is_candidate(value, token)]
    for value in reversed(candidates):
        try:
            return _verdict(value)
        except ValueError as error:
            problem = problem or str(error)
    if problem is not None:
        raise ReplyError(f"the reply is invalid: {problem}")
    with_token = " that repeats the token" if token is not None else ""
    where = f" in its last {TAIL:,} characters" if len(text) > TAIL else ""
    raise ReplyError(f"the reply has no JSON object with {', '.join(REQUIRED)}{with_token}{where}")


def _is_candidate(value: Mapping[str, Any], token: str | None) -> bool:
    """Tell whether an object looks like a verdict."""
    if token is not None and value.get("token") != token:
        return False
    return "score" in value and ("passed" in value or "reasoning" in value)


def _objects(text: str) -> Iterator[_Object]:
    """Yield the outermost JSON objects in ``text``, in order.

    The decoder itself finds where an object ends, so that braces inside strings
    are no braces. Where a brace opens no whole object, later braces are tried, but
    a piece of a damaged object is no object of its own: the last category of a damaged
    reply is not the verdict. ``Damage`` says what a piece is.
    """
    cut = len(text) > TAIL
    text = _Text(text[-TAIL:])
    work = WORK_CAP + WORK_FACTOR * len(text)
    damage = Damage(text, already_open=int(cut))
    at = text.find("{")
    while at >= 0:
        if work <= 0:
            raise ReplyError("the reply is invalid: it is full of braces that open no JSON object")
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            unterminated = error.msg.startswith("Unterminated")  # its place is the beginning
            work -= START_COST + (len(text) if unterminated else error.pos) - at
            damage.begins(at, error.pos)
            end = at + 1
        except (RecursionError, MemoryError):
            raise ReplyError("the reply is invalid: it is nested too deeply") from None
        else:
            if not damage.has_piece(at, end):
                yield value
        at = text.find("{", end)


WORK_CAP = 2_000_000
WORK_FACTOR = 20
START_COST = 100
"""Characters that may be looked at, in all and for one brace: hostile text must not take long."""


class _Text(str):
    """A text that does not count its lines for every brace that opens no object.

    The decoder's error would, each time from the beginning of the text.
    """

    __slots__ = ()

    def count(self, *_: object) -> int:
        return 0

    rfind = count


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= DIGITS_CAP else float(text)


# Not strict about raw line breaks in strings: models write them, and they harm nobody.
# NaN, the infinities, and huge integers are kept until the range check, which names them.
_DECODER = json.JSONDecoder(
    strict=False, parse_constant=float, parse_int=_integer, object_pairs_hook=_Object
)


def _verdict(value: _Object) -> Verdict:
    if nested_deeper(value, DEPTH_CAP):
        raise ValueError("it is nested too deeply")
    for key in REQUIRED:
        if key not in value:
            raise ValueError(f"{key} is missing")
    if (repeated := _repeated(value)) is not None:
        raise ValueError(f"the key {_short(repeated)} stands there twice")
    score = check_score(value["score"])
    passed, reasoning = value["passed"], value["reasoning"]
    if not isinstance(passed, bool):
        raise ValueError(f"passed must be true or false, got {_short(passed)}")  # noqa: TRY004 - one error type for every bad reply
    if not isinstance(reasoning, str):
        raise ValueError(f"reasoning must be text, got {_short(reasoning)}")  # noqa: TRY004 - the same
    criteria = value.get("criteria_scores", value.get("categories"))
    if criteria is not None and not isinstance(criteria, dict):
        raise ValueError(f"criteria_scores must be an object, got {_short(criteria)}")
    _check_recordable(reasoning, criteria)
    return Verdict(score=score, passed=passed, reasoning=reasoning, criteria_scores=criteria)


def _repeated(value: Any) -> str | None:
    """Return a key that stands twice in one object, at any depth: nobody knows which counts."""
    if isinstance(value, _Object) and value.repeated is not None:
        return value.repeated
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for v in inner if (key := _repeated(v)) is not None), None)


def _check_recordable(reasoning: str, criteria: Any) -> None:
    """Refuse what strict JSON cannot hold, or what would be too long to be read again."""
    try:
        length = len(json.dumps([reasoning, criteria], allow_nan=False, indent=2))
    except ValueError:
        raise ValueError("criteria_scores holds a number that is not finite") from None
    if length > LENGTH_CAP:
        raise ValueError(f"it takes {length:,} characters; at most {LENGTH_CAP:,} are recorded")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - one line of a terminal
