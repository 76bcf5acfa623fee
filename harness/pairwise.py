"""Judges two by two, and each against the others; pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from harness.statistics.intervals import clustered_mean, clustered_share
from harness.statistics.pair_sums import pearson_sums, score_sums, verdict_sums
from harness.statistics.pairs import cohen, mean_difference, pearson, phi, spearman

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.sheet import Row
    from harness.statistics.bootstrap import Sums
    from harness.statistics.figure import Figure

Measured = tuple["Figure", "Sums | None"]
"""A figure, and what its interval is made from."""

SCORES = (0.0, 1.0)
APART = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two judges over the runs that both judged."""

    first: str
    second: str
    spearman: Figure
    pearson: Figure
    difference: Figure
    kappa: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeFigures:
    """One judge; ``severity`` is below 0 for one stricter than the others on the same runs.

    ``correlation`` is with the mean score of the others, ``same_verdict`` the share of
    runs in which its verdict is that of more than half of the others.
    """

    judge: str
    score: Figure
    severity: Figure
    pass_rate: Figure
    correlation: Figure
    same_verdict: Figure


FIGURES = ("spearman", "pearson", "difference", "kappa")
"""The figures of a pair."""


@dataclass(frozen=True, slots=True)
class PairMeasured:
    """The figures of one pair by name; ``phi`` is the correlation of the verdicts.

    ``votes`` are the sums of the correlations of scores and verdicts, if they are wanted.
    """

    judges: tuple[str, str]
    figures: dict[str, Measured]
    phi: Figure
    votes: tuple[Sums, Sums] | None


def pairs(judges: Sequence[str], rows: Sequence[Row], *, sums: bool) -> Iterator[PairMeasured]:
    """Measure every two judges, with the sums for intervals if they are wanted."""
    scores = [[row.scores[place] for row in rows] for place in range(len(judges))]
    passes = [[row.passes[place] for row in rows] for place in range(len(judges))]
    for a, b in combinations(range(len(judges)), 2):
        said = list(zip(scores[a], scores[b], strict=True))
        found = list(zip(passes[a], passes[b], strict=True))
        figures = (spearman(said), pearson(said), mean_difference(said), cohen(found))
        behind: tuple[Sums | None, ...] = (None,) * len(FIGURES)
        votes = None
        if sums:
            of_scores = score_sums(scores[a], scores[b])
            of_verdicts = verdict_sums(passes[a], passes[b])
            behind = (
                of_scores.spearman,
                of_scores.pearson,
                of_scores.difference,
                of_verdicts.kappa,
            )
            votes = of_scores.pearson, of_verdicts.pearson
        measured = dict(zip(FIGURES, zip(figures, behind, strict=True), strict=True))
        yield PairMeasured((judges[a], judges[b]), measured, phi(found), votes)


def against_others(
    judges: Sequence[str], rows: Sequence[Row], *, sums: bool
) -> Iterator[tuple[JudgeFigures, Sums | None]]:
    """Measure each judge; the sums are those of its correlation, if they are wanted."""
    for place, name in enumerate(judges):
        own = [(score, row.task) for row in rows if (score := row.scores[place]) is not None]
        passed = [(p, row.task) for row in rows if (p := row.passes[place]) is not None]
        others = [_mean_of_others(row, place) for row in rows]
        beside = [
            (score, rest, row.task)
            for row, rest in zip(rows, others, strict=True)
            if (score := row.scores[place]) is not None and rest is not None
        ]
        verdicts = [
            (p is rest, row.task)
            for row in rows
            if (p := row.passes[place]) is not None
            and (rest := _verdict_of_others(row, place)) is not None
        ]
        tasks = [task for *_, task in beside]
        figures = JudgeFigures(
            judge=name,
            score=clustered_mean([s for s, _ in own], [t for _, t in own], bounds=SCORES),
            severity=clustered_mean([s - rest for s, rest, _ in beside], tasks, bounds=APART),
            pass_rate=clustered_share([p for p, _ in passed], [t for _, t in passed]),
            correlation=pearson((s, rest) for s, rest, _ in beside),
            same_verdict=clustered_share([v for v, _ in verdicts], [t for _, t in verdicts]),
        )
        yield figures, pearson_sums([row.scores[place] for row in rows], others) if sums else None


def _mean_of_others(row: Row, place: int) -> float | None:
    others = [s for other, s in enumerate(row.scores) if other != place and s is not None]
    return sum(others) / len(others) if others else None


def _verdict_of_others(row: Row, place: int) -> bool | None:
    """Return what more than half of the others say; None if neither side has that."""
    others = [p for other, p in enumerate(row.passes) if other != place and p is not None]
    balance = 2 * sum(others) - len(others)
    return None if balance == 0 else balance > 0
