"""Codex as a judge: ``codex exec``, with the schema of a reply and a sandbox that only reads."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from harness.judges import Question, Reply
from harness.judges.cli import (
    NETWORK,
    CliJudge,
    NoAnswer,
    Printed,
    counts,
    embedded,
    forbid,
    number,
    objects,
)
from harness.judges.schema import reply_schema
from harness.judges.signals import Refusal, error_of, reset_time

if TYPE_CHECKING:
    from pathlib import Path

    from harness.errors import JudgeError

FORBIDDEN = (
    *("--dangerously-bypass-approvals-and-sandbox", "--yolo", "--full-auto", "--add-dir"),
    *("-s", "--sandbox", "-a", "--ask-for-approval", "-C", "--cd", "-p", "--profile"),
    *("-o", "--output-last-message", "--output-schema", "-m", "--model", "-i", "--image"),
    *("--json", "--experimental-json", "--search"),
)


class CodexSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``args``: more flags."""

    args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        forbid(self.args, *FORBIDDEN)


class CodexJudge(CliJudge):
    """Asks ``codex exec``; the last message of the agent is the reply."""

    Settings: ClassVar = CodexSettings
    program: ClassVar = "codex"
    environment: ClassVar = (
        *("CODEX_API_KEY", "CODEX_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL", *NETWORK),
    )

    def argv(self, question: Question, home: Path) -> list[str]:
        """Return the flags: nothing is kept, nothing of the user's is read, nothing is written."""
        judge = question.slot.judge
        schema = json.dumps(reply_schema(question.slot.run.rubric, token=judge.require_token))
        return [
            "exec",
            *("--json", "--ephemeral", "--skip-git-repo-check", "--ignore-user-config"),
            *("-s", "read-only"),
            *(["-m", judge.model] if judge.model else []),
            *("--output-schema", self._write(home / "schema.json", schema)),
            *self._args,
            "-",
        ]

    def is_whole(self, stdout: str) -> bool:
        """Tell whether the stream has come to the end of its turn."""
        return any(event.get("type") == "turn.completed" for event in objects(stdout))

    def read(self, printed: Printed, question: Question) -> Reply:
        """Return the last message of a turn that was completed."""
        del question
        events = objects(printed.stdout)
        ends = [e for e in events if e.get("type") in ("turn.completed", "turn.failed")]
        if not ends or ends[-1]["type"] == "turn.failed":
            raise _failure(events, printed)
        items = [e["item"] for e in events if isinstance(e.get("item"), dict)]
        said = [item.get("text") for item in items if item.get("type") == "agent_message"]
        tokens = counts(
            ends[-1].get("usage"),
            input=("input_tokens",),
            output=("output_tokens",),
            cached=("cached_input_tokens",),
        )
        return Reply(text=str(said[-1]) if said else "", tokens=tokens)


_STATUS = re.compile(
    r"(?:last status:|status code|unexpected status|http)[ :]*(\d{3})\b", re.IGNORECASE
)


def _failure(events: list[dict[str, Any]], printed: Printed) -> JudgeError | NoAnswer:
    """Return what ended the turn; items of type ``error`` are warnings and say nothing."""
    errors = [_message(event) for event in events if event.get("type") in ("turn.failed", "error")]
    message = next((text for text in reversed(errors) if text), "")
    if not message and printed.exit_code == 0:
        return NoAnswer()
    if not message:
        message = printed.last_line
        if not message:
            return NoAnswer()
    now = time.time()
    status = _STATUS.search(message)
    body = _body(message)
    resets = number(body.get("resets_at"))
    wait = number(body.get("resets_in_seconds"))
    kind = body.get("code") or body.get("type")
    return error_of(
        Refusal(
            message=message[:500],
            status=int(status[1]) if status else None,
            code=kind if isinstance(kind, str) else None,
            retry_after=wait,
            until=resets or reset_time(message, now=now),
        ),
        now=now,
    )


def _message(event: dict[str, Any]) -> str:
    inner = event.get("error")
    found = inner.get("message") if isinstance(inner, dict) else event.get("message")
    return found if isinstance(found, str) else ""


def _body(message: str) -> dict[str, Any]:
    """Return the provider's own error, where the program passes it on inside its message."""
    value = embedded(message, message.find("{")) if "{" in message else {}
    inner = value.get("error", value)
    return inner if isinstance(inner, dict) else {}
