"""Judges against people: sensitivity, specificity, and the pass rate without their errors."""

from __future__ import annotations

import dataclasses
import random

import pytest

from harness.calibration import calibration, corrected
from harness.sheet import Row, Sheet
from harness.statistics.figure import Figure
from harness.statistics.intervals import independent, wilson
from tests.oracles import oracle


def row(run: int, passes: list[bool | None], people: tuple[bool, ...] = ()) -> Row:
    """Return a run whose panel is decided by more than half of its votes."""
    known = [passed for passed in passes if passed is not None]
    return Row(
        run=f"r{run}",
        task=f"t{run}",
        group="g",
        scores=tuple(None if passed is None else 0.8 * passed for passed in passes),
        passes=tuple(passes),
        score=0.8 * sum(known) / len(known) if known else None,
        passed=2 * sum(known) > len(known) if known else None,
        people=people,
        people_scores=tuple(0.5 * passed for passed in people),
    )


def sheet(*rows: Row) -> Sheet:
    """Return the rows of one or two judges."""
    judges = ("one", "two")[: len(rows[0].passes)]
    return Sheet(experiment="exp", judges=judges, rows=rows)


def test_without_people_there_is_no_calibration() -> None:
    """Nothing to measure the judges by."""
    assert calibration(sheet(row(1, [True]), row(2, [False]))) is None


def test_errors_are_counted_over_the_runs_that_people_judged() -> None:
    """Each judge and the panel's verdict, every share with Wilson's interval."""
    rows = [
        row(1, [True, True], (True,)),
        row(2, [True, False], (True,)),
        row(3, [True, False], (False,)),
        row(4, [False, None], (False,)),
        row(5, [True, True]),
    ]
    found = calibration(sheet(*rows))
    assert found is not None
    assert (found.labelled, found.passed) == (4, 2)
    one, two, panel = found.judges
    low, high = wilson(2, 2)
    note = "only 2 judgments by people: the interval says little"
    assert one.sensitivity == Figure(value=1.0, n=2, low=low, high=high, note=note)
    assert (one.specificity.value, one.specificity.n) == (0.5, 2)
    assert (two.sensitivity.value, two.specificity.value, two.specificity.n) == (0.5, 1.0, 1)
    assert panel.judge == "panel"
    assert (panel.sensitivity.value, panel.specificity.value) == (0.5, 1.0)
    assert one.bias.value == pytest.approx((0.3 + 0.3 + 0.8 + 0.0) / 4)


def test_more_than_half_of_the_people_decide_and_a_tie_is_no_verdict() -> None:
    """Two against one, one against one."""
    rows = [row(1, [True], (True, True, False)), row(2, [True], (True, False))]
    found = calibration(sheet(*rows))
    assert found is not None
    assert (found.labelled, found.passed) == (1, 1)


def test_the_corrected_rate_takes_the_errors_out() -> None:
    """A judge that passes 44 % with 90 % sensitivity and 80 % specificity: 34.3 % are good."""
    rate = Figure(value=0.44, n=500)
    sensitivity, specificity = Figure(value=0.9, n=100), Figure(value=0.8, n=100)
    found = corrected(rate, sensitivity, specificity)
    assert found.value == pytest.approx(0.24 / 0.7)
    assert found.note is None


def test_a_judge_without_errors_leaves_the_interval_of_agresti_and_coull() -> None:
    """Known to be perfect from very many runs; statsmodels has that interval."""
    package = oracle("statsmodels.stats.proportion")
    low, high = package.proportion_confint(220, 500, method="agresti_coull")
    sure = Figure(value=1.0, n=10**12)
    found = corrected(Figure(value=0.44, n=500), sure, sure)
    assert (found.value, found.low, found.high) == pytest.approx((0.44, low, high), abs=1e-9)


def test_fewer_judgments_by_people_make_a_wider_interval() -> None:
    """Their number carries as well as that of the runs, and so do the clusters."""
    rate, clustered = Figure(value=0.5, n=500), Figure(value=0.5, n=500, low=0.3, high=0.7)
    widths = []
    for of_runs, people in ((rate, 1000), (rate, 50), (clustered, 1000)):
        measured = Figure(value=0.8, n=people)
        found = corrected(of_runs, measured, measured)
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths[0] < widths[1] < widths[2]


