"""What judges are expected to take."""

from __future__ import annotations

import math

import pytest

from harness.durations import UNKNOWN, Durations


def test_the_expectation_is_the_median_of_what_is_known() -> None:
    """One call that hung does not make its judge a slow one."""
    known = Durations([("fast", 3.0), ("fast", 900.0), ("fast", 1.0), ("slow", 60.0)])
    assert known.expected("fast") == 3.0
    assert known.expected("slow") == 60.0


def test_a_judge_that_was_never_timed_is_expected_to_take_the_longest() -> None:
    """So it is asked first, and is known from then on."""
    known = Durations([("slow", 1e6)])
    assert known.expected("new") == UNKNOWN > known.expected("slow")
    known.add("new", 2.0)
    assert known.expected("new") == 2.0


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_what_is_no_duration_teaches_nothing(seconds: float) -> None:
    """A damaged record does not decide what goes first."""
    assert not Durations([("one", seconds)])
    known = Durations([("one", 5.0), ("one", seconds)])
    assert known.expected("one") == 5.0
