"""The public interface as others write against it: checked by mypy, never run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar, assert_type

import msgspec

import harness
from harness import (
    Agreement,
    Calls,
    Comparison,
    Consensus,
    Exchange,
    Experiment,
    ExperimentError,
    Figure,
    Finished,
    HarnessError,
    Judge,
    JudgeError,
    JudgeSpec,
    Judgment,
    Layout,
    NativeLayout,
    NotStartedError,
    Question,
    Reply,
    RetryableError,
    Rubric,
    Rule,
    Run,
    SelectionError,
    Slot,
    SlotStatus,
    Statistics,
    ThrottledError,
    TransientError,
    UnreachableError,
    UnusableJudgeError,
    UsageLimitError,
    compare_experiments,
    judge_experiment,
    measure_agreement,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class LengthKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a kind."""

    limit: int = 100


class LengthJudge:
    """A kind of another package."""

    Settings: ClassVar[type[LengthKeys]] = LengthKeys
    requires_token: ClassVar[bool] = False
    deterministic: ClassVar[bool] = True

    def __init__(self, spec: JudgeSpec) -> None:
        self.limit: int = spec.settings.limit

    def ask(self, question: Question) -> Reply:
        """Answer."""
        assert_type(question.slot, Slot)
        assert_type(question.experiment, Experiment)
        if question.output is None:
            raise JudgeError("there is nothing to measure")
        finished = question.run(["wc", "-c"], stdin=question.prompt_file)
        assert_type(finished, Finished)
        assert_type(finished.exit_code, int)
        assert_type(question.exchange, Exchange | None)
        return Reply(text="{}", tokens={"input": len(question.prompt), "output": 2})


kind: type[Judge] = LengthJudge


def refusals() -> Iterator[JudgeError]:
    """Yield what a kind may raise beside the base."""
    yield NotStartedError("it is not installed")
    yield RetryableError("it was too late")
    yield ThrottledError("too many requests", retry_after=2.0)
    yield TransientError("overloaded", retry_after=None)
    yield UnreachableError("nobody answers")
    yield UnusableJudgeError("the key is not valid")
    yield UsageLimitError("used up for today", until=1.0e9)


class Chats(NativeLayout):
    """A layout of another package."""

    name = "chats"

    def runs(self) -> Iterator[Run]:
        """Yield one run."""
        root = self.experiment.root
        rubric: Rubric = self.rubric(root)
        yield Run(name="chats/a", path=root, rubric=rubric, inputs_sha256="0")

    def prompt_parts(self, run: Run) -> dict[str, str]:
        """Return no texts."""
        if run.blocked is not None:
            raise ExperimentError(run.blocked)
        return {"task": "", "rubric": "", "output": ""}

    def output(self, run: Run) -> Path | None:
        """Return a file."""
        return run.path / "chat.json"


layout: type[Layout] = Chats


def judged(directory: str | Path) -> Mapping[str, float | None]:
    """Judge an experiment and look at everything that comes back."""
    done = judge_experiment(directory, parallel=4, status=[SlotStatus.FAILED, "missing"])
    assert_type(done, Statistics)
    assert_type(done.calls, Calls)
    assert_type(done.calls.cost_usd, float | None)
    assert_type(done.consensus, dict[str, Consensus])
    return {run: consensus.score for run, consensus in done.consensus.items()}


def measured(directory: Path) -> float | None:
    """Measure an experiment against itself."""
    found = measure_agreement(directory)
    assert_type(found, Agreement)
    change = compare_experiments(directory, directory)
    assert_type(change, Comparison)
    alpha = found.whole.alpha_score
    assert_type(alpha, Figure)
    return alpha.value


def ruled(experiment: Experiment, judgment: Judgment) -> bool:
    """Look at values."""
    assert_type(experiment.rule, Rule)
    assert_type(experiment.panel, tuple[JudgeSpec, ...])
    return judgment.passed and judgment.score > 0.5 and experiment.rule.quorum > 0


def main() -> int:
    """Handle what a caller must."""
    try:
        judged(sys.argv[1])
    except SelectionError:
        return 4
    except HarnessError as error:
        assert_type(error, HarnessError)
        return 1
    assert_type(harness.__version__, str)
    return 0


def mistakes(spec: JudgeSpec) -> None:
    """Be told: each ignore below is an error that a type checker must find."""
    spec.name = "other"  # type: ignore[misc] # values are frozen
    judge_experiment("here", 4)  # type: ignore[call-arg] # what it does is named
    harness.judge_experiments("here")  # type: ignore[attr-defined] # a misspelt name
    wrong: type[Judge] = LengthKeys  # type: ignore[assignment] # it cannot be asked
    del wrong
