"""What a message of the Messages API means: whole ones, odd ones, and what they cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.errors import JudgeError, RetryableError
from harness.judges import Reply
from harness.judges.anthropic import AnthropicJudge, AnthropicSettings
from harness.model import JudgeSpec
from tests.fake_http_api import VERDICT, message

TEXT = json.dumps(VERDICT)

TOOL = {"type": "tool_use", "name": "record_judgment", "input": VERDICT}
SAID = {"type": "text", "text": "I say"}


def read(envelope: Any) -> Reply:
    """Return what a judge makes of an answer."""
    spec = JudgeSpec(number=1, name="a", kind="anthropic", settings=AnthropicSettings())
    return AnthropicJudge(spec).read(envelope, schema=True)


def test_input_of_the_tool_is_the_reply_with_its_figures() -> None:
    """All input tokens count, those that a cache took part in, too."""
    usage = {
        "input_tokens": 1000,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 300,
        "output_tokens": 100,
    }
    assert read(message(usage=usage, content=[SAID, TOOL]).body) == Reply(
        text=TEXT,
        model="m-1-2026-01-01",
        tokens={"input": 1320, "output": 100, "cached": 300},
        structured=True,
    )


@pytest.mark.parametrize(
    ("content", "text", "structured"),
    [
        ([SAID], "I say", False),
        ([SAID, {"type": "text", "text": "more"}], "I say\nmore", False),
        ([{"type": "thinking", "thinking": "hm"}, TOOL], TEXT, True),
        ([{**TOOL, "input": {"score": 1}}, TOOL], TEXT, True),
        ([{**TOOL, "input": "text"}, SAID], "I say", False),
        ([SAID, "odd", {"type": "text", "text": None}], "I say", False),
    ],
)
def test_text_counts_only_where_the_tool_was_not_used(
    content: Any, text: str, structured: object
) -> None:
    """And then it must carry the token, since it may quote anything."""
    reply = read(message(content=content, stop_reason="end_turn").body)
    assert (reply.text, reply.structured) == (text, structured)


@pytest.mark.parametrize(
    ("content", "reason", "error", "text"),
    [
        ([SAID], "refusal", RetryableError, "the judge refused to answer: I say"),
        ([], "refusal", RetryableError, "the judge refused to answer"),
        (
            [TOOL],
            "max_tokens",
            RetryableError,
            (
                "the reply was cut off at its greatest length (stop_reason max_tokens); raise "
                "max_tokens in the judge's options"
            ),
        ),
        (
            [SAID],
            "model_context_window_exceeded",
            JudgeError,
            "the prompt and the reply are longer than the model can read",
        ),
        ([], "end_turn", RetryableError, "the reply has no text (stop_reason end_turn)"),
    ],
)
def test_message_without_a_reply_says_why_and_what_it_cost(
    content: Any, reason: str, error: type[JudgeError], text: str
) -> None:
    """It was paid for, whatever it is worth."""
    with pytest.raises(JudgeError) as caught:
        read(message(content=content, stop_reason=reason).body)
    assert (type(caught.value), str(caught.value)) == (error, text)
    assert caught.value.spent.tokens == {"input": 1300, "output": 100, "cached": 300}


@pytest.mark.parametrize("envelope", [{}, {"content": None}, {"content": TEXT}])
def test_answer_that_is_no_message_is_no_reply(envelope: Any) -> None:
    """Asking again may help: nobody knows what answered."""
    with pytest.raises(RetryableError) as caught:
        read(envelope)
    assert str(caught.value) == "the endpoint's answer has no content"
