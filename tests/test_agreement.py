"""Agreement of a panel: levels, coverage, judges, and the published experiments."""

from __future__ import annotations

import csv
import dataclasses
import gc
import json
import math
import os
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.agreement import agreement
from harness.panel import alpha_of, coverage, panel_pass_rate, panel_score
from harness.sheet import Row, Sheet
from harness.statistics.figure import Figure
from tests.oracles import oracle, scores


def row(run: str, given: list[float | None], **keys: Any) -> Row:
    """Return a run whose consensus is the mean of what was given and the vote at 0.5."""
    known = [score for score in given if score is not None]
    return Row(
        run=run,
        task=keys.pop("task", run),
        group=keys.pop("group", "all"),
        scores=tuple(given),
        passes=tuple(None if score is None else score >= 0.5 for score in given),
        score=math.fsum(known) / len(known) if known else None,
        passed=2 * sum(s >= 0.5 for s in known) > len(given) if known else None,
        **keys,
    )


def sheet(*rows: Row) -> Sheet:
    """Return the rows as an experiment."""
    judges = ("one", "two", "three")[: len(rows[0].scores) if rows else 0]
    return Sheet(experiment="exp", judges=judges, rows=rows)


def test_coverage_counts_what_is_missing_and_leaves_out_what_is_blocked() -> None:
    """A run without output owes no judgment; one without a judgment owes all."""
    found = coverage(
        [
            row("a", [0.5, 0.6, 0.7]),
            row("b", [0.5, None, None]),
            row("c", [None, None, None]),
            row("d", [None, None, None], blocked=True),
        ]
    )
    assert (found.runs, found.blocked, found.tasks) == (4, 1, 3)
    assert (found.judged, found.full, found.joint, found.decided) == (2, 1, 2, 2)
    assert (found.slots, found.judgments) == (9, 4)


def test_an_undecided_run_has_not_passed() -> None:
    """It has a consensus score, so it stays in the denominator."""
    undecided = Row(
        run="u", task="u", group="g", scores=(0.5, 0.4), passes=(True, False), score=0.45
    )
    rate = panel_pass_rate([row("a", [0.9, 0.9]), undecided, row("b", [None, None])])
    assert (rate.value, rate.n) == (0.5, 2)


def test_levels_are_the_experiment_its_groups_and_its_tasks() -> None:
    """Each run counts once at each level, and every level has all figures."""
    rows = [
        row(f"{group}/{task}/{n}", list(scores(n, runs=1)[0]), group=group, task=f"{group}/{task}")
        for group in ("T0", "T1")
        for task in ("00", "01")
        for n in range(3)
    ]
    found = agreement(sheet(*rows))
    assert (found.whole.name, found.whole.coverage.runs) == ("exp", 12)
    assert [(level.name, level.coverage.runs) for level in found.groups] == [("T0", 6), ("T1", 6)]
    assert [(level.name, level.coverage.runs) for level in found.tasks] == [
        ("T0/00", 3),
        ("T0/01", 3),
        ("T1/00", 3),
        ("T1/01", 3),
    ]
    for level in (found.whole, *found.groups, *found.tasks):
        assert (len(level.pairs), len(level.judges)) == (3, 3)
    assert agreement(sheet(*rows), tasks=2).tasks == found.tasks[:2]
    assert found.tasks[2].pairs == agreement(sheet(*rows[6:9])).whole.pairs
    assert found.groups[1].alpha_score == agreement(sheet(*rows[6:])).whole.alpha_score


def test_severity_compares_a_judge_with_the_others_on_the_same_runs() -> None:
    """A judge that saw only the bad runs is not strict for that."""
    rows = [row(f"good{n}", [None, 0.9, 0.9]) for n in range(3)]
    rows += [row(f"bad{n}", [0.3, 0.2 - n / 100, 0.2 + n / 100]) for n in range(3)]
    one, two, _ = agreement(sheet(*rows)).whole.judges
    assert one.score.value == pytest.approx(0.3)
    assert one.severity.value == pytest.approx(0.1)
    assert one.severity.n == 3
    assert two.severity.n == 6