def test_the_interval_of_the_corrected_rate_covers_the_truth() -> None:
    """Of 400 simulated experiments about 95 % do, with a judge that errs both ways."""
    draw = random.Random(11)  # noqa: S311 - a test's own numbers
    truth, sensitivity, specificity = 0.3, 0.85, 0.75
    covered = 0
    for _ in range(400):
        rows = []
        for run in range(200):
            good = draw.random() < truth
            passes = draw.random() < (sensitivity if good else 1 - specificity)
            rows.append(row(run, [passes], (good,) if run < 80 else ()))
        made = calibration(sheet(*rows))
        assert made is not None
        found = made.judges[0].corrected
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered / 400 > 0.93


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row(1, [True], (True,)), row(2, [False])], "people fail no run that it judged"),
        ([row(1, [True], (False,)), row(2, [False])], "people pass no run that it judged"),
        (
            [row(1, [False], (True,)), row(2, [True], (False,))],
            "the judge is no better than chance against people",
        ),
    ],
)
def test_the_corrected_rate_is_undefined(rows: list[Row], why: str) -> None:
    """Where errors are unknown, or too many to tell anything."""
    found = calibration(sheet(*rows))
    assert found is not None
    assert (found.judges[0].corrected.value, found.judges[0].corrected.why) == (None, why)


def test_few_judgments_by_people_are_noted_and_the_rate_stays_in_its_interval() -> None:
    """Two of each kind say hardly anything."""
    rows = [row(n, [True], (True,)) for n in range(2)]
    rows += [row(n, [False], (False,)) for n in range(2, 4)]
    found = calibration(sheet(*rows))
    assert found is not None
    rate = found.judges[0].corrected
    assert rate.note == "few judgments by people: the interval says little"
    assert rate.low is not None
    assert rate.value is not None
    assert rate.high is not None
    assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_runs_of_one_task_are_fewer_independent_judgments() -> None:
    """Four tasks of ten runs on which a judge is always or never right are worth four."""
    rows = [
        dataclasses.replace(row(n, [n // 10 % 2 == 0], (True,)), task=f"t{n // 10}")
        for n in range(40)
    ]
    found = calibration(sheet(*rows, row(99, [False], (False,))))
    assert found is not None
    share = found.judges[0].sensitivity
    assert (share.value, share.n) == (0.5, 40)
    size = independent([n // 10 % 2 == 0 for n in range(40)], [f"t{n // 10}" for n in range(40)])
    assert 2.5 < size < 4
    assert (share.low, share.high) == wilson(0.5 * size, size)
    apart = calibration(sheet(*[row(n, [n % 2 == 0], (True,)) for n in range(40)]))
    assert apart is not None
    assert (apart.judges[0].sensitivity.low, apart.judges[0].sensitivity.high) == wilson(20, 40)


def test_an_estimate_outside_of_its_range_is_cut_off_and_says_so() -> None:
    """Such a judge passes fewer runs than its errors alone would: one of the figures is wrong."""
    sensitivity, specificity = Figure(value=0.9, n=50), Figure(value=0.8, n=50)
    low = corrected(Figure(value=0.1, n=200), sensitivity, specificity)
    assert (low.value, low.note) == (0.0, "cut off at 0: errors and pass rate give -0.143")
    high = corrected(Figure(value=0.95, n=200), sensitivity, specificity)
    assert (high.value, high.note) == (1.0, "cut off at 1: errors and pass rate give 1.071")
    for found in (low, high):
        assert found.low is not None
        assert found.high is not None
        assert 0.0 <= found.low <= found.high <= 1.0


def test_judges_that_err_together_are_worth_one() -> None:
    """Effective votes of the errors, where the truth is known."""
    rows = [row(n, [n % 3 == 0, n % 3 == 0], (n % 2 == 0,)) for n in range(12)]
    found = calibration(sheet(*rows))
    assert found is not None
    assert found.independent.value == pytest.approx(1.0)
