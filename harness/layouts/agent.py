"""What is on record about the agent of a run: its model, cost, times, and tokens.

And the time that one of its judges took, where other tools recorded it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness import files
from harness.layouts.scylla_places import CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.layouts.base import Layout
    from harness.model import JudgeSpec, Run

TIMING = "timing.json"

WHOLE = (
    *("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens"),
    *("total_tokens", "exit_code", "api_calls", "num_turns", "num_models"),
)
"""Figures that are whole numbers."""

REAL = (
    *("cost_usd", "duration_seconds", "agent_duration_seconds", "judge_duration_seconds"),
    *("delegation_cost_ratio", "r_prog", "strategic_drift", "cfp", "pr_revert_rate"),
)
"""Figures that are not."""

_TOKENS = WHOLE[:4]


def agent_model(layout: Layout) -> str | None:
    """Return the model of all agents of an experiment; None if that is not on record."""
    if layout.name != "scylla":
        return None
    root = layout.experiment.root
    models = _read(root / CONFIG, root).get("models")
    known = isinstance(models, list) and len(models) == 1 and isinstance(models[0], str)
    return models[0] if known and isinstance(models, list) else None


def agent_figures(layout: Layout, run: Run) -> dict[str, float | int | None]:
    """Return the figures that are on record, the others as None.

    Natively they stand under ``meta`` in the run's own file.
    """
    found: dict[str, Any] = dict(run.meta)
    if layout.name == "scylla":
        root = layout.experiment.root
        for source in (run.path / "agent" / "result.json", run.path / "run_result.json"):
            value = _read(source, root)
            tokens = value.get("token_stats")
            found |= {**(tokens if isinstance(tokens, dict) else {}), **value}
    figures: dict[str, float | int | None] = {
        **{name: _whole(found.get(name)) for name in WHOLE},
        **{name: _real(found.get(name)) for name in REAL},
    }
    known = [count for name in _TOKENS if (count := figures[name]) is not None]
    if figures["total_tokens"] is None and len(known) == len(_TOKENS):
        figures["total_tokens"] = sum(known)
    return figures


def judge_seconds(layout: Layout, run: Run, judge: JudgeSpec) -> float | None:
    """Return what ProjectScylla's own tools recorded as a judge's time; None if they did not."""
    if layout.name != "scylla":
        return None
    timing = _read(layout.slot_directory(run, judge) / TIMING, layout.experiment.root)
    return _real(timing.get("judge_duration_seconds"))


def _read(path: Path, root: Path) -> Mapping[str, Any]:
    match files.read_json(path, root=root):
        case files.Ok(dict(value)):
            return value
        case _:
            return {}


def _whole(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
    return int(value) if known else None


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
