"""The results of one part of an experiment into another copy of it, slot by slot.

Nothing is overwritten but a judgment, or a prompt, that the part itself has replaced; what
contradicts is reported. Each slot is written under its claim, its judgment last, so a merge
that is killed is simply done again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from harness import files
from harness.errors import ExperimentError
from harness.layouts.base import Found
from harness.layouts.parts import counterpart, has_results, replaced_prompts, seen_at
from harness.locks import locked
from harness.merge_slot import SlotMerge
from harness.merging import Merged, Sides, check_same_experiment, comparable, content, replaced
from harness.staleness import staleness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.layouts import Layout
    from harness.model import JudgeSpec, Run


class Merge:
    """Takes the results below ``part`` over into the experiment of ``layout``.

    ``shown`` is what messages call the part. Without ``write`` everything is found out, and
    nothing is changed.
    """

    def __init__(self, layout: Layout, part: Path, *, shown: str, write: bool = True) -> None:
        self.shown = shown
        self.merged = Merged()
        self._sides = Sides(layout, seen_at(layout, part), shown, write, self.merged)

    def slots(self) -> set[Path]:
        """Return the directories of the part that are slots of the experiment."""
        theirs = self._sides.theirs
        places = {
            theirs.slot_directory(there, judge)
            for _, there in self._runs()
            for judge in self._judges()
        }
        return {place for place in places if has_results(place)}

    def check(self) -> None:
        """Refuse, before anything is written, the results of another experiment."""
        ours, theirs = self._sides.ours, self._sides.theirs
        check_same_experiment(ours, theirs.experiment.root, shown=self.shown)
        for run, there in self._runs():
            for judge in self._news(run, there):
                found = theirs.read_slot(there, judge)
                assert isinstance(found, Found), "it is news"  # noqa: S101 - narrows the type
                why = staleness(found.judgment, run, judge, lambda: None)
                if why is not None:
                    raise ExperimentError(
                        f"{self.shown}: {run.name}/{judge.slot} was judged from other inputs than "
                        f"those of {ours.experiment.root} ({why}); merge it into the version of "
                        "the experiment that it was judged in"
                    )

    def run(self) -> Merged:
        """Merge every run of which there is a result."""
        sides = self._sides
        for run, there in self._runs():
            if not files.is_directory(run.path):
                self.merged.problems.append(
                    f"{run.name}: {run.path} is not there, but {self.shown} has results of it; "
                    "restore the run and merge again"
                )
                continue
            agree = self._prompt(run, there)
            for judge in self._judges():
                if files.is_directory(sides.theirs.slot_directory(there, judge)):
                    SlotMerge(sides, run, there, judge).run(agree=agree)
        return self.merged

    def _runs(self) -> Iterator[tuple[Run, Run]]:
        for run in self._sides.ours.runs():
            there = counterpart(self._sides.ours, run, self._sides.theirs.experiment.root)
            if there is not None:
                yield run, there

    def _judges(self) -> tuple[JudgeSpec, ...]:
        experiment = self._sides.ours.experiment
        return (*experiment.panel, *experiment.people)

    def _news(self, run: Run, there: Run) -> Iterator[JudgeSpec]:
        """Yield the judges of whom the part has a judgment that is not, and was not, here."""
        ours, theirs = self._sides.ours, self._sides.theirs
        for judge in self._judges():
            found, present = theirs.read_slot(there, judge), ours.read_slot(run, judge)
            known = replaced(ours, run, judge)
            if isinstance(present, Found):
                known.append(comparable(present.judgment))
            if isinstance(found, Found) and comparable(found.judgment) not in known:
                yield judge

    def _prompt(self, run: Run, there: Run) -> bool:
        """Take a run's prompt over; False if the two contradict each other."""
        sides = self._sides
        source = sides.theirs.frozen_prompt(there)
        theirs = content(source, sides.theirs)
        if theirs is None:
            return True
        with self._locked(run):
            path = sides.ours.frozen_prompt(run)
            ours = content(path, sides.ours)
            kept = [content(old, sides.ours) for old in replaced_prompts(sides.ours, run)]
            if ours == theirs or theirs in kept:
                return True  # the same one, or an older one
            newer = [content(old, sides.theirs) for old in replaced_prompts(sides.theirs, there)]
            if path is not None and ours not in newer:
                if any(self._news(run, there)):
                    self.merged.conflicts.append(
                        f"{run.name}: its prompt in {self.shown} is another one than {path}; "
                        "the judgments made from it are left there"
                    )
                return False
            self.merged.prompts += 1
            if sides.write:
                if path is not None:
                    files.set_aside(path, as_="old")
                root = sides.ours.experiment.root
                target = sides.ours.prompt_file(run)
                files.commit_bytes(target, theirs, root=root, replace=False)
        return True

    @contextlib.contextmanager
    def _locked(self, run: Run) -> Iterator[None]:
        if not self._sides.write:
            yield
            return
        ours = self._sides.ours
        files.make_directory(ours.judge_directory(run), root=ours.experiment.root)
        with locked(ours.settle_lock(run)):
            yield
