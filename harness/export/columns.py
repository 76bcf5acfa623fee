"""What the three tables hold: one list of columns each, with their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.layouts.agent import REAL, WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Type = Literal["text", "whole", "real", "truth"]
Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns with their types, and a cell or None for each in every row."""

    name: str
    columns: Mapping[str, Type]
    rows: Sequence[Mapping[str, Cell]]


_RUN: dict[str, Type] = {
    "experiment": "text",
    "agent_model": "text",
    "tier": "text",
    "subtest": "text",
    "run_number": "whole",
    "run": "text",
    "task": "text",
    "group": "text",
    "id": "text",
}

RUNS: Mapping[str, Type] = {
    **_RUN,
    "score": "real",
    "impl_rate": "real",
    "passed": "truth",
    "grade": "text",
    "complete": "truth",
    "judges": "whole",
    "judged": "whole",
    "votes_for": "whole",
    "votes_against": "whole",
    "spread": "real",
    "disagreement": "truth",
    "rule": "text",
    "blocked": "text",
    **dict.fromkeys(REAL[:4], "real"),
    **dict.fromkeys(WHOLE, "whole"),
    **dict.fromkeys(REAL[4:], "real"),
    "meta": "text",
}
"""One row for each run, with its consensus and what is on record about its agent."""

_JUDGE: dict[str, Type] = {
    "judge_number": "whole",
    "judge": "text",
    "judge_kind": "text",
    "judge_model": "text",
}

JUDGMENTS: Mapping[str, Type] = {
    **_RUN,
    **_JUDGE,
    "model_answered": "text",
    "status": "text",
    "judge_score": "real",
    "judge_impl_rate": "real",
    "judge_passed": "truth",
    "judge_grade": "text",
    "judge_is_valid": "truth",
    "judge_reasoning": "text",
    "declared_score": "real",
    "rubric_score": "real",
    "attempt": "text",
    "started": "text",
    "ended": "text",
    "duration_seconds": "real",
    "cost_usd": "real",
    "input_tokens": "whole",
    "output_tokens": "whole",
    "why": "text",
}
"""One row for each slot, judged or not, those of people included."""

CRITERIA: Mapping[str, Type] = {
    **_RUN,
    **_JUDGE,
    "category": "text",
    "criterion": "text",
    "achieved": "real",
    "max": "real",
    "not_applicable": "truth",
    "reason": "text",
}
"""One row for each criterion that a judgment gives points for."""
