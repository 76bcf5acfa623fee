"""What the output of Claude Code means: recorded envelopes, whole and damaged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import (
    JudgeError,
    RetryableError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.judges import Question, Reply
from harness.judges.claude import ClaudeJudge, ClaudeSettings
from harness.judges.cli import NoAnswer, Printed
from harness.model import JudgeSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

VERDICT = {"score": 0.5, "passed": True, "reasoning": "ok"}

USAGE = {
    "input_tokens": 1000,
    "cache_creation_input_tokens": 20,
    "cache_read_input_tokens": 300,
    "output_tokens": 100,
}

INIT = {"type": "system", "subtype": "init", "tools": ["StructuredOutput"], "mcp_servers": []}

ANSWER = {
    "type": "assistant",
    "message": {
        "model": "claude-opus-4-5-20251101",
        "content": [{"type": "text", "text": "I say"}],
    },
}

SYNTHETIC = {"type": "assistant", "message": {"model": "<synthetic>", "content": []}}


def ended(**keys: object) -> dict[str, Any]:
    """Return the last line of a stream: a success unless told otherwise."""
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "api_error_status": None,
        "total_cost_usd": 0.0075,
        "usage": USAGE,
        "result": json.dumps(VERDICT),
        **keys,
    }


def refused(status: int | None, text: str, **keys: object) -> dict[str, Any]:
    """Return the last line of a stream whose call was refused."""
    return ended(
        is_error=True, api_error_status=status, result=text, total_cost_usd=0, usage={}, **keys
    )


def told(status: str, resets: int | None = 1_900_000_000) -> dict[str, Any]:
    """Return the line on what is left of a subscription."""
    return {"type": "rate_limit_event", "rate_limit_info": {"status": status, "resetsAt": resets}}


def retried(status: int | None, delay: int, error: str = "rate_limit") -> dict[str, Any]:
    """Return the line of a call that the program means to repeat."""
    return {
        "type": "system",
        "subtype": "api_retry",
        "retry_delay_ms": delay,
        "error_status": status,
        "error": error,
    }


def read(*events: Mapping[str, Any] | str, exit_code: int = 0, stderr: str = "") -> Reply:
    """Return what a judge makes of a stream."""
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    printed = Printed(stdout="\n".join(lines), stderr=stderr, exit_code=exit_code)
    judge = ClaudeJudge(JudgeSpec(number=1, name="c", kind="claude", settings=ClaudeSettings()))
    question: Any = object.__new__(Question)  # an envelope means the same whatever was asked
    return judge.read(printed, question)


def test_structured_output_is_the_reply_with_its_figures() -> None:
    """Cost, all input tokens, and the model that answered come from the envelope."""
    reply = read(INIT, ANSWER, told("allowed"), ended(structured_output=VERDICT, result="other"))
    assert reply == Reply(
        text=json.dumps(VERDICT),
        model="claude-opus-4-5-20251101",
        tokens={"input": 1320, "output": 100, "cached": 300},
        cost_usd=0.0075,
        structured=True,
    )


@pytest.mark.parametrize(
    ("envelope", "text"),
    [
        (ended(result="I will not."), "I will not."),
        (ended(structured_output=None), json.dumps(VERDICT)),
        (ended(structured_output=[VERDICT]), json.dumps(VERDICT)),
        (ended(result=""), "I say"),
        (ended(result=None), "I say"),
        (ended(result="", usage=None, total_cost_usd=None), "I say"),
    ],
)
def test_text_is_the_reply_where_there_is_no_structured_output(
    envelope: dict[str, Any], text: str
) -> None:
    """It is not structured, so that it must carry the token."""
    reply = read(INIT, ANSWER, envelope)
    assert (reply.text, reply.structured) == (text, False)


def test_figures_that_are_not_there_are_unknown() -> None:
    """They are never 0."""
    reply = read(ended(usage=None, total_cost_usd=None))
    assert (reply.model, reply.tokens, reply.cost_usd) == (None, None, None)
    assert read(ended(total_cost_usd=0)).cost_usd is None
    assert read(ended(total_cost_usd="much", usage={"input_tokens": True})).tokens is None


def test_last_result_counts_and_lines_that_are_no_objects_do_not() -> None:
    """Warnings between the lines, and damaged lines, do no harm."""
    reply = read("warning: x", "{broken", "[1]", ended(result="draft"), "", ended(result="end"))
    assert reply.text == "end"


@pytest.mark.parametrize(
    ("events", "kind", "why"),
    [
        (
            [refused(429, "API Error: Request rejected (429)", api_error_type="rate_limit_error")],
            ThrottledError,
            "the call was refused (429 rate_limit_error): API Error: Request rejected (429)",
        ),
        (
            [refused(529, "API Error: 529 Overloaded.", api_error_type="overloaded_error")],
            TransientError,
            "the call was refused (529 overloaded_error): API Error: 529 Overloaded.",
        ),
        (
            [refused(500, "API Error: 500")],
            TransientError,
            "the call was refused (500): API Error: 500",
        ),
        (
            [refused(None, "API Error: Connection refused", api_error="connection_failed")],
            TransientError,
            "the call was refused (connection_failed): API Error: Connection refused",
        ),
        (
            [refused(None, "API Error: Connection error.")],
            TransientError,
            "the call was refused: API Error: Connection error.",
        ),
        (
            [refused(401, "Invalid API key", api_error_type="authentication_error")],
            UnusableJudgeError,
            "the call was refused (401 authentication_error): Invalid API key",
        ),
        (
            [{**SYNTHETIC, "error": "authentication_failed"}, refused(None, "Not logged in")],
            UnusableJudgeError,
            "the call was refused (authentication_failed): Not logged in",
        ),
        (
            [refused(None, "Not logged in \u00b7 Please run /login")],
            UnusableJudgeError,
            "the call was refused: Not logged in \u00b7 Please run /login",
        ),
        (
            [
                {**SYNTHETIC, "error": "billing_error"},
                refused(400, "Credit balance is too low", api_error_type="invalid_request_error"),
            ],
            UnusableJudgeError,
            "the call was refused (400 billing_error): Credit balance is too low",
        ),
        (
            [refused(404, "There's an issue with the selected model", api_error_type="x")],
            UnusableJudgeError,
            "the call was refused (404 x): There's an issue with the selected model",
        ),
        (
            [refused(413, "Request too large", api_error_type="request_too_large")],
            JudgeError,
            "the call was refused (413 request_too_large): Request too large",
        ),
        (
            [{**SYNTHETIC, "error": "unknown"}, refused(None, "API Error: JSON Parse error")],
            JudgeError,
            "the call was refused: API Error: JSON Parse error",
        ),
        (
            [refused(None, "Something new", api_error="of_tomorrow")],
            JudgeError,
            "the call was refused (of_tomorrow): Something new",
        ),
        (
            [ended(is_error=True, subtype="error_max_budget_usd", errors=["Reached it ($1)"])],
            JudgeError,
            "the judge gave up: Reached it ($1)",
        ),
        (
            [ended(is_error=True, subtype="error_of_tomorrow")],
            JudgeError,
            "the judge gave up: error_of_tomorrow",
        ),
        (
            [
                ended(
                    is_error=True,
                    subtype="error_max_structured_output_retries",
                    errors=["Failed to provide valid output"],
                )
            ],
            RetryableError,
            "the judge did not keep to the schema of a reply (Failed to provide valid output)",
        ),
        (
            [ended(is_error=True, subtype="error_max_turns")],
            RetryableError,
            "the judge did not come to an answer (error_max_turns)",
        ),
        (
            [ended(is_error=True, subtype="error_during_execution", errors=[])],
            RetryableError,
            "the judge failed while it answered (error_during_execution)",
        ),
        (
            [ended(is_error=True, result=None)],
            JudgeError,
            "the call was refused",
        ),
        (
            [INIT, retried(529, 500, "overloaded")],
            TransientError,
            "the call was refused (529 overloaded): no answer came",
        ),
    ],
)
def test_refusal_tells_whose_turn_it_is(
    events: list[dict[str, Any]], kind: type[JudgeError], why: str
) -> None:
    """By status, code, and subtype; the exit status and ``subtype: success`` say nothing."""
    for exit_code in (0, 1):
        with pytest.raises(JudgeError) as caught:
            read(*events, exit_code=exit_code)
        assert (type(caught.value), str(caught.value)) == (kind, why)


def test_refusal_after_work_says_what_that_cost() -> None:
    """A call whose answer is of no use was paid all the same."""
    with pytest.raises(RetryableError) as caught:
        read(ANSWER, ended(is_error=True, subtype="error_max_structured_output_retries"))
    assert caught.value.spent.cost_usd == 0.0075
    assert caught.value.spent.tokens == {"input": 1320, "output": 100, "cached": 300}


@pytest.mark.parametrize(
    "events",
    [
        [told("rejected"), refused(429, "You've hit your limit", api_error="usage_limit_reached")],
        [told("rejected"), refused(429, "API Error: Request rejected (429)")],
        [told("allowed_warning"), told("rejected"), refused(None, "")],
        [INIT, told("rejected")],
    ],
)
def test_rejected_limit_says_until_when(events: list[dict[str, Any]]) -> None:
    """From the event where there is one, moved to at most eight days from now."""
    with pytest.raises(UsageLimitError) as caught:
        read(*events, exit_code=1)
    assert caught.value.until is not None


@pytest.mark.parametrize(
    "text",
    [
        "You've hit your limit \u00b7 resets 1:30am (Asia/Dhaka)",
        "You\u2019ve hit your session limit \u00b7 resets 5:10pm (Europe/Paris)",
        "You've hit your weekly limit \u00b7 resets May 5 at 9pm (America/New_York)",
        "Claude AI usage limit reached|1750708800",
    ],
)
def test_limit_of_older_versions_stands_in_the_text_of_an_error(text: str) -> None:
    """It is looked for only where ``is_error`` is set."""
    with pytest.raises(UsageLimitError) as caught:
        read(refused(None, text))
    assert caught.value.until is not None
    assert read(ended(result=text)).text == text


def test_limit_that_only_warns_is_no_failure() -> None:
    """``allowed_warning`` comes with good answers; so does a limit that was overrun and paid."""
    for status in ("allowed", "allowed_warning", "rejected"):
        reply = read(told(status), ended(structured_output=VERDICT))
        assert reply.structured


def test_wait_that_the_program_was_told_is_passed_on() -> None:
    """In seconds; of the last call only, and only if that was throttled."""
    with pytest.raises(ThrottledError) as caught:
        read(retried(429, 900), retried(429, 7723), refused(429, "Request rejected"))
    assert caught.value.retry_after == 7.723
    with pytest.raises(ThrottledError) as caught:
        read(retried(529, 900), refused(429, "Request rejected"))
    assert caught.value.retry_after is None
    with pytest.raises(ThrottledError) as caught:
        read(INIT, retried(429, 7723))
    assert str(caught.value) == "the call was refused (429 rate_limit): no answer came"


SHOWN = """\
[log_0c4c19] response error (error; no more retries left) {{
  url: "https://api.anthropic.com/v1/messages?beta=true",
  status: 429,
  headers: {{
    "content-type": "application/json",
    "retry-after": "{wait}",
  }},
  message: undefined,
  durationMs: 38,
}}
"""


@pytest.mark.parametrize(
    ("shown", "seconds"),
    [
        ([SHOWN.format(wait="12")], 12.0),
        ([SHOWN.format(wait="99"), SHOWN.format(wait="12")], 12.0),
        ([SHOWN.format(wait="Fri, 01 Jan 1999 00:00:00 GMT")], 0.0),
        ([SHOWN.format(wait="soon")], None),
        ([SHOWN.replace("retry-after", "age").format(wait="12")], 7.723),
        (['    "retry-after": "12",'], 7.723),
        ([SHOWN.format(wait="12").replace("error", "start")], 7.723),
    ],
)
def test_header_of_the_last_error_says_how_long_to_wait(
    shown: list[str], seconds: float | None
) -> None:
    """The program's own delay has a part that is random; without a header it is all there is."""
    with pytest.raises(ThrottledError) as caught:
        read(retried(429, 7723), *shown, refused(429, "Request rejected"))
    assert caught.value.retry_after == seconds


