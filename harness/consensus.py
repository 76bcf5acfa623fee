"""From the judgments of one run to the panel's joint answer; a pure function."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from harness.model import GRADES, Consensus, grade_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import JudgeSpec, Judgment, Rule

DISAGREEMENT = 0.3
"""Spread (highest minus lowest score) above which judges disagree even if their verdicts agree."""


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
    members = [judge for judge in panel if judge.number in judgments]
    given = [judgments[judge.number] for judge in members]
    scores = [judgment.score for judgment in given]
    votes_for = sum(judgment.passed for judgment in given)
    complete = len(given) >= max(1, rule.quorum)
    score = _score(scores, [judge.weight for judge in members], rule) if complete else None
    voters = len(panel) if rule.whole_panel else len(given)
    passed = _passed(votes_for, len(given), voters, score, rule) if complete else None
    quoted = _quoted(judgments, members, score, rule)
    return Consensus(
        score=score,
        passed=passed,
        grade=None if score is None else grade_of(score, grades),
        reasoning="" if quoted is None else judgments[quoted].reasoning,
        quoted=quoted,
        judges=len(panel),
        judged=len(given),
        complete=complete,
        votes_for=votes_for,
        votes_against=len(given) - votes_for,
        spread=max(scores) - min(scores) if scores else None,
        disagreement=_disagree(scores, votes_for),
        rule=describe(rule),
    )


def describe(rule: Rule) -> str:
    """Name the rule in the words of the configuration."""
    bound = f" {rule.threshold}" if rule.passed == "threshold" else ""
    of = "panel" if rule.whole_panel else "judgments"
    trim = f" {rule.trim}" if rule.score == "trimmed_mean" else ""
    return f"{rule.score}{trim}, {rule.passed}{bound} of {of}, quorum {rule.quorum}"


def _score(scores: Sequence[float], weights: Sequence[float], rule: Rule) -> float | None:
    match rule.score:
        case "median":
            return statistics.median(scores)
        case "min":
            return min(scores)
        case "max":
            return max(scores)
        case "trimmed_mean":
            cut = int(len(scores) * rule.trim)
            kept = sorted(scores)[cut : len(scores) - cut]
            return _within(math.fsum(kept) / len(kept), kept)
    if len(set(weights)) == 1:  # bit for bit the plain mean, whatever the common weight is
        return _within(math.fsum(scores) / len(scores), scores)
    total = math.fsum(weights)
    if total == 0:
        return None
    return _within(math.fsum(w * s for w, s in zip(weights, scores, strict=True)) / total, scores)


def _within(value: float, scores: Sequence[float]) -> float:
    """Undo a rounding that left the range of the scores: a mean lies between them."""
    return min(max(value, min(scores)), max(scores))


def _passed(
    votes_for: int, given: int, voters: int, score: float | None, rule: Rule
) -> bool | None:
    """Return the verdict; None while lost judges could still turn it, natively."""
    votes_against = given - votes_for
    match rule.passed:
        case "threshold":
            return None if score is None or rule.threshold is None else score >= rule.threshold
        case "any":
            return True if votes_for else False if votes_against == voters else None
        case "unanimous":
            return False if votes_against else True if votes_for == voters else None
    if 2 * votes_for > voters:
        return True
    if not rule.whole_panel or 2 * votes_against > voters:
        return False
    return None


def _quoted(
    judgments: Mapping[int, Judgment],
    members: Sequence[JudgeSpec],
    score: float | None,
    rule: Rule,
) -> int | None:
    """Choose whose reasoning stands for the panel: the first, or the closest to the score."""
    if not members:
        return None
    if score is None or rule.quotes == "first":
        return members[0].number
    nearest = min(members, key=lambda judge: (abs(judgments[judge.number].score - score), judge.number))
    return nearest.number


def _disagree(scores: Sequence[float], votes_for: int) -> bool:
    split = 0 < votes_for < len(scores)
    return split or (bool(scores) and max(scores) - min(scores) > DISAGREEMENT)
