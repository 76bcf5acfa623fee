"""Two experiments side by side: what is paired, what won, what flipped."""

from __future__ import annotations

import math
import random

import pytest

from harness.comparison import Comparison, Flip, Point, compare
from tests.oracles import SEEDS, oracle


def point(run: str, score: float | None, task: str | None = None) -> Point:
    """Return a run that passes from 0.5 on."""
    passed = None if score is None else score >= 0.5
    return Point(run=run, task=run if task is None else task, score=score, passed=passed)


def side(seed: int, shift: float = 0.0) -> list[Point]:
    """Return tasks of different difficulty with two to four runs each."""
    draw = random.Random(seed)  # noqa: S311 - a test's own numbers
    points = []
    for task in range(12):
        level = draw.uniform(0.35, 0.55)
        for run in range(draw.randint(2, 4)):
            score = min(1.0, max(0.0, level + shift + draw.gauss(0, 0.05)))
            points.append(point(f"t{task}/{run}", score, f"t{task}"))
    return points


def by_task(points: list[Point]) -> dict[str, list[float]]:
    """Return the scores of each task."""
    found: dict[str, list[float]] = {}
    for p in points:
        if p.score is not None:
            found.setdefault(p.task, []).append(p.score)
    return found


@SEEDS
def test_the_change_is_that_of_a_paired_test_over_tasks(seed: int) -> None:
    """Every task weighs the same; the interval is Student's for the paired differences."""
    before, after = side(seed), side(seed + 100, 0.1)
    first, second = by_task(before), by_task(after)
    means = [
        [math.fsum(scores[task]) / len(scores[task]) for task in first]
        for scores in (first, second)
    ]
    test = oracle("scipy.stats").ttest_rel(means[1], means[0])
    low, high = test.confidence_interval()
    found = compare(before, after)
    assert found.unit == "task"
    assert found.score.value == pytest.approx((sum(means[1]) - sum(means[0])) / 12)
    assert (found.score.low, found.score.high) == pytest.approx((float(low), float(high)))
    assert found.score.n == 12
    assert found.wins + found.losses + found.ties == 12


@SEEDS
def test_the_change_of_a_task_has_welchs_interval(seed: int) -> None:
    """With its degrees of freedom rounded down, so never narrower than scipy's."""
    stats = oracle("scipy.stats")
    before, after = side(seed), side(seed + 100, 0.1)
    first, second = by_task(before), by_task(after)
    for found in compare(before, after).differences:
        test = stats.ttest_ind(second[found.name], first[found.name], equal_var=False)
        freedom = max(1, math.floor(test.df + 1e-9))
        error = (found.change.value or 0.0) / test.statistic
        reach = float(stats.t.ppf(0.975, freedom) * error)
        value = found.change.value
        assert value is not None
        expected = max(-1.0, value - reach), min(1.0, value + reach)
        assert (found.change.low, found.change.high) == pytest.approx(expected, abs=1e-9)


def test_wins_losses_and_ties_are_counted_by_task() -> None:
    """A difference by rounding is a tie."""
    before = [point("a", 0.5), point("b", 0.5), point("c", 0.3), point("d", 0.1)]
    after = [point("a", 0.6), point("b", 0.4), point("c", 0.1 + 0.2), point("d", 0.9)]
    found = compare(before, after)
    assert (found.wins, found.losses, found.ties) == (2, 1, 1)


def test_runs_whose_verdict_turned_are_listed() -> None:
    """Both ways; an undecided run has not turned."""
    before = [point("a", 0.9), point("b", 0.1), point("c", 0.9), point("d", None)]
    after = [point("a", 0.1), point("b", 0.9), point("c", 0.8), point("d", 0.9)]
    assert compare(before, after).flips == (
        Flip(run="a", first=True, second=False),
        Flip(run="b", first=False, second=True),
    )


def test_what_has_no_partner_is_named_and_counts_nowhere() -> None:
    """A run without a consensus has no score to compare."""
    before = [point("a", 0.5), point("b", 0.5), point("c", 0.5), point("e", 0.9)]
    after = [point("a", 0.7), point("b", 0.7), point("d", 0.0), point("e", None)]
    found = compare(before, after)
    assert (found.only_first, found.only_second) == (("c", "e"), ("d",))
    assert found.score.value == pytest.approx(0.2)
    assert found.score.n == 2


def test_runs_of_one_shared_task_are_paired_by_name() -> None:
    """There is no second task, so the same run in both is the pair."""
    before = [point("runs/a", 0.5, "."), point("runs/b", 0.6, "."), point("runs/c", 0.1, ".")]
    after = [point("runs/a", 0.7, "."), point("runs/b", 0.6, ".")]
    found = compare(before, after)
    assert (found.unit, [d.name for d in found.differences]) == ("run", ["runs/a", "runs/b"])
    assert found.score.value == pytest.approx(0.1)
    assert found.differences[0].change.note == ("no interval: it needs two runs on both sides")
    assert found.only_first == ("runs/c",)


def test_other_runs_of_one_shared_task_are_compared_by_their_means() -> None:
    """No run has a partner of its name: the change is that of the task, with Welch's interval."""
    before = [point(f"runs/old{n}", 0.4 + n / 50, ".") for n in range(6)]
    after = [point(f"runs/new{n}", 0.6 + n / 40, ".") for n in range(5)]
    found = compare(before, after)
    first, second = by_task(before)["."], by_task(after)["."]
    test = oracle("scipy.stats").ttest_ind(second, first, equal_var=False)
    assert (found.unit, [d.name for d in found.differences]) == ("task", ["."])
    assert found.score == found.differences[0].change
    assert found.score.value == pytest.approx(0.2)
    ends = tuple(map(float, test.confidence_interval()))
    assert (found.score.low, found.score.high) == pytest.approx(ends, abs=0.005)
    assert (found.wins, found.only_first, found.only_second) == (1, (), ())
    assert found.pass_rate.note == "no interval: one task says nothing of others"


def test_a_run_of_another_task_is_another_run() -> None:
    """Whatever its name: it is no partner, and its verdict has not turned."""
    before = [point("runs/a", 0.9, "s"), point("runs/b", 0.9, "t")]
    after = [point("runs/a", 0.8, "s"), point("runs/b", 0.1, "u")]
    found = compare(before, after)
    assert (found.unit, [d.name for d in found.differences]) == ("run", ["runs/a"])
    assert found.score.value == pytest.approx(-0.1)
    assert found.score.note == "no interval: one run says nothing of others"
    assert (found.only_first, found.only_second, found.flips) == (("runs/b",), ("runs/b",), ())


@pytest.mark.parametrize(("first", "second"), [([], []), ([point("a", 0.5)], [point("b", 0.5)])])
def test_sides_with_nothing_in_common_have_no_change(
    first: list[Point], second: list[Point]
) -> None:
    """Not a change of 0."""
    found: Comparison = compare(first, second)
    why = "both sides have no task in common that was judged"
    assert (found.score.value, found.score.why, found.pass_rate.why) == (None, why, why)
