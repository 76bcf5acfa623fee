"""The bootstrap: as wide as theory has it, in blocks as well."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest

from harness.statistics import bootstrap
from harness.statistics.bootstrap import percentile_interval
from tests.oracles import oracle

if TYPE_CHECKING:
    from collections.abc import Sequence


def mean(totals: Sequence[float]) -> float:
    """Return a mean from a sum and a count."""
    return totals[0] / totals[1]


def units(count: int) -> list[tuple[float, ...]]:
    """Return values of a known spread, each with its count."""
    draw = random.Random(7)  # noqa: S311 - a test's own numbers
    return [(draw.gauss(0, 1), 1.0) for _ in range(count)]


@pytest.mark.parametrize("count", [100, 400, 5000])
def test_the_interval_of_a_mean_is_as_wide_as_theory_has_it(count: int) -> None:
    """One by one up to the number of blocks, in blocks above it."""
    low, high, note = percentile_interval(units(count), mean, resamples=2000)
    assert low is not None
    assert high is not None
    assert note is None
    assert (high - low) == pytest.approx(2 * 1.96 / math.sqrt(count), rel=0.15)


def test_the_quantiles_are_numpys() -> None:
    """Linear interpolation between the two nearest values."""
    numpy = oracle("numpy")
    draw = random.Random(3)  # noqa: S311 - a test's own numbers
    for size in (2, 3, 10, 1000):
        values = sorted(draw.random() for _ in range(size))
        for share in (0.0, 0.025, 0.5, 0.975, 1.0):
            found = bootstrap._quantile(values, share)
            assert found == pytest.approx(float(numpy.quantile(values, share)), abs=1e-15)


def test_resamples_in_which_nothing_varies_are_left_out_up_to_a_point() -> None:
    """With too many of them there is no interval, but a note."""
    rare = [(0.0, 1.0)] * 30 + [(1.0, 1.0)]
    found = percentile_interval(rare, lambda totals: None if totals[0] == 0 else totals[0])
    assert found == (None, None, "no interval: too little varies to resample")
