"""What HTTP endpoints say when they do not answer: envelopes of each provider, and others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.errors import (
    JudgeError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.judges.http_signals import error_for

NOW = datetime(2026, 5, 4, 20, 0, tzinfo=UTC).timestamp()

URL = "http://localhost:8000/v1/chat/completions"


def refused(status: int, body: Any = "", **headers: str) -> JudgeError:
    """Return the error of an answer; an underscore in a header's name is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = body if isinstance(body, str) else json.dumps(body)
    return error_for(status, named, text, url=URL, now=NOW)


def openai(message: str, code: Any = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    """Return an error as OpenAI words it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def google(message: str, *details: Any) -> dict[str, Any]:
    """Return a throttle as Google words it."""
    told = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}
    return {"error": {**told, "details": list(details)}}


def anthropic(kind: str, message: str = "") -> dict[str, Any]:
    """Return an error as Anthropic words it."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, openai("too long", "context_length_exceeded"), JudgeError),
        (400, openai("filtered", "content_filter"), JudgeError),
        (400, openai("unsupported parameter", "unsupported_parameter"), JudgeError),
        (401, openai("Incorrect API key", "invalid_api_key"), UnusableJudgeError),
        (403, openai("region", "unsupported_country_region_territory"), UnusableJudgeError),
        (404, openai("The model `x` does not exist", "model_not_found"), UnusableJudgeError),
        (429, openai("Rate limit", "rate_limit_exceeded", "requests"), ThrottledError),
        (429, openai("quota", "insufficient_quota", "insufficient_quota"), UnusableJudgeError),
        (429, openai("quota", None, "insufficient_quota"), UnusableJudgeError),
        (429, openai("limit", "billing_hard_limit_reached"), UnusableJudgeError),
        (429, openai("Request too large for m", "rate_limit_exceeded", "tokens"), JudgeError),
        (429, openai("slow down", "of_tomorrow", "of_tomorrow"), ThrottledError),
        (500, openai("oops", None, "server_error"), TransientError),
        (503, openai("overloaded", None, "server_error"), TransientError),
        (418, openai("teapot", "of_tomorrow"), JudgeError),
        # vLLM, Ollama, llama.cpp
        (404, {"object": "error", "message": "no model x", "code": 404}, UnusableJudgeError),
        (400, {"object": "error", "message": "maximum context", "code": 400}, JudgeError),
        (401, {"error": "Unauthorized"}, UnusableJudgeError),
        (404, openai('model "x" not found', None, "api_error"), UnusableJudgeError),
        (500, openai("cuda", None, "api_error"), TransientError),
        (503, {"error": {"code": 503, "message": "Loading model"}}, TransientError),
        (400, {"error": {"code": 400, "type": "exceed_context_size_error"}}, JudgeError),
        (422, {"detail": [{"loc": ["body"], "msg": "extra"}]}, JudgeError),
        # OpenRouter
        (402, {"error": {"code": 402, "message": "credits"}}, UnusableJudgeError),
        (403, {"error": {"code": 403, "metadata": {"reasons": ["x"]}}}, JudgeError),
        (403, {"error": {"code": 403, "message": "key disabled"}}, UnusableJudgeError),
        (429, {"error": {"code": 429, "message": "Provider returned error"}}, ThrottledError),
        (502, {"error": {"code": 502, "message": "provider"}}, TransientError),
        # Google's endpoint
        (429, '[{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]', ThrottledError),
        (
            429,
            google("quota", {"violations": [{"quotaId": "RequestsPerDayPerProject"}]}),
            UsageLimitError,
        ),
        (429, google("You exceeded your current quota", {}), ThrottledError),
        (429, {"error": {"message": "You exceeded your current quota"}}, UnusableJudgeError),
        (405, {"detail": "Method Not Allowed"}, UnusableJudgeError),
    ],
)
def test_endpoints_like_openai_tell_whose_turn_it_is(
    status: int, body: Any, kind: type[JudgeError]
) -> None:
    """By their code where it is known and fits the status, else by the status."""
    assert type(refused(status, body)) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, anthropic("invalid_request_error", "prompt is too long"), JudgeError),
        (400, anthropic("invalid_request_error", "Your credit balance is too low"), None),
        (401, anthropic("authentication_error"), UnusableJudgeError),
        (402, anthropic("billing_error"), UnusableJudgeError),
        (403, anthropic("permission_error"), UnusableJudgeError),
        (404, anthropic("not_found_error", "model: x"), UnusableJudgeError),
        (413, anthropic("request_too_large"), JudgeError),
        (429, anthropic("rate_limit_error"), ThrottledError),
        (500, anthropic("api_error"), TransientError),
        (504, anthropic("timeout_error"), TransientError),
        (529, anthropic("overloaded_error"), TransientError),
        (529, anthropic("of_tomorrow"), TransientError),
        (499, anthropic("of_tomorrow"), JudgeError),
    ],
)
def test_messages_api_tells_whose_turn_it_is(
    status: int, body: Any, kind: type[JudgeError] | None
) -> None:
    """By its type where it is known, else by the status."""
    assert type(refused(status, body)) is (kind or UnusableJudgeError)


