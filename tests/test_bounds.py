"""What an experiment must reach: one line for each bound that does not hold."""

from __future__ import annotations

import dataclasses

import pytest

from harness.bounds import Bounds, partner, points_of, unmet
from harness.comparison import Point
from harness.panel import alpha_of, panel_score
from harness.sheet import Row, Sheet


def sheet(*given: tuple[float | None, float | None]) -> Sheet:
    """Return runs of two judges; the consensus is their mean, and passes from 0.5 on."""
    rows = []
    for number, scores in enumerate(given):
        known = [score for score in scores if score is not None]
        mean = sum(known) / len(known) if known else None
        rows.append(
            Row(
                run=f"runs/{number}",
                task=f"t{number}",
                group="g",
                scores=scores,
                passes=tuple(None if s is None else s >= 0.5 for s in scores),
                score=mean,
                passed=None if mean is None else mean >= 0.5,
            )
        )
    return Sheet(experiment="exp", judges=("one", "two"), rows=tuple(rows))


FOUND = sheet((0.9, 0.7), (0.4, 0.2), (0.6, None))

OF_SCORE = " (95 % interval 0 to 1)"
"""Three tasks say next to nothing."""


@pytest.mark.parametrize(
    ("bounds", "lines"),
    [
        (Bounds(), []),
        (Bounds(score=0.5), []),
        (Bounds(score=0.6), [f"exp: mean score is 0.5667, at least 0.6 is wanted{OF_SCORE}"]),
        (
            Bounds(score=0.56667),
            [f"exp: mean score is 0.566667, at least 0.56667 is wanted{OF_SCORE}"],
        ),
        (
            Bounds(pass_rate=0.7),
            ["exp: pass rate is 0.6667, at least 0.7 is wanted (95 % interval 0 to 1)"],
        ),
        (
            Bounds(agreement=0.9),
            ["exp: agreement (Krippendorff's alpha) is 0.7931, at least 0.9 is wanted"],
        ),
        (Bounds(judged=1.0), ["exp: share of judged slots is 0.8333, at least 1 is wanted"]),
        (Bounds(judged=5 / 6, agreement=-1.0, pass_rate=2 / 3), []),
        (
            Bounds(score=1.0, judged=1.0),
            [
                f"exp: mean score is 0.5667, at least 1 is wanted{OF_SCORE}",
                "exp: share of judged slots is 0.8333, at least 1 is wanted",
            ],
        ),
    ],
)
def test_each_bound_that_does_not_hold_is_a_line(bounds: Bounds, lines: list[str]) -> None:
    """With figure and bound, in as many digits as tell them apart."""
    assert list(unmet(FOUND, bounds)) == lines


def test_an_undefined_figure_reaches_no_bound() -> None:
    """What nobody knows cannot be vouched for."""
    found = list(unmet(sheet((None, None)), Bounds(score=0, agreement=-1, pass_rate=0)))
    alpha = "agreement (Krippendorff's alpha) is undefined (no run has two judgments)"
    assert found == [
        "exp: mean score is undefined (there is no value), at least 0 is wanted",
        "exp: pass rate is undefined (there is no value), at least 0 is wanted",
        f"exp: {alpha}, at least -1 is wanted",
    ]


def test_where_no_run_can_be_judged_no_share_of_them_is() -> None:
    """Nothing is not everything."""
    assert list(unmet(sheet(), Bounds(judged=0.5))) == [
        "exp: share of judged slots is undefined (no run can be judged), at least 0.5 is wanted"
    ]


def test_a_score_that_misses_its_bound_by_next_to_nothing_is_told_apart_from_it() -> None:
    """In as many digits as that takes."""
    found = sheet((0.25, 0.25), (0.25, 0.25))
    (line,) = unmet(found, Bounds(score=0.250000002))
    assert line.startswith("exp: mean score is 0.25, at least 0.250000002 is wanted")


def test_a_score_that_misses_its_bound_by_rounding_reaches_it() -> None:
    """The mean of three 0.7 is 0.6999999999999998 in some order of adding."""
    found = sheet((0.1 + 0.2, 0.3), (0.3, 0.3))
    assert list(unmet(found, Bounds(score=0.3 + 1e-12))) == []


def base(change: float) -> dict[str, tuple[Point, ...]]:
    """Return a baseline in which every score is higher by ``change``."""
    return {
        "exp": tuple(
            Point(run=p.run, task=p.task, score=(p.score or 0) + change, passed=p.passed)
            for p in points_of(FOUND)
        )
    }


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (-0.1, []),
        (0.05, []),
        (
            0.06,
            ["exp: mean score fell by 0.06 against the baseline, at most 0.05 is allowed"],
        ),
    ],
)
def test_a_score_may_fall_by_as_much_as_is_allowed(change: float, lines: list[str]) -> None:
    """Paired by task, against the baseline's entry of the same name."""
    assert list(unmet(FOUND, Bounds(regression=0.05), base(change))) == lines


def test_an_experiment_that_the_baseline_does_not_know_is_a_line() -> None:
    """It may have been renamed; nobody can say that it did not get worse."""
    two = {"other": (), "another": ()}
    assert list(unmet(FOUND, Bounds(regression=0.05), two)) == [
        "exp: is not in the baseline, so no regression can be ruled out"
    ]
    nothing = {"exp": ()}
    why = "both sides have no task in common that was judged"
    assert list(unmet(FOUND, Bounds(regression=0.05), nothing)) == [
        f"exp: mean score against the baseline is undefined ({why}), which no bound allows"
    ]


def test_a_baseline_of_one_experiment_is_for_any() -> None:
    """There is no other that it could be meant for."""
    only = base(0)["exp"]
    assert partner({"before": only}, "exp") is only
    assert partner({"before": (), "exp": only}, "exp") is only
    assert partner({"before": (), "after": only}, "exp") is None


def test_the_interval_stands_behind_the_line_and_does_not_decide() -> None:
    """A bound inside the interval fails as one above it does; ends are those of the figures."""
    many = sheet(*[(0.4 + n / 100, 0.5 + n / 100) for n in range(20)])
    score = panel_score(many.rows)
    agreed = alpha_of(many.rows, interval=True)
    assert score.low is not None
    assert score.high is not None
    assert agreed.low is not None
    assert agreed.high is not None
    found = list(unmet(many, Bounds(score=0.55, agreement=0.5)))
    alpha = f"agreement (Krippendorff's alpha) is {agreed.value:.4g}"
    assert found == [
        f"exp: {line}, at least {least} is wanted (95 % interval {f.low:.3g} to {f.high:.3g})"
        for line, least, f in (("mean score is 0.545", 0.55, score), (alpha, 0.5, agreed))
    ]
    assert score.high > 0.55
    before = [
        dataclasses.replace(p, score=(p.score or 0) + 0.1 + n / 1000)
        for n, p in enumerate(points_of(many))
    ]
    (line,) = unmet(many, Bounds(regression=0.1), {"exp": before})
    fell = "exp: mean score fell by 0.1095 against the baseline, at most 0.1 is allowed"
    assert line == f"{fell} (95 % interval 0.107 to 0.112)"
