"""Gemini CLI as a judge: ``gemini -p``, which has no schema: its text carries a token."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from harness.errors import JudgeError, RetryableError, UnusableJudgeError
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
)
from harness.judges.flags import forbid
from harness.judges.signals import Refusal, error_of, reset_time

if TYPE_CHECKING:
    from pathlib import Path

API_KEY = "GEMINI_API_KEY"

ASKED = "Do what the text above asks for; reply with the one JSON object that it describes."

FORBIDDEN = (
    *("-y", "--yolo", "--approval-mode", "--allowed-tools", "--allowed-mcp-server-names"),
    *("-e", "--extensions", "--include-directories", "-a", "--all-files", "-c", "--checkpointing"),
    *("-o", "--output-format", "-p", "--prompt", "-i", "--prompt-interactive", "-m", "--model"),
    *("-r", "--resume", "--skip-trust", "--policy", "--admin-policy", "--acp"),
    *("--experimental-acp", "-w", "--worktree", "-s", "--sandbox", "--session-file"),
)

SETTINGS: dict[str, Any] = {
    "general": {
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
        "maxAttempts": 1,
        "plan": {"enabled": False},
        "retryFetchErrors": False,
        "topicUpdateNarration": False,
    },
    "advanced": {"ignoreLocalEnv": True},
    "context": {
        "discoveryMaxDirs": 0,
        "fileName": "none.md",
        "includeDirectories": [],
        "includeDirectoryTree": False,
        "memoryBoundaryMarkers": [],
    },
    "experimental": {"enableAgents": False},
    "hooksConfig": {"enabled": False},
    "mcp": {"allowed": ["none"]},
    "privacy": {"usageStatisticsEnabled": False},
    "skills": {"enabled": False},
    "telemetry": {"enabled": False},
    "tools": {"callCommand": "", "core": [], "discoveryCommand": ""},
    "useWriteTodos": False,
}
"""The program's settings of the system, which are stronger than those of a user or directory."""


class GeminiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``args``: more flags."""

    args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        forbid(self.args, *FORBIDDEN)


class GeminiJudge(CliJudge):
    """Asks ``gemini``; its ``response`` is the reply."""

    Settings: ClassVar = GeminiSettings
    program: ClassVar = "gemini"
    environment: ClassVar = (
        *("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_CLOUD_PROJECT"),
        *("GOOGLE_CLOUD_LOCATION", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_APPLICATION_CREDENTIALS"),
        *NETWORK,
    )

    def argv(self, question: Question, home: Path) -> list[str]:
        """Return the flags; the prompt itself comes on stdin and goes before the last words."""
        del home
        model = question.slot.judge.model
        return [
            *(["-m", model] if model else []),
            *("-p", ASKED, "--output-format", "json", "--skip-trust"),
            *("--approval-mode", "default", *self._args),
        ]

    def variables(self, question: Question, home: Path) -> dict[str, str]:
        """Return the environment: with a key a home of its own, else the user's login.

        Upwards from where it runs the program looks for a file with more variables, and takes
        the first: that is an empty one.
        """
        found, settings = dict(question.env), SETTINGS
        if API_KEY in found:
            found["HOME"] = str(home)
            settings = settings | {"security": {"auth": {"selectedType": "gemini-api-key"}}}
        (question.scratch / ".gemini").mkdir()
        self._write(question.scratch / ".gemini" / ".env", "")
        return found | {
            "GEMINI_CLI_NO_RELAUNCH": "true",
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH": self._write(
                home / "settings.json", json.dumps(settings)
            ),
            "GEMINI_SYSTEM_MD": self._write(home / "system.md", SYSTEM_PROMPT),
        }

    def is_whole(self, stdout: str) -> bool:
        """Tell whether the one object that it writes is there."""
        return "response" in _object(stdout)

    def read(self, printed: Printed, question: Question) -> Reply:
        """Return the response; the errors stand on stderr."""
        del question
        envelope = _object(printed.stdout)
        response = envelope.get("response")
        if isinstance(response, str) and not envelope.get("error"):
            name, tokens = _tokens(envelope)
            return Reply(text=response, model=name, tokens=tokens)
        raise _failure(envelope or _object(printed.stderr), printed)


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object at the end; programs print warnings before it."""
    starts = [match.start() for match in _LINE.finditer(text)]
    return next((found for start in starts[:TRIES] if (found := embedded(text, start))), {})


