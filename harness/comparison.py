"""Two experiments side by side: paired differences, wins and losses, flips; a pure function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.statistics.figure import Figure, undefined
from harness.statistics.intervals import clustered_mean, t_quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAME = 1e-9
"""Mean scores that differ by less are a tie: they differ by rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The consensus on one run, as far as a comparison needs it."""

    run: str
    task: str
    score: float | None
    passed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One task, or run, of both sides; ``change`` is the second's mean minus the first's."""

    name: str
    first: float
    second: float
    change: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A run, of the same task, whose verdict is not the one it was."""

    run: str
    first: bool
    second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed from the first side to the second.

    ``unit`` is what was paired: tasks, or runs by name where both sides share one task
    and runs of it.
    ``only_first`` and ``only_second`` are those without a partner that has a score.
    """

    unit: str
    score: Figure
    pass_rate: Figure
    differences: tuple[Difference, ...]
    wins: int
    losses: int
    ties: int
    flips: tuple[Flip, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


def compare(first: Sequence[Point], second: Sequence[Point]) -> Comparison:
    """Pair what both sides have, and measure the change from ``first`` to ``second``."""
    by_task = _by_task(first, second)
    sides = [_grouped(side, by_task=by_task) for side in (first, second)]
    shared = [key for key in sides[0] if key in sides[1]]
    differences = tuple(_difference(key[1], sides[0][key], sides[1][key]) for key in shared)
    changes = [found.second - found.first for found in differences]
    rates = [_rate(sides[1][key]) - _rate(sides[0][key]) for key in shared]
    return Comparison(
        unit="task" if by_task else "run",
        score=differences[0].change
        if by_task and len(differences) == 1
        else _mean(changes, by_task=by_task),
        pass_rate=_mean(rates, by_task=by_task),
        differences=differences,
        wins=sum(change > SAME for change in changes),
        losses=sum(change < -SAME for change in changes),
        ties=sum(abs(change) <= SAME for change in changes),
        flips=tuple(_flips(first, second)),
        only_first=tuple(key[1] for key in sides[0] if key not in sides[1]),
        only_second=tuple(key[1] for key in sides[1] if key not in sides[0]),
    )


def _by_task(first: Sequence[Point], second: Sequence[Point]) -> bool:
    """Tell whether tasks are paired: not if there is one, and runs of it that both have."""
    runs = [{(p.task, p.run) for p in side if p.score is not None} for side in (first, second)]
    tasks = {task for task, _ in runs[0]} & {task for task, _ in runs[1]}
    return len(tasks) != 1 or not runs[0] & runs[1]


def _grouped(side: Sequence[Point], *, by_task: bool) -> Mapping[tuple[str, str], list[Point]]:
    """Return what is paired; a run of another task is another run, whatever its name."""
    found: dict[tuple[str, str], list[Point]] = {}
    for point in side:
        if point.score is not None:
            key = ("", point.task) if by_task else (point.task, point.run)
            found.setdefault(key, []).append(point)
    return found


def _mean(changes: list[float], *, by_task: bool) -> Figure:
    """Average over the units, each with the same weight, however many runs it has."""
    if not changes:
        return undefined("both sides have no task in common that was judged")
    if len(changes) == 1:
        unit = "task" if by_task else "run"
        return Figure(value=changes[0], n=1, note=f"no interval: one {unit} says nothing of others")
    alone = [str(place) for place in range(len(changes))]
    return clustered_mean(changes, alone, bounds=(-1.0, 1.0), named="tasks" if by_task else "runs")


def _difference(name: str, first: list[Point], second: list[Point]) -> Difference:
    scores = [[p.score for p in side if p.score is not None] for side in (first, second)]
    means = [math.fsum(side) / len(side) for side in scores]
    return Difference(name=name, first=means[0], second=means[1], change=_welch(scores, means))


def _welch(scores: list[list[float]], means: list[float]) -> Figure:
    """Return the difference of two means; its interval needs two runs on both sides."""
    value, n = means[1] - means[0], len(scores[0]) + len(scores[1])
    if min(map(len, scores)) < 2:  # noqa: PLR2004 - variation is between two
        return Figure(value=value, n=n, note="no interval: it needs two runs on both sides")
    parts = [
        math.fsum((score - mean) ** 2 for score in side) / (len(side) - 1) / len(side)
        for side, mean in zip(scores, means, strict=True)
    ]
    error2 = sum(parts)
    if all(min(side) == max(side) for side in scores) or error2 == 0.0:
        return Figure(value=value, n=n, note="no interval: the runs of each side are all equal")
    bottom = sum(part**2 / (len(side) - 1) for part, side in zip(parts, scores, strict=True))
    # Rounded down to a whole degree of freedom, which makes the interval wider, if anything.
    freedom = max(1, int(error2**2 / bottom)) if bottom > 0.0 else 1
    reach = t_quantile(freedom) * math.sqrt(error2)
    return Figure(value=value, n=n, low=max(-1.0, value - reach), high=min(1.0, value + reach))


def _rate(points: list[Point]) -> float:
    return sum(point.passed is True for point in points) / len(points)


def _flips(first: Sequence[Point], second: Sequence[Point]) -> list[Flip]:
    before = {(point.task, point.run): point.passed for point in first}
    return [
        Flip(run=point.run, first=was, second=point.passed)
        for point in second
        if point.passed is not None
        and (was := before.get((point.task, point.run))) is not None
        and was is not point.passed
    ]
