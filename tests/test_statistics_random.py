"""Every formula on tables of any shape with holes: the reference's figure, or a reason."""

from __future__ import annotations

import math
import warnings
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies

from harness.statistics.alpha import alpha
from harness.statistics.bootstrap import plan, with_intervals
from harness.statistics.pair_sums import score_sums, verdict_sums
from harness.statistics.pairs import cohen, mean_difference, pearson, phi, spearman
from harness.statistics.panels import effective_votes, fleiss, icc
from tests.oracles import oracle, two, verdicts

SCORES = strategies.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]) | strategies.floats(0, 1, width=16)


@strategies.composite
def tables(draw: strategies.DrawFn, *, holes: bool = True, least: int = 0) -> list[list[Any]]:
    """Return what two to five judges said of up to fifteen runs, with judges that say one thing."""
    judges = draw(strategies.integers(2, 5))
    same = draw(strategies.booleans())
    score = strategies.just(0.5) if same and draw(strategies.booleans()) else SCORES
    cell = score | strategies.none() if holes else score
    rows = strategies.lists(cell, min_size=judges, max_size=judges)
    return draw(strategies.lists(rows, min_size=least, max_size=15))


quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
TOLERANCE = 1e-7
"""Spreads of a hundred-millionth of a score cost the reference some digits as well."""


def known(table: list[list[Any]], a: int, b: int) -> list[tuple[Any, Any]]:
    """Return the rows of two judges that both judged."""
    return [(row[a], row[b]) for row in table if row[a] is not None and row[b] is not None]


def varies(values: list[float]) -> bool:
    """Tell whether there is anything to correlate, by more than rounding."""
    return bool(values) and max(values) - min(values) > 1e-6


@quick
@given(table=tables())
def test_alpha_is_krippendorffs_or_undefined(table: list[list[Any]]) -> None:
    """Scores and verdicts."""
    package = oracle("krippendorff")
    for given_, level in ((table, "interval"), (verdicts(table), "nominal")):
        units = [unit for row in given_ if len(unit := [v for v in row if v is not None]) > 1]
        found = alpha(given_)
        values = [float(v) for unit in units for v in unit]
        if len(units) < 2 or len(set(values)) < 2:
            assert found.value is None
            assert found.why is not None
        elif varies(values):
            data = [[math.nan if v is None else float(v) for v in row] for row in given_]
            judges = [list(judge) for judge in zip(*data, strict=True)]
            expected = package.alpha(judges, level_of_measurement=level)
            assert found.value == pytest.approx(float(expected), abs=TOLERANCE)


@quick
@given(table=tables())
def test_correlations_are_scipys_or_undefined(table: list[list[Any]]) -> None:
    """Every two judges, over the runs that both judged."""
    stats = oracle("scipy.stats")
    for a, b in combinations(range(len(table[0]) if table else 0), 2):
        pairs = known(table, a, b)
        first, second = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
        found = pearson(two(table, a, b))
        ranked = spearman(two(table, a, b))
        apart = mean_difference(two(table, a, b))
        assert (found.n, ranked.n, apart.n) == (len(pairs),) * 3
        if len(pairs) < 2 or len(set(first)) < 2 or len(set(second)) < 2:
            assert (found.value, ranked.value) == (None, None)
            assert None not in (found.why, ranked.why)
        elif varies(first) and varies(second):
            expected = stats.pearsonr(first, second).statistic
            assert found.value == pytest.approx(float(expected), abs=TOLERANCE)
            expected = stats.spearmanr(first, second).statistic
            assert ranked.value == pytest.approx(float(expected), abs=TOLERANCE)
        if pairs:
            expected = sum(abs(x - y) for x, y in pairs) / len(pairs)
            assert apart.value == pytest.approx(expected)


@quick
@given(table=tables())
def test_cohens_kappa_is_that_of_statsmodels_or_undefined(table: list[list[Any]]) -> None:
    """Every two judges' verdicts; the correlation of verdicts is that of 0 and 1."""
    package = oracle("statsmodels.stats.inter_rater")
    votes = verdicts(table)
    for a, b in combinations(range(len(table[0]) if table else 0), 2):
        pairs = known(votes, a, b)
        found = cohen(two(votes, a, b))
        counts = [[pairs.count((x, y)) for y in (False, True)] for x in (False, True)]
        if not pairs or max(map(max, counts)) == len(pairs) == counts[0][0] + counts[1][1]:
            assert found.value is None
        else:
            expected = package.cohens_kappa(counts, return_results=False)
            assert found.value == pytest.approx(float(expected), abs=1e-12)
        numbers = two([(float(x), float(y)) for x, y in pairs])
        assert phi(two(pairs)).value == pytest.approx(pearson(numbers).value, abs=1e-9)


@quick
@given(table=tables(holes=False, least=1))
def test_fleiss_kappa_is_that_of_statsmodels_or_undefined(table: list[list[Any]]) -> None:
    """Complete tables of verdicts."""
    package = oracle("statsmodels.stats.inter_rater")
    votes = verdicts(table)
    found = fleiss(votes)
    if len({v for row in votes for v in row}) < 2:
        assert found.why == "nothing varies: every verdict is the same"
        return
    counts = [[row.count(False), row.count(True)] for row in votes]
    assert found.value == pytest.approx(float(package.fleiss_kappa(counts)), abs=1e-12)


@settings(quick, max_examples=15)
@given(table=tables(least=6))
def test_intraclass_correlations_are_those_of_pingouin_or_undefined(
    table: list[list[Any]],
) -> None:
    """Over the runs that every judge judged."""
    full = [row for row in table if None not in row]
    one, panel = icc(table)
    assert one.n == len(full)
    if len(full) < 2 or len({v for row in full for v in row}) < 2:
        assert (one.value, panel.value) == (None, None)
        return
    assume(len(full) > 4 and varies([sum(row) for row in full]))
    pandas, pingouin = oracle("pandas"), oracle("pingouin")
    long = pandas.DataFrame(
        [(run, judge, score) for run, row in enumerate(full) for judge, score in enumerate(row)],
        columns=["run", "judge", "score"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        frame = pingouin.intraclass_corr(long, targets="run", raters="judge", ratings="score")
    expected = frame.set_index("Type")["ICC"].to_dict()
    for mine, names in ((one, ("ICC(A,1)", "ICC2")), (panel, ("ICC(A,k)", "ICC2k"))):
        value = float(next(expected[name] for name in names if name in expected))
        if mine.value is not None and abs(value) < 100:
            assert mine.value == pytest.approx(value, abs=1e-6)


@quick
@given(table=tables())
def test_every_figure_is_a_number_or_has_a_reason_and_so_has_its_interval(
    table: list[list[Any]],
) -> None:
    """Whatever judges say: finite, within its range, low below high, and no warning."""
    votes = verdicts(table)
    said, passed = two(table), two(votes)
    of_scores, of_verdicts = score_sums(said), verdict_sums(passed)
    measured = [
        (pearson(said), of_scores.pearson),
        (spearman(said), of_scores.spearman),
        (mean_difference(said), of_scores.difference),
        (cohen(passed), of_verdicts.kappa),
        (phi(passed), of_verdicts.pearson),
    ]
    found = with_intervals(measured, plan(["."] * len(table), resamples=50))
    for figure in (*found, alpha(table), effective_votes(table), fleiss(votes), *icc(table)):
        assert (figure.value is None) == (figure.why is not None)
        assert figure.value is None or math.isfinite(figure.value)
        assert (figure.low is None) == (figure.high is None)
        if figure.low is not None and figure.high is not None:
            assert -1.0 <= figure.low <= figure.high <= 1.0
