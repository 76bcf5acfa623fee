"""A recorded reply as the answer: to run a recorded panel again, and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from harness import files
from harness.errors import ExperimentError, JudgeError
from harness.judges import Question, Reply
from harness.judges.command import fill

if TYPE_CHECKING:
    from harness.model import JudgeSpec


class ReplaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``reply``: the recorded file, relative to the experiment, with placeholders."""

    reply: str


class ReplayJudge:
    """Answers with what was recorded."""

    Settings: ClassVar = ReplaySettings
    requires_token: ClassVar = False
    deterministic: ClassVar = True

    def __init__(self, spec: JudgeSpec) -> None:
        self._spec = spec
        self._reply: str = spec.settings.reply

    def ask(self, question: Question) -> Reply:
        """Read the recorded file; it must lie inside the experiment."""
        root = question.experiment.root
        path = root / fill((self._reply,), question)[0]
        if not files.inside(path, root):
            raise ExperimentError(
                f"{question.experiment.config_file}: judges[{self._spec.number - 1}].reply: "
                f"{path} leaves the experiment; give a path below {root}"
            )
        match files.read_text(path, root=root):
            case files.Ok(text):
                return Reply(text=text)
            case files.Missing():
                raise JudgeError(f"there is no recorded reply {path}")
            case files.Invalid(why) | files.Unreadable(why):
                raise JudgeError(f"the recorded reply {path} cannot be used ({why})")
