"""ProjectScylla's pages: figures that follow from judgments change, all else stays."""

from __future__ import annotations

from typing import Any

import pytest

from harness.layouts.scylla_levels import judged_figures
from harness.layouts.scylla_page import marked
from harness.layouts.scylla_text import patched

RUN = """\
# Run Report: T0/00/run_01

## Summary

| Metric | Value |
|--------|-------|
| Score | 0.100 |
| Grade | F |
| Status | ✗ FAIL |
| Cost | $0.1351 |

### Token Breakdown

| Type | Count |
|------|-------|
| Score | 29 |

---

## Judge Evaluation (Consensus)

| Metric | Value |
|--------|-------|
| Score | 0.100 |
| Grade | F |
| Passed | ❌ |

### Individual Judges

#### Judge 1: gone

**Reasoning:** old

---

## Agent Output

- [View agent output](./agent/output.txt)
"""


def a_run(**keys: Any) -> dict[str, Any]:
    """Return a run's file."""
    made = {
        "run_number": 1,
        "judge_score": 0.75,
        "judge_passed": True,
        "judge_grade": "B",
        "judge_reasoning": "the panel's words",
        "duration_seconds": 60.0,
    }
    return {**made, **keys}


JUDGE = {
    "judge_number": 2,
    "model": "m",
    "score": 0.75,
    "passed": True,
    "grade": "B",
    "reasoning": "two\n---\nlines",
}


def test_a_run_s_page_has_its_consensus_and_every_judge() -> None:
    """Tables that only look alike are not touched; nobody's words can end a section early."""
    page = patched(RUN, "run", a_run(), [JUDGE])
    assert page == RUN.replace("| Score | 0.100 |", "| Score | 0.750 |").replace(
        "| Grade | F |", "| Grade | B |"
    ).replace("✗ FAIL", "✓ PASS").replace("❌", "✅").replace(
        "\n#### Judge 1: gone\n\n**Reasoning:** old\n",
        "\n#### Judge 2: m\n\n| Metric | Value |\n|--------|-------|\n| Score | 0.750 |\n"
        "| Passed | ✅ |\n| Grade | B |\n\n**Reasoning:** two --- lines\n\n"
        "- [View judgment](./judge/judge_02/judgment.json)\n",
    )
    assert patched(page, "run", a_run(), [JUDGE]) == page
    back = a_run(judge_score=0.1, judge_passed=False, judge_grade="F")
    assert "✗ FAIL" in patched(page, "run", back, [JUDGE])


def test_a_page_of_one_judge_quotes_it() -> None:
    """The reasoning is replaced as a whole, up to the link below it."""
    page = (
        "## Judge Evaluation\n\n| Metric | Value |\n|---|---|\n| Score | 0.100 |\n\n"
        "**Reasoning:** old\nwords\n\n- [View full judgment](./x)\n"
    )
    assert patched(page, "run", a_run(), []) == (
        "## Judge Evaluation\n\n| Metric | Value |\n|---|---|\n| Score | 0.750 |\n\n"
        "**Reasoning:** the panel's words\n\n- [View full judgment](./x)\n"
    )
    without = "## Judge Evaluation\n\n**Reasoning:** no link below\n"
    assert patched(without, "run", a_run(), []) == without


def test_a_subtest_s_page_has_its_figures_and_its_best_run() -> None:
    """Rates, means, grades, and the star."""
    page = (
        "## Summary\n\n| Metric | Value |\n|---|---|\n| Passed | 0 |\n| Pass Rate | 0.0% |\n"
        "| Mean Score | 0.000 |\n| Total Cost | $1 |\n\n## Runs Overview\n\n"
        "| Run | Score | Grade | Pass | Cost |\n|---|---|---|---|---|\n"
        "| 01★ | 0.00 | F | ✗ | $1 |\n| 02 | 0.00 | F | ✗ | $2 |\n| 09 | 0.00 | F | ✗ | $2 |\n\n"
        "**Distribution**: F=2\n**Modal Grade**: F\n**Grade Range**: F - F\n"
    )
    runs = [
        a_run(judge_score=0.5, judge_passed=False, judge_grade="C"),
        a_run(run_number=2, judge_score=1.0, judge_grade="S"),
    ]
    assert patched(page, "subtest", judged_figures(runs), runs) == (
        "## Summary\n\n| Metric | Value |\n|---|---|\n| Passed | 1 |\n| Pass Rate | 50.0% |\n"
        "| Mean Score | 0.750 |\n| Total Cost | $1 |\n\n## Runs Overview\n\n"
        "| Run | Score | Grade | Pass | Cost |\n|---|---|---|---|---|\n"
        "| 01 | 0.50 | C | ✗ | $1 |\n| 02★ | 1.00 | S | ✓ | $2 |\n| 09 | 0.00 | F | ✗ | $2 |\n\n"
        "**Distribution**: S=1, C=1\n**Modal Grade**: C\n**Grade Range**: C - S\n"
    )


