"""The bootstrap: as wide as theory and the reference have it, for tasks, runs, and blocks."""

from __future__ import annotations

import math
import random
from itertools import combinations
from typing import Any

import pytest

from harness.statistics.alpha import alpha
from harness.statistics.alpha import measured as alpha_measured
from harness.statistics.bootstrap import Sampling, Sums, plan, quantile, with_intervals
from harness.statistics.figure import Figure, undefined
from harness.statistics.pair_sums import pearson_sums, score_sums, verdict_sums
from harness.statistics.pairs import cohen, mean_difference, pearson, phi, spearman
from harness.statistics.panel_sums import fleiss_sums, icc_sums, votes_sums
from harness.statistics.panels import effective_votes, fleiss, icc, votes_from
from tests.oracles import column, oracle, scores, two, verdicts


def mean_of(values: list[float]) -> tuple[Figure, Sums]:
    """Return a mean, and the sums that it is made of."""
    sums = Sums(([1.0] * len(values), values), lambda n, total: total / n)
    return Figure(value=math.fsum(values) / len(values), n=len(values)), sums


def bounded(figure: Figure, sums: Sums, sampling: Sampling) -> tuple[float, float]:
    """Return the ends of the interval."""
    (found,) = with_intervals([(figure, sums)], sampling)
    assert found.low is not None
    assert found.high is not None
    assert (found.value, found.n) == (figure.value, figure.n)
    return found.low, found.high


def names(count: int) -> list[str]:
    """Return a task for each run."""
    return [f"t{place}" for place in range(count)]


@pytest.mark.parametrize("count", [100, 400, 5000])
def test_the_interval_of_a_mean_is_as_wide_as_theory_has_it(count: int) -> None:
    """One by one up to the number of blocks, in blocks above it."""
    draw = random.Random(7)  # noqa: S311 - a test's own numbers
    values = [draw.gauss(0, 1) for _ in range(count)]
    low, high = bounded(*mean_of(values), plan(names(count), resamples=2000))
    assert (high - low) == pytest.approx(2 * 1.96 / math.sqrt(count), rel=0.15)


@pytest.mark.parametrize(("tasks", "runs"), [(40, 10), (1000, 3)])
def test_runs_of_one_task_are_drawn_together(tasks: int, runs: int) -> None:
    """Runs that all say the same as their task make the interval of as many tasks."""
    draw = random.Random(3)  # noqa: S311 - a test's own numbers
    values = [value for _ in range(tasks) for value in [draw.gauss(0, 1)] * runs]
    of_runs = [f"t{place // runs}" for place in range(tasks * runs)]
    low, high = bounded(*mean_of(values), plan(of_runs, resamples=2000))
    assert (high - low) == pytest.approx(2 * 1.96 / math.sqrt(tasks), rel=0.2)


def test_with_few_tasks_runs_are_drawn_and_a_note_warns() -> None:
    """Nine tasks or fewer cannot be resampled; a single task needs none to be so."""
    figure, sums = mean_of([place / 20 for place in range(20)])
    (found,) = with_intervals([(figure, sums)], plan([f"t{n % 3}" for n in range(20)]))
    assert found.note == "only 3 tasks, so runs were resampled: the interval says little"
    (alone,) = with_intervals([(figure, sums)], plan(["."] * 20))
    assert (alone.low, alone.high, alone.note) == (found.low, found.high, None)


def test_too_few_runs_or_tasks_give_no_interval_but_a_note() -> None:
    """Of all that are there, those count that the figure is made of."""
    figure = Figure(value=0.5, n=9)
    nine = Sums(([1.0] * 9 + [0.0] * 11, [0.5] * 20), lambda n, total: total / n)
    (found,) = with_intervals([(figure, nine)], plan(names(20)))
    assert (found.low, found.note) == (None, "no interval: 9 runs are too few to resample")
    twelve = Sums(([1.0] * 12 + [0.0] * 18, [0.5] * 30), lambda n, total: total / n)
    (found,) = with_intervals([(figure, twelve)], plan([f"t{n // 2}" for n in range(30)]))
    assert (found.low, found.note) == (None, "no interval: 6 tasks are too few to resample")


def test_an_undefined_figure_has_no_interval() -> None:
    """It stays as it is, and so does one that nothing is known of beside its value."""
    figure = undefined("nothing", 20)
    _, sums = mean_of([0.1] * 20)
    alone = Figure(value=1.0, n=3)
    assert with_intervals([(figure, sums), (alone, None)], plan(names(20))) == [figure, alone]


def test_the_quantiles_are_numpys() -> None:
    """Linear interpolation between the two nearest values."""
    numpy = oracle("numpy")
    draw = random.Random(3)  # noqa: S311 - a test's own numbers
    for size in (2, 3, 10, 1000):
        values = sorted(draw.random() for _ in range(size))
        for share in (0.0, 0.025, 0.5, 0.975, 1.0):
            expected = float(numpy.quantile(values, share))
            assert quantile(values, share) == pytest.approx(expected, abs=1e-15)


def test_a_figure_that_is_the_same_in_every_resample_has_no_interval() -> None:
    """A width of 0 would claim certainty."""
    same = two([[place / 20] * 2 for place in range(20)])
    measured = [(pearson(same), pearson_sums(same))]
    (found,) = with_intervals(measured, plan(names(20)))
    assert (found.low, found.note) == (None, "no interval: it is the same in every resample")


