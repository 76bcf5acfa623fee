"""What the output of Codex means: recorded streams, whole and damaged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import (
    JudgeError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.judges import Question, Reply
from harness.judges.cli import NoAnswer, Printed
from harness.judges.codex import CodexJudge, CodexSettings
from harness.model import JudgeSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

JUDGE = CodexJudge(JudgeSpec(number=1, name="c", kind="codex", settings=CodexSettings()))

STARTED = [{"type": "thread.started", "thread_id": "t"}, {"type": "turn.started"}]

COMPLETED = {
    "type": "turn.completed",
    "usage": {
        "input_tokens": 900,
        "cached_input_tokens": 300,
        "output_tokens": 80,
        "reasoning_output_tokens": 20,
    },
}


def said(text: str) -> dict[str, Any]:
    """Return the line of a message."""
    return {"type": "item.completed", "item": {"type": "agent_message", "text": text}}


def warned(text: str) -> dict[str, Any]:
    """Return the line of a warning, which is an item of type ``error``."""
    return {"type": "item.completed", "item": {"type": "error", "message": text}}


def failed(text: str) -> list[dict[str, Any]]:
    """Return the lines of a turn that failed."""
    return [
        *STARTED,
        {"type": "error", "message": text},
        {"type": "turn.failed", "error": {"message": text}},
    ]


def read(*events: Mapping[str, Any] | str, exit_code: int = 0, stderr: str = "") -> Reply:
    """Return what the judge makes of a stream."""
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    printed = Printed(stdout="\n".join(lines), stderr=stderr, exit_code=exit_code)
    question: Any = object.__new__(Question)  # an envelope means the same whatever was asked
    return JUDGE.read(printed, question)


def test_last_message_of_a_completed_turn_is_the_reply() -> None:
    """With its tokens; the program tells neither cost nor model, and warnings are no failure."""
    reply = read(
        *STARTED, warned("Model metadata not found"), said("draft"), said("end"), COMPLETED
    )
    assert reply == Reply(text="end", tokens={"input": 900, "output": 80, "cached": 300})


def test_completed_turn_without_a_message_is_an_empty_reply() -> None:
    """It was paid, and is invalid."""
    assert read(*STARTED, {"type": "turn.completed"}) == Reply(text="")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("exceeded retry limit, last status: 429 Too Many Requests", ThrottledError),
        ("exceeded retry limit, last status: 503 Service Unavailable", TransientError),
        ("unexpected status 401 Unauthorized: Incorrect API key", UnusableJudgeError),
        ("unexpected status 404 Not Found: The model does not exist", UnusableJudgeError),
        ("unexpected status 400 Bad Request: invalid schema", JudgeError),
        ('{"error": {"type": "x", "code": "insufficient_quota"}}', UnusableJudgeError),
        ('{"error": {"code": "context_length_exceeded", "message": "long"}}', JudgeError),
        ("stream disconnected before completion: connection reset", TransientError),
        ("We\u2019re currently experiencing high demand, which may cause errors.", TransientError),
        ("Selected model is at capacity. Please try a different model.", TransientError),
        ("Quota exceeded. Check your plan and billing details.", UnusableJudgeError),
        ("The model `m` does not exist or you do not have access to it.", UnusableJudgeError),
        ("Connection failed: error sending request", TransientError),
        ("stream closed before response.completed", TransientError),
        ("Something new", JudgeError),
    ],
)
def test_failed_turn_tells_whose_turn_it_is(text: str, kind: type[JudgeError]) -> None:
    """By the status or the code that its message passes on."""
    for exit_code in (0, 1):
        with pytest.raises(JudgeError) as caught:
            read(*failed(text), exit_code=exit_code)
        assert type(caught.value) is kind


def test_message_of_a_failure_is_the_programs_own() -> None:
    """With what was found out from it."""
    with pytest.raises(ThrottledError) as caught:
        read(*failed("exceeded retry limit, last status: 429 Too Many Requests"), exit_code=1)
    assert str(caught.value) == (
        "the call was refused (429): exceeded retry limit, last status: 429 Too Many Requests"
    )


@pytest.mark.parametrize(
    "text",
    [
        "You\u2019ve hit your usage limit. Upgrade or try again at May 18th, 2033 3:33 AM.",
        "You've hit your usage limit. Try again in 3 days 2 hours 5 minutes.",
        '{"error": {"type": "usage_limit_reached", "resets_in_seconds": 5000}}',
        '429: {"error": {"type": "usage_limit_reached", "resets_at": 1900000000}}',
    ],
)
def test_usage_limit_says_until_when(text: str) -> None:
    """Whichever apostrophe the program types, and whichever way it names the time."""
    with pytest.raises(UsageLimitError) as caught:
        read(*failed(text), exit_code=1)
    assert caught.value.until is not None
    assert caught.value.until > datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    ("events", "exit_code", "stderr"),
    [
        ([], 0, ""),
        ([], 1, ""),
        (STARTED, 0, "a warning"),
        ([*STARTED, said("a draft")], 0, ""),
        ([*STARTED, {"type": "error", "message": "Reconnecting... 2/5 (429)"}], -15, ""),
        (["not json"], 0, ""),
        ([*STARTED, '{"type": "turn.compl'], 0, ""),
    ],
)
def test_turn_without_an_end_is_no_answer(events: list[Any], exit_code: int, stderr: str) -> None:
    """A draft is none."""
    with pytest.raises(NoAnswer):
        read(*events, exit_code=exit_code, stderr=stderr)


def test_failure_before_the_first_event_stands_on_stderr() -> None:
    """The last line is the reason."""
    with pytest.raises(UnusableJudgeError) as caught:
        read(exit_code=1, stderr="starting\nError: Not logged in")
    assert str(caught.value) == "the call was refused: Error: Not logged in"


def test_stream_with_a_completed_turn_is_whole() -> None:
    """An answer that is whole counts though nobody saw how the program ended."""
    assert JUDGE.is_whole(json.dumps(COMPLETED))
    assert not JUDGE.is_whole(json.dumps(said("x")))
