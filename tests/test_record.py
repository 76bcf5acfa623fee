"""The judgment as it is recorded: every key, and where the score comes from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.criteria import Category, Criterion, Rubric
from harness.freeze import FrozenPrompt
from harness.json_text import parse_json_object
from harness.judges import Reply
from harness.layouts.base import judgment_of
from harness.model import JudgeSpec, Run, Slot, SlotStatus
from harness.record import judgment_object, scored
from harness.reply import ReplyError, Verdict, parse_reply
from harness.scores import GRADES
from harness.staleness import rubric_marks

RUBRIC = Rubric(
    path=Path("/e/rubric.yaml"),
    text="",
    sha256="r" * 64,
    categories=(
        Category(
            name="f",
            weight=1.0,
            scoring_type="checklist",
            criteria=(Criterion(id="F1", check="", points=4.0),),
        ),
    ),
    pass_threshold=0.6,
    grades={"A": 0.7, "F": 0.0},
)

JUDGE = JudgeSpec(
    number=2, name="opus", kind="command", model="opus-1", sha256="j" * 64, require_token=True
)

PROMPT = FrozenPrompt(
    path=Path("/e/runs/a/judge_prompt.md"),
    text="Grade this.",
    sha256="p" * 64,
    rubric=rubric_marks(RUBRIC),
    inputs_sha256="i" * 64,
)

STARTED = datetime(2026, 1, 20, 6, 13, 7, 250_000, tzinfo=UTC)


def record(
    verdict: Verdict, *, rubric: Rubric | None = RUBRIC, score_from: str = "rubric", **reply: Any
) -> dict[str, Any]:
    """Return the judgment of one verdict."""
    run = Run(name="runs/a", path=Path("/e/runs/a"), rubric=rubric)
    return judgment_object(
        verdict,
        Slot(run=run, judge=JUDGE, status=SlotStatus.MISSING),
        Reply(text="...", **reply),
        prompt=PROMPT,
        attempt="20260120T061307.25Z-host-abc",
        started=STARTED,
        seconds=61.5004,
        score_from=score_from,
    )


def points(achieved: object) -> dict[str, Any]:
    """Return criteria scores for the rubric."""
    return {"f": {"items": {"F1": {"achieved": achieved, "max": 4, "reason": "so"}}}}


def test_a_judgment_holds_everything() -> None:
    """Score, verdict, grade, reasoning, criteria, and where it all came from."""
    made = record(
        Verdict(score=0.5, passed=True, reasoning="fine", criteria_scores=points(3)),
        model="opus-1-20260101",
        tokens={"input": 10, "output": 5},
        cost_usd=0.25,
    )
    assert made == {
        "score": 0.75,
        "passed": True,
        "grade": "A",
        "reasoning": "fine",
        "is_valid": True,
        "criteria_scores": points(3),
        "provenance": {
            "schema": 1,
            "judge": "opus",
            "kind": "command",
            "model": "opus-1",
            "model_answered": "opus-1-20260101",
            "prompt_sha256": "p" * 64,
            "rubric_sha256": "r" * 64,
            "rubric_fingerprint": RUBRIC.fingerprint,
            "rubric_asks": RUBRIC.asks,
            "inputs_sha256": "i" * 64,
            "judge_sha256": "j" * 64,
            "judge_fingerprint": 1,
            "attempt": "20260120T061307.25Z-host-abc",
            "started": "2026-01-20T06:13:07.250000+00:00",
            "ended": "2026-01-20T06:14:08.750400+00:00",
            "duration_seconds": 61.5,
            "tokens": {"input": 10, "output": 5},
            "cost_usd": 0.25,
            "harness_version": harness.__version__,
            "declared_score": 0.5,
            "rubric_score": 0.75,
            "scores_differ": True,
            "unknown_criteria": [],
        },
    }


def test_unknown_figures_are_null_and_never_0() -> None:
    """What a judge did not tell is not recorded as nothing spent."""
    provenance = record(Verdict(score=0.5, passed=True, reasoning=""))["provenance"]
    unknown = ("model_answered", "tokens", "cost_usd", "rubric_score")
    assert [provenance[key] for key in unknown] == [None] * 4
    assert provenance["scores_differ"] is False


@pytest.mark.parametrize(
    ("criteria", "score_from", "score", "computed", "differ"),
    [
        (points(3), "rubric", 0.75, 0.75, True),
        (points(3), "declared", 0.5, 0.75, True),
        (points(2), "rubric", 0.5, 0.5, False),
        (points(2.0039), "rubric", 2.0039 / 4, 2.0039 / 4, False),  # rounding is no difference
        (points(2.0041), "rubric", 2.0041 / 4, 2.0041 / 4, True),
        (points(5), "rubric", 0.5, None, False),  # more than there are: not clamped
        (points("N/A"), "rubric", 0.5, None, False),
        ({}, "rubric", 0.5, None, False),
        (None, "rubric", 0.5, None, False),
    ],
)
def test_the_score_is_computed_where_the_criteria_determine_it(
    criteria: dict[str, Any] | None,
    score_from: str,
    score: float,
    computed: float | None,
    differ: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Both scores are on record; which one counts is the experiment's choice."""
    verdict = Verdict(score=0.5, passed=False, reasoning="", criteria_scores=criteria)
    made = record(verdict, score_from=score_from)
    assert made["score"] == score
    assert made["passed"] is False
    provenance = made["provenance"]
    assert provenance["declared_score"] == 0.5
    assert provenance["rubric_score"] == computed
    assert provenance["scores_differ"] is differ


