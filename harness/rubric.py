"""The rubric: what is asked, and how points become a score."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from harness.criteria import Category, Criterion, Expectation, Rubric
from harness.errors import ExperimentError
from harness.reading import load_text, yaml_value
from harness.scores import GRADES
from harness.typed import NotNegative, Positive, Unit, convert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_PASS_THRESHOLD = 0.6
DEFAULT_TIMEOUT = 60.0

ExitCode = Annotated[int, msgspec.Meta(ge=-64, le=255)]
"""Negative for a signal."""


class ExpectKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys below a criterion's ``expect``."""

    exit_code: ExitCode = 0
    stdout: str | None = None
    contains: str | tuple[str, ...] = ()
    matches: str | None = None


class ItemKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One criterion in the file."""

    id: str
    check: str
    points: Positive
    na_condition: str | None = None
    run: str | tuple[str, ...] | None = None
    expect: dict[str, Any] | str | int | None = None
    timeout: Positive | None = None


class CategoryKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One category in the file."""

    weight: NotNegative
    items: tuple[dict[str, Any], ...]
    scoring_type: str = "checklist"


class GradeKeys(msgspec.Struct, frozen=True):
    """The lowest score of each grade; grades may be left out, but not the last."""

    F: Unit
    S: Unit | None = None
    A: Unit | None = None
    B: Unit | None = None
    C: Unit | None = None
    D: Unit | None = None


class GradingKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys below ``grading``."""

    pass_threshold: Unit = DEFAULT_PASS_THRESHOLD
    grade_scale: GradeKeys | None = None


class RubricKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The top level of the file."""

    categories: dict[str, Any]
    grading: GradingKeys = GradingKeys()
    name: str | None = None
    description: str | None = None


def load_rubric(path: Path, *, root: Path) -> Rubric:
    """Read a rubric file; ``ExperimentError`` names the file, the key, and the way out."""
    text = load_text(path, root=root)
    keys = convert(yaml_value(text, path), RubricKeys, file=path)
    categories = tuple(_category(name, value, path) for name, value in keys.categories.items())
    if not any(category.weight > 0 and category.criteria for category in categories):
        raise ExperimentError(
            f"{path}: categories: no category has both a weight above 0 and items; add one"
        )
    _check_unique(categories, path)
    return Rubric(
        path=path,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        categories=categories,
        pass_threshold=keys.grading.pass_threshold,
        grades=_grades(keys.grading.grade_scale, path),
    )


def _category(name: str, value: Any, path: Path) -> Category:
    where = f"categories.{name}"
    keys = convert(value, CategoryKeys, file=path, where=where)
    criteria = tuple(
        _criterion(item, path, f"{where}.items[{index}]") for index, item in enumerate(keys.items)
    )
    return Category(
        name=name, weight=keys.weight, scoring_type=keys.scoring_type, criteria=criteria
    )


def _criterion(value: Any, path: Path, where: str) -> Criterion:
    keys = convert(value, ItemKeys, file=path, where=where)
    for key in ("expect", "timeout"):
        if keys.run is None and getattr(keys, key) is not None:
            raise ExperimentError(f"{path}: {where}: {key} needs a command; add run")
    return Criterion(
        id=keys.id,
        check=keys.check,
        points=keys.points,
        na_condition=keys.na_condition,
        run=_argv(keys.run, path, where),
        expect=None if keys.run is None else _expectation(keys.expect, path, where),
        timeout=keys.timeout or DEFAULT_TIMEOUT,
    )


def _argv(run: str | tuple[str, ...] | None, path: Path, where: str) -> tuple[str, ...] | None:
    """Split a command line; no shell ever sees it, so it has no pipes and no variables."""
    if run is None:
        return None
    try:
        argv = tuple(shlex.split(run)) if isinstance(run, str) else run
    except ValueError as error:
        raise ExperimentError(f"{path}: {where}.run: {error}; mend the quotes") from None
    if not argv or not argv[0]:
        raise ExperimentError(f"{path}: {where}.run: the command is empty; remove it or fill it in")
    if any("\0" in word for word in argv):
        raise ExperimentError(f"{path}: {where}.run: no command can hold a null byte; remove it")
    return argv


