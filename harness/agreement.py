"""How far the judges of a panel agree, and how sure the panel's figures are; pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.garbage import collector_paused
from harness.pairwise import Pair, against_others, pairs, said_of
from harness.panel import Coverage, coverage, panel_pass_rate, panel_score
from harness.statistics.alpha import measured as alpha
from harness.statistics.bootstrap import BLOCKS, ENOUGH, RESAMPLES, plan, with_intervals
from harness.statistics.figure import noted
from harness.statistics.panel_sums import fleiss_sums, icc_sums, votes_sums
from harness.statistics.panels import fleiss, icc, votes_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.pairwise import JudgeFigures, Measured, PairMeasured
    from harness.sheet import Row, Sheet
    from harness.statistics.figure import Figure

BUDGET = 200_000_000
"""Sums of blocks that the intervals of all groups, or of all tasks, may take together."""

SUMS = 8
"""A level has about that many sums for each two judges."""

FEWEST = 100
"""Resamples of each level at least, however many levels share the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """An experiment, a group, or a task.

    ``split`` runs have verdicts on both sides. ``disputed`` has the runs whose scores lie
    furthest apart, with that distance.
    """

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
    pairs: tuple[Pair, ...]
    judges: tuple[JudgeFigures, ...]
    split: tuple[str, ...]
    disputed: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The levels of an experiment; ``split`` and ``disputed`` are those of the whole."""

    experiment: str
    judges: tuple[str, ...]
    whole: Level
    groups: tuple[Level, ...]
    tasks: tuple[Level, ...]

    @property
    def split(self) -> tuple[str, ...]:
        """Runs with verdicts on both sides."""
        return self.whole.split

    @property
    def disputed(self) -> tuple[tuple[str, float], ...]:
        """Runs whose scores lie furthest apart, with that distance."""
        return self.whole.disputed


def agreement(
    sheet: Sheet, *, listed: int = 10, tasks: int | None = None, brief: bool = False
) -> Agreement:
    """Measure an experiment as a whole, by group, and by task.

    ``listed``: how many of the most disputed runs each level names. ``tasks``: how many
    tasks are measured, None for all: most of the work is in them where they are many.
    ``brief``: of the measures of agreement of groups and tasks only alpha of the scores need
    have an interval.
    """
    how: dict[str, Any] = {"listed": listed, "brief": brief}
    with collector_paused():
        whole = _level(sheet.experiment, sheet.judges, sheet.rows, RESAMPLES, listed)
        return Agreement(
            experiment=sheet.experiment,
            judges=sheet.judges,
            whole=whole,
            groups=_levels(sheet, lambda row: row.group, whole, most=None, **how),
            tasks=_levels(sheet, lambda row: row.task, whole, most=tasks, **how),
        )


def _levels(
    sheet: Sheet,
    key: Callable[[Row], str],
    whole: Level,
    *,
    listed: int,
    most: int | None,
    brief: bool,
) -> tuple[Level, ...]:
    found: dict[str, list[Row]] = {}
    for row in sheet.rows:
        found.setdefault(key(row), []).append(row)
    if len(found) == 1:
        return (replace(whole, name=next(iter(found))),)[:most]
    found = dict(islice(found.items(), most))
    sizes = [len(rows) for rows in found.values() if len(rows) >= ENOUGH]
    sums = sum(min(size, BLOCKS) for size in sizes) * SUMS * len(sheet.judges) ** 2 or 1
    resamples = max(FEWEST, min(RESAMPLES, BUDGET // sums))
    return tuple(
        _level(name, sheet.judges, rows, resamples, listed, brief=brief)
        for name, rows in found.items()
    )


def _level(
    name: str,
    judges: Sequence[str],
    rows: Sequence[Row],
    resamples: int,
    listed: int,
    *,
    brief: bool = False,
) -> Level:
    judged = [row for row in rows if any(score is not None for score in row.scores)]
    sums = len(judged) >= ENOUGH and not brief
    said = said_of(judges, judged)
    of_pairs = list(pairs(judges, said, sums=sums))
    of_judges = list(against_others(judges, said, sums=sums))
    measured = _panel(judged, of_pairs, _present(judges, judged), sums=sums)
    flat = [*measured.values(), *(m for pair in of_pairs for m in pair.figures.values())]
    flat += [(figures.correlation, behind) for figures, behind in of_judges]
    done = iter(_with_intervals(flat, judged, resamples))
    return Level(
        name=name,
        coverage=coverage(rows),
        score=panel_score(rows),
        pass_rate=panel_pass_rate(rows),
        **dict(zip(measured, done, strict=False)),
        resamples=resamples,
        pairs=tuple(
            Pair(
                first=pair.judges[0],
                second=pair.judges[1],
                **dict(zip(pair.figures, islice(done, len(pair.figures)), strict=True)),
            )
            for pair in of_pairs
        ),
        judges=tuple(replace(figures, correlation=next(done)) for figures, _ in of_judges),
        split=tuple(row.run for row in rows if {True, False} <= set(row.passes)),
        disputed=_disputed(rows, listed),
    )


def _present(judges: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Return the judges that scored some run."""
    return [
        judge
        for place, judge in enumerate(judges)
        if any(row.scores[place] is not None for row in rows)
    ]


def _panel(
    rows: Sequence[Row], of_pairs: Sequence[PairMeasured], present: Sequence[str], *, sums: bool
) -> dict[str, Measured]:
    """Return the figures of all judges together, by their names in ``Level``."""
    scores, passes = [row.scores for row in rows], [row.passes for row in rows]
    there = [pair for pair in of_pairs if set(pair.judges) <= set(present)]
    one, panel = icc(scores)
    of_scores, of_passes = alpha(scores), alpha(passes)
    figures = {
        "alpha_score": of_scores[0],
        "alpha_passed": of_passes[0],
        "fleiss": fleiss(passes),
        "icc_one": one,
        "icc_panel": panel,
        "votes_score": votes_from([pair.figures["pearson"][0] for pair in there], len(present)),
        "votes_passed": votes_from([pair.phi for pair in there], len(present)),
    }
    if not sums:
        # Alpha of the scores is wanted with its interval in brief, too.
        return {name: (figure, None) for name, figure in figures.items()} | {
            "alpha_score": of_scores
        }
    by_scores, by_passes = (
        zip(*(pair.votes for pair in there if pair.votes), strict=True) if there else ((), ())
    )
    behind = (
        of_scores[1],
        of_passes[1],
        fleiss_sums(passes),
        *icc_sums(scores),
        votes_sums(by_scores, len(present)),
        votes_sums(by_passes, len(present)),
    )
    return {
        name: (figure, of_figure)
        for (name, figure), of_figure in zip(figures.items(), behind, strict=True)
    }


def _with_intervals(
    measured: Sequence[Measured], rows: Sequence[Row], resamples: int
) -> list[Figure]:
    if len(rows) >= ENOUGH:
        sampling = plan([row.task for row in rows], resamples=resamples)
        return with_intervals(measured, sampling)
    note = f"no interval: {len(rows)} runs are too few to resample"
    return [noted(figure, note) for figure, _ in measured]


def _disputed(rows: Sequence[Row], listed: int) -> tuple[tuple[str, float], ...]:
    apart = []
    for row in rows:
        scores = [score for score in row.scores if score is not None]
        if scores and (distance := max(scores) - min(scores)) > 0:
            apart.append((row.run, distance))
    return tuple(sorted(apart, key=lambda entry: -entry[1])[:listed])