def test_without_a_rubric_the_declared_score_counts() -> None:
    """A run whose rubric is not read here is judged by what its judge declared."""
    verdict = Verdict(score=0.7, passed=True, reasoning="", criteria_scores=points(1))
    made = record(verdict, rubric=None)
    assert (made["score"], made["grade"]) == (0.7, "B")
    assert made["provenance"]["rubric_score"] is None


def test_criteria_that_the_rubric_does_not_know_are_recorded() -> None:
    """They count for nothing, and whoever reads the judgment sees which they are."""
    criteria = points(3)
    criteria["f"]["items"]["F9"] = {"achieved": 100, "max": 100}
    criteria["extra"] = {"items": {"X1": {"achieved": 1}}}
    made = record(Verdict(score=0.5, passed=True, reasoning="", criteria_scores=criteria))
    assert made["score"] == 0.75
    assert made["criteria_scores"] == criteria
    assert made["provenance"]["unknown_criteria"] == ["f.F9", "extra"]


def test_a_rubric_beside_the_prompt_scores_without_being_an_input() -> None:
    """Where a run has its prompt from elsewhere, the rubric only counts the points."""
    verdict = Verdict(score=0.5, passed=True, reasoning="", criteria_scores=points(3))
    run = Run(name="T0/00/run_01", path=Path("/e/T0/00/run_01"), scoring=RUBRIC)
    made = scored(verdict, run, score_from="declared")
    assert (made["score"], made["grade"]) == (0.5, "C")
    assert made["provenance"]["rubric_score"] == 0.75


criteria_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(
    st.floats(0, 1),
    st.booleans(),
    st.text(st.characters()),
    st.none() | st.dictionaries(st.sampled_from(["f", "q"]), criteria_values),
    st.sampled_from(["rubric", "declared"]),
)
def test_every_verdict_survives_its_file(
    score: float,
    passed: bool,  # noqa: FBT001 - drawn
    reasoning: str,
    criteria: dict[str, Any] | None,
    score_from: str,
) -> None:
    """What is accepted as a verdict can be written, and is read back as a valid judgment."""
    reply = {"score": score, "passed": passed, "reasoning": reasoning, "categories": criteria}
    try:
        verdict = parse_reply(json.dumps(reply))
    except ReplyError as error:
        assert str(error) == (  # noqa: PT017 - the only reason there may be
            "the reply is invalid: criteria_scores holds a number that is not finite"
        )
        return
    made = record(verdict, score_from=score_from)
    read = judgment_of(parse_json_object(json.dumps(made, indent=2, allow_nan=False)), GRADES)
    assert (read.score, read.passed, read.reasoning) == (made["score"], passed, reasoning)
    assert json.dumps(read.raw, sort_keys=True) == json.dumps(made, sort_keys=True)


def test_what_is_recorded_is_read_back() -> None:
    """A judgment survives its file."""
    made = record(Verdict(score=0.1 + 0.2, passed=True, reasoning="\ud800"), rubric=None)
    read = judgment_of(json.loads(json.dumps(made)), GRADES)
    assert (read.score, read.passed, read.grade) == (0.1 + 0.2, True, "D")
    assert read.reasoning == "\ud800"
    assert read.raw == made
    assert read.provenance == made["provenance"]
