"""Percentile bootstrap of figures that are functions of sums, fast for many runs.

Each unit is a tuple of numbers that add up. Above ``BLOCKS`` units they are dealt into
that many random blocks first, and the blocks are resampled: the interval stays the same
but for a few per cent of its width, and the work no longer grows with the units.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESAMPLES = 1000
"""How often the units are drawn anew."""

BLOCKS = 400
"""The most units that are resampled one by one."""

ENOUGH = 10
"""Fewer units give no interval: it would only show how few they are."""

SEED = 20_240_229
"""The same figures give the same interval, on every machine and in every session."""


def percentile_interval(
    units: Sequence[tuple[float, ...]],
    statistic: Callable[[Sequence[float]], float | None],
    *,
    resamples: int = RESAMPLES,
) -> tuple[float | None, float | None, str | None]:
    """Return the 2.5 and 97.5 per cent points of the resampled statistic, or a note instead."""
    if len(units) < ENOUGH:
        return None, None, f"no interval: {len(units)} runs are too few to resample"
    draw = random.Random(SEED)  # noqa: S311 - resampling, not cryptography
    columns = list(zip(*_blocks(units, draw), strict=True))
    size = len(columns[0])
    found = []
    for _ in range(resamples):
        picked = [int(draw.random() * size) for _ in range(size)]
        value = statistic([sum(map(column.__getitem__, picked)) for column in columns])
        if value is not None:
            found.append(value)
    if len(found) < 0.95 * resamples:
        return None, None, "no interval: too little varies to resample"
    found.sort()
    return _quantile(found, 0.025), _quantile(found, 0.975), None


def _blocks(units: Sequence[tuple[float, ...]], draw: random.Random) -> list[tuple[float, ...]]:
    if len(units) <= BLOCKS:
        return list(units)
    # Not ``shuffle``: only ``random()`` gives the same numbers in every version of Python.
    order = sorted(range(len(units)), key=[draw.random() for _ in units].__getitem__)
    return [
        tuple(map(sum, zip(*(units[place] for place in order[start::BLOCKS]), strict=True)))
        for start in range(BLOCKS)
    ]


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate linearly between the two nearest values, as numpy does by default."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
