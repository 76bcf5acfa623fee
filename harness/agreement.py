"""How far the judges of a panel agree, and how sure the panel's figures are; pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from harness.statistics.alpha import alpha
from harness.statistics.bootstrap import BLOCKS, RESAMPLES
from harness.statistics.intervals import clustered_mean, clustered_share
from harness.statistics.pairs import cohen, mean_difference, pearson, spearman
from harness.statistics.panels import effective_votes, fleiss, icc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.sheet import Row, Sheet
    from harness.statistics.figure import Figure

BUDGET = 1_500_000
"""Draws that the intervals of one kind of level may take together."""

FEWEST = 100
"""Resamples of each level at least, however many levels share the budget."""

SCORES = (0.0, 1.0)
APART = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What there is: ``full`` runs have a judgment of every judge, ``joint`` a consensus.

    ``decided`` runs have a verdict of the panel. ``blocked`` ones have nothing to judge
    and count nowhere else.
    """

    runs: int
    tasks: int
    blocked: int
    judged: int
    full: int
    joint: int
    decided: int
    slots: int
    judgments: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """An experiment, a group, or a task; ``pairs`` and ``judges`` are not made for tasks."""

    name: str
    coverage: Coverage
    score: Figure
    pass_rate: Figure
    alpha_score: Figure
    alpha_passed: Figure
    fleiss: Figure
    icc_one: Figure
    icc_panel: Figure
    votes_score: Figure
    votes_passed: Figure
    resamples: int
    pairs: tuple[Pair, ...] = ()
    judges: tuple[JudgeFigures, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The levels of an experiment; ``split`` runs have verdicts on both sides.

    ``disputed`` has the runs whose scores lie furthest apart, with that distance.
    """

    experiment: str
    judges: tuple[str, ...]
    whole: Level
    groups: tuple[Level, ...]
    tasks: tuple[Level, ...]
    split: tuple[str, ...]
    disputed: tuple[tuple[str, float], ...]


def agreement(sheet: Sheet, *, listed: int = 10) -> Agreement:
    """Measure an experiment as a whole, by group, and by task."""
    rows = sheet.rows
    whole = _level(sheet.experiment, sheet.judges, rows, RESAMPLES)
    one_group = len({row.group for row in rows}) == 1
    return Agreement(
        experiment=sheet.experiment,
        judges=sheet.judges,
        whole=whole,
        groups=(replace(whole, name=rows[0].group),)
        if one_group
        else _levels(sheet, lambda row: row.group, detailed=True),
        tasks=_levels(sheet, lambda row: row.task, detailed=False),
        split=tuple(row.run for row in rows if {True, False} <= set(row.passes)),
        disputed=_disputed(rows, listed),
    )


def alpha_of(rows: Iterable[Row]) -> Figure:
    """Return Krippendorff's alpha of the scores, without its interval."""
    return alpha([row.scores for row in rows], interval=False)


def panel_score(rows: Iterable[Row]) -> Figure:
    """Return the mean consensus score of the runs that have one."""
    known = [(row.score, row.task) for row in rows if row.score is not None]
    return clustered_mean([s for s, _ in known], [task for _, task in known], bounds=SCORES)


def panel_pass_rate(rows: Iterable[Row]) -> Figure:
    """Return the share of runs that the panel passes, of those that have a consensus.

    An undecided panel has not passed the run: it stays in the denominator.
    """
    known = [(row.passed is True, row.task) for row in rows if row.score is not None]
    return clustered_share([passed for passed, _ in known], [task for _, task in known])


def coverage(rows: Sequence[Row]) -> Coverage:
    """Count what there is."""
    open_rows = [row for row in rows if not row.blocked]
    given = [sum(score is not None for score in row.scores) for row in open_rows]
    return Coverage(
        runs=len(rows),
        tasks=len({row.task for row in open_rows}),
        blocked=len(rows) - len(open_rows),
        judged=sum(map(bool, given)),
        full=sum(count == len(row.scores) for count, row in zip(given, open_rows, strict=True)),
        joint=sum(row.score is not None for row in open_rows),
        decided=sum(row.passed is not None for row in open_rows),
        slots=sum(len(row.scores) for row in open_rows),
        judgments=sum(given),
    )


def _levels(sheet: Sheet, key: Callable[[Row], str], *, detailed: bool) -> tuple[Level, ...]:
    found: dict[str, list[Row]] = {}
    for row in sheet.rows:
        found.setdefault(key(row), []).append(row)
    draws = sum(min(len(rows), BLOCKS) for rows in found.values()) or 1
    resamples = max(FEWEST, min(RESAMPLES, BUDGET // draws))
    return tuple(
        _level(name, sheet.judges, rows, resamples, detailed=detailed)
        for name, rows in found.items()
    )


def _level(
    name: str,
    judges: Sequence[str],
    rows: Sequence[Row],
    resamples: int,
    *,
    detailed: bool = True,
) -> Level:
    scores = [row.scores for row in rows]
    passes = [row.passes for row in rows]
    one, panel = icc(scores)
    return Level(
        name=name,
        coverage=coverage(rows),
        score=panel_score(rows),
        pass_rate=panel_pass_rate(rows),
        alpha_score=alpha(scores, resamples=resamples),
        alpha_passed=alpha(passes, resamples=resamples),
        fleiss=fleiss(passes),
        icc_one=one,
        icc_panel=panel,
        votes_score=effective_votes(scores),
        votes_passed=effective_votes(passes),
        resamples=resamples,
        pairs=tuple(_pairs(judges, rows)) if detailed else (),
        judges=tuple(_judges(judges, rows)) if detailed else (),
    )


def _pairs(judges: Sequence[str], rows: Sequence[Row]) -> Iterable[Pair]:
    for a, b in combinations(range(len(judges)), 2):
        scores = [(row.scores[a], row.scores[b]) for row in rows]
        yield Pair(
            first=judges[a],
            second=judges[b],
            spearman=spearman(scores),
            pearson=pearson(scores),
            difference=mean_difference(scores),
            kappa=cohen((row.passes[a], row.passes[b]) for row in rows),
        )


def _judges(judges: Sequence[str], rows: Sequence[Row]) -> Iterable[JudgeFigures]:
    for place, name in enumerate(judges):
        own = [(score, row.task) for row in rows if (score := row.scores[place]) is not None]
        passed = [(p, row.task) for row in rows if (p := row.passes[place]) is not None]
        beside = [
            (score, rest, row.task)
            for row in rows
            if (score := row.scores[place]) is not None
            and (rest := _mean_of_others(row, place)) is not None
        ]
        verdicts = [
            (p is rest, row.task)
            for row in rows
            if (p := row.passes[place]) is not None
            and (rest := _verdict_of_others(row, place)) is not None
        ]
        tasks = [task for *_, task in beside]
        yield JudgeFigures(
            judge=name,
            score=clustered_mean([s for s, _ in own], [t for _, t in own], bounds=SCORES),
            severity=clustered_mean([s - rest for s, rest, _ in beside], tasks, bounds=APART),
            pass_rate=clustered_share([p for p, _ in passed], [t for _, t in passed]),
            correlation=pearson((s, rest) for s, rest, _ in beside),
            same_verdict=clustered_share([v for v, _ in verdicts], [t for _, t in verdicts]),
        )


def _mean_of_others(row: Row, place: int) -> float | None:
    others = [s for other, s in enumerate(row.scores) if other != place and s is not None]
    return sum(others) / len(others) if others else None


def _verdict_of_others(row: Row, place: int) -> bool | None:
    """Return what more than half of the others say; None if neither side has that."""
    others = [p for other, p in enumerate(row.passes) if other != place and p is not None]
    balance = 2 * sum(others) - len(others)
    return None if balance == 0 else balance > 0


def _disputed(rows: Sequence[Row], listed: int) -> tuple[tuple[str, float], ...]:
    known = [(row.run, [s for s in row.scores if s is not None]) for row in rows]
    spreads = [(run, max(scores) - min(scores)) for run, scores in known if scores]
    apart = [entry for entry in spreads if entry[1] > 0]
    return tuple(sorted(apart, key=lambda entry: -entry[1])[:listed])
