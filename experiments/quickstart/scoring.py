"""What the judges reviewer and prober share: reading the rubric and writing a reply."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """How far a criterion is met, from 0 to 1, and why."""

    share: float
    reason: str


@dataclass(frozen=True)
class Rubric:
    """Weights by category, points by category and criterion, and the score that passes."""

    weights: Mapping[str, float]
    points: Mapping[str, Mapping[str, float]]
    pass_threshold: float


def read_rubric(path: Path) -> Rubric:
    """Read ``rubric.yaml`` line by line: the interpreter here may have no YAML library."""
    weights: dict[str, float] = {}
    points: dict[str, dict[str, float]] = {}
    threshold = math.nan
    category = criterion = ""
    for line in path.read_text("utf-8").splitlines():
        key, _, value = line.strip().removeprefix("- ").partition(":")
        if re.fullmatch(r"  \w+:", line):
            category = key
        elif key == "weight":
            weights[category] = float(value)
            points[category] = {}
        elif key == "id":
            criterion = value.strip()
        elif key == "points":
            points[category][criterion] = float(value)
        elif key == "pass_threshold":
            threshold = float(value)
    return Rubric(weights, points, threshold)


def reply(rubric: Rubric, findings: Mapping[str, Finding]) -> dict[str, Any]:
    """Return the reply of a judge; criteria without a finding are "N/A" and do not count."""
    criteria: dict[str, Any] = {}
    weighted, weights = [], []
    for category, points in rubric.points.items():
        entries = {name: _entry(findings.get(name), most) for name, most in points.items()}
        counted = [entry for entry in entries.values() if entry["achieved"] != "N/A"]
        achieved = math.fsum(entry["achieved"] for entry in counted)
        most = math.fsum(entry["max"] for entry in counted)
        score = achieved / most if most else "N/A"
        criteria[category] = {"achieved": achieved, "max": most, "score": score, "items": entries}
        if most:
            weighted.append(rubric.weights[category] * (achieved / most))
            weights.append(rubric.weights[category])
    score = min(1.0, math.fsum(weighted) / math.fsum(weights))
    return {
        "score": score,
        "passed": score >= rubric.pass_threshold,
        "reasoning": _reasoning(findings),
        "criteria_scores": criteria,
    }


def _entry(finding: Finding | None, most: float) -> dict[str, Any]:
    if finding is None:
        return {"achieved": "N/A", "max": "N/A", "reason": "this judge cannot tell"}
    return {"achieved": round(most * finding.share, 3), "max": most, "reason": finding.reason}


def _reasoning(findings: Mapping[str, Finding]) -> str:
    short: dict[str, list[str]] = {}
    for name, found in findings.items():
        if found.share < 1:
            short.setdefault(found.reason, []).append(name)
    lines = [f"{', '.join(names)}: {reason}" for reason, names in short.items()]
    not_met = sum(map(len, short.values()))
    return "\n".join([f"{len(findings)} criteria judged, {not_met} not fully met.", *lines])
