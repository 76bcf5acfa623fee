"""The panel's joint answer: every rule by example, and what holds for all of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.consensus import Consensus, Rule, closest, consensus, describe
from harness.model import JudgeSpec, Judgment
from harness.scores import grade_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def panel(*weights: float) -> tuple[JudgeSpec, ...]:
    """Return a panel of judges with these weights."""
    return tuple(
        JudgeSpec(number=n, name=f"judge-{n}", kind="replay", weight=weight)
        for n, weight in enumerate(weights, 1)
    )


def judgment(score: float, *, passed: bool | None = None, reasoning: str = "") -> Judgment:
    """Return a judgment; it passes from 0.6 on unless said otherwise."""
    verdict = score >= 0.6 if passed is None else passed
    return Judgment(score=score, passed=verdict, grade=grade_of(score), reasoning=reasoning, raw={})


def judge(
    scores: Mapping[int, float] | Sequence[float],
    rule: Rule,
    *,
    judges: int = 3,
    votes: str = "",
    weights: Sequence[float] = (),
) -> Consensus:
    """Return the consensus of ``scores`` (by judge); ``votes`` are + and - in their order."""
    by_number = scores if isinstance(scores, dict) else dict(enumerate(scores, 1))
    passed = dict(zip(by_number, votes, strict=True)) if votes else {}
    judgments = {
        n: judgment(s, passed=passed[n] == "+" if votes else None, reasoning=f"by {n}")
        for n, s in by_number.items()
    }
    return consensus(judgments, panel(*(weights or [1.0] * judges)), rule)


NATIVE = Rule(quorum=2)
SCYLLA = Rule(quorum=1, whole_panel=False, quotes="first")


def test_three_judges_agree() -> None:
    """Everything that a consensus tells, for a plain case."""
    assert judge([0.9, 0.7, 0.8], NATIVE) == Consensus(
        score=math.fsum([0.9, 0.7, 0.8]) / 3,
        passed=True,
        grade="B",  # the mean is 0.7999999999999999
        reasoning="by 3",
        quoted=3,
        judges=3,
        judged=3,
        complete=True,
        votes_for=3,
        votes_against=0,
        tie=False,
        spread=0.9 - 0.7,
        disagreement=False,
        rule="mean, majority of panel, quorum 2",
    )


@pytest.mark.parametrize(
    ("rule", "score"),
    [
        ("mean", 0.42),
        ("median", 0.4),
        ("min", 0.1),
        ("max", 1.0),
        ("trimmed_mean", 1.0 / 3),
    ],
)
def test_each_rule_has_its_score(rule: str, score: float) -> None:
    """Mean, median, extremes, and the mean without a fifth at either end."""
    found = judge([0.2, 1.0, 0.1, 0.4, 0.4], Rule(score=rule, quorum=1), judges=5)
    assert found.score == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize(
    ("trim", "scores", "score"),
    [
        (0.0, [0.0, 0.5, 1.0, 1.0], 0.625),
        (0.25, [0.0, 0.5, 1.0, 1.0], 0.75),
        (0.49, [0.0, 0.25, 1.0], 0.25),
        (0.2, [0.0, 0.5, 1.0, 1.0], 0.625),  # a fifth of four is nobody
        (0.4, [0.3], 0.3),
    ],
)
def test_a_trimmed_mean_leaves_out_whole_judges(
    trim: float, scores: list[float], score: float
) -> None:
    """The share is rounded down to whole judges at either end."""
    rule = Rule(score="trimmed_mean", trim=trim, quorum=1)
    assert judge(scores, rule, judges=len(scores)).score == score


def test_weights_count_in_the_mean() -> None:
    """Three times the weight is three times the say about the score, but one vote."""
    found = judge([1.0, 0.0], Rule(quorum=1), judges=2, weights=[3.0, 1.0], votes="+-")
    assert found.score == 0.75
    assert (found.votes_for, found.votes_against, found.passed) == (1, 1, None)


def test_a_judge_of_weight_0_counts_in_no_score() -> None:
    """It votes, but if only such judges have answered there is no score."""
    weights = [1.0, 0.0, 0.0]
    assert judge([0.2, 0.9, 0.9], NATIVE, weights=weights).score == 0.2
    found = judge({2: 0.9, 3: 0.9}, NATIVE, weights=weights)
    assert (found.score, found.grade, found.complete) == (None, None, True)
    assert (found.quoted, found.reasoning) == (2, "by 2")


@pytest.mark.parametrize(
    ("scores", "exact"),
    [
        ([1.0, 1.0, 0.4], 0.7999999999999999),
        ([0.1, 0.2, 0.3], 0.19999999999999998),
        ([0.82, 0.86, 0.72], 0.7999999999999999),
        ([0.1] * 10, 0.1),
    ],
)
def test_the_mean_is_exact_to_the_last_bit(scores: list[float], exact: float) -> None:
    """It is the correctly rounded sum, divided once: the same in every order and version."""
    assert judge(scores, SCYLLA, judges=len(scores)).score == exact
    assert judge(scores[::-1], SCYLLA, judges=len(scores)).score == exact


@pytest.mark.parametrize(
    ("votes", "judges", "native", "scylla"),
    [
        ("+", 1, True, True),
        ("-", 1, False, False),
        ("+-", 2, None, False),
        ("++", 2, True, True),
        ("--", 2, False, False),
        ("++-", 3, True, True),
        ("+--", 3, False, False),
        # one judge of three is lost
        ("++", 3, True, True),
        ("+-", 3, None, False),
        ("--", 3, False, False),
        # two judges of four are lost: nobody has more than half of the panel
        ("++", 4, None, True),
        ("--", 4, None, False),
        # two judges of five are lost
        ("+++", 5, True, True),
        ("++-", 5, None, True),
        ("--+", 5, None, False),
        ("++--", 4, None, False),
        ("++--", 5, None, False),
    ],
)
def test_a_majority_is_more_than_half(
    votes: str,
    judges: int,
    native: bool | None,  # noqa: FBT001 - a parameter of the test
    scylla: bool | None,  # noqa: FBT001 - the same
) -> None:
    """Natively of the whole panel, yes or no; in ProjectScylla of the judgments: a tie fails."""
    scores = [0.5] * len(votes)
    assert judge(scores, Rule(quorum=1), judges=judges, votes=votes).passed is native
    assert judge(scores, SCYLLA, judges=judges, votes=votes).passed is scylla


@pytest.mark.parametrize(
    ("rule", "votes", "judges", "native", "of_judgments"),
    [
        ("unanimous", "+++", 3, True, True),
        ("unanimous", "++-", 3, False, False),
        ("unanimous", "++", 3, None, True),  # the third could still object
        ("any", "+--", 3, True, True),
        ("any", "---", 3, False, False),
        ("any", "--", 3, None, False),  # the third could still agree
    ],
)
def test_lost_judges_could_still_turn_it(
    rule: str,
    votes: str,
    judges: int,
    native: bool | None,  # noqa: FBT001 - a parameter of the test
    of_judgments: bool | None,  # noqa: FBT001 - the same
) -> None:
    """Natively a verdict is given only when the judges that are missing cannot change it."""
    scores = [0.5] * len(votes)
    whole = Rule(passed=rule, quorum=1)
    assert judge(scores, whole, judges=judges, votes=votes).passed is native
    part = Rule(passed=rule, quorum=1, whole_panel=False)
    assert judge(scores, part, judges=judges, votes=votes).passed is of_judgments


def test_a_threshold_looks_at_the_score_alone() -> None:
    """The bound belongs to a pass, and votes do not count."""
    rule = Rule(passed="threshold", threshold=0.5, quorum=1)
    assert judge([0.5, 0.5], rule, judges=2, votes="--").passed is True
    assert judge([0.5, math.nextafter(0.5, 0) - 0.1], rule, judges=2, votes="++").passed is False
    assert judge([0.9], rule, judges=1, weights=[0.0]).passed is None


@pytest.mark.parametrize("judged", [0, 1])
def test_below_the_quorum_there_is_no_verdict(judged: int) -> None:
    """Too few judgments give neither score, grade, nor verdict, but say how many there are."""
    found = judge([0.9][:judged], NATIVE)
    assert (found.score, found.passed, found.grade, found.complete) == (None, None, None, False)
    assert (found.judges, found.judged, found.votes_for) == (3, judged, judged)
    assert found.quoted == (1 if judged else None)
    assert found.reasoning == ("by 1" if judged else "")
    assert found.spread == (0.0 if judged else None)


def test_even_a_quorum_of_0_needs_a_judgment() -> None:
    """Without any judgment there is no consensus, whatever the rule says."""
    assert not judge([], Rule(quorum=0)).complete


def test_a_lost_judge_is_never_counted_as_0() -> None:
    """The score of two judges is theirs alone."""
    assert judge({1: 0.8, 3: 0.6}, NATIVE).score == 0.7


def test_a_judgment_of_nobody_s_is_not_counted() -> None:
    """What a judge left who is no longer on the panel has no say."""
    assert judge([0.8, 0.6, 0.0], Rule(quorum=1), judges=2).score == 0.7


@pytest.mark.parametrize(
    ("scores", "rule", "quoted"),
    [
        ([0.9, 0.5, 0.7], NATIVE, 3),
        ([0.9, 0.5, 0.7], SCYLLA, 1),
        ([0.75, 0.25], NATIVE, 1),  # equally close: the first
        ({2: 0.5, 3: 0.7}, SCYLLA, 2),
    ],
)
def test_the_reasoning_is_one_judge_s(scores: Any, rule: Rule, quoted: int) -> None:
    """Natively that of the judge closest to the score, in ProjectScylla the first one's."""
    found = judge(scores, rule)
    assert (found.quoted, found.reasoning) == (quoted, f"by {quoted}")


