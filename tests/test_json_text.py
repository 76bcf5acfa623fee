"""JSON texts; what files hold is tested with the readers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.json_text import DEPTH_CAP, nested_deeper, parse_json_object


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