def test_a_judges_verdict_is_compared_with_more_than_half_of_the_others() -> None:
    """Where the others are split there is nothing to compare with."""
    rows = [
        row("a", [0.9, 0.9, 0.9]),
        row("b", [0.9, 0.1, 0.1]),
        row("c", [0.9, 0.9, 0.1]),
        row("d", [0.1, 0.2, None]),
    ]
    one, _, three = agreement(sheet(*rows)).whole.judges
    assert one.same_verdict.value == pytest.approx(2 / 3)
    assert three.same_verdict.value == pytest.approx(1 / 2)
    assert (one.same_verdict.n, three.same_verdict.n) == (3, 2)


def test_split_runs_and_the_most_disputed_ones_are_named() -> None:
    """Split are those with verdicts on both sides; disputed by the distance of the scores."""
    rows = [
        row("same", [0.7, 0.7]),
        row("near", [0.7, 0.8]),
        row("split", [0.4, 0.6]),
        row("far", [0.6, 1.0]),
        row("open", [0.4, None]),
    ]
    found = agreement(sheet(*rows), listed=2)
    assert found.split == ("split",)
    assert (found.experiment, found.judges) == ("exp", ("one", "two"))
    assert (
        len(agreement(sheet(*[row(f"r{n}", [0.0, 1 / (n + 1)]) for n in range(12)])).disputed) == 10
    )
    (task,) = [level for level in found.tasks if level.name == "split"]
    assert [run for run, _ in task.disputed] == ["split"]
    assert agreement(sheet(row("same", [0.7, 0.7]))).disputed == ()
    assert [(run, round(spread, 9)) for run, spread in found.disputed] == [
        ("far", 0.4),
        ("split", 0.2),
    ]


def test_what_is_listed_of_a_level_is_bounded_like_that_of_the_whole() -> None:
    """For groups and tasks, too."""
    rows = [
        row(f"{group}{n}", [0.0, (n + 1) / 20], group=group, task=group)
        for group in "ab"
        for n in range(5)
    ]
    found = agreement(sheet(*rows), listed=3)
    assert [[run for run, _ in level.disputed] for level in (*found.groups, *found.tasks)] == [
        *(["a4", "a3", "a2"], ["b4", "b3", "b2"]),
        *(["a4", "a3", "a2"], ["b4", "b3", "b2"]),
    ]


def test_the_only_group_has_its_own_name_and_the_figures_of_the_whole() -> None:
    """They are measured once."""
    rows = [row(f"r{n}", [n / 20, 1 - n / 20], group="T0") for n in range(12)]
    found = agreement(sheet(*rows))
    (group,) = found.groups
    assert group == dataclasses.replace(found.whole, name="T0")


def test_pairs_and_judges_are_those_of_the_columns() -> None:
    """Each pair once, in the panel's order, with an interval from ten runs on."""
    rows = [row(f"r{n}", [n / 20, n / 21, 1 - n * n / 200]) for n in range(10)]
    found = agreement(sheet(*rows)).whole
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        *(("one", "two"), ("one", "three"), ("two", "three")),
    ]
    assert [pair.pearson.value for pair in found.pairs] == [
        pytest.approx(1.0),
        *(pytest.approx(statistics.correlation(*columns)) for columns in _pairs(rows)[1:]),
    ]
    assert found.pairs[1].pearson.low is not None
    assert found.judges[2].correlation.low is not None
    assert found.alpha_score.low is not None
    fewer = agreement(sheet(*rows[:9])).whole
    assert fewer.judges[2].correlation.note == "no interval: 9 runs are too few to resample"
    assert fewer.alpha_score.note == "no interval: 9 runs are too few to resample"


def _pairs(rows: list[Row]) -> list[tuple[list[float], list[float]]]:
    one, two, three = (
        [score for score in column if score is not None]
        for column in zip(*(each.scores for each in rows), strict=True)
    )
    return [(one, two), (one, three), (two, three)]


