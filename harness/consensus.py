"""From the judgments of one run to the panel's joint answer, by a rule; a pure function."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.scores import GRADES, grade_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import JudgeSpec, Judgment

ROUNDING = 1e-9
"""A share of whole judges stays whole: 0.29 of 100 is 29, whatever floats make of it."""

DISAGREEMENT = 0.3
"""Spread (highest minus lowest score) above which judges disagree even if their verdicts agree."""

_NOISE = 1e-9
"""0.4 - 0.1 is a little more than 0.3 in binary; no judge's scores differ by so little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How judgments become a consensus.

    ``whole_panel``: a verdict needs more than half of all judges, not only of those
    that answered, and may be undecided. ``quorum``: how many judgments it needs.
    """

    score: str = "mean"
    passed: str = "majority"
    threshold: float | None = None
    trim: float = 0.2
    quorum: int = 1
    whole_panel: bool = True
    quotes: str = "closest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """The panel's joint answer for one run, derived from its judgments alone.

    ``passed`` is None while the panel is undecided or the quorum is not reached;
    ``score`` is None without a quorum. ``quoted`` is the number of the judge whose
    reasoning is given.
    """

    score: float | None
    passed: bool | None
    grade: str | None
    reasoning: str
    quoted: int | None
    judges: int
    judged: int
    complete: bool
    votes_for: int
    votes_against: int
    tie: bool
    spread: float | None
    disagreement: bool
    rule: str


def consensus(
    judgments: Mapping[int, Judgment],
    panel: Sequence[JudgeSpec],
    rule: Rule,
    *,
    grades: Mapping[str, float] = GRADES,
) -> Consensus:
    """Combine ``judgments`` (by judge number) of the judges of ``panel`` by ``rule``.

    Judges that gave no judgment are never counted as 0. Below the quorum there is
    neither score nor verdict. The weighted mean is ``fsum(w * s) / fsum(w)``, so it
    does not depend on the order of the judges.
    """
    given = {judge.number: judgments[judge.number] for judge in panel if judge.number in judgments}
    scores = [judgment.score for judgment in given.values()]
    weights = [judge.weight for judge in panel if judge.number in given]
    votes_for = sum(judgment.passed for judgment in given.values())
    complete = len(given) >= max(1, rule.quorum)
    score = _score(scores, weights, rule) if complete else None
    voters = len(panel) if rule.whole_panel else len(given)
    passed = _passed(votes_for, len(given) - votes_for, voters, score, rule) if complete else None
    quoted = _quoted(given, score, rule)
    return Consensus(
        score=score,
        passed=passed,
        grade=None if score is None else grade_of(score, grades),
        reasoning="" if quoted is None else given[quoted].reasoning,
        quoted=quoted,
        judges=len(panel),
        judged=len(given),
        complete=complete,
        votes_for=votes_for,
        votes_against=len(given) - votes_for,
        tie=0 < 2 * votes_for == len(given),
        spread=max(scores) - min(scores) if scores else None,
        disagreement=_disagree(scores, votes_for),
        rule=describe(rule, weighted=len({judge.weight for judge in panel}) > 1),
    )


@lru_cache(maxsize=64)  # all runs of an experiment have one
def describe(rule: Rule, *, weighted: bool = False) -> str:
    """Name the rule in the words of the configuration; ``weighted``: judges' weights differ."""
    bound = f" {rule.threshold}" if rule.passed == "threshold" else ""
    of = "panel" if rule.whole_panel else "judgments"
    trim = f" {rule.trim}" if rule.score == "trimmed_mean" else ""
    by = " by weight" if weighted and rule.score == "mean" else ""
    return f"{rule.score}{by}{trim}, {rule.passed}{bound} of {of}, quorum {rule.quorum}"


def _score(scores: Sequence[float], weights: Sequence[float], rule: Rule) -> float | None:
    match rule.score:
        case "median":
            return statistics.median(scores)
        case "min":
            return min(scores)
        case "max":
            return max(scores)
        case "trimmed_mean":
            cut = int(len(scores) * rule.trim + ROUNDING)
            return _mean(sorted(scores)[cut : len(scores) - cut])
    return _weighted(scores, weights)


def _mean(scores: Sequence[float]) -> float:
    return _within(math.fsum(scores) / len(scores), scores)


def _weighted(scores: Sequence[float], weights: Sequence[float]) -> float | None:
    total = math.fsum(weights)
    if total == 0:  # only judges that count for nothing have answered
        return None
    if len(set(weights)) == 1:  # bit for bit the plain mean, whatever the common weight is
        return _mean(scores)
    return _within(math.fsum(w * s for w, s in zip(weights, scores, strict=True)) / total, scores)


def _within(value: float, scores: Sequence[float]) -> float:
    """Undo a rounding that left the range of the scores: a mean lies between them."""
    return min(max(value, min(scores)), max(scores))


def _passed(
    votes_for: int, votes_against: int, voters: int, score: float | None, rule: Rule
) -> bool | None:
    """Return the verdict; None while lost judges could still turn it, natively."""
    match rule.passed:
        case "threshold":
            return None if score is None or rule.threshold is None else score >= rule.threshold
        case "any":
            return _decided(votes_for > 0, votes_against == voters)
        case "unanimous":
            return _decided(votes_for == voters, votes_against > 0)
        case _:
            tie_fails = not rule.whole_panel
            return _decided(2 * votes_for > voters, tie_fails or 2 * votes_against > voters)


def _decided(yes: bool, no: bool) -> bool | None:  # noqa: FBT001 - two sides of one vote
    return True if yes else False if no else None


def _quoted(judgments: Mapping[int, Judgment], score: float | None, rule: Rule) -> int | None:
    """Choose whose reasoning stands for the panel."""
    if not judgments:
        return None
    if score is None or rule.quotes == "first":
        return min(judgments)
    return closest(judgments, score)


def closest(judgments: Mapping[int, Judgment], score: float) -> int:
    """Return the number of the judge whose score lies closest to ``score``, the first of those."""
    return min(judgments, key=lambda number: (abs(judgments[number].score - score), number))


def _disagree(scores: Sequence[float], votes_for: int) -> bool:
    split = 0 < votes_for < len(scores)
    return split or (bool(scores) and max(scores) - min(scores) > DISAGREEMENT + _NOISE)
