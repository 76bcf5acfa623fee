"""Any program as a judge: prompt on stdin, reply on stdout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import msgspec

from harness import files
from harness.errors import ExperimentError, JudgeError, NotStartedError, RetryableError
from harness.judges import Question, Reply
from harness.programs import UnstartableError, check_first_line, located

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import JudgeSpec
    from harness.process import Finished

PLACEHOLDERS = ("model", "experiment", "run", "run_dir", "slot", "prompt_file")

_PLACEHOLDER = re.compile("|".join(rf"\{{{name}\}}" for name in PLACEHOLDERS))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class CommandSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``argv``: the program and its arguments; placeholders are replaced in each."""

    argv: tuple[str, ...]


class CommandJudge:
    """Asks a program."""

    Settings: ClassVar = CommandSettings
    requires_token: ClassVar = False
    deterministic: ClassVar = False

    def __init__(self, spec: JudgeSpec) -> None:
        self._spec = spec
        self._argv: tuple[str, ...] = spec.settings.argv

    def ask(self, question: Question) -> Reply:
        """Run the program to its end and return what it wrote to stdout."""
        argv = fill(self._argv, question)
        if not argv or not argv[0]:
            raise ExperimentError(
                f"{question.experiment.config_file}: judges[{self._spec.number - 1}].argv: "
                "is empty; name a program"
            )
        argv[0] = self._program(argv[0], question)
        return self.reply_of(question.run(argv, stdin=question.prompt_file), question)

    def _program(self, name: str, question: Question) -> str:
        """Return the program's path; the judge runs elsewhere, so it is looked up from here."""
        try:
            path = located(name, cwd=question.experiment.root, env=question.env, named_in="argv")
            check_first_line(path)
        except UnstartableError as error:
            where = f"{question.experiment.config_file}: judges[{self._spec.number - 1}].argv"
            raise NotStartedError(f"{where}: {error}") from None
        return path

    def reply_of(self, finished: Finished, question: Question) -> Reply:
        """Return stdout as the reply."""
        return Reply(text=text_of(finished, question))


def fill(argv: tuple[str, ...], question: Question) -> list[str]:
    """Replace the placeholders in one pass; what is put in is not looked at again."""
    slot = question.slot
    values = {
        "model": slot.judge.model,
        "experiment": str(question.experiment.root),
        "run": slot.run.name,
        "run_dir": str(slot.run.path),
        "slot": slot.judge.slot,
        "prompt_file": str(question.prompt_file),
    }

    def value(match: re.Match[str]) -> str:
        name = match.group()[1:-1]
        text = values[name]
        where = f"{question.experiment.config_file}: judges[{slot.judge.number - 1}].argv"
        if text is None:
            raise ExperimentError(f"{where}: uses {{{name}}}, but the judge has no {name}; add one")
        if text.startswith("-") or _CONTROL.search(text):
            raise ExperimentError(
                f"{where}: {{{name}}} is {text!r}; no control characters and no leading '-' "
                "may go into a command line"
            )
        return text

    return [_PLACEHOLDER.sub(value, element) for element in argv]


def too_long(question: Question) -> RetryableError:
    """Return the error of a judge whose time is up."""
    return RetryableError(f"the judge took longer than {question.timeout:g} s and was ended")


def text_of(finished: Finished, question: Question) -> str:
    """Return stdout of a process that ended well; ``JudgeError`` says how it did not."""
    if finished.timed_out:
        raise too_long(question)
    if finished.capped:
        raise JudgeError("the judge wrote more than 10 MiB and was ended")
    if finished.exit_code != 0:
        how = (
            f"exit status {finished.exit_code}"
            if finished.exit_code > 0
            else f"signal {-finished.exit_code}"
        )
        raise JudgeError(f"the judge ended with {how}{_last_line(question.stderr, question)}")
    match files.read_text(question.stdout, root=question.stdout.parent, cap=16 * 1024 * 1024):
        case files.Ok(text):
            return str(text)
        case files.Invalid(why) | files.Unreadable(why):
            raise JudgeError(f"the judge's stdout {why}")
        case files.Missing():
            raise JudgeError("the judge's stdout has vanished")


def _last_line(path: Path, question: Question) -> str:
    match files.read_bytes(path, root=question.stderr.parent, cap=16 * 1024 * 1024):
        case files.Ok(data):
            lines = data[-2000:].decode("utf-8", "replace").strip().splitlines()
            return f": {lines[-1][:200]}" if lines else ""
        case _:
            return ""
