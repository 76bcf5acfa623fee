"""From parsed YAML to typed values, with messages for the author of the file."""

from __future__ import annotations

import re
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

import msgspec

from harness.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

T = TypeVar("T", bound=msgspec.Struct)

MOST = 1e9
"""No time-out, weight, price, or number of points is larger: sums and waits stay finite."""

Positive = Annotated[float, msgspec.Meta(gt=0, le=MOST)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=MOST)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=0.5)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


def convert(value: Any, type_: type[T], *, file: Path, where: str = "") -> T:
    """Give ``value`` the type, or say what is wrong with which key of ``file``."""
    _check(value, type_, file, where)
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        why, _, place = str(error).partition(" - at ")
        key = place.strip("`").removeprefix("$").lstrip(".")
        at = ".".join(part for part in (where, key) if part)
        raise ExperimentError(f"{_prefix(file, at)}{_worded(why)}") from None


def _prefix(file: Path, where: str) -> str:
    return f"{file}: {where}: " if where else f"{file}: "


def _check(value: Any, type_: type[msgspec.Struct], file: Path, where: str) -> None:
    """Refuse unknown keys and unknown choices, and say which there are, at any depth."""
    prefix = _prefix(file, where)
    if not isinstance(value, dict):
        raise ExperimentError(
            f"{prefix}must be a mapping of keys, found {_found(value)}; correct it"
        )
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    for key in value:
        if key not in fields:
            raise ExperimentError(f"{prefix}unknown key {key!r}; remove it or {use_one(fields)}")
    for key, field in fields.items():
        inner = value.get(key)
        at = f"{where}.{key}" if where else key
        for part in _parts(field.type):
            _check_part(inner, part, file, at)


def _check_part(value: Any, part: Any, file: Path, where: str) -> None:
    if isinstance(part, type) and issubclass(part, msgspec.Struct) and value is not None:
        _check(value, part, file, where)
    if get_origin(part) is Literal and isinstance(value, str) and value not in get_args(part):
        why = f"unknown value {value!r}; {use_one(get_args(part))}"
        raise ExperimentError(f"{_prefix(file, where)}{why}")


def _parts(type_: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, or the type itself."""
    return get_args(type_) if get_origin(type_) in (Union, UnionType) else (type_,)


def use_one(choices: Iterable[str]) -> str:
    """Return the way out of a choice that is not there."""
    return f"use one of: {', '.join(choices)}"


_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a mapping",
    "str": "text",
}


def _found(value: Any) -> str:
    names = {list: "array", dict: "object", type(None): "null"}
    return _WORDS[names.get(type(value), type(value).__name__)]


def _worded(why: str) -> str:
    """Say in the words of people who write YAML what msgspec says in its own."""
    missing = re.fullmatch(r"Object missing required field `(.*)`", why)
    if missing:
        return f"the key {missing[1]!r} is missing; add it"
    wanted, found, rest = why.partition(", got ")
    got = f", found {_translated(rest)}" if found else ""
    return f"{_translated(wanted, drop='null')}{got}; correct it"


def _translated(text: str, drop: str = "") -> str:
    def words(match: re.Match[str]) -> str:
        names = [name for name in match[1].split(" | ") if name != drop]
        return " or ".join(_WORDS.get(name, name) for name in names)

    return re.sub(r"`([^`]*)`", words, text[:1].lower() + text[1:])
