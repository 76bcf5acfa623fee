"""A Python function of the user's as a judge, called in a process of its own.

In a process it can be ended at its deadline, and it does not share the
interpreter lock with the other judges.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec

from harness.judges import Question, Reply
from harness.judges.command import text_of

if TYPE_CHECKING:
    from harness.model import JudgeSpec
    from harness.process import Finished

_CALL = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")

CHILD = Path(__file__).with_name("python_child.py")


class PythonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``call``: ``package.module:function``."""

    call: str

    def __post_init__(self) -> None:
        if not _CALL.fullmatch(self.call):
            raise ValueError(
                "call must name a module and a function in it, such as my_judges.style:grade"
            )


class PythonJudge:
    """Calls ``function(prompt, paths)``; see ``python_child`` for what it gets and may return."""

    Settings: ClassVar = PythonSettings
    requires_token: ClassVar = False
    deterministic: ClassVar = False

    def __init__(self, spec: JudgeSpec) -> None:
        self._call: str = spec.settings.call

    def ask(self, question: Question) -> Reply:
        """Call the function in a child process and return its reply."""
        paths = {
            "experiment": question.experiment.root,
            "run_dir": question.slot.run.path,
            "prompt_file": question.prompt_file,
            "output": question.output,
            "workspace": question.workspace,
        }
        described = [f"{name}={path}" for name, path in paths.items() if path is not None]
        # The user's modules are found where pytest would find them, and beside the experiment.
        search = [str(question.experiment.root), *_import_path()]
        argv = [sys.executable, "-P", str(CHILD), self._call, ":".join(search), *described]
        return self.reply_of(question.run(argv, stdin=question.prompt_file), question)

    def reply_of(self, finished: Finished, question: Question) -> Reply:
        """Return what the child wrote to its stdout as the reply."""
        return Reply(text=text_of(finished, question))


def _import_path() -> list[str]:
    here = str(Path.cwd())
    return [str(Path(entry).resolve()) if entry else here for entry in sys.path]
