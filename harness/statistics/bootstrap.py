"""Percentile bootstrap of figures that are functions of sums, all of a level at once.

Rows of one task are drawn together, because they are not independent. Above ``BLOCKS``
tasks these are dealt into that many random blocks first, and the blocks are resampled:
the interval stays the same but for a few per cent of its width, and the work no longer
grows with the rows.
"""

from __future__ import annotations

import random
import sys
from array import array
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from harness.statistics.figure import ROUNDING, noted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.statistics.figure import Figure

RESAMPLES = 1000
"""How often the tasks are drawn anew."""

BLOCKS = 400
"""The most tasks that are resampled one by one."""

ENOUGH = 10
"""Fewer tasks, or runs of one task, give no interval: it would only show how few they are."""

SEED = 20_240_229
"""The same figures give the same interval, on every machine and in every session."""

NOISE = 1e-8
"""Share of a sum of squares below which nothing varies in a resample but rounding."""


@dataclass(frozen=True, slots=True)
class Sums:
    """A figure as a function of sums: a value for each row in each column, and the function.

    The first column is above 0 exactly in the rows that count. ``statistic`` gets the
    sum of each column, the first above 0, and returns None where it is undefined.
    """

    columns: tuple[Sequence[float], ...]
    statistic: Callable[..., float | None]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the rows of a level are drawn: in which block each is, and how often; see ``plan``."""

    blocks: tuple[int, ...]
    size: int
    unit: str
    resamples: int
    note: str | None


def plan(tasks: Sequence[str], *, resamples: int = RESAMPLES) -> Sampling:
    """Say how rows with these tasks are drawn.

    With fewer than ``ENOUGH`` tasks the rows are drawn one by one. For a single task that
    is right: the interval is for further runs of it; for several a note warns.
    """
    many = len(set(tasks))
    if many >= ENOUGH:
        unit, note, keys = "tasks", None, list(tasks)
    else:
        unit, keys = "runs", [str(place) for place in range(len(tasks))]
        few = f"only {many} tasks, so runs were resampled: the interval says little"
        note = few if many > 1 else None
    block_of = _blocks(list(dict.fromkeys(keys)))
    size = min(len(block_of), BLOCKS)
    return Sampling(tuple(block_of[key] for key in keys), size, unit, resamples, note)


def _blocks(names: list[str]) -> dict[str, int]:
    if len(names) <= BLOCKS:
        return {name: place for place, name in enumerate(names)}
    # Not ``shuffle``: only ``random()`` gives the same numbers in every version of Python.
    draw = random.Random(SEED)  # noqa: S311 - resampling, not cryptography
    order = sorted(range(len(names)), key=[draw.random() for _ in names].__getitem__)
    return {names[index]: place % BLOCKS for place, index in enumerate(order)}


def with_intervals(
    measured: Sequence[tuple[Figure, Sums | None]], sampling: Sampling
) -> list[Figure]:
    """Return the figures with their 95 % intervals, or with a note that says why not.

    All are made from the same resamples. A figure that is undefined, or has no sums, is
    returned as it is.
    """
    too_few = _TooFew(sampling)
    notes = [
        None if sums is None or figure.value is None else too_few.note(sums.columns[0])
        for figure, sums in measured
    ]
    wanted = [
        sums
        for (figure, sums), note in zip(measured, notes, strict=True)
        if figure.value is not None and sums is not None and note is None
    ]
    places: dict[int, int] = {}
    columns: list[Sequence[float]] = []
    for column in (column for sums in wanted for column in sums.columns):
        if id(column) not in places:  # figures share columns; each is summed once
            places[id(column)] = len(columns)
            columns.append(column)
    drawn = list(_totals(columns, sampling)) if columns else []
    found = []
    for (figure, sums), note in zip(measured, notes, strict=True):
        if figure.value is None or sums is None:
            found.append(figure)
        elif note is not None:
            found.append(noted(figure, note))
        else:
            picked = itemgetter(*(places[id(column)] for column in sums.columns))
            found.append(_with_interval(figure, sums, map(picked, drawn), sampling))
    return found


class _TooFew:
    """Says of columns that count whether too few runs, or tasks, are behind them.

    Many figures have the same one, so each is looked at once.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._notes: dict[int, str | None] = {}

    def note(self, column: Sequence[float]) -> str | None:
        """Return the note of a figure with this column; None if there are enough."""
        if id(column) not in self._notes:
            self._notes[id(column)] = self._note(column)
        return self._notes[id(column)]

    def _note(self, column: Sequence[float]) -> str | None:
        counted = [place for place, count in enumerate(column) if count > 0]
        if len(counted) < ENOUGH:
            return f"no interval: {len(counted)} runs are too few to resample"
        blocks = len({self._sampling.blocks[place] for place in counted})
        if blocks < ENOUGH:
            return f"no interval: {blocks} {self._sampling.unit} are too few to resample"
        return None


def _with_interval(
    figure: Figure, sums: Sums, drawn: Iterator[Sequence[float]], sampling: Sampling
) -> Figure:
    values = [
        value
        for totals in drawn
        if totals[0] > 0.5 and (value := sums.statistic(*totals)) is not None  # noqa: PLR2004 - a count
    ]
    if len(values) < 0.95 * sampling.resamples:
        return noted(figure, "no interval: too little varies to resample")
    values.sort()
    if values[-1] - values[0] <= ROUNDING:
        return noted(figure, "no interval: it is the same in every resample")
    low, high = quantile(values, 0.025), quantile(values, 0.975)
    return replace(figure, low=low, high=high, note=sampling.note)


_UNIT = 1 << 50
_BIAS = 1 << 51


def _totals(columns: Sequence[Sequence[float]], sampling: Sampling) -> Iterator[tuple[float, ...]]:
    """Yield the sums of all columns, resample by resample.

    The values of a block are packed into one integer as fixed-point numbers of 64 bits,
    so that one addition adds them all: several times as fast as columns one by one, and
    exact, whatever the order and the version of Python. ``_BIAS`` keeps them above 0.
    """
    sums = list(_block_sums(columns, sampling))
    largest = [max(map(abs, column)) for column in sums]
    scales = [_UNIT / most if most else 1.0 for most in largest]
    fixed = [
        [round(value * scale) + _BIAS for value in column]
        for column, scale in zip(sums, scales, strict=True)
    ]
    packed = [
        int.from_bytes(array("q", block).tobytes(), byteorder=sys.byteorder)
        for block in zip(*fixed, strict=True)
    ]
    offset = sampling.size * _BIAS
    for draw in draws(sampling.size, sampling.resamples):
        lanes = array("q", sum(draw(packed)).to_bytes(8 * len(columns), byteorder=sys.byteorder))
        yield tuple([(lane - offset) / scale for lane, scale in zip(lanes, scales, strict=True)])


def _block_sums(
    columns: Sequence[Sequence[float]], sampling: Sampling
) -> Iterator[Sequence[float]]:
    """Yield the sums of each block, column by column."""
    for column in columns:
        sums = [0.0] * sampling.size
        for block, value in zip(sampling.blocks, column, strict=True):
            sums[block] += value
        yield sums


@lru_cache(maxsize=8)
def draws(size: int, resamples: int) -> tuple[Callable[[Sequence[int]], Sequence[int]], ...]:
    """Return for each resample what picks ``size`` of as many blocks, with repetition."""
    draw = random.Random(SEED)  # noqa: S311 - resampling, not cryptography
    return tuple(
        itemgetter(*[int(draw.random() * size) for _ in range(size)]) for _ in range(resamples)
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate linearly between the two nearest values, as numpy does by default."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
