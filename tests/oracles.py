"""Packages that compute the same figures, and random judgments to compare them on."""

from __future__ import annotations

import importlib
import random
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from harness.statistics.column import Column, both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.statistics.column import Two


def oracle(name: str) -> Any:
    """Import a package of the extra ``dev``, or skip the test that compares with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, at import
        try:
            return importlib.import_module(name)
        except ImportError:
            pytest.skip(f"needs the package {name.partition('.')[0]!r} (the extra 'dev')")


def scores(
    seed: int, *, runs: int = 40, judges: int = 3, missing: float = 0.15
) -> list[list[float | None]]:
    """Return judges' scores of runs of different quality; some are missing."""
    draw = random.Random(seed)  # noqa: S311 - a test's own numbers
    rows: list[list[float | None]] = []
    for _ in range(runs):
        quality = draw.random()
        row: list[float | None] = []
        for judge in range(judges):
            value = min(1.0, max(0.0, quality + draw.gauss(0.05 * judge, 0.15)))
            row.append(None if draw.random() < missing else round(value, draw.choice((1, 2, 12))))
        rows.append(row)
    return rows


def verdicts(table: list[list[float | None]]) -> list[list[bool | None]]:
    """Return pass or fail for scores."""
    return [[None if score is None else score >= 0.5 for score in row] for row in table]


def column(table: Sequence[Sequence[Any]], place: int) -> list[Any]:
    """Return what one judge said."""
    return [row[place] for row in table]


def two(table: Sequence[Sequence[Any]], first: int = 0, second: int = 1) -> Two:
    """Return what two judges said of the runs that both judged."""
    return both(Column(column(table, first)), Column(column(table, second)))


SEEDS = pytest.mark.parametrize("seed", range(12))
