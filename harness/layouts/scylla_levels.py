"""ProjectScylla's figures above its runs; pure functions, as its own tools compute them.

Only what follows from judgments is computed from them. Costs, durations, and tokens are
its own measurements: they are added up only for files that are made anew.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Entry = Mapping[str, Any]

CLOSE = 0.05
"""Two best subtests whose medians are closer than this are told apart by their tokens."""

WORST_FIRST = "FDCBAS"

TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")


def usable(run: Entry) -> bool:
    """Tell whether a run's file has what the levels above are made of."""
    score = run.get("judge_score")
    return (
        isinstance(score, int | float)
        and not isinstance(score, bool)
        and math.isfinite(score)
        and isinstance(run.get("judge_passed"), bool)
        and isinstance(run.get("judge_grade"), str)
    )


def judged_figures(runs: Sequence[Entry]) -> dict[str, Any]:
    """Return what the judgments of a subtest's runs give."""
    scores = [run["judge_score"] for run in runs]
    grades = [run["judge_grade"] for run in runs if run["judge_grade"]]
    mean = statistics.mean(scores)
    deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
    ranked = sorted((g for g in grades if g in WORST_FIRST), key=WORST_FIRST.index)
    counts = dict(Counter(grades))
    return {
        "pass_rate": sum(run["judge_passed"] for run in runs) / len(runs),
        "mean_score": mean,
        "median_score": statistics.median(scores),
        "std_dev_score": deviation,
        "consistency": max(0.0, 1.0 - deviation / mean) if mean > 0 else 0.0,
        "grade_distribution": counts or None,
        "modal_grade": max(counts, key=counts.__getitem__) if counts else None,
        "min_grade": ranked[0] if ranked else None,
        "max_grade": ranked[-1] if ranked else None,
    }


def measured_figures(runs: Sequence[Entry]) -> dict[str, Any]:
    """Return what the agents' runs of a subtest cost, where no file says it."""
    costs = [_number(run.get("cost_usd")) for run in runs]
    return {
        "mean_cost": statistics.mean(costs),
        "total_cost": math.fsum(costs),
        "token_stats": tokens(run.get("token_stats") for run in runs),
    }


def duration(runs: Iterable[Entry]) -> float:
    """Return how long runs took, one after the other."""
    return math.fsum(_number(run.get("duration_seconds")) for run in runs)


def tokens(counted: Iterable[Any]) -> dict[str, int]:
    """Add up counts of tokens."""
    known = [stats for stats in counted if isinstance(stats, dict)]
    return {name: sum(int(_number(stats.get(name))) for stats in known) for name in TOKENS}


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which subtest of a tier is the best, and why; ``file`` is ``best_subtest.json``."""

    best: str
    score: float
    reason: str
    close: bool
    file: dict[str, Any]


def select_best(subtests: Mapping[str, Entry]) -> Selection:
    """Choose by the median score; of two that are close, the one that used fewer tokens."""
    ranked = sorted(subtests.items(), key=lambda pair: pair[1]["median_score"], reverse=True)
    (best, first), others = ranked[0], ranked[1:]
    margin = first["median_score"] - others[0][1]["median_score"] if others else 1.0
    tie = None
    if others and margin < CLOSE:
        totals = {name: _total(subtests[name]) for name in (best, others[0][0])}
        winner = min(totals, key=totals.__getitem__)
        used = ", ".join(f"{name}={total}" for name, total in totals.items())
        tie = _vote(
            winner,
            subtests[winner]["median_score"],
            f"Tie broken by token usage: {totals[winner]} tokens ({used}). Lower is better.",
        )
        best = winner
    score = subtests[best]["median_score"]
    file = {
        "winning_subtest": best,
        "winning_score": score,
        "votes": [_ranking(name, found, alone=not others) for name, found in ranked],
        "margin": margin,
        "tiebreaker_needed": tie is not None,
        "tiebreaker_result": tie,
    }
    reason = f"Highest median score ({score:.3f})" if tie is None else tie["reasoning"]
    return Selection(best=best, score=score, reason=reason, close=tie is not None, file=file)


def _total(subtest: Entry) -> int:
    return sum(tokens([subtest.get("token_stats")]).values())


def _vote(name: str, score: float, reasoning: str, confidence: float = 1.0) -> dict[str, Any]:
    return {
        "subtest_id": name,
        "score": score,
        "confidence": confidence,
        "reasoning": reasoning,
    }


def _ranking(name: str, found: Entry, *, alone: bool) -> dict[str, Any]:
    if alone:
        return _vote(name, found["median_score"], "Only sub-test in tier")
    reasoning = (
        f"Pass rate: {found['pass_rate']:.1%}, Mean score: {found['mean_score']:.3f}, "
        f"Consistency: {found['consistency']:.3f}"
    )
    return _vote(name, found["median_score"], reasoning, found["consistency"])


def cost_of_pass(subtest: Entry) -> float:
    """Return what a passing run of a subtest costs; infinite if none passes."""
    rate = subtest["pass_rate"]
    return _number(subtest.get("mean_cost")) / rate if rate > 0 else math.inf


def frontier(tiers: Mapping[str, Entry]) -> tuple[str | None, float]:
    """Return the tier whose best subtest passes at the lowest cost, the first of equals."""
    best, lowest = None, math.inf
    for name, tier in tiers.items():
        subtests = tier.get("subtest_results")
        found = subtests.get(tier.get("best_subtest")) if isinstance(subtests, dict) else None
        if isinstance(found, dict) and "pass_rate" in found and cost_of_pass(found) < lowest:
            best, lowest = name, cost_of_pass(found)
    return best, lowest
