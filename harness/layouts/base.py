"""What the layouts share: the names of what the harness itself writes, and slot status."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from harness import files
from harness.layouts.derived import ConsensusFiles, result_of
from harness.model import Judgment
from harness.scores import GRADES, check_score, grade_of
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.consensus import Consensus
    from harness.layouts.derived import Derived
    from harness.model import Experiment, JudgeSpec, Run, Slot

CLAIM = ".claim"
ATTEMPTS = "attempts"
JUDGMENT = "judgment.json"
RESULT = "result.json"
PROMPT = "judge_prompt.md"
WORKSPACE = "workspace"


class Found(Value, frozen=True):
    """A slot's judgment is on disk and valid."""

    judgment: Judgment


class Nothing(Value, frozen=True):
    """No judgment file; ``Layout.tried`` says whether one was ever asked for."""


class Damaged(Value, frozen=True):
    """Something stands in the judgment's place; ``why`` names the file and the defect.

    ``unreadable``: the operating system refused to show it, so it may be valid.
    """

    why: str
    unreadable: bool = False


class Layout(ABC):
    """One experiment on disk. Only layouts know file names.

    The files below a run's judge directory have the same names in every layout.
    """

    name: ClassVar[str]
    shared: ClassVar[bool] = False
    """Whether other tools write the derived files, too: then what is replaced is kept."""
    experiment: Experiment

    @abstractmethod
    def __init__(self, root: Path) -> None:
        """Read the configuration; ``ExperimentError`` that names the file and the way out."""

    @classmethod
    @abstractmethod
    def config_of(cls, directory: Path) -> Path | None:
        """Return what makes ``directory`` an experiment of this layout, if it is one."""

    @abstractmethod
    def runs(self) -> Iterator[Run]:
        """Yield the runs, sorted by name."""

    @abstractmethod
    def prompt_parts(self, run: Run) -> dict[str, str]:
        """Return the texts ``task``, ``rubric``, and ``output`` of a run's prompt."""

    @abstractmethod
    def output(self, run: Run) -> Path | None:
        """Return the file with the agent's answer."""

    def consensus_files(
        self, run: Run, result: Consensus, judgments: Mapping[int, Judgment]
    ) -> ConsensusFiles:
        """Return what the derived files of ``run`` must hold for ``result``; writes nothing.

        One file, ``judge/result.json``; a run that never had a judgment gets none.
        """
        path = self.consensus_file(run)
        if not judgments and not files.is_there(path):
            return ConsensusFiles({})
        return ConsensusFiles({path: result_of(result, judgments, self.experiment.panel)})

    def reports(
        self,
        runs: Sequence[Run],  # noqa: ARG002 - for layouts that have any
        of_runs: Mapping[Path, Mapping[str, Any]],  # noqa: ARG002 - the same
        problems: list[str],  # noqa: ARG002 - the same
    ) -> Iterator[Derived]:
        """Yield the files above the runs' consensus that judgments would make otherwise.

        ``of_runs``: keys that files of runs are about to have. Messages about files that
        cannot be read are added to ``problems``.
        """
        return iter(())

    def kept_reply(self, run: Run, judge: JudgeSpec) -> Path | None:  # noqa: ARG002 - the same
        """Return what a judge answered where another tool keeps it."""
        return None

    def workspace(self, run: Run) -> Path | None:
        """Return the directory that the agent left behind, if there is one."""
        path = run.path / WORKSPACE
        return path if self.unusable_workspace(run.path) is None and files.is_there(path) else None

    def unusable_workspace(self, run: Path) -> str | None:
        """Say why what stands in the place of a run's workspace is none; nothing there is fine.

        Judges must not score an empty directory in its place.
        """
        if not files.is_there(f"{run}/{WORKSPACE}"):
            return None
        path = run / WORKSPACE
        if files.is_directory(path) and files.inside(path, self.experiment.root):
            return None
        if not files.is_link(path):
            why = "is no directory"
        elif not files.inside(path, self.experiment.root):
            why = "is a symbolic link that leaves the experiment"
        else:
            why = "is a symbolic link that leads to no directory"
        return f"{path}: {why}; put what the agent left behind there, or remove it"

    def judge_directory(self, run: Run) -> Path:
        """Return where the slots and the consensus of a run lie."""
        return run.path / "judge"

    def slot_directory(self, run: Run, judge: JudgeSpec) -> Path:
        """Return where one slot lies."""
        return run.path.joinpath("judge", judge.slot)

    def judgment_file(self, run: Run, judge: JudgeSpec) -> Path:
        """Return the file whose being there and valid makes a slot complete."""
        return run.path.joinpath("judge", judge.slot, JUDGMENT)

    def claim_file(self, slot: Slot) -> Path:
        """Return the file whose lock is the right to judge the slot; never deleted."""
        return self.slot_directory(slot.run, slot.judge) / CLAIM

    def places(self, run: Run) -> tuple[str, ...]:
        """Return where a run may lie below the root of a copy of the experiment."""
        return (run.path.relative_to(self.experiment.root).as_posix(),)

    def attempts_directory(self, run: Run, judge: JudgeSpec) -> Path:
        """Return where the attempts of a slot lie, one directory each."""
        return self.slot_directory(run, judge) / ATTEMPTS

    def prompt_file(self, run: Run) -> Path:
        """Return where the prompt of a run is frozen."""
        return run.path / PROMPT

    def frozen_prompt(self, run: Run) -> Path | None:
        """Return the prompt that was frozen for a run, if one was."""
        path = self.prompt_file(run)
        return path if files.is_there(path) else None

    def consensus_file(self, run: Run) -> Path:
        """Return the file with the consensus of a run."""
        return run.path.joinpath("judge", RESULT)

    def settle_lock(self, run: Run) -> Path:
        """Return the file whose lock is the right to write a run's consensus."""
        return self.judge_directory(run) / ".lock"

    def judgment_files(self, run: Run, judge: JudgeSpec) -> tuple[str, ...]:
        """Return where a slot's judgment may lie, ``judgment_file`` first; texts, for speed."""
        return (f"{run.path}/judge/{judge.slot}/{JUDGMENT}",)

    def read_slot(self, run: Run, judge: JudgeSpec) -> Found | Nothing | Damaged:
        """Read one slot's judgment; never raises for what it finds."""
        for path in self.judgment_files(run, judge):
            match files.read_json(path, root=self.experiment.root):
                case files.Ok(raw):
                    try:
                        return Found(judgment_of(raw, self.grades(run)))
                    except ValueError as error:
                        return Damaged(f"{path}: not a judgment ({error})")
                case files.Invalid(why):
                    return Damaged(f"{path}: not a judgment ({why})")
                case files.Unreadable(why):
                    return Damaged(f"{path}: cannot be read ({why})", unreadable=True)
                case files.Missing():
                    continue
        return Nothing()

    def grades(self, run: Run) -> Mapping[str, float]:
        """Return the grade scale that holds for a run."""
        return GRADES if run.rubric is None else run.rubric.grades

    def tried(self, run: Run, judge: JudgeSpec) -> str | None:
        """Return what shows that a slot without a judgment was tried and failed."""
        directory = f"{run.path}/judge/{judge.slot}"
        names = files.list_names(directory)
        if ATTEMPTS in names:
            why = self._failed_attempt(self.attempts_directory(run, judge))
            if why is not None:
                return why
        others = [n for n in names if n not in (CLAIM, ATTEMPTS) and not n.endswith(".tmp")]
        return f"{directory} holds {others[0]}, but no {JUDGMENT}" if others else None

    def _failed_attempt(self, attempts: Path) -> str | None:
        """Return why the latest attempt failed; None if none ran to its end."""
        for name in reversed(files.list_names(attempts)):
            match files.read_json(attempts / name / "exit.json", root=self.experiment.root):
                case files.Ok({"outcome": "failed", **rest}):
                    return str(rest.get("why") or "the last attempt failed")
                case _:
                    continue
        return None


def judgment_of(raw: Mapping[str, Any], grades: Mapping[str, float]) -> Judgment:
    """Check a judgment file's object; tolerant of what old files lack, strict about its values.

    Raises ``ValueError`` that says what is wrong.
    """
    if "score" not in raw:
        raise ValueError("score is missing")
    score = check_score(raw["score"])
    if raw.get("is_valid", True) is not True:
        raise ValueError("it is marked invalid: is_valid is not true")
    if raw.get("fallback", False) is not False:
        raise ValueError("it is a fallback, not a judge's answer")
    passed = raw.get("passed")
    if not isinstance(passed, bool):
        raise ValueError("passed must be true or false")  # noqa: TRY004 - one error type for every bad file
    grade, reasoning = raw.get("grade"), raw.get("reasoning")
    return Judgment(
        score=score,
        passed=passed,
        grade=grade if isinstance(grade, str) else grade_of(score, grades),
        reasoning=reasoning if isinstance(reasoning, str) else "",
        raw=raw,
    )
