"""Claude Code as a judge: ``claude -p``, made to fill in the schema of a reply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from harness.judges import Question, Reply
from harness.judges.claude_errors import failure, unfinished
from harness.judges.cli import (
    NETWORK,
    SYSTEM_PROMPT,
    CliJudge,
    Printed,
    counts,
    number,
    objects,
)
from harness.judges.flags import forbid
from harness.judges.schema import reply_schema

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import JudgeSpec

API_KEY = "ANTHROPIC_API_KEY"

FORBIDDEN = (
    *("--add-dir", "--agent", "--agents", "--allowedTools", "--allowed-tools", "--tools"),
    *("--dangerously-skip-permissions", "--allow-dangerously-skip-permissions"),
    *("--permission-mode", "--permission-prompt-tool", "--permission-prompts", "--settings"),
    *("--mcp-config", "--setting-sources", "--plugin-dir", "--plugin-url", "--ide", "--chrome"),
    *("--cloud", "--environment", "--bg", "--background", "--remote-control", "--teleport"),
    *("--continue", "-c", "--resume", "-r", "--session-id", "--fork-session", "--from-pr"),
    *("--system-prompt", "--system-prompt-file", "--output-format", "--input-format"),
    *("--json-schema", "--model", "--worktree", "--file", "--debug-file", "--bare"),
)


class ClaudeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``args``: more flags. ``login``: who pays; by default a key, if the environment has one."""

    UNHASHED: ClassVar = ("login",)

    args: tuple[str, ...] = ()
    login: Literal["api_key", "subscription"] | None = None

    def __post_init__(self) -> None:
        forbid(self.args, *FORBIDDEN)


class ClaudeJudge(CliJudge):
    """Asks ``claude``; a verdict that validates is the only success."""

    Settings: ClassVar = ClaudeSettings
    program: ClassVar = "claude"
    reports: ClassVar = "cost"
    environment: ClassVar = (
        *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"),
        *("CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR", *NETWORK),
    )

    def __init__(self, spec: JudgeSpec) -> None:
        super().__init__(spec)
        self._login: str | None = getattr(spec.settings, "login", None)

    def argv(self, question: Question, home: Path) -> list[str]:
        """Return the flags: no tools, no settings, servers, or sessions of anybody."""
        judge = question.slot.judge
        schema = reply_schema(question.slot.run.rubric, token=judge.require_token)
        return [
            "-p",
            *(["--bare"] if self._pays_by_key(question) else []),
            *(["--model", judge.model] if judge.model else []),
            *("--output-format", "stream-json", "--verbose"),
            *("--json-schema", json.dumps(schema)),
            *("--tools", "", "--strict-mcp-config", "--setting-sources", ""),
            "--no-session-persistence",
            *("--system-prompt-file", self._write(home / "system.md", SYSTEM_PROMPT)),
            *self._args,
        ]

    def variables(self, question: Question, home: Path) -> dict[str, str]:
        """Return the environment: with a key a home of its own, else the user's login."""
        found = dict(question.env)
        if self._pays_by_key(question):
            found |= {"HOME": str(home), "CLAUDE_CONFIG_DIR": str(home / "config")}
            found.pop("CLAUDE_CODE_OAUTH_TOKEN", None)
        else:
            found.pop(API_KEY, None)  # or it would be charged instead of the subscription
        return found | {
            "ANTHROPIC_LOG": "debug",  # shows how long a refusal asks to wait; no texts, no keys
            "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",  # it would be a second call
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",  # waiting is the harness's business, and it counts
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
            "MAX_STRUCTURED_OUTPUT_RETRIES": "2",
        }

    def _pays_by_key(self, question: Question) -> bool:
        return self._login == "api_key" or (self._login is None and API_KEY in question.env)

    def is_whole(self, stdout: str) -> bool:
        """Tell whether the stream has come to its last event."""
        return any(event.get("type") == "result" for event in events_of(stdout))

    def read(self, printed: Printed, question: Question) -> Reply:
        """Return the structured output, else the text; raise what the envelope says."""
        del question
        events = events_of(printed.stdout)
        ends = [event for event in events if event.get("type") == "result"]
        if not ends:
            raise unfinished(events)
        envelope = ends[-1]
        if envelope.get("is_error"):
            error = failure(envelope, events, printed)
            error.spent = _reply("", envelope, events)
            raise error
        structured = envelope.get("structured_output")
        if isinstance(structured, dict):
            return _reply(json.dumps(structured), envelope, events, structured=True)
        text = envelope.get("result")
        said = text if isinstance(text, str) and text.strip() else _said(events)
        return _reply(said, envelope, events)


def events_of(stdout: str) -> list[dict[str, Any]]:
    """Return the events of a stream.

    An answer bears the id of the session, which nobody knew who wrote a prompt: whatever else
    the program may print, now or in later versions, is no verdict.
    """
    events = objects(stdout)
    session = next((e["session_id"] for e in events if isinstance(e.get("session_id"), str)), None)
    return [
        event
        for event in events
        if event.get("session_id") == session or event.get("type") not in ("result", "assistant")
    ]


def _reply(
    text: str, envelope: dict[str, Any], events: list[dict[str, Any]], *, structured: bool = False
) -> Reply:
    tokens = counts(
        envelope.get("usage"),
        input=("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
        output=("output_tokens",),
        cached=("cache_read_input_tokens",),
    )
    if tokens is not None and not any(tokens.values()):
        tokens = None  # nothing was asked
    answered = [
        message["model"]
        for message in _messages(events)
        if isinstance(message.get("model"), str) and message["model"] != "<synthetic>"
    ]
    return Reply(
        text=text,
        model=answered[-1] if answered else None,
        tokens=tokens,
        cost_usd=number(envelope.get("total_cost_usd")) or None,
        structured=structured,
    )


def _messages(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [event.get("message") for event in events if event.get("type") == "assistant"]
    return [message for message in found if isinstance(message, dict)]


def _said(events: list[dict[str, Any]]) -> str:
    """Join the text of the messages: some versions leave ``result`` empty."""
    blocks = [message.get("content") for message in _messages(events)]
    return "\n".join(
        block["text"]
        for content in blocks
        if isinstance(content, list)
        for block in content
        if isinstance(block, dict) and isinstance(block.get("text"), str)
    )
