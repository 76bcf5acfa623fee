"""What a panel says of some runs: coverage, mean score, pass rate, agreement; pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.statistics.alpha import measured
from harness.statistics.bootstrap import ENOUGH, plan, with_intervals
from harness.statistics.intervals import clustered_mean, clustered_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.sheet import Row
    from harness.statistics.figure import Figure

SCORES = (0.0, 1.0)


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


def alpha_of(rows: Iterable[Row], *, interval: bool = False) -> Figure:
    """Return Krippendorff's alpha of the scores; its interval only where it is wanted."""
    judged = [row for row in rows if any(score is not None for score in row.scores)]
    found = measured([row.scores for row in judged])
    if not interval or len(judged) < ENOUGH:
        return found[0]
    return with_intervals([found], plan([row.task for row in judged]))[0]


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
