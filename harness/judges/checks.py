"""The rubric's own commands as the judge: a real grader that needs no model.

The commands run the agent's code: with a clean environment, a deadline, an output
cap, and a copy of the workspace, but in no sandbox.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from harness import files
from harness.errors import JudgeError
from harness.judges import NoSettings, Question, Reply
from harness.rubric import rubric_score

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.criteria import Category, Criterion, Expectation
    from harness.model import JudgeSpec
    from harness.process import Finished

SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "node_modules"})
"""Left out of the copy: large, and no part of the answer."""


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
        numbers = iter(range(10**6))
        criteria = {
            category.name: _check_category(category, question, numbers)
            for category in rubric.categories
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


def _check_category(
    category: Category, question: Question, numbers: Iterator[int]
) -> dict[str, Any]:
    items = {c.id: _check(c, question, next(numbers)) for c in category.criteria}
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


def _check(criterion: Criterion, question: Question, number: int) -> dict[str, Any]:
    if criterion.run is None or criterion.expect is None:
        return {"achieved": "N/A", "max": "N/A", "reason": "no command checks this item"}
    problem = _run_check(criterion, criterion.run, criterion.expect, question, number)
    return {
        "achieved": 0.0 if problem else criterion.points,
        "max": criterion.points,
        "reason": problem or "as expected",
    }


def _run_check(
    criterion: Criterion,
    argv: tuple[str, ...],
    expect: Expectation,
    question: Question,
    number: int,
) -> str | None:
    """Return what was not as expected. Every command starts from the agent's own files."""
    copy = question.scratch / f"{number}"
    _copy_workspace(question, copy)
    stdout = question.scratch / f"{number}.stdout"
    try:
        finished = question.launch(
            argv,
            cwd=copy,
            env=_environment(question, copy),
            stdout=stdout,
            stderr=question.scratch / f"{number}.stderr",
            timeout=min(criterion.timeout, question.timeout),
        )
    except JudgeError as error:
        return str(error)
    finally:
        files.remove_tree(copy)
    return _problem(finished, expect, stdout)


def _copy_workspace(question: Question, copy: Path) -> None:
    """Copy what the agent left behind; nothing, if it left nothing."""
    if question.workspace is None:
        copy.mkdir()
        return
    try:
        files.copy_tree(question.workspace, copy, skip=lambda _, names: set(names) & SKIPPED)
    except OSError as error:  # shutil.Error, too: it lists every file that could not be copied
        raise JudgeError(f"the workspace cannot be copied: {_short(str(error))}") from None


def _environment(question: Question, copy: Path) -> dict[str, str]:
    """Return nothing of the user's but the search path and the locale."""
    locale = {
        name: value for name, value in question.env.items() if name.startswith(("LC_", "LANG"))
    }
    return {
        **locale,
        "PATH": question.env["PATH"],
        "HOME": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _problem(finished: Finished, expect: Expectation, stdout: Path) -> str | None:
    if finished.timed_out:
        return f"still running after {finished.seconds:.0f} s"
    if finished.capped:
        return "wrote more than 10 MiB"
    if finished.exit_code != expect.exit_code:
        return f"exit status {finished.exit_code}, expected {expect.exit_code}"
    return _problem_of_output(stdout, expect)


def _problem_of_output(stdout: Path, expect: Expectation) -> str | None:
    match files.read_bytes(stdout, root=stdout.parent, cap=16 * 1024 * 1024):
        case files.Ok(data):
            text = data.decode("utf-8", "replace")
        case _:
            return "its stdout cannot be read"
    if expect.stdout is not None and text.rstrip() != expect.stdout.rstrip():
        return f"printed {_short(text.rstrip())}, expected {_short(expect.stdout.rstrip())}"
    for part in expect.contains:
        if part not in text:
            return f"printed {_short(text.rstrip())}, expected {_short(part)} in it"
    if expect.matches is not None and not re.search(expect.matches, text):
        return f"printed {_short(text.rstrip())}, expected a match of {expect.matches!r}"
    return None


def _short(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 120 else shown[:117] + "..."  # noqa: PLR2004 - one line of a report


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