def test_a_brief_look_at_groups_has_their_figures_and_the_interval_of_alpha() -> None:
    """The same ones as otherwise; the whole has all of its intervals."""
    rows = [
        row(f"{group}{n}", [n / 20, 1 - n * n / 300, n / 21], group=group, task=group)
        for group in "ab"
        for n in range(12)
    ]
    full, brief = agreement(sheet(*rows)), agreement(sheet(*rows), brief=True)
    assert brief.whole == full.whole
    for one, other in zip(brief.groups, full.groups, strict=True):
        assert one.alpha_score == other.alpha_score
        assert one.alpha_score.low is not None
        assert (one.score, one.pass_rate) == (other.score, other.pass_rate)
        assert one.fleiss.value == other.fleiss.value
        assert [pair.pearson.value for pair in one.pairs] == [
            pair.pearson.value for pair in other.pairs
        ]
        assert (one.pairs[0].pearson.low, one.judges[0].correlation.low) == (None, None)


def test_many_levels_share_the_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the budget allows, of the sums that each level takes, but some at least."""
    rows = [
        row(f"{group}{n}", [n / 20, 1 - n / 21], group=group, task=group)
        for group in "abc"
        for n in range(10)
    ]
    rows.append(row("alone", [0.5, 0.5], group="d", task="d"))  # too few for any

    def resamples(budget: int) -> list[int]:
        monkeypatch.setattr("harness.agreement.BUDGET", budget)
        return [level.resamples for level in agreement(sheet(*rows)).groups]

    sums = 3 * 10 * 8 * 2**2
    assert resamples(500 * sums) == [500] * 4
    assert resamples(sums) == [100] * 4
    assert resamples(10_000 * sums) == [1000] * 4
    monkeypatch.setattr("harness.agreement.BLOCKS", 5)
    assert resamples(250 * sums) == [500] * 4


DEGENERATE = [
    *("nothing", "no judgment", "one run", "one judge", "all equal", "no pair"),
    *("one judge of many runs", "two runs"),
    *("always the same", "one judge says one thing", "rounding", "one run differs", "all blocked"),
]


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (row("a", [None, None, None]),),
        (row("a", [0.5, 0.6, 0.7]),),
        (row("a", [0.5]), row("b", [0.7])),
        tuple(row(name, [0.5, 0.5, 0.5]) for name in "abcdefghijkl"),
        tuple(row(name, [0.5, None, None]) for name in "abc"),
        tuple(row(f"r{n}", [n / 20]) for n in range(20)),
        (row("a", [0.5, 0.6, 0.7]), row("b", [0.1, 0.2, 0.9])),
        tuple(row(f"r{n}", [n / 20, n / 20, n / 20], task="t") for n in range(20)),
        tuple(row(f"r{n}", [n / 20, 0.5, 1 - n / 20]) for n in range(20)),
        tuple(row(f"r{n}", [0.1 + 0.2, 0.3, 0.3]) for n in range(20)),
        tuple(row(f"r{n}", [float(n == 0), float(n == 0), 1.0]) for n in range(20)),
        tuple(row(f"r{n}", [None, None, None], blocked=True) for n in range(20)),
    ],
    ids=DEGENERATE,
)
def test_every_figure_has_a_value_or_a_reason(rows: tuple[Row, ...]) -> None:
    """Nothing to compare is no error, and never a number that is none."""
    found = agreement(sheet(*rows))
    levels = [found.whole, *found.groups, *found.tasks]
    owners: list[Any] = [o for level in levels for o in (level, *level.pairs, *level.judges)]
    figures = [
        figure
        for owner in owners
        for field in dataclasses.fields(owner)
        if isinstance(figure := getattr(owner, field.name), Figure)
    ]
    assert len(figures) >= 9
    for figure in figures:
        assert (figure.value is None) == (figure.why is not None)
        assert figure.value is None or math.isfinite(figure.value)
        assert (figure.low is None) == (figure.high is None)
        assert figure.low is None or math.isfinite(figure.low)
    json.dumps(msgspec.to_builtins(found), allow_nan=False)


@pytest.mark.slow
def test_a_hundred_thousand_judgments_are_measured() -> None:
    """With as many distinct scores, and tasks of three runs: every level is there."""
    table = scores(1, runs=33_334, missing=0.05)
    rows = [row(f"r{n}", given, task=f"t{n // 3}", group="g") for n, given in enumerate(table)]
    found = agreement(sheet(*rows))
    assert found.whole.coverage.slots == 100_002
    assert len(found.tasks) == 11_112
    assert found.whole.alpha_score.low is not None


DATA = Path(os.environ.get("HARNESS_REAL_DATA", "")) / "scylla-haiku"

real = pytest.mark.skipif(
    "HARNESS_REAL_DATA" not in os.environ, reason="HARNESS_REAL_DATA names no directory"
)


def published() -> dict[str, Sheet]:
    """Return the published judgments and consensus of each experiment."""
    given: dict[tuple[str, str], dict[int, dict[str, str]]] = defaultdict(dict)
    with (DATA / "judges.csv").open(newline="", encoding="utf-8") as stream:
        for entry in csv.DictReader(stream):
            run = f"{entry['tier']}/{entry['subtest']}/{entry['run_number']}"
            given[entry["experiment"], run][int(entry["judge_number"])] = entry
    rows: dict[str, list[Row]] = defaultdict(list)
    with (DATA / "runs.csv").open(newline="", encoding="utf-8") as stream:
        for entry in csv.DictReader(stream):
            task = f"{entry['tier']}/{entry['subtest']}"
            run = f"{task}/{entry['run_number']}"
            judges = [given[entry["experiment"], run].get(number) for number in (1, 2, 3)]
            rows[entry["experiment"]].append(
                Row(
                    run=run,
                    task=task,
                    group=entry["tier"],
                    scores=tuple(None if j is None else float(j["judge_score"]) for j in judges),
                    passes=tuple(
                        None if j is None else j["judge_passed"] == "True" for j in judges
                    ),
                    score=float(entry["score"]),
                    passed=entry["passed"] == "True",
                )
            )
    return {
        name: Sheet(experiment=name, judges=("opus", "sonnet", "haiku"), rows=tuple(found))
        for name, found in rows.items()
    }


@real
def test_the_published_judgments_agree_as_the_reference_packages_say() -> None:
    """Alpha, correlations, and means of three real experiments with 30 judgments missing."""
    krippendorff, pandas = oracle("krippendorff"), oracle("pandas")
    sheets = published()
    assert sum(len(s.rows) for s in sheets.values()) == 1080
    assert sum(coverage(s.rows).judgments for s in sheets.values()) == 3210
    for found in sheets.values():
        whole = agreement(found).whole
        frame = pandas.DataFrame([r.scores for r in found.rows], dtype=float)
        votes = pandas.DataFrame([r.passes for r in found.rows], dtype=float)
        for mine, table, level in (
            (whole.alpha_score, frame, "interval"),
            (whole.alpha_passed, votes, "nominal"),
        ):
            expected = krippendorff.alpha(table.T.to_numpy(), level_of_measurement=level)
            assert mine.value == pytest.approx(float(expected), abs=1e-12)
        places = [(0, 1), (0, 2), (1, 2)]
        for (a, b), pair in zip(places, whole.pairs, strict=True):
            for name, figure in (("pearson", pair.pearson), ("spearman", pair.spearman)):
                expected = frame.corr(method=name).iloc[a, b]
                assert figure.value == pytest.approx(float(expected), abs=1e-12)
            apart = (frame[a] - frame[b]).abs().mean()
            assert pair.difference.value == pytest.approx(float(apart), abs=1e-12)
        for place, judge in enumerate(whole.judges):
            assert judge.score.value == pytest.approx(float(frame[place].mean()), abs=1e-12)
            assert judge.pass_rate.value == pytest.approx(float(votes[place].mean()), abs=1e-12)


@real
def test_every_tier_and_pair_of_the_published_judgments_is_as_the_reference_packages_say() -> None:
    """Grouped by experiment and tier, which the published table is not; subtests as well."""
    krippendorff, pandas = oracle("krippendorff"), oracle("pandas")
    rater = oracle("statsmodels.stats.inter_rater")
    tiers = 0
    for sheet_ in published().values():
        made = agreement(sheet_)
        assert len(made.tasks) == len({row.task for row in sheet_.rows})
        for level in made.groups:
            rows = [row for row in sheet_.rows if row.group == level.name]
            assert level.coverage.runs == len(rows)
            frame = pandas.DataFrame([r.scores for r in rows], dtype=float)
            expected = krippendorff.alpha(frame.T.to_numpy(), level_of_measurement="interval")
            assert level.alpha_score.value == pytest.approx(float(expected), abs=1e-12)
            for (a, b), pair in zip(((0, 1), (0, 2), (1, 2)), level.pairs, strict=True):
                expected = frame.corr(method="spearman").iloc[a, b]
                mine = math.nan if pair.spearman.value is None else pair.spearman.value
                assert mine == pytest.approx(float(expected), abs=1e-12, nan_ok=True)
                both = [(r.passes[a], r.passes[b]) for r in rows]
                counts = [[both.count((x, y)) for y in (False, True)] for x in (False, True)]
                if pair.kappa.value is None:  # the package would divide by 0
                    assert sum(map(sum, counts)) in (counts[0][0], counts[1][1])
                else:
                    expected = rater.cohens_kappa(counts, return_results=False)
                    assert pair.kappa.value == pytest.approx(float(expected), abs=1e-12)
            votes = [r.passes for r in rows]
            if level.fleiss.value is None:
                assert {p for row in votes for p in row} != {True, False}  # a hole, or one verdict
            else:
                counts = [[row.count(False), row.count(True)] for row in votes]
                expected = rater.fleiss_kappa(counts)
                assert level.fleiss.value == pytest.approx(float(expected), abs=1e-12)
            tiers += 1
    assert tiers == 21


@real
def test_the_published_intervals_hold_their_figures_and_are_wider_by_task() -> None:
    """Runs of one subtest are alike, so drawing them one by one would claim too much."""
    for found in published().values():
        whole = agreement(found, tasks=0).whole
        owners: list[Any] = [whole, *whole.pairs]
        for owner in owners:
            for field in dataclasses.fields(owner):
                figure = getattr(owner, field.name)
                if isinstance(figure, Figure) and figure.low is not None:
                    assert figure.value is not None
                    assert figure.high is not None
                    assert figure.low <= figure.value <= figure.high
        apart = [dataclasses.replace(r, task=r.run) for r in found.rows]
        alone = alpha_of(apart, interval=True)
        assert None not in (whole.alpha_score.low, alone.low)
        assert (whole.alpha_score.high or 0) - (whole.alpha_score.low or 0) > 0.8 * (
            (alone.high or 0) - (alone.low or 0)
        )


@real
def test_the_published_experiments_have_error_bars_clustered_by_subtest() -> None:
    """As a regression on a constant with cluster-robust errors gives them."""
    numpy, api = oracle("numpy"), oracle("statsmodels.api")
    for found in published().values():
        values = [row.score for row in found.rows]
        groups = numpy.unique([row.task for row in found.rows], return_inverse=True)[1]
        fitted = api.OLS(values, numpy.ones(len(values))).fit(
            cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
        )
        mine = panel_score(found.rows)
        expected = (fitted.params[0], *fitted.conf_int()[0])
        assert (mine.value, mine.low, mine.high) == pytest.approx(tuple(map(float, expected)))


@real
def test_experiments_thrown_together_agree_otherwise_than_each_does() -> None:
    """Which is why there is no figure over several experiments."""
    sheets = published()
    together = alpha_of(row for found in sheets.values() for row in found.rows).value
    apart = {name: alpha_of(found.rows).value for name, found in sheets.items()}
    assert together is not None
    assert all(value is not None and abs(value - together) > 1e-3 for value in apart.values())


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_paused_and_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, *, enabled: bool
) -> None:
    """Also where measuring fails; a caller's own pause goes on."""
    seen = []

    def fail(*_: object) -> None:
        seen.append(gc.isenabled())
        raise ZeroDivisionError

    monkeypatch.setattr("harness.agreement._level", fail)
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError):
            agreement(Sheet(experiment="e", judges=("a",), rows=()))
        assert (seen, gc.isenabled()) == ([False], enabled)
    finally:
        gc.enable()
