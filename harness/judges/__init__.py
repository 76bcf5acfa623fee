"""What a judge is, and where the kinds of judges are found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import msgspec

from harness import offered, prices
from harness.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.exchange import Exchange
    from harness.model import Experiment, JudgeSpec, Slot
    from harness.process import Finished, Launch


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For kinds without keys of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a judge answered; ``text`` is parsed, the rest is recorded.

    Unknown figures stay None: they are never 0. ``tokens`` has ``input``, all of it, and
    ``output``, and may have more. ``structured``: the text is an object that the judge was made
    to fill in, so no text that it merely quotes can be in its place.
    """

    text: str
    model: str | None = None
    tokens: Mapping[str, int] | None = None
    cost_usd: float | None = None
    structured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Question:
    """One attempt, as the judge sees it.

    ``prompt`` is the text of ``prompt_file``. ``scratch`` is an empty directory
    outside the experiment that is removed afterwards. ``stdout`` and ``stderr`` are
    files of the attempt for a child process to write to; they are kept. ``launch``
    starts a child process that ends with its deadline or with the session. ``exchange`` is
    for a judge that asks from inside this process; None where nobody is asked.
    """

    slot: Slot
    experiment: Experiment
    prompt: str
    prompt_file: Path
    output: Path | None
    workspace: Path | None
    scratch: Path
    stdout: Path
    stderr: Path
    timeout: float
    env: Mapping[str, str]
    launch: Launch
    exchange: Exchange | None = None

    def __repr__(self) -> str:
        # Short, and the same whichever thread asks: it stands in tracebacks.
        return f"<Question about {self.slot.name}>"

    def run(self, argv: list[str], *, stdin: Path | None = None) -> Finished:
        """Run the judge's own process, its output kept with the attempt."""
        return self.launch(
            argv,
            cwd=self.scratch,
            env=self.env,
            stdin=stdin,
            stdout=self.stdout,
            stderr=self.stderr,
            timeout=self.timeout,
        )


@runtime_checkable
class Spools(Protocol):
    """What a judge has as well if its answer is the output of one process.

    Then a later session can read the answer of a process that ended after the death
    of the session that had started it.
    """

    def reply_of(self, finished: Finished, question: Question) -> Reply:
        """Return what the process answered; ``JudgeError`` if it did not end well."""
        ...


@runtime_checkable
class Whole(Protocol):
    """What a judge has as well if the output of its process says itself that it is complete."""

    def is_whole(self, stdout: str) -> bool:
        """Tell whether nothing is missing at the end of what the process wrote."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """What a judge has as well if it runs a program that changes from version to version."""

    def version(self, environment: Mapping[str, str]) -> str | None:
        """Return the version of the program that this environment finds; None if unknown."""
        ...


@runtime_checkable
class Judge(Protocol):
    """One member of a panel.

    A kind is a class with this shape, found by its name: the built-in ones, and
    those that other packages offer in the entry-point group ``harness.judges``.
    Judges are shared by threads: ``ask`` must not change the object.
    """

    Settings: ClassVar[type[Any]]
    """A msgspec.Struct with the kind's own configuration keys."""

    requires_token: ClassVar[bool]
    """Whether replies must repeat a per-call token unless the experiment says otherwise."""

    deterministic: ClassVar[bool]
    """Whether asking again gives the same reply, so that a retry is pointless."""

    def __init__(self, spec: JudgeSpec) -> None: ...

    def ask(self, question: Question) -> Reply | str:
        """Answer; raise ``JudgeError`` if there is no answer. Called from any thread."""
        ...


ENTRY_POINTS = "harness.judges"

_BUILT_IN = {
    "anthropic": "harness.judges.anthropic:AnthropicJudge",
    "checks": "harness.judges.checks:ChecksJudge",
    "claude": "harness.judges.claude:ClaudeJudge",
    "codex": "harness.judges.codex:CodexJudge",
    "command": "harness.judges.command:CommandJudge",
    "gemini": "harness.judges.gemini:GeminiJudge",
    "human": "harness.judges.human:HumanJudge",
    "llm": "harness.judges.llm:LlmJudge",
    "openai": "harness.judges.openai:OpenAiJudge",
    "python": "harness.judges.python:PythonJudge",
    "replay": "harness.judges.replay:ReplayJudge",
}


def names() -> list[str]:
    """Return the kinds there are, sorted."""
    return sorted({*_BUILT_IN, *offered.names(ENTRY_POINTS)})


@cache
def find(kind: str) -> type[Judge] | None:
    """Return the class of a kind, or None. A built-in kind cannot be replaced.

    ``ExperimentError`` if another package offers it and it is not one.
    """
    if kind in _BUILT_IN:
        module, _, name = _BUILT_IN[kind].partition(":")
        found: type[Judge] = getattr(import_module(module), name)
        return found
    loaded: type[Judge] | None = offered.load(ENTRY_POINTS, kind)
    why = None if loaded is None else _misfit(loaded)
    if why is not None:
        raise ExperimentError(
            f"{kind!r} of {ENTRY_POINTS}, {offered.place(ENTRY_POINTS, kind)}, {why}; "
            "mend the package that offers it"
        )
    return loaded


def _misfit(kind: object) -> str | None:
    """Return why something is no kind of judge, by its shape."""
    if not isinstance(kind, type):
        return "is no class"
    settings = getattr(kind, "Settings", None)
    fits = {
        "Settings, a subclass of msgspec.Struct": isinstance(settings, type)
        and issubclass(settings, msgspec.Struct),
        "requires_token, True or False": isinstance(getattr(kind, "requires_token", None), bool),
        "deterministic, True or False": isinstance(getattr(kind, "deterministic", None), bool),
        "ask, a method": callable(getattr(kind, "ask", None)),
    }
    lacking = "; ".join(name for name, fit in fits.items() if not fit)
    return f"lacks {lacking}" if lacking else None


def environment_of(spec: JudgeSpec) -> tuple[str, ...]:
    """Return the variables that a judge may see beside those that every judge may.

    The kind's own, the one that its settings name for its key, and those it is configured
    to pass on.
    """
    names: tuple[str, ...] = getattr(find(spec.kind), "environment", ())
    key: str | None = getattr(spec.settings, "api_key_env", None)
    return (*names, *([key] if key else []), *spec.env)


def reports_of(kind: str) -> str:
    """Return what a kind tells of the cost of a call: ``cost``, ``tokens``, or ``nothing``."""
    found: str = getattr(find(kind), "reports", "nothing")
    return found


def memory_of(kind: str) -> int:
    """Return the MiB that a call of a kind's program takes; 0 if that is not worth counting."""
    found: int = getattr(find(kind), "memory", 0)
    return found


def is_free(spec: JudgeSpec) -> bool:
    """Tell whether it is sure that a judge's calls cost nothing."""
    return calls_nobody(spec) or prices.is_free(spec.price)


def calls_nobody(spec: JudgeSpec) -> bool:
    """Tell whether a judge's judging is no call that a session counts as paid."""
    return getattr(find(spec.kind), "deterministic", False) is True


def is_remote(kind: str) -> bool:
    """Tell whether a kind's judges call somebody's service, which may refuse."""
    return getattr(find(kind), "remote", False) is True


def build(spec: JudgeSpec) -> Judge:
    """Make the judge that ``spec`` configures."""
    kind = find(spec.kind)
    if kind is None:
        raise ExperimentError(
            f"judge {spec.label}: the kind {spec.kind!r} is not there; configure the judge in "
            f"experiment.yaml (layout: scylla) with one of: {', '.join(names())}"
        )
    return kind(spec)
