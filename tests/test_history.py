"""What calls took and cost, and what those to come will."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.history import Forecast, Past, forecast, past_of
from harness.model import Judgment, Slot
from tests.clocks import slot


def judged(name: str, **provenance: Any) -> Slot:
    """Return a slot with a judgment that has figures."""
    raw = {"provenance": provenance}
    judgment = Judgment(score=1.0, passed=True, grade="S", reasoning="", raw=raw)
    return replace(slot(name), judgment=judgment)


def test_the_past_is_in_the_judgments() -> None:
    """Seconds and costs by judge; what is not there, or no figure, is left out."""
    found = past_of(
        [
            judged("a1", duration_seconds=2.0, cost_usd=0.5),
            judged("a2", duration_seconds=4, cost_usd=None),
            judged("b1", duration_seconds="long", cost_usd=True),
            slot("a3"),
        ]
    )
    assert found == {1: Past(seconds=(2.0, 4.0), costs=(0.5,))}


def test_a_forecast_adds_up_the_judges() -> None:
    """Twelve calls of 10 s in four lanes take half a minute."""
    slots = [slot(f"a{n}") for n in range(12)]
    found = forecast(slots, {1: Past((10.0, 10.0), (0.25, 0.75))}, parallel=4)
    assert found == Forecast(calls=12, cost_usd=6.0, seconds=30.0, past=2)


@pytest.mark.parametrize(("keys", "seconds"), [({}, 40.0), ({"max_parallel": 1}, 80.0)])
def test_a_forecast_knows_the_longest_call_and_the_narrowest_judge(
    keys: dict[str, int], seconds: float
) -> None:
    """More lanes than that help nobody."""
    slots = [slot(f"a{n}", **keys) for n in range(4)]
    assert forecast(slots, {1: Past((10.0, 10.0, 40.0))}, parallel=64).seconds == seconds


def test_a_forecast_says_whose_past_it_does_not_know() -> None:
    """Nothing is made up; what is free costs nothing."""
    slots = [slot("a1"), slot("b1"), slot("c1")]
    found = forecast(slots, {1: Past((3.0,), (0.5,))}, parallel=1, free=[3])
    assert found == Forecast(
        calls=3,
        cost_usd=0.5,
        seconds=3.0,
        past=1,
        without_cost=("b",),
        without_time=("b", "c"),
    )
    assert forecast([slot("b1")], {}, parallel=1).seconds is None


def test_a_forecast_counts_no_call_where_nobody_is_called() -> None:
    """Such slots take time, and are no calls."""
    slots = [slot("a1"), slot("a2"), slot("b1")]
    found = forecast(slots, {1: Past((3.0,))}, parallel=1, free=[1], uncalled=[1])
    assert (found.calls, found.cost_usd, found.seconds) == (1, 0.0, 6.0)
