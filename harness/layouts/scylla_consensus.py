"""A consensus in ProjectScylla's own files; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.consensus import closest
from harness.layouts.derived import differs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.consensus import Consensus
    from harness.model import JudgeSpec, Judgment

SHARED = ("score", "passed", "grade", "reasoning")
"""Keys of ``result.json`` that ``run_result.json`` has as well, after ``judge_``."""

PANEL = "panel"
"""The key of ``result.json`` that is ours: rule, votes, spread, and whose reasoning it has."""


def result_keys(
    stored: Mapping[str, Any],
    result: Consensus,
    judgments: Mapping[int, Judgment],
    panel: Sequence[JudgeSpec],
) -> dict[str, Any]:
    """Return what ``result.json`` must have, given what it has.

    Our own key is added when the file is written anyway: one that agrees stays as it is.
    """
    assert result.score is not None, "there is a consensus"  # noqa: S101 - narrows the type
    wanted: dict[str, Any] = {
        "score": result.score,
        "passed": bool(result.passed),
        "grade": result.grade,
        "reasoning": result.reasoning,
    }
    quoted = result.quoted
    if "is_valid" in stored:  # its later format
        quoted = closest(judgments, result.score)
        wanted |= {"is_valid": True, "reasoning": judgments[quoted].reasoning}
        if "criteria_scores" in stored:
            wanted["criteria_scores"] = judgments[quoted].raw.get("criteria_scores") or {}
    if PANEL in stored or differs(stored, wanted):
        wanted[PANEL] = _account(result, quoted, panel)
    return wanted


def _account(result: Consensus, quoted: int | None, panel: Sequence[JudgeSpec]) -> dict[str, Any]:
    """Return what the format has no keys for: how the consensus came about."""
    names = {judge.number: judge.name for judge in panel}
    return {
        "rule": result.rule,
        "judges": result.judges,
        "judged": result.judged,
        "votes": {"for": result.votes_for, "against": result.votes_against},
        "tie": result.tie,
        "spread": result.spread,
        "disagreement": result.disagreement,
        "quoted": None if quoted is None else names[quoted],
    }


def run_keys(
    stored: Mapping[str, Any],
    result: Mapping[str, Any],
    judgments: Mapping[int, Judgment],
    panel: Sequence[JudgeSpec],
) -> dict[str, Any]:
    """Return what ``run_result.json`` must have for the keys of ``result.json``."""
    keys = {f"judge_{key}": result[key] for key in SHARED}
    return {**keys, "judges": _judges(stored.get("judges"), judgments, panel)}


def _judges(
    stored: Any, judgments: Mapping[int, Judgment], panel: Sequence[JudgeSpec]
) -> list[dict[str, Any]]:
    known = {
        entry["judge_number"]: entry
        for entry in (stored if isinstance(stored, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("judge_number"), int)
    }
    models = {judge.number: judge.model for judge in panel}
    return [
        {
            **known.get(number, {}),
            "model": models[number],
            "score": judgments[number].score,
            "passed": judgments[number].passed,
            "grade": judgments[number].grade,
            "reasoning": judgments[number].reasoning,
            "judge_number": number,
        }
        for number in sorted(judgments)
    ]