_LINE = re.compile(r"^\{", re.MULTILINE)

TRIES = 20
"""Places at which an object is looked for: a long output must not take long."""


def _tokens(envelope: dict[str, Any]) -> tuple[str | None, dict[str, int] | None]:
    """Return the model that answered and its tokens; both unknown if there were several."""
    stats = envelope.get("stats")
    models = stats.get("models") if isinstance(stats, dict) else None
    if not isinstance(models, dict) or len(models) != 1:
        return None, None
    ((name, figures),) = models.items()
    used = figures.get("tokens") if isinstance(figures, dict) else None
    tokens = counts(used, input=("prompt",), output=("candidates", "thoughts"), cached=("cached",))
    return str(name), tokens


_EXITS: dict[int, tuple[type[JudgeError], str]] = {
    41: (UnusableJudgeError, "the judge is not logged in (exit status 41)"),
    42: (JudgeError, "the judge refused its input (exit status 42)"),
    53: (RetryableError, "the judge did not come to an answer (exit status 53)"),
}


def _failure(envelope: dict[str, Any], printed: Printed) -> JudgeError | NoAnswer:
    error = envelope.get("error")
    told = error if isinstance(error, dict) else {}
    message = told.get("message")
    text = message if isinstance(message, str) else printed.last_line
    if printed.exit_code in _EXITS:
        kind, why = _EXITS[printed.exit_code]
        return kind(f"{why}: {text[:300]}" if text else why)
    if not told and not _STATUS.search(printed.stderr):
        return NoAnswer()
    now = time.time()
    code = told.get("code")
    body = _api_error(text) or _api_error(printed.stderr)
    status = number(body.get("code")) or (number(code) if not isinstance(code, str) else None)
    named = body.get("status") or told.get("status") or told.get("type")
    classes = [_CLASSES[name] for name in _CLASS.findall(printed.stderr)]
    daily = "PerDay" in text or "PerDay" in printed.stderr
    return error_of(
        Refusal(
            message=text[:500],
            status=_http(status) or _http(_status(printed.stderr)),
            code="usage_limit_reached" if daily else classes[-1] if classes else _name(named),
            retry_after=_delay(text) or _delay(printed.stderr),
            until=reset_time(text, now=now),
        ),
        now=now,
    )


_CLASSES = {"ModelNotFoundError": "NOT_FOUND", "TerminalQuotaError": "usage_limit_reached"}
"""What the program calls some errors on stderr, where it tells no more of them."""

_CLASS = re.compile(rf"^.*?\b({'|'.join(_CLASSES)}): ", re.MULTILINE)


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value != "Error" else None


_STATUS = re.compile(r"\bstatus:? ?(\d{3})\b")
_DELAY = re.compile(r'"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"|Suggested retry after (\d+(?:\.\d+)?)s')


def _status(text: str) -> float | None:
    found = _STATUS.findall(text)
    return float(found[-1]) if found else None


def _http(status: float | None) -> int | None:
    """Return a status of HTTP; the program's own exit statuses stand in the same place."""
    return int(status) if status is not None and 400 <= status < 600 else None  # noqa: PLR2004 - errors of HTTP


def _delay(text: str) -> float | None:
    found = _DELAY.findall(text)
    return float(found[-1][0] or found[-1][1]) if found else None


def _api_error(text: str) -> dict[str, Any]:
    """Return the API's own error, where the program passes it on inside its message."""
    start = text.find('{"error"')
    inner = embedded(text, start).get("error") if start >= 0 else None
    return inner if isinstance(inner, dict) else {}
