"""JSON texts; what files hold is tested with the readers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.json_text import DEPTH_CAP, indented, nested_deeper, parse_json_object, plain_object


@pytest.mark.parametrize(
    ("value", "depth"),
    [(1, 0), ("a", 0), ([], 1), ({}, 1), ([1, [2]], 2), ({"a": {"b": [1]}, "c": 1}, 3)],
)
def test_depth_counts_lists_and_objects_in_one_another(value: Any, depth: int) -> None:
    """A scalar has no depth; each list or object around it adds one."""
    assert not nested_deeper(value, depth)
    assert depth == 0 or nested_deeper(value, depth - 1)


def test_depth_is_measured_without_recursion() -> None:
    """What is deeper than Python's stack is measured like anything else."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert nested_deeper(value, 1000)
    while value:  # taken apart by hand: older Pythons recurse when they free it
        value = value[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values))
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    """Every object that is not too deep survives a round trip bit for bit."""
    assert not nested_deeper(value, DEPTH_CAP)
    assert json.dumps(parse_json_object(json.dumps(value))) == json.dumps(value)


NUMBERS = ["0", "-0", "1", "-0.0", "1.5", "1e5", "1E-400", "1e999", "NaN", "-Infinity", "01", "2e"]
NUMBERS += ["9007199254740993", "18446744073709551616", "1" * 401, "0." + "3" * 500]
STRINGS = [
    '"a"',
    '"b"',
    '"a:"',
    '"\\u003a"',
    '"\\u0061"',
    '"\\ud800"',
    '"\\""',
    '"é:"',
    '"\t"',
    '":"',
]
GAPS = ["", " ", "\n  ", "\t"]


@st.composite
def texts(draw: st.DrawFn, depth: int = 3) -> str:
    """Return a text that looks like JSON: keys may be repeated, escaped, and set apart."""
    gap = draw(st.sampled_from(GAPS))
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([*NUMBERS, *STRINGS, "true", "null"])) + gap
    inner = draw(st.lists(texts(depth - 1), max_size=4))
    if draw(st.integers(0, 4)) == 0:
        return f"[{','.join(inner)}]{gap}"
    keys = [draw(st.sampled_from(STRINGS)) for _ in inner]
    between = draw(st.sampled_from([":", " :", ": ", "\n: "]))
    members = [f"{key}{between}{value}" for key, value in zip(keys, inner, strict=True)]
    return f"{{{gap}{','.join(members)}}}{gap}"


@settings(max_examples=500)
@given(text=texts() | json_values.map(json.dumps))
def test_the_short_way_to_read_an_object_differs_in_nothing_but_time(text: str) -> None:
    """Whatever it takes has the very value that the strict reader gives; the rest is left to it."""
    found = plain_object(text.encode())
    if found is not None:
        assert repr(found) == repr(parse_json_object(text))


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b" : 1}}',
        b'{"a": "\\u003a", "a": 1}',
        b'{"a": ' + b"1" * 401 + b"}",
        b'{"a": 1e999}',
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[]",
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        b"",
    ],
)
def test_the_short_way_takes_nothing_about_which_there_is_something_to_say(data: bytes) -> None:
    """Repeated keys, huge numbers, depth, other values, and other encodings."""
    assert plain_object(data) is None


def test_the_short_way_takes_what_sessions_write() -> None:
    """Else it would be none."""
    value = {"score": 0.5, "reasoning": "Good: é", "tokens": {"input": 7}, "cost_usd": None}
    assert plain_object(indented(value).encode()) == value
