"""Anthropic's Messages API: the judge is made to fill in a tool whose input is a reply.

Format: the reference of ``POST /v1/messages``, version 2023-06-01.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import JudgeError, RetryableError
from harness.judges import Question, Reply
from harness.judges.api import ApiJudge, ApiSettings
from harness.judges.cli import SYSTEM_PROMPT, counts
from harness.judges.schema import reply_schema

if TYPE_CHECKING:
    from harness.criteria import Rubric
    from harness.model import JudgeSpec

VERSION = "2023-06-01"

TOOL = "record_judgment"

MAX_TOKENS = 8192
"""Tokens of a reply unless ``options`` say otherwise; the API wants to be told."""


class AnthropicSettings(ApiSettings, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``options`` such as ``max_tokens`` and ``temperature``."""

    RESERVED: ClassVar = (*ApiSettings.RESERVED, "system")


class AnthropicJudge(ApiJudge):
    """Asks for one message; the input of its tool is the reply."""

    Settings: ClassVar = AnthropicSettings
    environment: ClassVar = ("ANTHROPIC_API_KEY",)
    default_url: ClassVar = "https://api.anthropic.com"
    path: ClassVar = "/v1/messages"

    def __init__(self, spec: JudgeSpec) -> None:
        super().__init__(spec)
        self._base_url = self._base_url.removesuffix("/v1")  # written with and without it

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the key and the version of the format."""
        return {"x-api-key": key or "", "anthropic-version": VERSION}

    def request(self, question: Question, *, schema: bool) -> dict[str, Any]:
        """Return the prompt and the tool; a judge that thinks first cannot be made to use it."""
        del schema
        judge = question.slot.judge
        thinking = self._settings.options.get("thinking")
        thinks = isinstance(thinking, dict) and thinking.get("type") != "disabled"
        choice = {"type": "auto"} if thinks else {"type": "tool", "name": TOOL}
        return {
            "model": judge.model,
            "max_tokens": MAX_TOKENS,
            "system": SYSTEM_PROMPT,
            "messages": [{"role": "user", "content": question.prompt}],
            "tools": [
                {
                    "name": TOOL,
                    "description": "Records the judgment. It is the only way to reply.",
                    "input_schema": _schema(question.slot.run.rubric, judge.require_token),
                }
            ],
            "tool_choice": {**choice, "disable_parallel_tool_use": True},
        }

    def read(self, envelope: dict[str, Any], *, schema: bool) -> Reply:
        """Return the tool's input, else the text."""
        del schema
        content = envelope.get("content")
        if not isinstance(content, list):
            raise RetryableError("the endpoint's answer has no content")
        blocks = [block for block in content if isinstance(block, dict)]
        filled = [b.get("input") for b in blocks if b.get("type") == "tool_use"]
        inputs = [given for given in filled if isinstance(given, dict)]
        texts = [block["text"] for block in blocks if isinstance(block.get("text"), str)]
        reply = Reply(
            text=json.dumps(inputs[-1]) if inputs else "\n".join(texts),
            model=envelope["model"] if isinstance(envelope.get("model"), str) else None,
            tokens=counts(
                envelope.get("usage"),
                input=("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
                output=("output_tokens",),
                cached=("cache_read_input_tokens",),
            ),
            structured=bool(inputs),
        )
        error = _problem(envelope.get("stop_reason"), reply, texts)
        if error is not None:
            error.spent = reply
            raise error
        return reply


_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
"""What the API takes as the name of a property; one other name, and it refuses the request."""


def _schema(rubric: Rubric | None, token: bool) -> dict[str, Any]:  # noqa: FBT001 - private
    """Return the schema of a reply, with points of any shape where the API refuses their names."""
    categories = () if rubric is None else rubric.categories
    names = [name for c in categories for name in (c.name, *(item.id for item in c.criteria))]
    if all(_KEY.fullmatch(name) for name in names):
        return reply_schema(rubric, token=token)
    schema = reply_schema(None, token=token)
    first = {"reasoning": schema["properties"]["reasoning"], "criteria_scores": {"type": "object"}}
    return {**schema, "properties": first | schema["properties"]}


def _problem(reason: Any, reply: Reply, texts: list[str]) -> JudgeError | None:
    if reason == "refusal":
        said = " ".join(" ".join(texts).split())[:300]
        return RetryableError(f"the judge refused to answer{f': {said}' if said else ''}")
    if reason == "max_tokens":
        return RetryableError(
            "the reply was cut off at its greatest length (stop_reason max_tokens); raise "
            "max_tokens in the judge's options"
        )
    if reason == "model_context_window_exceeded":
        return JudgeError("the prompt and the reply are longer than the model can read")
    if not reply.text.strip():
        return RetryableError(f"the reply has no text (stop_reason {reason})")
    return None
