"""Typed keys: what is said of a value that does not fit, in the words of its author."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from harness.errors import ExperimentError
from harness.typed import Count, NotNegative, Positive, Share, Unit, convert

FILE = Path("/e/file.yaml")


class Inner(msgspec.Struct, frozen=True):
    """Nested keys."""

    a: int
    b: Literal["x", "y"] = "x"


class Keys(msgspec.Struct, frozen=True):
    """One key of each type."""

    text: str = ""
    number: Positive = 1.0
    count: Count | None = None
    share: Share = 0.0
    unit: Unit = 0.0
    weight: NotNegative = 0.0
    flag: bool = False
    names: tuple[str, ...] = ()
    free: dict[str, Any] = {}
    inner: Inner | None = None
    choice: Literal["one", "two"] | None = None
    either: str | int = ""


@pytest.mark.parametrize(
    ("value", "key", "why"),
    [
        (None, "", "must be a mapping of keys, found nothing; correct it"),
        ([], "", "must be a mapping of keys, found a list; correct it"),
        ("x", "", "must be a mapping of keys, found text; correct it"),
        (1, "", "must be a mapping of keys, found a whole number; correct it"),
        (1.5, "", "must be a mapping of keys, found a number; correct it"),
        (True, "", "must be a mapping of keys, found true or false; correct it"),
        ({"text": 1}, "text", "expected text, found a whole number; correct it"),
        ({"text": None}, "text", "expected text, found nothing; correct it"),
        ({"number": 0}, "number", "expected a number > 0.0; correct it"),
        ({"number": 2e9}, "number", "expected a number <= 1000000000.0; correct it"),
        ({"number": 10**400}, "number", "number out of range; correct it"),
        ({"number": "1"}, "number", "expected a number, found text; correct it"),
        ({"number": True}, "number", "expected a number, found true or false; correct it"),
        ({"count": 1.5}, "count", "expected a whole number, found a number; correct it"),
        ({"count": 0}, "count", "expected a whole number >= 1; correct it"),
        ({"count": 10**400}, "count", "expected a whole number <= 10000; correct it"),
        ({"share": 0.5}, "share", "expected a number < 0.5; correct it"),
        ({"unit": 1.1}, "unit", "expected a number <= 1.0; correct it"),
        ({"weight": -1}, "weight", "expected a number >= 0.0; correct it"),
        ({"flag": "true"}, "flag", "expected true or false, found text; correct it"),
        ({"flag": 1}, "flag", "expected true or false, found a whole number; correct it"),
        ({"names": "a"}, "names", "expected a list, found text; correct it"),
        ({"names": ["a", 1]}, "names[1]", "expected text, found a whole number; correct it"),
        ({"free": []}, "free", "expected a mapping, found a list; correct it"),
        ({"either": []}, "either", "expected a whole number or text, found a list; correct it"),
        ({"inner": []}, "inner", "must be a mapping of keys, found a list; correct it"),
        ({"inner": {}}, "inner", "the key 'a' is missing; add it"),
        ({"inner": {"a": "1"}}, "inner.a", "expected a whole number, found text; correct it"),
        ({"inner": {"c": 1}}, "inner", "unknown key 'c'; remove it or use one of: a, b"),
        ({"inner": {"b": "z"}}, "inner.b", "unknown value 'z'; use one of: x, y"),
        ({"choice": "three"}, "choice", "unknown value 'three'; use one of: one, two"),
        ({"choice": 3}, "choice", "expected text, found a whole number; correct it"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_key(value: object, key: str, why: str) -> None:
    """The message has the file, the whole path of the key, what is wrong, and the way out."""
    with pytest.raises(ExperimentError) as caught:
        convert(value, Keys, file=FILE)
    assert str(caught.value) == (f"/e/file.yaml: {key}: {why}" if key else f"/e/file.yaml: {why}")
    with pytest.raises(ExperimentError) as caught:
        convert(value, Keys, file=FILE, where="judges[0]")
    at = f"judges[0].{key}" if key else "judges[0]"
    assert str(caught.value) == f"/e/file.yaml: {at}: {why}"


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    """Whoever mistypes a key sees what it could have been."""
    with pytest.raises(ExperimentError) as caught:
        convert({"text": "x", "texts": "y"}, Keys, file=FILE)
    assert str(caught.value) == (
        "/e/file.yaml: unknown key 'texts'; remove it or use one of: text, number, count, "
        "share, unit, weight, flag, names, free, inner, choice, either"
    )


def test_what_fits_is_converted_and_the_rest_has_its_default() -> None:
    """Lists become tuples, whole numbers become numbers where numbers are wanted."""
    found = convert(
        {"number": 3, "names": ["a"], "inner": {"a": 1}, "choice": None}, Keys, file=FILE
    )
    assert found == Keys(number=3.0, names=("a",), inner=Inner(a=1))
    assert isinstance(found.number, float)
