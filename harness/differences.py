"""What differs between two judgments of one slot, in words; a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = {
    "score": "score",
    "passed": "passed",
    "grade": "grade",
    "declared_score": "declared score",
    "rubric_score": "rubric score",
}
TEXTS = {
    "reasoning": "another reasoning",
    "criteria_scores": "other points",
    "unknown_criteria": "other unknown criteria",
    "rubric_fingerprint": "made from the present rubric",
}
"""What a judgment and its provenance hold, and how a difference is called."""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what differs; figures that an old file does not have are no difference."""
    before, after = _flat(old), _flat(new)
    both = [key for key in after if key in before or key in new]
    changed = [key for key in both if before.get(key) != after[key]]
    figures = [
        f"{SHOWN[key]} {_shown(before.get(key))} -> {_shown(after[key])}"
        for key in SHOWN
        if key in changed
    ]
    return (*figures, *(TEXTS[key] for key in TEXTS if key in changed))


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    made_from = value.get("provenance")
    flat = {**(made_from if isinstance(made_from, dict) else {}), **value}
    return {**flat, "criteria_scores": value.get("criteria_scores") or None}


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, int | float) else str(value)[:20]
