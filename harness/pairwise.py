"""Judges two by two, and each against the others; pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from operator import eq, sub
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.statistics.column import Column, both
from harness.statistics.intervals import clustered_mean, clustered_share
from harness.statistics.pair_sums import pearson_sums, score_sums, verdict_sums
from harness.statistics.pairs import cohen, mean_difference, pearson, phi, spearman

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.sheet import Row
    from harness.statistics.bootstrap import Sums
    from harness.statistics.column import Two
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


class Said(NamedTuple):
    """What each judge said of each run, and the run's task; judges in panel order."""

    scores: Sequence[Column]
    passes: Sequence[Column]
    tasks: Sequence[str]


def said_of(judges: Sequence[str], rows: Sequence[Row]) -> Said:
    """Return rows as columns."""
    places = range(len(judges))
    return Said(
        scores=[Column([row.scores[place] for row in rows]) for place in places],
        passes=[Column([row.passes[place] for row in rows]) for place in places],
        tasks=[row.task for row in rows],
    )


def pairs(judges: Sequence[str], said: Said, *, sums: bool) -> Iterator[PairMeasured]:
    """Measure every two judges, with the sums for intervals if they are wanted."""
    for a, b in combinations(range(len(judges)), 2):
        scores = both(said.scores[a], said.scores[b])
        passes = both(said.passes[a], said.passes[b])
        figures = (spearman(scores), pearson(scores), mean_difference(scores), cohen(passes))
        behind: tuple[Sums | None, ...] = (None,) * len(FIGURES)
        votes = None
        if sums:
            of_scores, of_verdicts = score_sums(scores), verdict_sums(passes)
            behind = (
                of_scores.spearman,
                of_scores.pearson,
                of_scores.difference,
                of_verdicts.kappa,
            )
            votes = of_scores.pearson, of_verdicts.pearson
        measured = dict(zip(FIGURES, zip(figures, behind, strict=True), strict=True))
        yield PairMeasured((judges[a], judges[b]), measured, phi(passes), votes)


def against_others(
    judges: Sequence[str], said: Said, *, sums: bool
) -> Iterator[tuple[JudgeFigures, Sums | None]]:
    """Measure each judge; the sums are those of its correlation, if they are wanted."""
    tasks = said.tasks
    for place, name in enumerate(judges):
        own, passed = said.scores[place], said.passes[place]
        beside = both(own, _means_of_others(said.scores, place))
        verdicts = both(passed, _verdicts_of_others(said.passes, place))
        severity = list(map(sub, beside.first.values, beside.second.values))
        same = list(map(eq, verdicts.first.values, verdicts.second.values))
        figures = JudgeFigures(
            judge=name,
            score=clustered_mean(*_known(own, tasks), bounds=SCORES),
            severity=clustered_mean(severity, _at(tasks, beside), bounds=APART),
            pass_rate=clustered_share(*_known(passed, tasks)),
            correlation=pearson(beside),
            same_verdict=clustered_share(same, _at(tasks, verdicts)),
        )
        yield figures, pearson_sums(beside) if sums else None


def _at(tasks: Sequence[str], two: Two) -> Sequence[str]:
    return tasks if two.places is None else [tasks[place] for place in two.places]


def _known(column: Column, tasks: Sequence[str]) -> tuple[Sequence[Any], Sequence[str]]:
    """Return what was said, and of which task."""
    if column.whole:
        return column.said, tasks
    known = [(one, task) for one, task in zip(column.said, tasks, strict=True) if one is not None]
    return [one for one, _ in known], [task for _, task in known]


def _others(columns: Sequence[Column], place: int) -> Iterator[tuple[Any, ...]]:
    """Return for each run what all others said of it."""
    others = [column.said for other, column in enumerate(columns) if other != place]
    return zip(*others, strict=True) if others else iter([()] * len(columns[place]))


def _means_of_others(scores: Sequence[Column], place: int) -> Column:
    """Return for each run the mean score of all others; None where no other scored it."""
    given = (
        [score for score in unit if score is not None] if None in unit else unit
        for unit in _others(scores, place)
    )
    return Column([sum(unit) / len(unit) if unit else None for unit in given])


def _verdicts_of_others(passes: Sequence[Column], place: int) -> Column:
    """Return for each run what more than half of the others say; None if neither side has that."""
    balances = (unit.count(True) - unit.count(False) for unit in _others(passes, place))
    return Column([None if balance == 0 else balance > 0 for balance in balances])
