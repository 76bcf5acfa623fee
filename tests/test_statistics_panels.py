"""A whole panel: the same figures as statsmodels and pingouin give."""

from __future__ import annotations

import warnings
from itertools import combinations

import pytest

from harness.statistics.panels import effective_votes, fleiss, icc
from tests.oracles import SEEDS, column, oracle, scores, verdicts


@SEEDS
@pytest.mark.parametrize("judges", [2, 3, 5])
def test_kappa_of_a_panel_is_that_of_statsmodels(seed: int, judges: int) -> None:
    """Fleiss' kappa of a complete table of verdicts."""
    table = verdicts(scores(seed, judges=judges, missing=0))
    votes = [[row.count(False), row.count(True)] for row in table]
    expected = oracle("statsmodels.stats.inter_rater").fleiss_kappa(votes, method="fleiss")
    assert fleiss(table).value == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([], "the panel has fewer than two judges"),
        ([[True], [False]], "the panel has fewer than two judges"),
        ([[None, None]], "there is no judgment"),
        ([[True, False], [True, None]], "1 of 2 runs lack a judgment"),
        ([[True, True], [True, True]], "nothing varies: every verdict is the same"),
    ],
)
def test_kappa_of_a_panel_is_undefined(table: list[list[bool | None]], why: str) -> None:
    """It has no way to leave a judgment out: alpha does that."""
    found = fleiss(table)
    assert (found.value, found.why) == (None, why)


def test_runs_that_nobody_judged_are_no_holes_of_a_panel() -> None:
    """What was not judged at all is a matter of coverage."""
    table: list[list[bool | None]] = [[True, False], [True, True], [False, False]]
    assert fleiss([*table, [None, None]]) == fleiss(table)


@SEEDS
@pytest.mark.parametrize("judges", [2, 4])
def test_intraclass_correlations_are_those_of_pingouin(seed: int, judges: int) -> None:
    """ICC(A,1) and ICC(A,k), over the runs that every judge judged."""
    pandas, pingouin = oracle("pandas"), oracle("pingouin")
    table = scores(seed, judges=judges, missing=0.1)
    full = [row for row in table if None not in row]
    long = pandas.DataFrame(
        [(run, judge, score) for run, row in enumerate(full) for judge, score in enumerate(row)],
        columns=["run", "judge", "score"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        found = pingouin.intraclass_corr(long, targets="run", raters="judge", ratings="score")
    known = found.set_index("Type")["ICC"].to_dict()
    one = known.get("ICC(A,1)", known.get("ICC2"))
    panel = known.get("ICC(A,k)", known.get("ICC2k"))
    mine = icc(table)
    assert (mine[0].n, mine[1].n) == (len(full), len(full))
    assert mine[0].value == pytest.approx(float(one), abs=1e-9)
    assert mine[1].value == pytest.approx(float(panel), abs=1e-9)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([], "the panel has fewer than two judges"),
        ([[0.5], [0.7]], "the panel has fewer than two judges"),
        ([[0.5, 0.7], [0.5, None]], "fewer than two runs were judged by all judges"),
        ([[0.1, 0.1]] * 4, "nothing varies: all scores are the same"),
    ],
)
def test_intraclass_correlations_are_undefined(table: list[list[float | None]], why: str) -> None:
    """Both for the same reason."""
    one, panel = icc(table)
    assert (one.value, one.why, panel.value, panel.why) == (None, why, None, why)


def test_judges_that_differ_more_than_the_runs_have_no_correlation_of_their_mean() -> None:
    """The quotient would have no or a negative denominator."""
    _, panel = icc([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert (panel.value, panel.why) == (None, "the judges differ more than the runs do")


@SEEDS
def test_effective_votes_are_kishs(seed: int) -> None:
    """From the mean correlation of the pairs, as numpy has it."""
    numpy = oracle("numpy")
    table = scores(seed, judges=4, missing=0)
    found = [
        float(numpy.corrcoef(column(table, a), column(table, b))[0, 1])
        for a, b in combinations(range(4), 2)
    ]
    mean = sum(found) / len(found)
    assert effective_votes(table).value == pytest.approx(4 / (1 + 3 * mean), abs=1e-9)


def test_judges_that_repeat_each_other_are_one_vote() -> None:
    """However many they are."""
    table: list[list[float | None]] = [[x / 9] * 5 for x in range(10)]
    assert effective_votes(table).value == pytest.approx(1.0)


def test_votes_are_never_more_than_judges() -> None:
    """Judges that contradict each other are no extra judges."""
    assert effective_votes([[0.0, 1.0], [1.0, 0.0], [0.4, 0.6]]).value == 2.0


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([], "fewer than two judges gave a judgment"),
        ([[0.1, None], [0.4, None]], "fewer than two judges gave a judgment"),
        ([[0.1, 0.5], [0.4, 0.5]], "1 of 1 pairs of judges have no correlation"),
    ],
)
def test_effective_votes_are_undefined(table: list[list[float | None]], why: str) -> None:
    """Without a correlation nothing says whether two judges are one."""
    found = effective_votes(table)
    assert (found.value, found.why) == (None, why)