def test_the_closest_judge_is_the_first_of_equals() -> None:
    """The order in which judgments are given does not matter."""
    judgments = {3: judgment(0.5), 2: judgment(0.7), 1: judgment(0.9)}
    assert closest(judgments, 0.6) == 2
    assert closest(judgments, 0.5) == 3


@pytest.mark.parametrize(
    ("scores", "votes", "disagreement"),
    [
        ([0.9, 0.9, 0.9], "+++", False),
        ([0.9, 0.7, 0.9], "+++", False),
        ([0.9, 0.5, 0.9], "+++", True),
        ([0.1, 0.4], "++", False),  # 0.30000000000000004 in binary
        ([0.3, 0.6], "++", False),
        ([0.7, 1.0], "++", False),
        ([0.1, 0.400001], "++", True),
        ([0.9, 0.9, 0.9], "++-", True),
        ([0.9], "+", False),
    ],
)
def test_judges_disagree_by_verdict_or_by_spread(
    scores: list[float],
    votes: str,
    disagreement: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A split vote, or more than 0.3 between the highest and the lowest score."""
    assert judge(scores, NATIVE, votes=votes).disagreement is disagreement


def test_the_grades_are_the_rubric_s() -> None:
    """A scale of the rubric's own holds for the consensus, too."""
    found = consensus({1: judgment(0.7)}, panel(1), Rule(), grades={"A": 0.7, "F": 0.0})
    assert found.grade == "A"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (NATIVE, "mean, majority of panel, quorum 2"),
        (SCYLLA, "mean, majority of judgments, quorum 1"),
        (
            Rule(score="trimmed_mean", trim=0.1, passed="any"),
            "trimmed_mean 0.1, any of panel, quorum 1",
        ),
        (
            Rule(score="min", passed="threshold", threshold=0.5, quorum=3),
            "min, threshold 0.5 of panel, quorum 3",
        ),
    ],
)
def test_a_consensus_names_its_rule(rule: Rule, words: str) -> None:
    """Whoever reads the file sees by which rule it was made."""
    assert describe(rule) == words


