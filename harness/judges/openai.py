"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, OpenRouter.

Format: the reference of ``POST /chat/completions``; what a reply cost as OpenRouter says it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import JudgeError, RetryableError
from harness.json_text import parse_json_object
from harness.judges import Question, Reply
from harness.judges.api import ApiJudge, ApiSettings
from harness.judges.cli import SYSTEM_PROMPT, counts, number
from harness.judges.schema import reply_schema

if TYPE_CHECKING:
    from harness.judges.connection import Answered

ABOUT_FORMAT = (400, 404, 415, 422, 501)
"""Statuses with which servers refuse what they do not know."""

_FORMAT = re.compile(
    rb"response[_\s]?format|json[_\s]?schema|structured.output|grammar", re.IGNORECASE
)


class OpenAiSettings(ApiSettings, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``options`` such as ``temperature``; ``response_format`` replaces the schema."""

    RESERVED: ClassVar = (*ApiSettings.RESERVED, "n", "functions", "function_call")


class OpenAiJudge(ApiJudge):
    """Asks for one completion that keeps to the schema of a reply, where the server can."""

    Settings: ClassVar = OpenAiSettings
    environment: ClassVar = ("OPENAI_API_KEY",)
    default_url: ClassVar = "https://api.openai.com/v1"
    path: ClassVar = "/chat/completions"
    local_needs_key: ClassVar = False

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the key as a bearer token; without one, none."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def takes_schema(self) -> bool:
        """Tell whether the format is left to the harness."""
        return "response_format" not in self._settings.options

    def request(self, question: Question, *, schema: bool) -> dict[str, Any]:
        """Return the two messages and, if there is to be a schema, the schema of a reply."""
        judge = question.slot.judge
        sent: dict[str, Any] = {
            "model": judge.model,
            "messages": [
                {"role": "system", "content": SYSTEM_PROMPT},
                {"role": "user", "content": question.prompt},
            ],
        }
        if schema:
            wanted = reply_schema(question.slot.run.rubric, token=judge.require_token)
            named = {"name": "judgment", "strict": True, "schema": wanted}
            sent["response_format"] = {"type": "json_schema", "json_schema": named}
        return sent

    def is_about_schema(self, answered: Answered) -> bool:
        """Tell whether the server names the format in its refusal."""
        return answered.status in ABOUT_FORMAT and _FORMAT.search(answered.body) is not None

    def read(self, envelope: dict[str, Any], *, schema: bool) -> Reply:
        """Return the text of the first choice; one that is an object alone keeps to the schema.

        A server may accept a schema and not keep to it: then the text must carry the token.
        """
        choices = envelope.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise RetryableError("the endpoint's answer has no choices[0].message")
        text = _text(message.get("content"))
        reply = Reply(
            text=text,
            model=envelope["model"] if isinstance(envelope.get("model"), str) else None,
            tokens=_tokens(envelope.get("usage")),
            cost_usd=_cost(envelope.get("usage")),
            structured=schema and _is_object(text),
        )
        error = _problem(choice, message, text)
        if error is not None:
            error.spent = reply
            raise error
        return reply


def _problem(choice: dict[str, Any], message: dict[str, Any], text: str) -> JudgeError | None:
    refusal, reason = message.get("refusal"), choice.get("finish_reason")
    if isinstance(refusal, str) and refusal.strip():
        return RetryableError(f"the judge refused to answer: {' '.join(refusal.split())[:300]}")
    if reason == "content_filter":
        return JudgeError("the provider's content filter stopped the reply")
    if reason == "length":
        return RetryableError(
            "the reply was cut off at its greatest length (finish_reason length); raise it in "
            "the judge's options (max_tokens, or what the server calls it)"
        )
    if not text.strip():
        return RetryableError(f"the reply has no text (finish_reason {reason})")
    return None


def _text(content: Any) -> str:
    """Return the text of a message, which some servers send in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _is_object(text: str) -> bool:
    try:
        parse_json_object(text)
    except ValueError:
        return False
    return True


def _tokens(usage: Any) -> dict[str, int] | None:
    found = counts(usage, input=("prompt_tokens",), output=("completion_tokens",))
    if found is None:
        return None
    details = usage.get("prompt_tokens_details")
    return found | (counts(details, cached=("cached_tokens",)) or {})


def _cost(usage: Any) -> float | None:
    """Return what OpenRouter charges, and what the provider charges whoever uses an own key."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("cost_details") if usage.get("is_byok") is True else None
    upstream = details.get("upstream_inference_cost") if isinstance(details, dict) else None
    return (number(usage.get("cost")) or 0.0) + (number(upstream) or 0.0) or None
