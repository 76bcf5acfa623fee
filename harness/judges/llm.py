"""The program ``llm`` as a judge: any model that one of its plugins knows."""

from __future__ import annotations

import functools
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec

from harness.judges import Question, Reply
from harness.judges.cli import NETWORK, SYSTEM_PROMPT, CliJudge, NoAnswer, Printed
from harness.judges.flags import forbid
from harness.judges.schema import reply_schema
from harness.judges.signals import Refusal, error_of

if TYPE_CHECKING:
    from harness.model import JudgeSpec

FORBIDDEN = (
    *("-T", "--tool", "--functions", "--ta", "--tools-approve", "-t", "--template", "--key"),
    *("-f", "--fragment", "--sf", "--system-fragment", "-a", "--attachment", "--at"),
    *("-c", "--continue", "--cid", "--conversation", "--save", "--log", "-d", "--database"),
    *("-s", "--system", "--schema", "--schema-multi", "-m", "--model", "-q", "--query", "--json"),
    *("-x", "--extract", "--xl", "--extract-last"),
)


PLUGIN = "harness_llm_plugin"
"""What the plugin is called in the program's own environment."""


@functools.cache
def _plugin() -> str:
    return Path(__file__).with_name("llm_child.py").read_text(encoding="utf-8")


class LlmSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``args``: more flags. ``schema``: make the model keep to one; not every model can."""

    args: tuple[str, ...] = ()
    schema: bool = False

    def __post_init__(self) -> None:
        forbid(self.args, *FORBIDDEN)


class LlmJudge(CliJudge):
    """Asks ``llm``; what it prints is the reply."""

    Settings: ClassVar = LlmSettings
    program: ClassVar = "llm"
    environment: ClassVar = (
        *("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "LLM_GEMINI_KEY", "LLM_USER_PATH"),
        *("MISTRAL_API_KEY", "OLLAMA_HOST", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
        *("OPENROUTER_KEY", *NETWORK),
    )

    def __init__(self, spec: JudgeSpec) -> None:
        super().__init__(spec)
        self._schema: bool = getattr(spec.settings, "schema", False)

    def argv(self, question: Question, home: Path) -> list[str]:
        """Return the flags: no log, no tools; figures on stderr."""
        judge = question.slot.judge
        schema = json.dumps(reply_schema(question.slot.run.rubric, token=judge.require_token))
        return [
            "prompt",
            *(["-m", judge.model] if judge.model else []),
            *("-s", SYSTEM_PROMPT, "--no-stream", "--no-log", "--usage"),
            *(["--schema", self._write(home / "schema.json", schema)] if self._schema else []),
            *self._args,
        ]

    def variables(self, question: Question, home: Path) -> dict[str, str]:
        """Return the environment: with a plugin that keeps the program from repeating a call."""
        site = home / "site"
        about = site / f"{PLUGIN}-1.dist-info"
        about.mkdir(parents=True)
        self._write(site / f"{PLUGIN}.py", _plugin())
        self._write(about / "METADATA", f"Metadata-Version: 2.1\nName: {PLUGIN}\nVersion: 1\n")
        self._write(about / "entry_points.txt", f"[llm]\n{PLUGIN} = {PLUGIN}\n")
        return dict(question.env) | {"PYTHONPATH": str(site)}

    def read(self, printed: Printed, question: Question) -> Reply:
        """Return stdout of a program that ended well; else what it says on stderr."""
        del question
        if printed.exit_code == 0:
            return Reply(text=printed.stdout, tokens=_tokens(printed.stderr))
        error = _ERROR.search(printed.stderr)
        if error is None:
            raise NoAnswer
        message = error[1].strip()
        status = _STATUS.match(message)
        refusal = Refusal(message=message[:500], status=int(status[1]) if status else None)
        raise error_of(refusal, now=time.time())


_ERROR = re.compile(r"^Error: (.*)", re.MULTILINE)
_STATUS = re.compile(r"Error code: (\d{3})\b")
_USAGE = re.compile(r"^Token usage: ([\d,]+) input, ([\d,]+) output", re.MULTILINE)


def _tokens(stderr: str) -> dict[str, int] | None:
    found = _USAGE.findall(stderr)
    if not found:
        return None
    given, made = (int(figure.replace(",", "")) for figure in found[-1])
    return {"input": given, "output": made}
