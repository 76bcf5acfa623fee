"""Runs of the native layout of which everything can be seen without reading a file.

A run is plain if all of it lies where it seems to lie, and only what it shares with the runs
beside it says what its judges are asked. Then nothing can change about its slots without a
change of what ``watched`` names, or of ``shared_by``.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import harness
from harness import files
from harness.errors import ExperimentError
from harness.layouts.base import JUDGMENT, PROMPT, RESULT, WORKSPACE
from harness.layouts.names import safe_name
from harness.layouts.native import OUTPUTS, RUN_KEYS
from harness.looking import stamps
from harness.model import Run

if TYPE_CHECKING:
    from harness.criteria import Rubric
    from harness.layouts.native import NativeLayout

Shared = tuple[str, str, "Rubric"]
"""Their hash, and the task's id and the rubric that runs beside each other have."""


def _code() -> tuple[object, ...]:
    """Return what changes with what this package makes of files."""
    package = Path(__file__).parents[1]
    places = (package, package / "layouts")
    sources = [f"{place}/{name}" for place in places for name in files.list_names(place)]
    return harness.__version__, stamps(name for name in sources if name.endswith(".py"))


def _reader() -> tuple[object, ...]:
    """Return what may change what can be read, without a change of the files."""
    return os.geteuid(), sorted(os.getgroups())


class PlainRuns:
    """What is known of the plain runs of an experiment."""

    def __init__(self, layout: NativeLayout) -> None:
        self._layout = layout
        experiment = layout.experiment
        made_of = (_code(), _reader(), layout.keys, layout.template_sha256, experiment)
        self._experiment = hashlib.sha256(repr(made_of).encode("utf-8", "replace")).hexdigest()
        self._shared: dict[str, Shared | None] = {}
        self._words: dict[tuple[str, str], frozenset[str]] = {}
        slots = [f"judge/{judge.slot}/{JUDGMENT}" for judge in experiment.panel]
        own = (RUN_KEYS, layout.keys.task, layout.keys.rubric)  # none of them, in a plain run
        self._names = ("judge", f"judge/{RESULT}", PROMPT, *OUTPUTS, *own, *slots)

    def watched(self, path: Path) -> list[str]:
        """Return what changes with the slots and the consensus of the run in ``path``.

        Its directories are among them: what is in them has not been replaced while they
        have not been written to.
        """
        directory = str(path)
        return [directory, *(f"{directory}/{name}" for name in self._names)]

    def shared_by(self, path: Path) -> str | None:
        """Return a hash of what the runs beside ``path`` share; None if they are not plain."""
        shared = self._beside(path)
        return None if shared is None else shared[0]

    def _beside(self, path: Path) -> Shared | None:
        directory = str(path).rpartition("/")[0] or "/"
        if directory not in self._shared:
            self._shared[directory] = self._found_above(directory)
        return self._shared[directory]

    def _found_above(self, directory: str) -> Shared | None:
        layout, root = self._layout, self._layout.experiment.root
        task = layout.above.find(directory, layout.keys.task)
        rubric = layout.above.find(directory, layout.keys.rubric)
        if task is None or rubric is None or not files.inside(directory, root):
            return None
        try:
            text, asked = layout.above.text(task) or "", layout.above.rubric(rubric)
        except ExperimentError:
            return None
        parts = (self._experiment, str(task), text, str(rubric), asked.text)
        shared = hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()
        return shared, layout.task_id(task), asked

    def run(self, name: str, path: Path, inputs_sha256: str) -> Run:
        """Return a plain run, whose inputs have been hashed before."""
        shared = self._beside(path)
        assert shared is not None, "it would not be plain"  # noqa: S101 - narrows the type
        _, task, rubric = shared
        group = self._layout.group_of(name)
        if (task, group) not in self._words:
            words = frozenset({self._layout.experiment.name, task, group})
            self._words[task, group] = words
        return Run(
            name=name,
            path=path,
            task=task,
            group=group,
            rubric=rubric,
            inputs_sha256=inputs_sha256,
            words=self._words[task, group],
        )

    def is_plain(self, name: str, run: Run) -> bool:
        """Tell whether a run that was read is a plain one without a problem."""
        shared = self._beside(run.path)
        if shared is None or run.problem is not None or run.blocked is not None:
            return False
        links = (WORKSPACE, *(f"judge/{judge.slot}" for judge in self._layout.experiment.panel))
        return (
            (name, shared[1], shared[2]) == (safe_name(name), run.task, run.rubric)
            and not files.is_there(run.path / RUN_KEYS)
            and not any(files.is_link(run.path / link) for link in links)
        )
