"""What an experiment must reach for a build to be green; pure functions of its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.comparison import Point, compare
from harness.panel import alpha_of, coverage, panel_pass_rate, panel_score
from harness.statistics.figure import Figure, undefined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.sheet import Row, Sheet

ROUNDING = 1e-9
"""A figure that misses its bound by less misses it by rounding, and reaches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The least of each figure, and the most that the score may fall; None asks for nothing."""

    score: float | None = None
    pass_rate: float | None = None
    agreement: float | None = None
    judged: float | None = None
    regression: float | None = None


def unmet(
    sheet: Sheet, bounds: Bounds, baseline: Mapping[str, Sequence[Point]] | None = None
) -> Iterator[str]:
    """Yield a line for each bound that does not hold; one for an undefined figure, too.

    The figure decides, not its interval, which stands behind it.
    """
    rows = sheet.rows
    least: list[tuple[str, float | None, Callable[[Sequence[Row]], Figure]]] = [
        ("mean score", bounds.score, panel_score),
        ("pass rate", bounds.pass_rate, panel_pass_rate),
        (
            "agreement (Krippendorff's alpha)",
            bounds.agreement,
            lambda found: alpha_of(found, interval=True),
        ),
    ]
    for name, bound, measure in least:
        if bound is not None:
            yield from _below(f"{sheet.experiment}: {name}", measure(rows), bound)
    if bounds.judged is not None:
        yield from _below(
            f"{sheet.experiment}: share of judged slots", _judged(sheet), bounds.judged
        )
    if bounds.regression is not None:
        before = partner(baseline or {}, sheet.experiment)
        if before is None:
            yield f"{sheet.experiment}: is not in the baseline, so no regression can be ruled out"
        else:
            yield from fallen(f"{sheet.experiment}: mean score", before, sheet, bounds.regression)


def fallen(name: str, before: Sequence[Point], sheet: Sheet, most: float) -> Iterator[str]:
    """Yield the line for a score that fell by more than ``most``."""
    change = compare(before, points_of(sheet)).score
    if change.value is None:
        yield f"{name} against the baseline is undefined ({change.why}), which no bound allows"
    elif -change.value > most + ROUNDING:
        figure, bound = _distinct(-change.value, most)
        line = f"{name} fell by {figure} against the baseline, at most {bound} is allowed"
        yield line + interval_of(change, -1)


def partner(baseline: Mapping[str, Sequence[Point]], experiment: str) -> Sequence[Point] | None:
    """Return an experiment's own entry; the only one, if there is no other to choose from."""
    if experiment in baseline:
        return baseline[experiment]
    return next(iter(baseline.values())) if len(baseline) == 1 else None


def points_of(sheet: Sheet) -> tuple[Point, ...]:
    """Return what a comparison needs of a sheet."""
    return tuple(
        Point(run=row.run, task=row.task, score=row.score, passed=row.passed) for row in sheet.rows
    )


def _judged(sheet: Sheet) -> Figure:
    found = coverage(sheet.rows)
    if not found.slots:
        return undefined("no run can be judged")
    return Figure(value=found.judgments / found.slots, n=found.slots)


def _below(name: str, figure: Figure, bound: float) -> Iterator[str]:
    if figure.value is None:
        yield f"{name} is undefined ({figure.why}), at least {bound:g} is wanted"
    elif figure.value < bound - ROUNDING:
        value, least = _distinct(figure.value, bound)
        yield f"{name} is {value}, at least {least} is wanted" + interval_of(figure)


def interval_of(figure: Figure, sign: int = 1) -> str:
    """Return the interval in words, to stand behind a line; nothing where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    low, high = sorted((sign * figure.low, sign * figure.high))
    return f" (95 % interval {low + 0.0:.3g} to {high + 0.0:.3g})"


def _distinct(value: float, bound: float) -> tuple[str, str]:
    """Return both as text, with as few digits as tell them apart."""
    value = round(value, 9) + 0.0  # what is below that is rounding; and there is no -0
    shown = [(f"{value:.{digits}g}", f"{bound:.{digits}g}") for digits in (4, 6, 9)]
    return next((pair for pair in shown if pair[0] != pair[1]), shown[-1])
