"""Codex as a judge: ``codex exec``, with the schema of a reply and a sandbox that only reads."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from harness import files
from harness.judges import Question, Reply
from harness.judges.cli import (
    NETWORK,
    SYSTEM_PROMPT,
    CliJudge,
    NoAnswer,
    Printed,
    counts,
    embedded,
    number,
    objects,
)
from harness.judges.flags import forbid, values
from harness.judges.schema import reply_schema
from harness.judges.signals import Refusal, error_of, reset_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.errors import JudgeError

FORBIDDEN = (
    *("--dangerously-bypass-approvals-and-sandbox", "--yolo", "--full-auto", "--add-dir"),
    *("--dangerously-bypass-hook-trust", "--approve-for-me", "--trust", "--worktree", "--enable"),
    *("--remote", "--remote-auth-token-env", "--thread-source", "--disable"),
    *("-s", "--sandbox", "-a", "--ask-for-approval", "-C", "--cd", "-p", "--profile"),
    *("-o", "--output-last-message", "--output-schema", "-m", "--model", "-i", "--image"),
    *("--json", "--experimental-json", "--search"),
)

ALLOWED_KEYS = re.compile(
    r"model_(?!instructions)\w+|model_providers\..+|oss_provider|service_tier|personality"
)
"""Keys of its configuration that ``-c`` may set: how the model answers, and where it is."""

KEYS = ("CODEX_API_KEY", "OPENAI_API_KEY")

FEATURES = (
    *("apps", "browser_use", "computer_use", "goals", "hooks", "image_generation"),
    *("multi_agent", "plugins", "shell_tool", "skill_search", "tool_suggest"),
    *("unbounded_connection_retries", "unified_exec", "view_image"),
)
"""What it can do beside answering, and without an end of its own; all of it is switched off."""

PROVIDER = "harness"

CONFIG = """\
model_instructions_file = {instructions}
model_provider = "{provider}"
web_search = "disabled"
project_doc_max_bytes = 0
include_environment_context = false
include_permissions_instructions = false
include_apps_instructions = false
check_for_update_on_startup = false

[analytics]
enabled = false

[skills]
include_instructions = false

[tools.experimental_request_user_input]
enabled = false

[features]
{features}

[model_providers.{provider}]
name = "{provider}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
{login}
"""


class CodexSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``args``: more flags."""

    args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        forbid(self.args, *FORBIDDEN)
        for value in values(self.args, "-c", "--config"):
            key = value.partition("=")[0].strip()
            if not ALLOWED_KEYS.fullmatch(key):
                raise ValueError(
                    f"-c {key} is not for judges: they have no tools and no settings of others; "
                    "only how the model answers can be set (model_*, service_tier, ...)"
                )


class CodexJudge(CliJudge):
    """Asks ``codex exec``; the last message of the agent is the reply."""

    Settings: ClassVar = CodexSettings
    program: ClassVar = "codex"
    environment: ClassVar = (*KEYS, "CODEX_HOME", "OPENAI_BASE_URL", *NETWORK)

    def argv(self, question: Question, home: Path) -> list[str]:
        """Return the flags: nothing is kept, nothing of the user's is read, nothing is written."""
        judge = question.slot.judge
        schema = json.dumps(reply_schema(question.slot.run.rubric, token=judge.require_token))
        return [
            "exec",
            *("--json", "--ephemeral", "--skip-git-repo-check", "-s", "read-only"),
            *(["-m", judge.model] if judge.model else []),
            *("--output-schema", self._write(home / "schema.json", schema)),
            *self._args,
            "-",
        ]

    def variables(self, question: Question, home: Path) -> dict[str, str]:
        """Return the environment: a home of its own, with the user's login linked into it.

        Its configuration stands in a file, because the address of a provider may hold a
        password, and a command line can be read by everybody.
        """
        found = dict(question.env)
        own = home / "codex"
        own.mkdir()
        theirs = Path(found.get("CODEX_HOME") or Path(found.get("HOME", "/")) / ".codex")
        login = theirs / "auth.json"
        by_login = not found.get("CODEX_API_KEY") and login.is_file()
        if by_login:  # a link, so that a token that is renewed is renewed for the user, too
            files.link(login.resolve(), own / "auth.json", symbolic=True)
        system = self._write(home / "system.md", SYSTEM_PROMPT)
        self._write(own / "config.toml", _config(found, system, by_login=by_login))
        return found | {"CODEX_HOME": str(own), "HOME": str(home)}

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


def _config(environment: Mapping[str, str], system: str, *, by_login: bool) -> str:
    """Return the program's configuration: no tools, no retries, no files of anybody."""
    lines = []
    key = next((name for name in KEYS if environment.get(name)), None)
    if by_login or key is None:
        lines.append("requires_openai_auth = true")
    else:
        lines.append(f'env_key = "{key}"')
        if address := environment.get("OPENAI_BASE_URL"):
            lines.append(f"base_url = {json.dumps(address, ensure_ascii=False)}")
    return CONFIG.format(
        instructions=json.dumps(system, ensure_ascii=False),
        provider=PROVIDER,
        features="\n".join(f"{name} = false" for name in FEATURES),
        login="\n".join(lines),
    )


_STATUS = re.compile(
    r"(?:last status:|status code|unexpected status|http)[ :]*(\d{3})\b", re.IGNORECASE
)


# The program puts some errors into words of its own, and then tells neither status nor code.
_CODES = {
    "overloaded": r"high demand|at capacity",
    "insufficient_quota": r"quota exceeded\. check your plan",
    "model_not_found": r"^the model .{1,200} does not exist",
    "connection_failed": r"stream (?:disconnected|closed)|connection failed",
}


def _code(message: str) -> str | None:
    found = (code for code, words in _CODES.items() if re.search(words, message, re.IGNORECASE))
    return next(found, None)


def _failure(events: list[dict[str, Any]], printed: Printed) -> JudgeError | NoAnswer:
    """Return what ended the turn.

    Items of type ``error`` are warnings and say nothing, and what says that the program tries
    again has ended no turn.
    """
    errors = [_message(event) for event in events if event.get("type") in ("turn.failed", "error")]
    ends = [text for text in errors if text and not text.startswith("Reconnecting")]
    message = ends[-1] if ends else ""
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
    kind = body.get("code") or body.get("type") or _code(message)
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
