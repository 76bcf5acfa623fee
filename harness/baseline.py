"""A saved state of experiments, to compare later ones with: one JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import files
from harness.comparison import Point
from harness.errors import SelectionError
from harness.scores import check_score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = 1
CAP = 256 * 1024 * 1024
"""Bytes; a run takes some hundred."""


def write_baseline(path: Path, experiments: Mapping[str, Sequence[Point]]) -> None:
    """Save the consensus of every run."""
    value = {
        "baseline": SCHEMA,
        "experiments": [
            {
                "name": name,
                "runs": [
                    {"run": p.run, "task": p.task, "score": p.score, "passed": p.passed}
                    for p in points
                ],
            }
            for name, points in experiments.items()
        ],
    }
    files.commit_json(path, value, root=path.parent, durable=False)


def read_baseline(path: str | Path) -> dict[str, tuple[Point, ...]]:
    """Read what ``write_baseline`` wrote; ``SelectionError`` for anything else."""
    path = Path(path)
    match files.read_json(path, root=path.resolve().parent, cap=CAP):
        case files.Ok({"baseline": 1, "experiments": list(listed)}):
            try:
                return {entry["name"]: tuple(map(_point, entry["runs"])) for entry in listed}
            except (KeyError, TypeError, ValueError) as error:
                why = f"is a damaged baseline ({type(error).__name__}: {error})"
        case files.Ok():
            why = "is no baseline"
        case files.Missing():
            why = "there is no such file"
        case files.Invalid(why) | files.Unreadable(why):
            pass
    raise SelectionError(f"{path}: {why}; write one with: python -m harness baseline DIR -o FILE")


def _point(entry: Any) -> Point:
    score, passed = entry["score"], entry["passed"]
    if passed is not None and not isinstance(passed, bool):
        raise TypeError("passed must be true, false, or null")
    return Point(
        run=str(entry["run"]),
        task=str(entry["task"]),
        score=None if score is None else check_score(score),
        passed=passed,
    )
