"""What a rubric asks; the values that ``rubric`` reads from a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing the rubric asks; ``run``/``expect`` make it checkable without a model."""

    id: str
    check: str
    points: float
    na_condition: str | None = None
    run: tuple[str, ...] | None = None
    expect: Expectation | None = None
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a criterion's command must do; every given part must hold.

    ``stdout`` is compared without trailing white space, ``matches`` is a regular
    expression searched in stdout.
    """

    exit_code: int = 0
    stdout: str | None = None
    contains: tuple[str, ...] = ()
    matches: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A weighted group of criteria."""

    name: str
    weight: float
    scoring_type: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """What is asked of a run, and how points become a score."""

    path: Path
    text: str
    sha256: str
    categories: tuple[Category, ...]
    pass_threshold: float
    grades: Mapping[str, float]