def test_resamples_in_which_nothing_varies_are_left_out_up_to_a_point() -> None:
    """With too many of them there is no interval, but a note."""
    columns = ([1.0] * 31, [0.0] * 30 + [1.0])
    sums = Sums(columns, lambda _, total: total if total > 0.5 else None)
    (found,) = with_intervals([(Figure(value=1.0, n=31), sums)], plan(names(31)))
    assert (found.low, found.note) == (None, "no interval: too little varies to resample")


def resampled(sums: Sums) -> float | None:
    """Return the figure of a resample that has every row once."""
    return sums.statistic(*map(math.fsum, sums.columns))


def test_a_resample_in_which_nothing_varies_has_no_figure() -> None:
    """Undefined as the figure itself would be, not 0."""
    flat = two([(0.5, 0.1), (0.5, 0.5), (0.5, 0.9)])
    always = two([(True, True), (True, True), (True, True)])
    now_and_then = two([(True, True), (True, False), (True, True)])
    found = [
        pearson_sums(flat),
        score_sums(flat).spearman,
        verdict_sums(always).kappa,
        verdict_sums(now_and_then).pearson,
        votes_sums([pearson_sums(flat)], 2),
        *icc_sums([[0.5, 0.5]] * 3),
        *icc_sums([[0.1, 0.9], [None, 0.5]]),
    ]
    assert [resampled(one) for one in found] == [None] * 9


TABLE = scores(5, runs=60, judges=4)
FULL = scores(6, runs=60, judges=4, missing=0)
PASSED = verdicts(TABLE)


def of_votes(table: list[list[Any]]) -> Sums:
    """Return the sums behind the effective votes of four judges."""
    return votes_sums([pearson_sums(two(table, a, b)) for a, b in combinations(range(4), 2)], 4)


def votes(table: list[list[Any]]) -> Sums:
    """Return the same from verdicts."""
    behind = [verdict_sums(two(table, a, b)).pearson for a, b in combinations(range(4), 2)]
    return votes_sums(behind, 4)


def phis(table: list[list[Any]]) -> Figure:
    """Return the effective votes by verdicts."""
    found = [phi(two(table, a, b)) for a, b in combinations(range(4), 2)]
    return votes_from(found, 4)


FIGURES: dict[str, tuple[Any, Any, list[list[Any]]]] = {
    "alpha": (alpha, lambda t: alpha_measured(t)[1], TABLE),
    "alpha of verdicts": (alpha, lambda t: alpha_measured(t)[1], PASSED),
    "Fleiss' kappa": (fleiss, fleiss_sums, verdicts(FULL)),
    "ICC(A,1)": (lambda t: icc(t)[0], lambda t: icc_sums(t)[0], TABLE),
    "ICC(A,k)": (lambda t: icc(t)[1], lambda t: icc_sums(t)[1], TABLE),
    "effective votes": (effective_votes, of_votes, TABLE),
    "effective votes by verdicts": (phis, votes, PASSED),
    "Pearson": (
        lambda t: pearson(two(t)),
        lambda t: score_sums(two(t)).pearson,
        TABLE,
    ),
    "difference": (
        lambda t: mean_difference(two(t)),
        lambda t: score_sums(two(t)).difference,
        TABLE,
    ),
    "Cohen's kappa": (
        lambda t: cohen(two(t)),
        lambda t: verdict_sums(two(t)).kappa,
        PASSED,
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_sums_of_any_selection_of_runs_give_the_figure_of_that_selection(name: str) -> None:
    """So an interval from sums is the one that measuring every resample anew would give."""
    measure, sums_of, table = FIGURES[name]
    sums = sums_of(table)
    draw = random.Random(9)  # noqa: S311 - a test's own numbers
    for _ in range(20):
        picked = [int(draw.random() * len(table)) for _ in table]
        totals = [math.fsum(values[place] for place in picked) for values in sums.columns]
        expected = measure([table[place] for place in picked]).value
        assert sums.statistic(*totals) == pytest.approx(expected, abs=1e-9)
    low, high = bounded(measure(table), sums, plan(names(len(table))))
    value = measure(table).value
    assert value is not None
    assert low < value < high


@pytest.mark.parametrize("seed", range(4))
def test_spearmans_interval_is_as_wide_as_with_ranks_made_anew(seed: int) -> None:
    """Ranks follow a resample to first order: scipy ranks every resample from scratch."""
    numpy, stats = oracle("numpy"), oracle("scipy.stats")
    table = scores(seed, runs=200, judges=2, missing=0)
    a, b = numpy.array(column(table, 0)), numpy.array(column(table, 1))
    sums = score_sums(two(table)).spearman
    low, high = bounded(spearman(two(table)), sums, plan(names(200)))
    draw = numpy.random.default_rng(seed)
    again = [stats.spearmanr(a[p], b[p]).statistic for p in draw.integers(0, 200, (400, 200))]
    spread = float(numpy.std(again))
    ends = numpy.quantile(again, [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(map(float, ends)), abs=spread)
    assert high - low == pytest.approx(float(ends[1] - ends[0]), rel=0.25)


def test_the_sums_of_spearman_are_those_of_the_ranks() -> None:
    """All runs once give the figure itself, with equal scores and missing ones, too."""
    sums = score_sums(two(TABLE)).spearman
    totals = [math.fsum(values) for values in sums.columns]
    expected = spearman(two(TABLE)).value
    assert sums.statistic(*totals) == pytest.approx(expected, abs=1e-12)


def test_figures_of_one_level_do_not_change_each_other() -> None:
    """Measured together or alone, seeded: the same to the last bit."""
    sampling = plan(names(60))
    measured = [(measure(table), sums(table)) for measure, sums, table in FIGURES.values()]
    assert with_intervals(measured, sampling) == [
        with_intervals([one], sampling)[0] for one in measured
    ]