def test_a_rule_says_when_weights_count() -> None:
    """A mean of judges with different weights is not the plain one; other rules ignore weights."""
    assert judge([0.5, 0.7], NATIVE, weights=[1, 1]).rule == "mean, majority of panel, quorum 2"
    weighted = judge([0.5, 0.7], NATIVE, weights=[1, 2]).rule
    assert weighted == "mean by weight, majority of panel, quorum 2"
    assert describe(Rule(score="median"), weighted=True) == "median, majority of panel, quorum 1"


@pytest.mark.parametrize(
    ("votes", "tie"), [("", False), ("+", False), ("+-", True), ("+--", False), ("++--", True)]
)
@pytest.mark.parametrize("rule", [NATIVE, SCYLLA])
def test_a_tie_is_named(
    rule: Rule,
    votes: str,
    tie: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """As many judges for as against, whatever the rule makes of it."""
    assert judge([0.5] * len(votes), rule, judges=5, votes=votes).tie is tie


def test_a_trimmed_share_of_whole_judges_is_not_rounded_away() -> None:
    """29 of 100 judges go at either end, although 0.29 * 100 is a little less than 29."""
    scores = [0.0] * 29 + [0.5] * 42 + [0.9] * 28 + [1.0]
    rule = Rule(score="trimmed_mean", trim=0.29, quorum=1)
    assert judge(scores, rule, judges=100).score == 0.5


# --- laws ------------------------------------------------------------------------------------

scores_strategy = st.floats(0, 1) | st.integers(0, 100).map(lambda n: n / 100)
rules = st.builds(
    Rule,
    score=st.sampled_from(["mean", "median", "trimmed_mean", "min", "max"]),
    passed=st.sampled_from(["majority", "unanimous", "any"]),
    trim=st.floats(0, 0.49),
    quorum=st.integers(1, 7),
    whole_panel=st.booleans(),
    quotes=st.sampled_from(["closest", "first"]),
)
ballots = st.lists(st.none() | st.tuples(scores_strategy, st.booleans()), min_size=1, max_size=7)
Ballots = Sequence[tuple[float, bool] | None]


def judgments_of(votes: Ballots) -> dict[int, Judgment]:
    """Return the judgments of the judges that have not been lost."""
    return {
        n: judgment(vote[0], passed=vote[1], reasoning=f"by {n}")
        for n, vote in enumerate(votes, 1)
        if vote is not None
    }


@given(ballots, rules, st.randoms(use_true_random=False), st.data())
def test_a_consensus_does_not_depend_on_the_order(
    votes: Ballots, rule: Rule, random: Any, data: st.DataObject
) -> None:
    """Neither the order of the judgments nor that of the panel changes anything."""
    weight = st.sampled_from([0.5, 1.0, 3.0])
    judges = list(panel(*data.draw(st.lists(weight, min_size=len(votes), max_size=len(votes)))))
    judgments = judgments_of(votes)
    expected = consensus(judgments, judges, rule)
    shuffled = list(judgments.items())
    random.shuffle(shuffled)
    random.shuffle(judges)
    assert consensus(dict(shuffled), judges, rule) == expected


@given(ballots, rules, st.data())
def test_a_score_lies_between_the_lowest_and_the_highest(
    votes: Ballots, rule: Rule, data: st.DataObject
) -> None:
    """No rule and no rounding leaves the range of the judges' scores."""
    weights = data.draw(st.lists(st.floats(0, 1e9), min_size=len(votes), max_size=len(votes)))
    judgments = judgments_of(votes)
    found = consensus(judgments, panel(*weights), rule)
    if found.score is not None:
        given_scores = [j.score for j in judgments.values()]
        assert min(given_scores) <= found.score <= max(given_scores)
        assert found.grade == grade_of(found.score)


@given(scores_strategy, st.booleans(), st.integers(1, 9), rules)
def test_a_unanimous_panel_is_its_own_consensus(
    score: float,
    passed: bool,  # noqa: FBT001 - drawn
    judges: int,
    rule: Rule,
) -> None:
    """If all say the same, bit for bit, that is the consensus, whatever the rule."""
    judgments = {n: judgment(score, passed=passed) for n in range(1, judges + 1)}
    found = consensus(
        judgments,
        panel(*[1.0] * judges),
        Rule(score=rule.score, passed=rule.passed, trim=rule.trim, whole_panel=rule.whole_panel),
    )
    assert found.score == score
    assert found.passed is passed
    assert (found.spread, found.disagreement) == (0.0, False)


@given(st.lists(scores_strategy, min_size=1, max_size=30))
def test_the_mean_is_the_correctly_rounded_sum_by_n(scores: list[float]) -> None:
    """Bit for bit, unless that itself leaves the range of the scores."""
    found = judge(scores, SCYLLA, judges=len(scores)).score
    mean = math.fsum(scores) / len(scores)
    assert found == min(max(mean, min(scores)), max(scores))


@given(ballots.filter(any), rules)
def test_a_lost_judge_never_moves_the_score(votes: Ballots, rule: Rule) -> None:
    """Whoever gave no judgment changes no score, only whether the quorum is reached."""
    judgments = judgments_of(votes)
    judges = panel(*[1.0] * len(votes))
    lenient = Rule(score=rule.score, passed=rule.passed, trim=rule.trim, quorum=1)
    alone = [judge for judge in judges if judge.number in judgments]
    assert consensus(judgments, judges, lenient).score == consensus(judgments, alone, lenient).score


@given(ballots, rules)
def test_the_quorum_decides_whether_there_is_a_score(votes: Ballots, rule: Rule) -> None:
    """Complete means that enough judges answered; and only then is there a score or verdict."""
    judgments = judgments_of(votes)
    found = consensus(judgments, panel(*[1.0] * len(votes)), rule)
    assert found.complete == (len(judgments) >= rule.quorum)
    assert (found.score is not None) == found.complete
    assert found.complete or found.passed is None
    assert (found.judged, found.judges) == (len(judgments), len(votes))
    assert found.votes_for + found.votes_against == found.judged


@given(ballots, st.data())
def test_a_verdict_stands_whatever_lost_judges_say(votes: Ballots, data: st.DataObject) -> None:
    """Natively, filling the empty slots in any way never turns a verdict into its opposite."""
    name = data.draw(st.sampled_from(["majority", "unanimous", "any"]))
    rule = Rule(passed=name, quorum=1)
    judges = panel(*[1.0] * len(votes))
    before = consensus(judgments_of(votes), judges, rule).passed
    filled = [
        vote if vote is not None else data.draw(st.tuples(scores_strategy, st.booleans()))
        for vote in votes
    ]
    after = consensus(judgments_of(filled), judges, rule).passed
    assert before is None or after is before


@given(st.lists(scores_strategy, min_size=1, max_size=9))
def test_the_median_is_the_middle(scores: list[float]) -> None:
    """The median of the judges is that of statistics."""
    rule = Rule(score="median", quorum=1)
    assert judge(scores, rule, judges=len(scores)).score == statistics.median(scores)


@given(ballots, rules, st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=7, max_size=7))
def test_a_lost_judge_stays_in_every_number_that_the_rule_names(
    votes: Ballots, rule: Rule, weights: list[float]
) -> None:
    """Losing a judge changes neither the panel nor turns a verdict; it is no vote against."""
    judges = panel(*weights[: len(votes)])
    before = consensus(judgments_of(votes), judges, rule)
    for number in judgments_of(votes):
        kept = {n: j for n, j in judgments_of(votes).items() if n != number}
        after = consensus(kept, judges, rule)
        assert (after.judges, after.judged) == (before.judges, before.judged - 1)
        assert after.votes_for + after.votes_against == before.judged - 1
        assert after.rule == before.rule
        if rule.whole_panel and before.passed is not None:
            assert after.passed in (before.passed, None)
        if after.score is not None:
            assert after.score >= min(j.score for j in kept.values())


@given(ballots, rules)
def test_a_tie_is_as_many_for_as_against(votes: Ballots, rule: Rule) -> None:
    """A tie is a split vote, so it is a disagreement, and by no majority a pass."""
    found = consensus(judgments_of(votes), panel(*[1.0] * len(votes)), rule)
    assert found.tie == (found.votes_for == found.votes_against > 0)
    if found.tie:
        assert found.disagreement
        assert rule.passed != "majority" or found.passed is not True
