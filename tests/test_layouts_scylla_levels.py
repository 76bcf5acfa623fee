"""ProjectScylla's figures above its runs: selection, frontier, and the edges of the figures."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.layouts.scylla_levels import (
    cost_of_pass,
    duration,
    frontier,
    judged_figures,
    measured_figures,
    select_best,
    usable,
)
from harness.scores import grade_of


def a_subtest(median: float, tokens: int = 0, **keys: Any) -> dict[str, Any]:
    """Return a subtest's figures."""
    found = {"pass_rate": 1.0, "mean_score": median, "consistency": 1.0, "mean_cost": 0.5}
    return {**found, "median_score": median, "token_stats": {"input_tokens": tokens}, **keys}


def a_run(score: object, **keys: Any) -> dict[str, Any]:
    """Return a run's file."""
    return {"judge_score": score, "judge_passed": True, "judge_grade": "A", **keys}


def test_the_only_subtest_is_the_best() -> None:
    """With a margin of 1 and full confidence."""
    found = select_best({"00": a_subtest(0.3)})
    assert (found.best, found.score, found.close) == ("00", 0.3, False)
    vote = {
        "subtest_id": "00",
        "score": 0.3,
        "confidence": 1.0,
        "reasoning": "Only sub-test in tier",
    }
    assert found.file == {
        "winning_subtest": "00",
        "winning_score": 0.3,
        "votes": [vote],
        "margin": 1.0,
        "tiebreaker_needed": False,
        "tiebreaker_result": None,
    }


def test_the_higher_median_wins() -> None:
    """The votes are in the order of the medians."""
    found = select_best({"00": a_subtest(0.3), "01": a_subtest(0.9), "02": a_subtest(0.5)})
    assert (found.best, found.reason) == ("01", "Highest median score (0.900)")
    assert [vote["subtest_id"] for vote in found.file["votes"]] == ["01", "02", "00"]
    assert found.file["votes"][0]["reasoning"] == (
        "Pass rate: 100.0%, Mean score: 0.900, Consistency: 1.000"
    )


def test_of_two_that_are_close_the_one_with_fewer_tokens_wins() -> None:
    """The first one if they used as many; a third is not looked at."""
    close = {"00": a_subtest(0.9, 30), "01": a_subtest(0.86, 20), "02": a_subtest(0.85, 10)}
    found = select_best(close)
    reason = "Tie broken by token usage: 20 tokens (00=30, 01=20). Lower is better."
    assert (found.best, found.score, found.close, found.reason) == ("01", 0.86, True, reason)
    assert found.file["tiebreaker_result"]["subtest_id"] == "01"
    assert select_best({"00": a_subtest(0.9, 20), "01": a_subtest(0.86, 20)}).best == "00"
    assert select_best({"00": a_subtest(0.9, 30), "01": a_subtest(0.84, 20)}).best == "00"


def test_the_frontier_is_the_cheapest_pass() -> None:
    """The first of equals; tiers that never pass, or have no best subtest, are not on it."""

    def tier(**keys: Any) -> dict[str, Any]:
        return {"best_subtest": "00", "subtest_results": {"00": a_subtest(0.9, **keys)}}

    tiers = {
        "T0": tier(mean_cost=0.5),
        "T1": tier(mean_cost=0.2, pass_rate=0.5),
        "T2": tier(mean_cost=0.4, pass_rate=1.0),
        "T3": tier(mean_cost=0.0, pass_rate=0.0),
        "T4": {"best_subtest": None, "subtest_results": None},
    }
    assert frontier(tiers) == ("T1", 0.4)
    assert frontier({"T3": tiers["T3"]}) == (None, math.inf)
    assert cost_of_pass(a_subtest(0.9, pass_rate=0.0)) == math.inf


@pytest.mark.parametrize(
    "run",
    [
        {},
        a_run(None),
        a_run("0.5"),
        a_run(math.nan),
        a_run(math.inf),
        a_run(score=True),
        a_run(0.5, judge_passed="yes"),
        a_run(0.5, judge_grade=None),
    ],
)
def test_a_run_without_a_score_is_not_usable(run: dict[str, Any]) -> None:
    """Whatever stands in its place."""
    assert not usable(run)
    assert usable(a_run(0.5))


def test_measurements_that_are_missing_count_nothing() -> None:
    """Only files that are made anew need them."""
    odd = [a_run(0.5, cost_usd="1", token_stats=7), a_run(0.5, cost_usd=0.5, duration_seconds=2)]
    assert measured_figures(odd) == {
        "mean_cost": 0.25,
        "total_cost": 0.5,
        "token_stats": dict.fromkeys(
            ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens"), 0
        ),
    }
    assert duration(odd) == 2.0


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=9))
def test_the_figures_of_a_subtest_lie_where_they_must(runs: list[tuple[int, bool]]) -> None:
    """Rates and scores within 0..1, grades between the lowest and the highest."""
    entries = [
        a_run(n / 100, judge_passed=passed, judge_grade=grade_of(n / 100)) for n, passed in runs
    ]
    found = judged_figures(entries)
    scores = [entry["judge_score"] for entry in entries]
    assert min(scores) <= found["median_score"] <= max(scores)
    assert min(scores) - 1e-12 <= found["mean_score"] <= max(scores) + 1e-12
    assert 0 <= found["pass_rate"] <= 1
    assert 0 <= found["consistency"] <= 1
    assert sum(found["grade_distribution"].values()) == len(runs)
    assert found["min_grade"] == grade_of(min(scores))
    assert found["max_grade"] == grade_of(max(scores))
