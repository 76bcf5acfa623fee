"""Two judges side by side: the same figures as scipy and statsmodels give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.statistics.pairs import cohen, mean_difference, pearson, spearman
from tests.oracles import SEEDS, oracle, scores, two, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.statistics.figure import Figure


def pairs(seed: int) -> list[tuple[float | None, float | None]]:
    """Return the scores of two judges, some missing."""
    return [(row[0], row[1]) for row in scores(seed, judges=2)]


def both(table: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return the rows that both judged."""
    return [(a, b) for a, b in table if a is not None and b is not None]


@SEEDS
@pytest.mark.parametrize(("formula", "name"), [(pearson, "pearsonr"), (spearman, "spearmanr")])
def test_correlations_are_those_of_scipy(
    seed: int, formula: Callable[[Any], Figure], name: str
) -> None:
    """Over the runs that both judged; many scores are equal, so that ranks are shared."""
    known = both(pairs(seed))
    expected = getattr(oracle("scipy.stats"), name)([a for a, _ in known], [b for _, b in known])
    found = formula(two(pairs(seed)))
    assert found.value == pytest.approx(float(expected.statistic), abs=1e-12)
    assert found.n == len(known)


@SEEDS
def test_kappa_of_two_judges_is_that_of_statsmodels(seed: int) -> None:
    """Cohen's kappa of verdicts, from the table of both judges' votes."""
    table = [(row[0], row[1]) for row in verdicts(scores(seed, judges=2))]
    votes = [[0, 0], [0, 0]]
    for a, b in both(table):
        votes[int(a)][int(b)] += 1
    expected = oracle("statsmodels.stats.inter_rater").cohens_kappa(votes, return_results=False)
    assert cohen(two(table)).value == pytest.approx(float(expected), abs=1e-12)


def test_the_mean_difference_is_over_the_runs_that_both_judged() -> None:
    """A run with one judgment says nothing of the distance of two."""
    found = mean_difference(two([(0.5, 0.75), (1.0, 0.5), (None, 0.0), (1.0, None)]))
    assert (found.value, found.n) == (0.375, 2)


@pytest.mark.parametrize("formula", [pearson, spearman])
@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([], "fewer than two runs were judged by both"),
        ([(0.1, 0.2), (0.5, None)], "fewer than two runs were judged by both"),
        ([(0.1, 0.2), (0.1, 0.9), (0.1, 0.4)], "nothing varies: a judge gives every run the same"),
        ([(0.2, 0.7)] * 10, "nothing varies: a judge gives every run the same"),
    ],
)
def test_correlations_are_undefined_where_nothing_varies(
    formula: Callable[[Any], Figure], table: list[tuple[float | None, float | None]], why: str
) -> None:
    """A judge that always says the same has no correlation with anybody, not 0."""
    found = formula(two(table))
    assert (found.value, found.why) == (None, why)


def test_a_correlation_is_never_beyond_one() -> None:
    """Rounding could leave 1.0000000000000002."""
    table: list[tuple[float | None, float | None]] = [(x / 7, x / 7 * 0.3) for x in range(7)]
    assert pearson(two(table)).value == 1.0


def test_differences_too_small_to_square_are_undefined() -> None:
    """The smallest numbers there are do vary, but that is rounding."""
    found = pearson(two([(0.0, 0.0), (5e-324, 1.0)]))
    assert (found.value, found.why) == (None, "nothing varies: a judge gives every run the same")


@pytest.mark.parametrize(
    ("table", "value", "why"),
    [
        ([], None, "no run was judged by both"),
        ([(None, True)], None, "no run was judged by both"),
        ([(True, True)] * 5, None, "nothing varies: both give every run the same verdict"),
        ([(True, False)] * 5, 0.0, None),
        ([(True, True), (False, False)], 1.0, None),
        ([(True, False), (False, True)], -1.0, None),
    ],
)
def test_kappa_at_its_ends(
    table: list[tuple[bool | None, bool | None]], value: float | None, why: str | None
) -> None:
    """Undefined only where chance alone would agree always."""
    found = cohen(two(table))
    assert (found.value, found.why) == (value, why)
