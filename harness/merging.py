"""Whether two directories are about the same experiment, and two judgments the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import files
from harness.errors import ExperimentError
from harness.layouts import config_of, open_experiment
from harness.layouts.parts import replaced_judgments
from harness.model import Judgment
from harness.staleness import rubric_changed, rubric_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.layouts import Layout
    from harness.model import JudgeSpec, Run


@dataclass(slots=True)
class Merged:
    """What was, or would be, taken over from one part.

    ``judgments``: the slots that got one; ``same``: how many had the very one, or a newer.
    ``conflicts``: what contradicts and was left as it was; ``problems``: what else could not
    be taken over.
    """

    judgments: list[str] = field(default_factory=list)
    same: int = 0
    attempts: int = 0
    prompts: int = 0
    conflicts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sides:
    """The experiment here, and as the part has it; what messages call that; where to report."""

    ours: Layout
    theirs: Layout
    shown: str
    write: bool
    merged: Merged


def content(path: Path | str | None, layout: Layout) -> bytes | None:
    """Return the bytes of a file of an experiment; None if they cannot be had."""
    if path is None:
        return None
    match files.read_bytes(path, root=layout.experiment.root):
        case files.Ok(bytes(data)):
            return data
        case _:
            return None


def check_same_experiment(layout: Layout, part: Path, *, shown: str) -> None:
    """Raise ``ExperimentError`` if a part that has a configuration of its own is about another.

    A part that holds results only has none, and its judgments must do.
    """
    if config_of(part) is None:
        return
    for difference in _differences(layout, open_experiment(part)):
        raise ExperimentError(
            f"{shown}: is another experiment than {layout.experiment.root} ({difference}); "
            "merge parts of one version of one experiment"
        )


def _differences(layout: Layout, other: Layout) -> Iterator[str]:
    ours, theirs = layout.experiment, other.experiment
    if layout.name != other.name:
        yield f"its layout is {other.name}, not {layout.name}"
    if _panel(ours.panel) != _panel(theirs.panel):
        yield "its judges are others"
    if _panel(ours.people) != _panel(theirs.people):
        yield "the people who judge are others"
    if ours.rule != theirs.rule:
        yield "its rule of the consensus is another"
    if ours.score_from != theirs.score_from:
        yield f"score_from is {theirs.score_from}, not {ours.score_from}"
    there = {run.name: run for run in other.runs()}
    for run in layout.runs():
        if run.name in there:
            yield from _differences_of_runs(run, there[run.name])


def _panel(judges: tuple[JudgeSpec, ...]) -> list[tuple[Any, ...]]:
    return [(judge.number, judge.name, judge.sha256, judge.weight) for judge in judges]


def _differences_of_runs(ours: Run, theirs: Run) -> Iterator[str]:
    for mine, their in ((ours.rubric, theirs.rubric), (ours.scoring, theirs.scoring)):
        if mine is not None and their is not None and rubric_changed(rubric_marks(their), mine):
            yield f"the rubric of {ours.name} is another"
    if ours.inputs_sha256 != theirs.inputs_sha256 and theirs.inputs_sha256 is not None:
        yield f"the task, the output, or the template of {ours.name} is another"


def comparable(judgment: Judgment | Mapping[str, Any]) -> str:
    """Return what makes a judgment the one it is: all of it but the number of its attempt."""
    raw = judgment.raw if isinstance(judgment, Judgment) else judgment
    made_from = raw.get("provenance")
    if isinstance(made_from, dict):
        raw = {**raw, "provenance": {k: v for k, v in made_from.items() if k != "attempt"}}
    return json.dumps(raw, sort_keys=True)


def replaced(layout: Layout, run: Run, judge: JudgeSpec) -> list[str]:
    """Return the judgments of a slot that a later one has replaced, to be compared."""
    paths = replaced_judgments(layout, run, judge)
    found = [files.read_json(path, root=layout.experiment.root) for path in paths]
    return [comparable(one.value) for one in found if isinstance(one, files.Ok)]


def renumbered(
    layout: Layout, run: Run, judge: JudgeSpec, judgment: Judgment, numbers: Mapping[str, str]
) -> bytes:
    """Return a judgment's file, byte by byte; only if its attempt got another number, with that."""
    attempt = judgment.provenance.get("attempt")
    number = numbers.get(str(attempt), attempt)
    if number == attempt:
        for path in layout.judgment_files(run, judge):
            if (data := content(Path(path), layout)) is not None:
                return data
    made_from = {**judgment.provenance, "attempt": number}
    return json.dumps({**judgment.raw, "provenance": made_from}, indent=2).encode("ascii") + b"\n"
