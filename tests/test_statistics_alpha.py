"""Krippendorff's alpha: the same as the reference package's, with holes, and undefined or not."""

from __future__ import annotations

import math
import random

import pytest

from harness.statistics.alpha import alpha
from tests.oracles import SEEDS, oracle, scores, verdicts


@SEEDS
@pytest.mark.parametrize("judges", [2, 3, 7])
def test_alpha_of_scores_is_krippendorffs(seed: int, judges: int) -> None:
    """Scores with the interval metric, every seventh judgment missing."""
    table = scores(seed, judges=judges)
    units = [[math.nan if score is None else score for score in row] for row in table]
    package = oracle("krippendorff")
    expected = package.alpha(
        [list(judge) for judge in zip(*units, strict=True)], level_of_measurement="interval"
    )
    assert alpha(table).value == pytest.approx(expected, abs=1e-12)


@SEEDS
def test_alpha_of_verdicts_is_krippendorffs_nominal_alpha(seed: int) -> None:
    """With two values the interval metric and the nominal one are the same."""
    table = verdicts(scores(seed, judges=4))
    units = [[math.nan if passed is None else float(passed) for passed in row] for row in table]
    package = oracle("krippendorff")
    expected = package.alpha(
        [list(judge) for judge in zip(*units, strict=True)], level_of_measurement="nominal"
    )
    assert alpha(table).value == pytest.approx(expected, abs=1e-12)


def test_alpha_is_that_of_a_worked_example() -> None:
    """Disagreement within runs 3.5/6 of that expected by chance, counted by hand."""
    found = alpha([[0.0, 0.5], [0.5, 1.0], [1.0, 1.0]])
    # observed: (0.25 + 0.25 + 0) * 2 / 6; expected: 2 * sum of squares / 5 around 2/3
    squares = sum((x - 2 / 3) ** 2 for x in (0.0, 0.5, 0.5, 1.0, 1.0, 1.0))
    assert found.value == pytest.approx(1 - (0.5 * 2 / 6) / (2 * squares / 5))
    assert found.n == 3


@pytest.mark.parametrize(
    ("units", "why"),
    [
        ([], "no run has two judgments"),
        ([[0.5, None], [None, 0.7]], "no run has two judgments"),
        ([[0.5, 0.7]], "one run: there is no other to compare it with"),
        ([[0.1, 0.1]] * 3, "nothing varies: all judgments are the same"),
        ([[True, True]] * 3, "nothing varies: all judgments are the same"),
        (
            [[0.3, 0.3], [0.1 + 0.2, 0.3]],
            "nothing varies: all judgments are the same",
        ),
    ],
)
def test_alpha_is_undefined_where_nothing_can_be_compared(
    units: list[list[float | None]], why: str
) -> None:
    """No number, no warning, no exception: the reason."""
    found = alpha(units)
    assert (found.value, found.low, found.high, found.why) == (None, None, None, why)


def test_alpha_of_judges_that_always_agree_is_one() -> None:
    """They agree, and the runs differ."""
    assert alpha([[0.2, 0.2], [0.9, 0.9]]).value == 1.0


def test_many_distinct_scores_need_no_more_than_one_pass() -> None:
    """Where a table of all pairs of values would need gigabytes."""
    draw = random.Random(5)  # noqa: S311 - a test's own numbers
    units = [[draw.random(), draw.random(), draw.random()] for _ in range(30_000)]
    found = alpha(units)
    assert found.value == pytest.approx(0.0, abs=0.02)
    assert found.n == 30_000
