"""What a score is, and the grade it earns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_score(value: object) -> float:
    """Return ``value`` as a score, or raise ``ValueError`` that says what is wrong with it.

    A score is a finite number from 0 to 1; text, booleans, and null are none, and
    nothing is clamped into the range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"score must be a number within 0..1, got {_shown(value)}")  # noqa: TRY004 - one error type for every bad score
    try:
        score = float(value)
    except OverflowError:
        raise ValueError("score must be within 0..1, got a huge number") from None
    if not math.isfinite(score):
        raise ValueError(f"score must be finite, got {score}")
    if not 0.0 <= score <= 1.0:
        raise ValueError(f"score must be within 0..1, got {_shown(value)}")
    return score


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - one line of a terminal


GRADES: Mapping[str, float] = {"S": 1.0, "A": 0.8, "B": 0.6, "C": 0.4, "D": 0.2, "F": 0.0}
"""The grade scale unless a rubric has its own: the lowest score of each grade."""


def grade_of(score: float, scale: Mapping[str, float] = GRADES) -> str:
    """Return the best grade whose lowest score ``score`` reaches."""
    reached = [(floor, grade) for grade, floor in scale.items() if score >= floor]
    return max(reached)[1] if reached else min((f, g) for g, f in scale.items())[1]
