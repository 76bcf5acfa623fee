"""The rubric's own commands as the judge: a real grader that needs no model.

The commands run the agent's code: with a clean environment, a deadline, an output
cap, and a copy of the workspace, but in no sandbox.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING, Any, ClassVar

from harness import disk
from harness.errors import JudgeError
from harness.judges import NoSettings, Question, Reply
from harness.judges.check_command import Call, run_check
from harness.rubric import rubric_score

if TYPE_CHECKING:
    from harness.criteria import Category, Criterion
    from harness.model import JudgeSpec


class ChecksJudge:
    """Runs each criterion's ``run`` in a fresh copy of the workspace and looks at ``expect``."""

    Settings: ClassVar = NoSettings
    requires_token: ClassVar = False
    deterministic: ClassVar = True

    def __init__(self, spec: JudgeSpec) -> None:
        self._spec = spec

    def ask(self, question: Question) -> Reply:
        """Check every criterion that has a command; the others are "N/A" and do not count."""
        rubric = question.slot.run.rubric
        if rubric is None or not any(
            criterion.run for category in rubric.categories for criterion in category.criteria
        ):
            raise JudgeError("no item of the rubric has a command to check it; add run to one")
        places = (question.scratch / f"{number}" for number in itertools.count())
        call = Call(question, time.monotonic() + question.timeout, places)
        criteria = {
            category.name: _check_category(category, call) for category in rubric.categories
        }
        score = rubric_score(rubric, criteria)
        if score is None:
            raise JudgeError("every item that has a command lies in a category of weight 0")
        passed = score >= rubric.pass_threshold
        return Reply(
            text=json.dumps(
                {
                    "score": score,
                    "passed": passed,
                    "reasoning": _reasoning(criteria),
                    "criteria_scores": criteria,
                },
                indent=2,
            )
        )


def _check_category(category: Category, call: Call) -> dict[str, Any]:
    items = {c.id: _check(c, call) for c in category.criteria}
    counted = [item for item in items.values() if item["achieved"] != "N/A"]
    achieved = sum(item["achieved"] for item in counted)
    possible = sum(item["max"] for item in counted)
    return {
        "achieved": achieved,
        "max": possible,
        "score": achieved / possible if possible else "N/A",
        "na_items": [name for name, item in items.items() if item["achieved"] == "N/A"],
        "items": items,
    }


def _check(criterion: Criterion, call: Call) -> dict[str, Any]:
    if criterion.run is None or criterion.expect is None:
        return {"achieved": "N/A", "max": "N/A", "reason": "no command checks this item"}
    problem = run_check(criterion, criterion.run, criterion.expect, call)
    if problem is not None:  # which a program that cannot write has, too
        with disk.writing(call.question.scratch):
            disk.check_room(call.question.scratch)
    return {
        "achieved": 0.0 if problem else criterion.points,
        "max": criterion.points,
        "reason": problem or "as expected",
    }


def _reasoning(criteria: dict[str, Any]) -> str:
    failed = [
        f"{name}: {item['reason']}"
        for category in criteria.values()
        for name, item in category["items"].items()
        if item["achieved"] == 0.0
    ]
    held = sum(
        item["achieved"] not in ("N/A", 0.0)
        for category in criteria.values()
        for item in category["items"].values()
    )
    return f"{held} checks held, {len(failed)} did not." + "".join(f"\n{line}" for line in failed)