@pytest.mark.parametrize("body", ["", "garbage", "[]", "null", '{"error": 7}', "<html>", "{}"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, JudgeError), (401, UnusableJudgeError), (429, ThrottledError), (502, TransientError)],
)
def test_without_an_error_object_the_status_decides(
    status: int, kind: type[JudgeError], body: str
) -> None:
    """Proxies answer in their own words."""
    assert type(refused(status, body)) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "Mon, 04 May 2026 20:00:30 GMT"}, 30.0),
        ({"retry_after_ms": "1500", "retry_after": "2"}, 1.5),
        ({"retry_after": "soon"}, None),
        ({"x_ratelimit_reset_requests": "1m30.5s"}, 90.5),
        ({"x_ratelimit_reset_tokens": "20ms"}, 0.02),
        ({"x_ratelimit_reset_tokens": "6m0s", "x_ratelimit_remaining_tokens": "5"}, None),
        ({"x_ratelimit_reset_requests": "2", "x_ratelimit_reset_tokens": "3s"}, 3.0),
        ({"x_ratelimit_reset_requests": "0s"}, 0.0),
        ({"x_ratelimit_reset_requests": "whenever"}, None),
        ({"x_ratelimit_reset": "1777924810000"}, 10.0),
        ({"x_ratelimit_reset": "1777924810", "x_ratelimit_remaining": "0"}, 10.0),
        ({"x_ratelimit_reset": "12"}, 12.0),
        ({"x_ratelimit_reset": "12", "x_ratelimit_remaining": "1"}, None),
        ({"anthropic_ratelimit_tokens_reset": "2026-05-04T20:00:20Z"}, 20.0),
        ({"anthropic_ratelimit_tokens_reset": "2026-05-04T19:00:00Z"}, 0.0),
        ({"anthropic_ratelimit_tokens_reset": "2026-05-04T20:00:20"}, None),
        ({"anthropic_ratelimit_tokens_reset": "later"}, None),
        (
            {
                "anthropic_ratelimit_requests_reset": "2026-05-04T20:00:40Z",
                "anthropic_ratelimit_requests_remaining": "3",
                "anthropic_ratelimit_input_tokens_reset": "2026-05-04T20:00:20Z",
                "anthropic_ratelimit_input_tokens_remaining": "0",
            },
            20.0,
        ),
    ],
)
@pytest.mark.parametrize("status", [429, 529, 503])
def test_wait_that_is_asked_for_is_read_from_the_most_explicit_header(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    """Seconds, whatever form they come in; a limit that is not used up asks for none."""
    error = refused(status, **headers)
    assert isinstance(error, ThrottledError | TransientError)
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds))


def test_openrouter_passes_the_headers_of_a_throttle_on_in_the_body() -> None:
    """The moment there is in milliseconds."""
    inner = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0"}
    inner["X-RateLimit-Reset"] = str(int((NOW + 9) * 1000))
    error = refused(429, {"error": {"code": 429, "metadata": {"headers": inner}}})
    assert isinstance(error, ThrottledError)
    assert error.retry_after == pytest.approx(9.0)


@pytest.mark.parametrize(
    ("details", "seconds"),
    [([{"retryDelay": "20.5s"}, "odd"], 20.5), ([{"retryDelay": "soon"}], None), ([{}], None)],
)
def test_google_says_in_the_body_how_long_to_wait(details: Any, seconds: float | None) -> None:
    """As a span, among other details."""
    error = refused(429, google("quota", *details))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"retry_after": "7200"}, NOW + 7200),
        ({"anthropic_ratelimit_unified_status": "rejected"}, None),
        (
            {
                "anthropic_ratelimit_unified_status": "rejected",
                "anthropic_ratelimit_unified_reset": str(int(NOW + 600)),
            },
            NOW + 600,
        ),
    ],
)
def test_limit_that_ends_far_ahead_says_when(headers: dict[str, str], until: float | None) -> None:
    """Nobody waits for it: the judge is to be parked."""
    error = refused(429, anthropic("rate_limit_error"), **headers)
    assert isinstance(error, UsageLimitError)
    assert error.until == until


@pytest.mark.parametrize(
    ("status", "unpaid"), [(302, True), (400, True), (429, True), (500, False), (504, False)]
)
def test_refusals_cost_nothing_and_broken_answers_may(status: int, unpaid: object) -> None:
    """Behind a gateway that has lost patience somebody may have answered."""
    assert refused(status).unpaid is unpaid


@pytest.mark.parametrize("status", [503, 529])
def test_overload_costs_nothing(status: int) -> None:
    """Nobody has answered."""
    assert refused(status).unpaid is True


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            refused(429, openai("Slow\n down", "rate_limit_exceeded")),
            "the call was refused (429 rate_limit_exceeded): Slow down",
        ),
        (refused(502, "<TITLE>502 Bad\nGateway</TITLE>"), "(502): 502 Bad Gateway"),
        (refused(400, {"detail": [{"loc": 1}]}), "(400): [{'loc': 1}]"),
        (refused(400, "\x1b[31mred\u202e"), "the call was refused (400): [31mred"),
        (refused(400, openai("x" * 9999)), "x" * 300),
        (
            refused(404, "404 page not found"),
            (
                "the call was refused (404): 404 page not found; correct model, or base_url, "
                f"which leads to {URL}"
            ),
        ),
        (
            refused(405, {"detail": ""}),
            (
                "the call was refused (405): nothing is there; correct model, or base_url, "
                f"which leads to {URL}"
            ),
        ),
        (
            refused(307, "", location="http://elsewhere/\x1b[1m"),
            (
                "the endpoint sends elsewhere, to http://elsewhere/ [1m, where no key is sent; "
                "set base_url to the address that answers"
            ),
        ),
        (
            refused(301),
            (
                "the endpoint sends elsewhere, to somewhere else, where no key is sent; "
                "set base_url to the address that answers"
            ),
        ),
    ],
)
def test_message_is_one_line_of_the_errors_own_words(error: JudgeError, text: str) -> None:
    """Short, without control characters, and with the way out where it is known."""
    assert str(error).endswith(text)
