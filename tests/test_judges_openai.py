"""What a chat completion means: whole ones, odd ones, and what they cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.errors import JudgeError, RetryableError
from harness.judges import Reply
from harness.judges.openai import OpenAiJudge, OpenAiSettings
from harness.model import JudgeSpec
from tests.fake_http_api import VERDICT, completion

TEXT = json.dumps(VERDICT)


def read(envelope: Any, *, schema: bool = True) -> Reply:
    """Return what a judge makes of an answer."""
    spec = JudgeSpec(number=1, name="o", kind="openai", settings=OpenAiSettings())
    return OpenAiJudge(spec).read(envelope, schema=schema)


def choice(content: Any = TEXT, reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    """Return a completion with one choice."""
    first = {"message": {"content": content, **message}, "finish_reason": reason}
    return {"choices": [first], "usage": {"prompt_tokens": 10, "completion_tokens": 2}}


def test_completion_is_a_reply_with_its_figures() -> None:
    """The model that answered and the tokens, cached ones among them."""
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 300},
    }
    assert read(completion(usage=usage).body) == Reply(
        text=TEXT,
        model="m-1-2026-01-01",
        tokens={"input": 1000, "output": 100, "cached": 300},
        structured=True,
    )


@pytest.mark.parametrize(
    ("content", "schema", "structured"),
    [
        (TEXT, True, True),
        (f" {TEXT}\n", True, True),
        (TEXT, False, False),
        (f"Here: {TEXT}", True, False),
        (f"```json\n{TEXT}\n```", True, False),
        (f"[{TEXT}]", True, False),
        (f"{TEXT}{TEXT}", True, False),
    ],
)
def test_only_an_object_alone_was_filled_in(content: str, schema: object, structured: bool) -> None:  # noqa: FBT001 - a column of the table
    """And only if the model was made to: else a quoted verdict could be in its place."""
    reply = read(choice(content), schema=bool(schema))
    assert (reply.text, reply.structured) == (content, structured)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "x"}, "b", {"type": "text", "text": "c"}], "ac"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": 5}], "a"),
    ],
)
def test_text_in_parts_is_joined(content: Any, text: str) -> None:
    """What is no text is left out."""
    assert read(choice(content)).text == text


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (None, None),
        ("much", None),
        ({}, None),
        ({"cost": 0.0123}, 0.0123),
        ({"cost": 0}, None),
        ({"cost": "free"}, None),
        ({"cost": 0.01, "cost_details": {"upstream_inference_cost": 0.5}}, 0.01),
        (
            {"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}},
            0.51,
        ),
        ({"cost": 0.01, "is_byok": True, "cost_details": None}, 0.01),
    ],
)
def test_cost_is_what_the_provider_says(usage: Any, cost: float | None) -> None:
    """Nothing is made up, and what is not known is never 0."""
    reply = read({**choice(), "usage": usage})
    assert reply.cost_usd == (None if cost is None else pytest.approx(cost))
    assert reply.tokens is None


@pytest.mark.parametrize(
    ("envelope", "error", "message"),
    [
        (
            choice("", "length"),
            RetryableError,
            (
                "the reply was cut off at its greatest length (finish_reason length); raise it "
                "in the judge's options (max_tokens, or what the server calls it)"
            ),
        ),
        (
            choice(None, "content_filter"),
            JudgeError,
            "the provider's content filter stopped the reply",
        ),
        (
            choice(None, refusal="I cannot\nhelp"),
            RetryableError,
            "the judge refused to answer: I cannot help",
        ),
        (choice(None), RetryableError, "the reply has no text (finish_reason stop)"),
        (choice("  ", None), RetryableError, "the reply has no text (finish_reason None)"),
    ],
)
def test_completion_without_a_reply_says_why_and_what_it_cost(
    envelope: Any, error: type[JudgeError], message: str
) -> None:
    """It was paid for, whatever it is worth."""
    with pytest.raises(JudgeError) as caught:
        read(envelope)
    assert (type(caught.value), str(caught.value)) == (error, message)
    assert caught.value.spent.tokens == {"input": 10, "output": 2}
    assert caught.value.unpaid is False


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": ["text"]},
        {"choices": [{"text": TEXT}]},
        {"choices": [{"message": TEXT}]},
        {"choices": {"0": {}}},
    ],
)
def test_answer_that_is_no_completion_is_no_reply(envelope: Any) -> None:
    """Asking again may help: nobody knows what answered."""
    with pytest.raises(RetryableError) as caught:
        read(envelope)
    assert str(caught.value) == "the endpoint's answer has no choices[0].message"