SUBTESTS = {
    "00": {
        "median_score": 0.75,
        "pass_rate": 0.5,
        "selected_as_best": True,
        "total_cost": 1.0,
        "runs": [a_run(judge_score=0.25), a_run()],
    },
    "01": {"median_score": 0.5, "pass_rate": 0.0, "selected_as_best": False, "total_cost": 2.0},
}
TIER = {
    "best_subtest": "00",
    "best_subtest_score": 0.75,
    "total_cost": 3.0,
    "subtest_results": SUBTESTS,
}


def test_a_tier_s_pages_have_its_selection() -> None:
    """The overview with the star, and the summary with the best run."""
    page = (
        "## Summary\n\n| Metric | Value |\n|---|---|\n| Best Subtest | 01 |\n"
        "| Tiebreaker Needed | No |\n\n## Subtests Overview\n\n"
        "| Subtest | Score | Pass | Best |\n|---|---|---|---|\n"
        "| 00 | 0.00 | 0% |  |\n| 01 | 0.00 | 0% | ★ |\n"
    )
    summary = {"best_subtest": "00", "best_score": 0.75, "tiebreaker_needed": True}
    assert patched(page, "tier", {"summary": summary}, SUBTESTS) == (
        "## Summary\n\n| Metric | Value |\n|---|---|\n| Best Subtest | 00 |\n"
        "| Tiebreaker Needed | Yes |\n\n## Subtests Overview\n\n"
        "| Subtest | Score | Pass | Best |\n|---|---|---|---|\n"
        "| 00 | 0.75 | 50% | ★ |\n| 01 | 0.50 | 0% |  |\n"
    )
    table = "| Subtest | Best Score | Pass Rate |\n|---|---|---|\n| 00 | 0.00 | 0.0% |\n"
    assert patched(table, "summary", {}, {"": TIER}) == table.replace(
        "| 00 | 0.00 | 0.0% |", "| 00 | 0.75 | 50.0% |"
    )


@pytest.mark.parametrize(("cost", "shown"), [(0.5, "$0.5000"), (None, "N/A")])
def test_an_experiment_s_pages_have_the_frontier(cost: float | None, shown: str) -> None:
    """What a pass costs, the best subtests, and the summary of all of them."""
    page = (
        "- **Best Tier**: T9\n- **Best Sub-test**: 09\n- **Frontier CoP**: $9\n\n"
        "## Tier Summary\n\n| Tier | Cost | CoP |\n|---|---|---|\n| T0 | $3.00 | $9 |\n\n"
        "## Best Subtest per Tier\n\n| Tier | Best | Score | Pass | Cost | Duration |\n"
        "|---|---|---|---|---|---|\n| T0 | 01 | 0.00 | 0% | $9 | 9s |\n| T1 | 00 | 0.1 | 0% | | |\n"
    )
    summary = {"best_tier": "T0", "best_subtest": "00", "frontier_cop": cost}
    assert patched(page, "experiment", summary, {"T0": TIER, "T1": {}}) == (
        f"- **Best Tier**: T0\n- **Best Sub-test**: 00\n- **Frontier CoP**: {shown}\n\n"
        "## Tier Summary\n\n| Tier | Cost | CoP |\n|---|---|---|\n| T0 | $3.00 | $6.00 |\n\n"
        "## Best Subtest per Tier\n\n| Tier | Best | Score | Pass | Cost | Duration |\n"
        "|---|---|---|---|---|---|\n| T0 | 00 | 0.75 | 50% | $1.00 | 120.0s |\n"
        "| T1 | 00 | 0.1 | 0% | | |\n"
    )
    table = (
        "| Tier | Subtest | Best Score |\n|---|---|---|\n| T0 | 00 | 0.00 |\n| T1 | 00 | 0.1 |\n"
    )
    assert patched(table, "summary", {}, {"T0": TIER}) == table.replace("0.00", "0.75")


@pytest.mark.parametrize("kind", ["run", "subtest", "tier", "summary", "experiment"])
@pytest.mark.parametrize("text", ["", "nothing of ours\n", "## Summary\n\n| broken\n|\n"])
def test_a_page_of_another_shape_stays_as_it_is(kind: str, text: str) -> None:
    """What is not found is not made up."""
    runs = [a_run()]
    arguments: dict[str, tuple[Any, Any]] = {
        "run": (a_run(), [JUDGE]),
        "subtest": (judged_figures(runs), runs),
        "tier": (
            {"summary": {"best_subtest": "00", "best_score": 1.0, "tiebreaker_needed": False}},
            SUBTESTS,
        ),
        "summary": ({}, {"T0": TIER}),
        "experiment": (
            {"best_tier": None, "best_subtest": None, "frontier_cop": None},
            {"T0": TIER},
        ),
    }
    assert patched(text, kind, *arguments[kind]) == text


def test_a_line_is_found_by_its_label() -> None:
    """Only at its beginning."""
    assert marked("**A**: 1\nx **A**: 1", "**A**", "2") == "**A**: 2\nx **A**: 1"
