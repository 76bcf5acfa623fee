"""Experiments to measure with: to be judged, and judged already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.measure import JUDGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RUBRIC = {
    "categories": {
        "all": {"weight": 1, "items": [{"id": "A1", "check": "It is right.", "points": 1}]}
    }
}

JUDGMENT = {
    "score": 0.5,
    "passed": True,
    "grade": "D",
    "reasoning": "As good as any other answer that was given to this task. " * 8,
    "is_valid": True,
    "criteria_scores": {"all": {"items": {"A1": {"achieved": 0.5, "max": 1, "reason": "half"}}}},
}


def sleeper(ledger: Path, seconds: str, name: str = "sleeper", **more: Any) -> dict[str, Any]:
    """Return a judge that sleeps; ``seconds`` may be a file."""
    argv = [str(JUDGE), str(ledger), seconds, "{run}/{slot}"]
    return {"name": name, "kind": "command", "argv": argv, **more}


def write_experiment(
    root: Path, judges: Sequence[Mapping[str, Any]], runs: int, *, groups: int = 1
) -> list[Path]:
    """Write an experiment to be judged; return the directories of its runs."""
    root.mkdir(parents=True)
    config = {"judges": list(judges), "runs": "runs/*/*"}
    (root / "experiment.yaml").write_text(json.dumps(config, indent=2))
    (root / "task.md").write_text("Answer.\n")
    (root / "rubric.yaml").write_text(json.dumps(RUBRIC))
    found = []
    for number in range(runs):
        run = root / "runs" / f"g{number % groups}" / f"{number:06d}"
        run.mkdir(parents=True)
        (run / "output.md").write_text(f"Answer {number}.\n")
        found.append(run)
    return found


def write_judgments(runs: Sequence[Path], judges: int, *, slots: int | None = None) -> None:
    """Fill in the slots, the first ``slots`` of them, as a session leaves them."""
    left = len(runs) * judges if slots is None else slots
    for number, run in enumerate(runs):
        for judge in range(1, judges + 1):
            if left == 0:
                return
            left -= 1
            slot = run / "judge" / f"judge_{judge:02d}"
            slot.mkdir(parents=True)
            score = round((number * 7 + judge * 13) % 101 / 100, 2)
            value = {**JUDGMENT, "score": score, "passed": score >= 0.5}  # noqa: PLR2004 - a verdict
            (slot / "judgment.json").write_text(json.dumps(value, indent=2))
