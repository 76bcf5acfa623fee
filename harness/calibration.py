"""Judges measured against people: errors, and what the pass rate is once they are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.statistics.figure import ROUNDING, Figure, undefined
from harness.statistics.intervals import (
    FEW,
    Z,
    clustered_mean,
    clustered_share,
    independent,
    wilson,
)
from harness.statistics.panels import effective_votes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.sheet import Row, Sheet

PANEL = "panel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """One judge, or the panel's consensus, against people.

    ``sensitivity``: the share it passes of the runs that people pass; ``specificity``:
    the share it fails of those that people fail. ``pass_rate`` is its own over all runs,
    ``corrected`` the one that people would give. ``bias``: its score minus theirs.
    """

    judge: str
    sensitivity: Figure
    specificity: Figure
    pass_rate: Figure
    corrected: Figure
    bias: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All judges and the panel; ``labelled`` runs have a verdict of people.

    ``independent``: how many judges with independent errors the panel is worth.
    """

    labelled: int
    passed: int
    judges: tuple[Calibrated, ...]
    independent: Figure


def calibration(sheet: Sheet) -> Calibration | None:
    """Measure the judges on the runs that people judged; None if there are none.

    Where several people judged a run, more than half of them decide; a tie is no verdict.
    """
    truth = {row.run: verdict for row in sheet.rows if (verdict := _verdict(row)) is not None}
    if not truth:
        return None
    places = range(len(sheet.judges))
    members = [
        (name, _nth_pass(place), _nth_score(place))
        for name, place in zip(sheet.judges, places, strict=True)
    ]
    members.append((PANEL, _panel_pass, lambda row: row.score))
    errors = [
        [None if p is None else float(p is not truth[row.run]) for p in row.passes]
        for row in sheet.rows
        if row.run in truth
    ]
    return Calibration(
        labelled=len(truth),
        passed=sum(truth.values()),
        judges=tuple(
            _calibrated(name, passed, score, sheet.rows, truth) for name, passed, score in members
        ),
        independent=effective_votes(errors),
    )


def corrected(
    rate: Figure,
    sensitivity: Figure,
    specificity: Figure,
    sizes: tuple[float, float] | None = None,
) -> Figure:
    """Return the pass rate without the judge's errors (Rogan and Gladen), with its interval.

    The interval (Lang and Reiczigel) carries the uncertainty of all three figures. The
    size of the first is reduced by the design effect of its clusters; ``sizes`` are those
    of the others after that, by default what they are made of.
    """
    p, se, sp = rate.value, sensitivity.value, specificity.value
    if p is None or se is None or sp is None:
        missing = next(f for f in (rate, sensitivity, specificity) if f.value is None)
        return undefined(str(missing.why), rate.n)
    if se + sp <= 1.0:
        return undefined("the judge is no better than chance against people", rate.n)
    estimate = (p + sp - 1) / (se + sp - 1)
    value = min(1.0, max(0.0, estimate))
    of_se, of_sp = sizes or (float(sensitivity.n), float(specificity.n))
    low, high = _lang_reiczigel((p, _effective_size(rate)), (se, of_se), (sp, of_sp))
    notes = []
    if abs(estimate - value) > ROUNDING:
        notes.append(f"cut off at {value:g}: errors and pass rate give {estimate:.3f}")
    if min(sensitivity.n, specificity.n) < FEW:
        notes.append("few judgments by people: the interval says little")
    note = "; ".join(notes) or None
    return Figure(value=value, n=rate.n, low=min(low, value), high=max(high, value), note=note)


def _lang_reiczigel(
    rate: tuple[float, float], sensitive: tuple[float, float], specific: tuple[float, float]
) -> tuple[float, float]:
    """Return the interval with Agresti and Coull's additions to all three samples.

    Each is a share and the size of its sample.
    """
    (p, n), (se, n_se), (sp, n_sp) = rate, sensitive, specific
    z2 = Z * Z
    size, size_se, size_sp = n + z2, n_se + 2, n_sp + 2
    p = (n * p + z2 / 2) / size
    se, sp = (n_se * se + 1) / size_se, (n_sp * sp + 1) / size_sp
    scale = se + sp - 1
    if scale <= 0.0:  # so few judgments that the judge may be no better than chance
        return 0.0, 1.0
    centre = (p + sp - 1) / scale
    of_se, of_sp = se * (1 - se) / size_se, sp * (1 - sp) / size_sp
    shift = 2 * z2 * (centre * of_se - (1 - centre) * of_sp)
    variance = p * (1 - p) / size + centre**2 * of_se + (1 - centre) ** 2 * of_sp
    reach = Z * math.sqrt(variance) / scale
    low, high = centre + shift - reach, centre + shift + reach
    return min(1.0, max(0.0, low)), max(0.0, min(1.0, high))


def _effective_size(rate: Figure) -> float:
    """Return the number of independent runs that would give the rate's own interval."""
    p, n = rate.value, rate.n
    if p is None or rate.low is None or rate.high is None or not 0 < p < 1:
        return float(n)
    reach = max(p - rate.low, rate.high - p)
    return min(float(n), Z * Z * p * (1 - p) / (reach * reach))


def _calibrated(
    name: str,
    passed: Callable[[Row], bool | None],
    score: Callable[[Row], float | None],
    rows: Sequence[Row],
    truth: dict[str, bool],
) -> Calibrated:
    given = [(p, row) for row in rows if (p := passed(row)) is not None]
    on_passed = [(p, row.task) for p, row in given if truth.get(row.run) is True]
    on_failed = [(not p, row.task) for p, row in given if truth.get(row.run) is False]
    sensitivity, of_passed = _share(on_passed, "people pass no run that it judged")
    specificity, of_failed = _share(on_failed, "people fail no run that it judged")
    rate = clustered_share([p for p, _ in given], [row.task for _, row in given])
    apart = [
        (s - math.fsum(row.people_scores) / len(row.people_scores), row.task)
        for row in rows
        if row.people_scores and (s := score(row)) is not None
    ]
    return Calibrated(
        judge=name,
        sensitivity=sensitivity,
        specificity=specificity,
        pass_rate=rate,
        corrected=corrected(rate, sensitivity, specificity, (of_passed, of_failed)),
        bias=clustered_mean([d for d, _ in apart], [task for _, task in apart], bounds=(-1.0, 1.0)),
    )


def _share(right: list[tuple[bool, str]], why: str) -> tuple[Figure, float]:
    """Return a share with Wilson's interval, and how many independent runs that is made of."""
    if not right:
        return undefined(why), 0.0
    values = [value for value, _ in right]
    size, share = independent(values, [task for _, task in right]), sum(values) / len(values)
    low, high = wilson(share * size, size)
    few = f"only {len(values)} judgments by people: the interval says little"
    note = few if len(values) < FEW else None
    return Figure(value=share, n=len(values), low=low, high=high, note=note), size


def _verdict(row: Row) -> bool | None:
    balance = 2 * sum(row.people) - len(row.people)
    return None if balance == 0 else balance > 0


def _panel_pass(row: Row) -> bool | None:
    """Return what the panel says; one that is undecided did not pass the run."""
    return None if row.score is None else row.passed is True


def _nth_pass(place: int) -> Callable[[Row], bool | None]:
    return lambda row: row.passes[place]


def _nth_score(place: int) -> Callable[[Row], float | None]:
    return lambda row: row.scores[place]