def _expectation(value: Any, path: Path, where: str) -> Expectation:
    """Read a number as an exit code, a text as the whole stdout, a mapping by its keys."""
    if value is None:
        return Expectation()
    if isinstance(value, int):
        value = {"exit_code": value}
    if isinstance(value, str):
        return Expectation(stdout=value)
    keys = convert(value, ExpectKeys, file=path, where=f"{where}.expect")
    if keys.matches == "" or "" in (keys.contains, *keys.contains):
        raise ExperimentError(
            f"{path}: {where}.expect: an empty text is in everything; say what is expected"
        )
    if keys.matches is not None:
        try:
            re.compile(keys.matches)
        except re.error as error:
            raise ExperimentError(
                f"{path}: {where}.expect.matches: no regular expression ({error}); correct it"
            ) from None
    contains = (keys.contains,) if isinstance(keys.contains, str) else keys.contains
    return Expectation(
        exit_code=keys.exit_code, stdout=keys.stdout, contains=contains, matches=keys.matches
    )


def _check_unique(categories: tuple[Category, ...], path: Path) -> None:
    seen: set[str] = set()
    for category in categories:
        for criterion in category.criteria:
            if not criterion.id:
                raise ExperimentError(
                    f"{path}: categories.{category.name}: an item's id is empty; name it"
                )
            if criterion.id in seen:
                raise ExperimentError(
                    f"{path}: the item id {criterion.id!r} stands there twice; "
                    "give each item its own"
                )
            seen.add(criterion.id)


def _grades(scale: GradeKeys | None, path: Path) -> Mapping[str, float]:
    if scale is None:
        return GRADES
    given = {grade: getattr(scale, grade) for grade in GRADES}
    grades = {grade: floor for grade, floor in given.items() if floor is not None}
    for (better, high), (worse, low) in itertools.pairwise(grades.items()):
        if high <= low:
            raise ExperimentError(
                f"{path}: grading.grade_scale: {better} ({high:g}) must be above "
                f"{worse} ({low:g}); correct one"
            )
    return grades


def rubric_score(rubric: Rubric, criteria_scores: Any) -> float | None:
    """Compute the weighted score of a reply's criteria; None if they do not determine it.

    Score = sum over categories of weight * (achieved / points), divided by the sum
    of the weights. An item marked "N/A" counts neither way; a category whose items
    are all "N/A" drops out with its weight; one without weight is not looked at.
    Items that are missing, or have points outside 0..points, leave the score
    undetermined: nothing is guessed or clamped.
    """
    if not isinstance(criteria_scores, dict):
        return None
    terms: list[float] = []
    weights: list[float] = []
    for category in rubric.categories:
        if category.weight == 0:
            continue
        entry = criteria_scores.get(category.name)
        items = entry.get("items") if isinstance(entry, dict) else None
        points = _points(category, items)
        if points is None:
            return None
        achieved, possible = points
        if possible > 0:
            terms.append(category.weight * (achieved / possible))
            weights.append(category.weight)
    total = math.fsum(weights)
    return min(1.0, math.fsum(terms) / total) if total > 0 else None


def _points(category: Category, items: Any) -> tuple[float, float] | None:
    achieved: list[float] = []
    possible: list[float] = []
    for criterion in category.criteria:
        item = items.get(criterion.id) if isinstance(items, dict) else None
        value = item.get("achieved") if isinstance(item, dict) else None
        if value == "N/A":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not 0 <= value <= criterion.points:
            return None
        achieved.append(float(value))
        possible.append(criterion.points)
    return math.fsum(achieved), math.fsum(possible)
