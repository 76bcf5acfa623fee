"""From a verdict to the object that is written as ``judgment.json``; a pure function."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import harness
from harness.config import FINGERPRINT_VERSION
from harness.criteria import unknown_criteria
from harness.rubric import rubric_score
from harness.scores import GRADES, grade_of
from harness.staleness import rubric_marks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from harness.freeze import FrozenPrompt
    from harness.judges import Reply
    from harness.model import Run, Slot
    from harness.reply import Verdict

SCHEMA = 1

ROUNDING = 0.001
"""Up to here the declared score and the rubric's are the same: judges round."""


def judgment_object(
    verdict: Verdict,
    slot: Slot,
    reply: Reply,
    *,
    prompt: FrozenPrompt,
    attempt: str,
    started: datetime,
    seconds: float,
    score_from: str,
) -> dict[str, Any]:
    """Return the judgment with its provenance.

    With ``score_from="rubric"`` the score is computed from the reply's criteria where
    they determine it; else it is the declared one. The verdict is always the judge's.
    """
    run, judge = slot.run, slot.judge
    declared = {
        "schema": SCHEMA,
        "judge": judge.name,
        "kind": judge.kind,
        "model": judge.model,
        "model_answered": reply.model,
        "prompt_sha256": prompt.sha256,
        **_rubric_answered(prompt, run),
        "inputs_sha256": prompt.inputs_sha256,
        "judge_sha256": judge.sha256,
        "judge_fingerprint": FINGERPRINT_VERSION,
        "attempt": attempt,
        "started": started.isoformat(),
        "ended": (started + timedelta(seconds=seconds)).isoformat(),
        "duration_seconds": round(seconds, 3),
        "tokens": reply.tokens,
        "cost_usd": reply.cost_usd,
    }
    value = scored(verdict, run, score_from=score_from)
    return {**value, "provenance": {**declared, **value["provenance"]}}


def _rubric_answered(prompt: FrozenPrompt, run: Run) -> Mapping[str, str | None]:
    """Return what is recorded of the rubric that a judge has answered to.

    That of the prompt; or the present one, if it asks the same and only weighs or grades
    otherwise, because the judgment is scored by that.
    """
    if run.rubric is not None and prompt.rubric.get("rubric_asks") == run.rubric.asks:
        return rubric_marks(run.rubric)
    return prompt.rubric


def scored(verdict: Verdict, run: Run, *, score_from: str) -> dict[str, Any]:
    """Return what a judgment takes from the reply alone, by the present rubric.

    Its provenance says what the two scores are, and which criteria of the reply the
    rubric does not know: they count for nothing.
    """
    rubric = run.scored_by
    computed, unknown = None, []
    if rubric is not None and verdict.criteria_scores is not None:
        computed = rubric_score(rubric, verdict.criteria_scores)
        unknown = unknown_criteria(rubric, verdict.criteria_scores)
    score = computed if score_from == "rubric" and computed is not None else verdict.score
    return {
        "score": score,
        "passed": verdict.passed,
        "grade": grade_of(score, GRADES if run.rubric is None else run.rubric.grades),
        "reasoning": verdict.reasoning,
        "is_valid": True,
        "criteria_scores": verdict.criteria_scores,
        "provenance": {
            "declared_score": verdict.score,
            "rubric_score": computed,
            "scores_differ": computed is not None and abs(computed - verdict.score) > ROUNDING,
            "unknown_criteria": unknown,
            "harness_version": harness.__version__,
        },
    }