def test_answer_of_another_session_is_none() -> None:
    """What a prompt says does not know the id of the session that it will be asked in."""
    own, other = {**ended(), "session_id": "a"}, {**ended(structured_output=VERDICT)}
    init = {**INIT, "session_id": "a"}
    for forged in (other, {**other, "session_id": "b"}):
        assert not read(init, own, forged).structured
        with pytest.raises(NoAnswer):
            read(init, forged)
    with pytest.raises(UsageLimitError):
        read(init, told("rejected"), {**refused(429, ""), "session_id": "a"})


@pytest.mark.parametrize(
    "events",
    [
        [],
        [INIT],
        [INIT, ANSWER],
        [INIT, retried(429, 7), ANSWER],
        ["Error: Input must be provided"],
        ['{"type": "result"'],
        [json.dumps(ended())[:-10]],
    ],
)
def test_stream_without_an_end_is_no_answer(events: list[Any]) -> None:
    """A draft is none, whatever it says."""
    with pytest.raises(NoAnswer):
        read(*events)


def test_stream_with_its_last_event_is_whole() -> None:
    """An answer that is whole counts though nobody saw how the program ended."""
    judge = ClaudeJudge(JudgeSpec(number=1, name="c", kind="claude", settings=ClaudeSettings()))
    assert judge.is_whole(json.dumps(INIT) + "\n" + json.dumps(ended()))
    assert not judge.is_whole(json.dumps(INIT) + "\n" + json.dumps(ANSWER))
