"""What the output of Gemini CLI means: recorded envelopes, whole and damaged."""

from __future__ import annotations

import json
from typing import Any

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
from harness.judges.cli import NoAnswer, Printed
from harness.judges.gemini import GeminiJudge, GeminiSettings
from harness.model import JudgeSpec

JUDGE = GeminiJudge(JudgeSpec(number=1, name="g", kind="gemini", settings=GeminiSettings()))

TOKENS = {"prompt": 700, "candidates": 60, "thoughts": 40, "cached": 100, "tool": 0, "total": 800}


def envelope(response: object, **models: object) -> str:
    """Return what the program prints."""
    return json.dumps({"response": response, "stats": {"models": models}}, indent=2)


def failure(message: str, code: object = 1) -> str:
    """Return what the program prints on stderr when a call failed."""
    error = {"type": "Error", "message": message, "code": code}
    return f"Attempt 1 failed.\n{json.dumps({'session_id': 's', 'error': error}, indent=2)}\n"


def api(code: int, status: str, **more: object) -> str:
    """Return the API's own error as it stands inside a message."""
    return json.dumps({"error": {"code": code, "message": "m", "status": status, **more}})


def read(stdout: str = "", *, stderr: str = "", exit_code: int = 0) -> Reply:
    """Return what the judge makes of an output."""
    question: Any = object.__new__(Question)  # an envelope means the same whatever was asked
    return JUDGE.read(Printed(stdout=stdout, stderr=stderr, exit_code=exit_code), question)


def test_response_is_the_reply_with_its_model_and_tokens() -> None:
    """Thinking is output, the program tells no cost, and lines before the object do no harm."""
    printed = "Loaded cached credentials.\n" + envelope(
        "end", **{"gemini-3-pro": {"tokens": TOKENS}}
    )
    assert read(printed) == Reply(
        text="end", model="gemini-3-pro", tokens={"input": 700, "output": 100, "cached": 100}
    )


@pytest.mark.parametrize(
    "models", [{}, {"a": {"tokens": TOKENS}, "b": {"tokens": TOKENS}}, {"a": None}, {"a": {}}]
)
def test_figures_that_are_not_clear_are_unknown(models: dict[str, Any]) -> None:
    """With two models nobody knows which price holds."""
    assert read(envelope("end", **models)).tokens is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (api(429, "RESOURCE_EXHAUSTED"), ThrottledError),
        (api(503, "UNAVAILABLE"), TransientError),
        (api(500, "INTERNAL"), TransientError),
        (api(401, "UNAUTHENTICATED"), UnusableJudgeError),
        (api(403, "PERMISSION_DENIED"), UnusableJudgeError),
        (api(404, "NOT_FOUND"), UnusableJudgeError),
        (api(400, "INVALID_ARGUMENT"), JudgeError),
        (api(418, "OF_TOMORROW"), JudgeError),
        ("got status: 503 Service Unavailable", TransientError),
        ("Something new", JudgeError),
    ],
)
def test_failed_call_tells_whose_turn_it_is(message: str, kind: type[JudgeError]) -> None:
    """By the API's own error, which the program passes on inside its message."""
    with pytest.raises(JudgeError) as caught:
        read(stderr=failure(message), exit_code=1)
    assert type(caught.value) is kind


def test_message_of_a_failure_is_the_programs_own() -> None:
    """With what was found out from it."""
    with pytest.raises(JudgeError) as caught:
        read(stderr=failure("Something new"), exit_code=1)
    assert str(caught.value) == "the call was refused: Something new"


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("TerminalQuotaError", 429, UsageLimitError),
        ("RetryableQuotaError", 429, ThrottledError),
        ("RetryableQuotaError", 503, TransientError),
        ("ModelNotFoundError", 1, UnusableJudgeError),
        ("ErrorOfTomorrow", 1, JudgeError),
    ],
)
def test_name_of_an_error_tells_what_its_code_does_not(
    name: str, code: int, kind: type[JudgeError]
) -> None:
    """The program prints it on stderr, in front of the object with its message."""
    said = f"Error when talking to Gemini API Full report available at: /x.json {name}: No more.\n"
    with pytest.raises(JudgeError) as caught:
        read(stderr=said + failure("No more.", code), exit_code=code % 256)
    assert type(caught.value) is kind


def test_daily_quota_is_a_usage_limit() -> None:
    """Nothing is gained by asking again today."""
    details = [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}]
    with pytest.raises(UsageLimitError):
        read(stderr=failure(api(429, "RESOURCE_EXHAUSTED", details=details)), exit_code=1)


@pytest.mark.parametrize(
    "more", [{"details": [{"retryDelay": "2s"}]}, {"hint": "Suggested retry after 2s"}]
)
def test_wait_that_the_api_asks_for_is_passed_on(more: dict[str, Any]) -> None:
    """In either of the places where it may stand."""
    with pytest.raises(ThrottledError) as caught:
        read(stderr=failure(api(429, "RESOURCE_EXHAUSTED", **more)), exit_code=1)
    assert caught.value.retry_after == 2.0


@pytest.mark.parametrize(
    ("exit_code", "kind", "why"),
    [
        (41, UnusableJudgeError, "the judge is not logged in (exit status 41): set a method"),
        (42, JudgeError, "the judge refused its input (exit status 42): set a method"),
        (53, RetryableError, "the judge did not come to an answer (exit status 53): set a method"),
    ],
)
def test_exit_status_of_the_program_says_what_is_wrong(
    exit_code: int, kind: type[JudgeError], why: str
) -> None:
    """It has some of its own."""
    with pytest.raises(JudgeError) as caught:
        read(stderr=failure("set a method", exit_code), exit_code=exit_code)
    assert (type(caught.value), str(caught.value)) == (kind, why)


@pytest.mark.parametrize(
    "printed", ["", "not json", envelope(None), envelope("x")[:-3], "[]", '{"other": 1}']
)
def test_output_without_a_response_is_no_answer(printed: str) -> None:
    """Nothing is made up."""
    with pytest.raises(NoAnswer):
        read(printed)


def test_whole_object_with_a_response_is_whole() -> None:
    """An answer that is whole counts though nobody saw how the program ended."""
    assert JUDGE.is_whole(envelope("end"))
    assert not JUDGE.is_whole(envelope("end")[:-3])
