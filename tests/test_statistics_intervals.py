"""Error bars: clustered as statsmodels does it, and honest where there is little to go by."""

from __future__ import annotations

import random

import pytest

from harness.statistics.intervals import clustered_mean, clustered_share, t_quantile, wilson
from tests.oracles import SEEDS, oracle


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 30, 119, 1000, 100_000])
def test_the_quantile_of_students_t_is_scipys(freedom: int) -> None:
    """From one degree of freedom to as many as there are runs."""
    expected = float(oracle("scipy.stats").t.ppf(0.975, freedom))
    assert t_quantile(freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("yes", "n"), [(0, 1), (0, 10), (1, 10), (5, 10), (10, 10), (77, 1000)])
def test_the_interval_of_a_share_is_wilsons(yes: int, n: int) -> None:
    """As statsmodels has it, at the ends too."""
    package = oracle("statsmodels.stats.proportion")
    expected = package.proportion_confint(yes, n, method="wilson")
    assert wilson(yes, n) == pytest.approx(tuple(map(float, expected)), abs=1e-12)


@SEEDS
def test_a_clustered_mean_has_the_interval_of_statsmodels(seed: int) -> None:
    """A regression on a constant with cluster-robust errors, t with clusters - 1."""
    numpy, api = oracle("numpy"), oracle("statsmodels.api")
    draw = random.Random(seed)  # noqa: S311 - a test's own numbers
    clusters, values = [], []
    for task in range(draw.randint(10, 25)):
        level = draw.random()
        for _ in range(draw.randint(1, 6)):
            clusters.append(f"task-{task}")
            values.append(level + draw.gauss(0, 0.1))
    groups = numpy.unique(clusters, return_inverse=True)[1]
    fitted = api.OLS(values, numpy.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    low, high = fitted.conf_int()[0]
    found = clustered_mean(values, clusters)
    assert (found.value, found.low, found.high) == pytest.approx(
        (float(fitted.params[0]), float(low), float(high)), abs=1e-9
    )
    assert (found.n, found.note) == (len(values), None)


def test_runs_of_one_task_make_a_wider_interval_than_as_many_tasks() -> None:
    """Ten runs of a task that agree are hardly more than one."""
    values = [float(task % 2) for task in range(20) for _ in range(10)]
    tasks = [f"task-{n // 10}" for n in range(200)]
    alone = clustered_mean(values, [str(n) for n in range(200)])
    together = clustered_mean(values, tasks)
    assert together.low is not None
    assert alone.low is not None
    assert together.low < alone.low


def test_runs_of_a_single_task_count_one_by_one() -> None:
    """The interval is for further runs of that task; Student's own, from scipy."""
    values = [0.1, 0.5, 0.9, 0.4, 0.7, 0.2, 0.3, 0.8, 0.6, 0.55, 0.45]
    stats = oracle("scipy.stats")
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    found = clustered_mean(values, ["."] * len(values))
    assert (found.low, found.high) == pytest.approx(tuple(map(float, expected)), abs=1e-12)


@pytest.mark.parametrize(
    ("values", "clusters", "value", "note"),
    [
        ([0.5], ["a"], 0.5, "no interval: one run says nothing of others"),
        ([0.3] * 3, ["a", "b", "c"], 0.3, "no interval: all values are the same"),
    ],
)
def test_a_mean_without_an_interval_says_why(
    values: list[float], clusters: list[str], value: float, note: str
) -> None:
    """No interval of width 0, which would claim certainty."""
    found = clustered_mean(values, clusters)
    assert (found.value, found.low, found.high, found.note) == (value, None, None, note)


def test_few_clusters_are_noted() -> None:
    """The interval is there, but says little."""
    found = clustered_mean([0.1, 0.2, 0.6], ["a", "b", "c"], bounds=(0.0, 1.0))
    assert (found.low, found.note) == (0.0, "only 3 tasks: the interval says little")
    found = clustered_mean([0.1, 0.2, 0.6], ["a", "a", "a"])
    assert found.note == "only 3 runs: the interval says little"


@pytest.mark.parametrize(("passed", "ends"), [(True, (0.7225, 1.0)), (False, (0.0, 0.2775))])
def test_a_share_of_all_or_nothing_has_wilsons_interval_of_the_clusters(
    passed: bool,  # noqa: FBT001 - a case
    ends: tuple[float, float],
) -> None:
    """Thirty runs of ten tasks that all passed: ten are independent."""
    found = clustered_share([passed] * 30, [str(n % 10) for n in range(30)])
    assert found.value == float(passed)
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-4)
    assert found.note is None


def test_nothing_has_no_mean() -> None:
    """And no share either."""
    assert clustered_mean([], []).why == "there is no value"
    assert clustered_share([], []).why == "there is no value"
