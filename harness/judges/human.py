"""A person as a judge: writes ``judgment.json`` into the slot; nothing ever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NoReturn

from harness.errors import JudgeError
from harness.judges import NoSettings

if TYPE_CHECKING:
    from harness.judges import Question
    from harness.model import JudgeSpec


class HumanJudge:
    """Has slots, but is no member of the panel: its judgments measure the others."""

    Settings: ClassVar = NoSettings
    requires_token: ClassVar = False
    deterministic: ClassVar = True

    def __init__(self, spec: JudgeSpec) -> None:
        self._spec = spec

    def ask(self, question: Question) -> NoReturn:
        """Refuse: a person is not asked by a program."""
        raise JudgeError(
            f"judge {self._spec.label}: a person writes the judgment of {question.slot.name}"
        )
