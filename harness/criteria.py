"""What a rubric asks; the values that ``rubric`` reads from a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

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
    """What is asked of a run, and how points become a score.

    ``asks`` is a hash of what a judge answers to; not of how the answer is weighed and
    graded. ``fingerprint`` is one of all that counts: not of comments, layout, name, and
    description. Both are made once: every slot records them.
    """

    path: Path
    text: str
    sha256: str
    categories: tuple[Category, ...]
    pass_threshold: float
    grades: Mapping[str, float]
    asks: str = field(init=False, repr=False, compare=False)
    fingerprint: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        asks = _fingerprint([self.pass_threshold, *(_asked(c) for c in self.categories)])
        weights = [category.weight for category in self.categories]
        object.__setattr__(self, "asks", asks)
        object.__setattr__(self, "fingerprint", _fingerprint([asks, weights, dict(self.grades)]))


FINGERPRINT_VERSION = 1
"""Part of both hashes; to be raised when they cover something else."""


def _asked(category: Category) -> list[Any]:
    limits = {"timeout"}
    criteria = [
        {key: value for key, value in asdict(criterion).items() if key not in limits}
        for criterion in category.criteria
    ]
    return [category.name, category.scoring_type, criteria]


def _fingerprint(value: list[Any]) -> str:
    text = json.dumps([FINGERPRINT_VERSION, *value], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


MOST_NAMED = 20
LONGEST_NAME = 80


def unknown_criteria(rubric: Rubric, criteria_scores: Any) -> list[str]:
    """Name the categories, and the items as ``category.item``, that the rubric does not know.

    At most ``MOST_NAMED`` of them, cut to ``LONGEST_NAME``: a reply may hold anything.
    """
    if not isinstance(criteria_scores, dict):
        return []
    known = {category.name: {c.id for c in category.criteria} for category in rubric.categories}
    unknown = []
    for name, entry in criteria_scores.items():
        if name not in known:
            unknown.append(name)
            continue
        items = entry.get("items") if isinstance(entry, dict) else None
        ids = items if isinstance(items, dict) else {}
        unknown += [f"{name}.{id_}" for id_ in ids if id_ not in known[name]]
    return [name[:LONGEST_NAME] for name in unknown[:MOST_NAMED]]
