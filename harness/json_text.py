"""JSON as RFC 8259 has it, and only what can be written again."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

DEPTH_CAP = 64
"""Levels; a judgment has six, and what nests deeper could not be written again."""

DIGITS_CAP = 400
"""Digits of an integer; more than a float can hold is no figure of ours."""


def parse_json_object(text: str, *, finite: bool = True) -> dict[str, Any]:
    """Parse one object with unique keys; no NaN, no infinities unless ``finite`` is false.

    Raises ``ValueError`` that says what the text is instead.
    """
    if not text.strip():
        raise ValueError("is empty")
    try:
        value = (_DECODER if finite else _LAX).decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ValueError(f"is not JSON ({error.msg}, {place})") from None
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from None
    except (RecursionError, MemoryError):
        raise ValueError("is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"is a JSON {_NAMES[type(value)]}, not an object")  # noqa: TRY004 - one error type for every bad text
    # As many brackets must be there, which is sooner found out.
    if text.count("{") + text.count("[") > DEPTH_CAP and nested_deeper(value, DEPTH_CAP):
        raise ValueError("is nested too deeply")
    return value


def plain_object(data: bytes) -> dict[str, Any] | None:
    """Return the JSON object in ``data``, as ``parse_json_object`` would; None: that must look.

    Twice as fast for what is well. msgspec takes no more than RFC 8259 has, and no number that
    is infinite as a float, but of a repeated key the last value: then there are more colons
    in ``data`` than in its object written again. Of integers MessagePack takes none that is
    longer than 64 bits.
    """
    import msgspec  # not before there is something to read

    try:
        value = msgspec.json.decode(data)
        colons = msgspec.json.encode(value).count(b":")
        msgspec.msgpack.encode(value)
    except (ValueError, RecursionError, OverflowError):
        return None
    if data.count(b":") != colons or b"\\u003" in data:  # or colons are escaped
        return None
    flat = data.count(b"{") + data.count(b"[") <= DEPTH_CAP
    return value if flat and isinstance(value, dict) else None


def indented(value: Any, *, finite: bool = True) -> str:
    """Return ``json.dumps(value, indent=2)``, sooner; NaN raises ``ValueError`` if ``finite``.

    The standard library indents in Python, where every value takes part in holding up the
    other threads; so it writes one line, and msgspec puts in the white space.
    """
    import msgspec  # not before there is something to write

    line = json.dumps(value, allow_nan=not finite)
    try:
        return msgspec.json.format(line, indent=2)
    except msgspec.DecodeError:  # NaN, an infinity, or half of a surrogate pair
        return json.dumps(value, indent=2)


def nested_deeper(value: Any, levels: int) -> bool:
    """Tell whether lists and dicts lie in one another more than ``levels`` deep."""
    layer = [value] if isinstance(value, _NESTING) else []
    for _ in range(levels):
        if not layer:
            return False
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, _NESTING)
        ]
    return bool(layer)


_NESTING = (dict, list)


_NAMES = {
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _integer(text: str) -> int:
    if len(text) > DIGITS_CAP:
        raise ValueError(f"an integer has {len(text):,} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:40]!r} stands there twice")
            seen.add(key)
    return value


_DECODER = json.JSONDecoder(
    parse_constant=_no_constant,
    parse_int=_integer,
    parse_float=_finite,
    object_pairs_hook=_unique,
)

# Other tools write infinities, too, where nothing passes.
_LAX = json.JSONDecoder(parse_int=_integer, object_pairs_hook=_unique)
