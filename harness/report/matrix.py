"""Every judge of a panel against every other, as the cells of a table; a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.statistics.words import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.pairwise import Pair

TONES = 5


def matrix(
    judges: Sequence[str], pairs: Sequence[Pair]
) -> list[tuple[str, list[tuple[str, int | None]]]]:
    """Return a row for each judge: texts, and how good each is from 0 to 4, None if unknown.

    Above the diagonal are the correlations of the scores, below it their mean distances.
    """
    known = {(pair.first, pair.second): pair for pair in pairs}
    rows = []
    for y, judge in enumerate(judges):
        cells: list[tuple[str, int | None]] = []
        for x, other in enumerate(judges):
            if x == y:
                cells.append(("", None))
            elif x > y:
                value = known[judge, other].spearman.value
                cells.append((number(value, 2), None if value is None else _tone(value)))
            else:
                value = known[other, judge].difference.value
                # A distance of 0.5 and more is as bad as it gets between two judges.
                cells.append((number(value, 2), None if value is None else _tone(1 - 2 * value)))
        rows.append((judge, cells))
    return rows


def _tone(value: float) -> int:
    return max(0, min(TONES - 1, int(value * TONES)))
