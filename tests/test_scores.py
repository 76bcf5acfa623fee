"""Scores and grades."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scores import GRADES, check_score, grade_of


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0.9", "score must be a number within 0..1, got '0.9'"),
        ("x" * 50, f"score must be a number within 0..1, got '{'x' * 36}..."),
        (None, "score must be a number within 0..1, got null"),
        (True, "score must be a number within 0..1, got True"),
        (False, "score must be a number within 0..1, got False"),
        ([], "score must be a number within 0..1, got []"),
        ({"a": 1}, "score must be a number within 0..1, got {'a': 1}"),
        (95, "score must be within 0..1, got 95"),
        (2, "score must be within 0..1, got 2"),
        (-1, "score must be within 0..1, got -1"),
        (math.nextafter(1, 2), "score must be within 0..1, got 1.0000000000000002"),
        (-5e-324, "score must be within 0..1, got -5e-324"),
        (10**300, f"score must be within 0..1, got 1{'0' * 36}..."),
        (10**400, "score must be within 0..1, got a huge number"),
        (math.nan, "score must be finite, got nan"),
        (math.inf, "score must be finite, got inf"),
        (-math.inf, "score must be finite, got -inf"),
    ],
)
def test_what_is_no_score_is_refused(value: object, message: str) -> None:
    """A score is a finite number from 0 to 1; nothing is converted and nothing is clamped."""
    with pytest.raises(ValueError, match=r"^score must be") as caught:
        check_score(value)
    assert str(caught.value) == message


@given(st.floats(0, 1) | st.sampled_from([0, 1]))
def test_a_score_is_kept_bit_for_bit(value: float) -> None:
    """What is a score comes back as the same number, as a float."""
    found = check_score(value)
    assert isinstance(found, float)
    assert found.hex() == float(value).hex()


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (1.0, "S"),
        (math.nextafter(1.0, 0), "A"),
        (0.8, "A"),
        (math.nextafter(0.8, 0), "B"),
        (0.6, "B"),
        (0.4, "C"),
        (0.2, "D"),
        (math.nextafter(0.2, 0), "F"),
        (0.0, "F"),
    ],
)
def test_a_grade_begins_at_its_bound(score: float, grade: str) -> None:
    """The bound belongs to the better grade; one bit below does not."""
    assert grade_of(score) == grade


def test_a_scale_of_its_own_need_not_be_complete_or_sorted() -> None:
    """The best grade whose bound is reached counts; below all bounds it is the lowest."""
    scale = {"F": 0.1, "A": 0.9, "C": 0.5}
    assert [grade_of(s, scale) for s in (0.05, 0.1, 0.5, 0.89, 0.9)] == ["F", "F", "C", "C", "A"]


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_better_score_has_no_worse_grade(one: float, other: float) -> None:
    """Grades follow scores."""
    order = list(GRADES)
    low, high = sorted([one, other])
    assert order.index(grade_of(high)) <= order.index(grade_of(low))
    assert Fraction(GRADES[grade_of(low)]) <= Fraction(low)
