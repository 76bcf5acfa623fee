"""The harness's own layout: ``experiment.yaml`` and a directory per run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar

from harness import config, files
from harness.errors import ExperimentError
from harness.keys import ExperimentKeys, RunKeys
from harness.layouts import registry
from harness.layouts.above import Above
from harness.layouts.base import WORKSPACE, Layout
from harness.layouts.names import Pattern, safe_name, sorted_runs
from harness.model import Experiment, Run
from harness.rules import native_rule
from harness.typed import convert, use_one

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.criteria import Rubric

CONFIG = "experiment.yaml"
OUTPUTS = ("output.md", "output.txt")
RUN_KEYS = "run.yaml"
INNER = ("judge", WORKSPACE)
"""Directories of a run; a pattern with ``**`` does not look for runs inside."""


class NativeLayout(Layout):
    """An experiment as ``docs/experiments.md`` describes it.

    A layout of another package may keep what this one reads from ``experiment.yaml`` (panel,
    rule, template) and replace ``runs``, ``prompt_parts``, and ``output``.
    """

    name: ClassVar[str] = "native"

    def __init__(self, root: Path) -> None:
        file = root / CONFIG
        value = files.load_yaml(file, root=root)
        keys = config.read_keys(value, file)
        if keys.layout == "scylla":
            raise ExperimentError(
                f"{file}: layout: scylla needs config/experiment.json beside it; restore that file"
            )
        if keys.layout not in (None, self.name):
            raise ExperimentError(
                f"{file}: layout: unknown value {keys.layout!r}; {use_one(registry.names())}"
            )
        if keys.judges is None:
            raise ExperimentError(f"{file}: the key 'judges' is missing; list at least one judge")
        panel, people = config.members(config.panel(keys.judges, keys, file=file))
        self.keys: ExperimentKeys = keys
        self.above = Above(root)
        self.experiment = Experiment(
            name=keys.name or root.name,
            root=root,
            config_file=file,
            panel=panel,
            rule=native_rule(keys.consensus, len(panel), file=file),
            retries=keys.retries,
            score_from=keys.score_from or "rubric",
            prompt_template=None if keys.prompt is None else root / keys.prompt,
            people=people,
        )
        self.template_sha256 = self._hash_of_template()
        # What all runs share spoils the experiment; what one run has, only that run.
        if files.is_there(shared := root / keys.rubric):
            self.above.rubric(shared)
        self.above.text(root / keys.task)

    @classmethod
    def config_of(cls, directory: Path) -> Path | None:
        """Return ``experiment.yaml`` if it is there."""
        path = directory / CONFIG
        return path if files.is_there(path) else None

    def runs(self) -> Iterator[Run]:
        """Yield every directory that the pattern ``runs`` matches, sorted by name."""
        return (self.run_at(name, path) for name, path in self.run_places())

    def run_places(self) -> Iterator[tuple[str, Path]]:
        """Yield where they lie, and how each is called below the experiment."""
        pattern = Pattern(self.keys.runs, is_run=looks_like_run, closed=frozenset(INNER))
        found = dict(pattern.match(self.experiment.root))
        if not found:
            raise ExperimentError(
                f"{self.experiment.config_file}: runs: nothing matches {self.keys.runs!r}; "
                "put the runs there or correct the pattern"
            )
        for name in sorted_runs(list(found)):
            yield name, found[name]

    def run_at(self, name: str, path: Path) -> Run:
        """Read one of them."""
        if not files.inside(path, self.experiment.root):
            why = f"{path}: is a symbolic link that leaves the experiment"
            return Run(name=safe_name(name), path=path, group=self.group_of(name), blocked=why)
        try:
            return self._usable_run(name, path)
        except ExperimentError as error:
            group = self.group_of(name)
            return Run(
                name=safe_name(name), path=path, group=group, problem=str(error), unread=True
            )

    def _usable_run(self, name: str, path: Path) -> Run:
        keys = self._run_keys(path)
        task_file = self.above.find(path, keys.task or self.keys.task)
        if task_file is None:
            raise ExperimentError(
                f"{path}: no {keys.task or self.keys.task} in it or above it; write the task there"
            )
        rubric = self.rubric(path)
        output, blocked = self._output_text(path)
        inputs = hashlib.sha256(self.above.hash_of(self.above.text(task_file) or ""))
        inputs.update(hashlib.sha256(output.encode()).digest())
        inputs.update(self.above.hash_of(self.template_sha256))
        task_id = self.task_id(task_file)
        group = keys.group or self.group_of(name)
        return Run(
            name=safe_name(name),
            path=path,
            task=task_id,
            group=group,
            blocked=blocked,
            problem=self.unusable_workspace(path),
            rubric=rubric,
            inputs_sha256=inputs.hexdigest(),
            words=frozenset({self.experiment.name, task_id, group}),
            meta=keys.meta,
        )

    def task_id(self, file: Path) -> str:
        """Return where a task lies, from the experiment's directory."""
        return str(file.parent)[len(str(self.experiment.root)) + 1 :] or "."

    def _run_keys(self, path: Path) -> RunKeys:
        if not files.is_there(f"{path}/{RUN_KEYS}"):
            return RunKeys()
        file = path / RUN_KEYS
        keys = convert(files.load_yaml(file, root=self.experiment.root), RunKeys, file=file)
        config.check_below(keys.task, f"{file}: task")
        return keys

    def group_of(self, name: str) -> str:
        """Return the first directory below ``runs/`` where runs lie deeper, else the experiment."""
        parts = name.split("/")
        return parts[1] if len(parts) > 2 else self.experiment.name  # noqa: PLR2004 - runs/<group>/<run>

    def rubric(self, path: Path) -> Rubric:
        """Return the rubric in a run's directory or the nearest one above it."""
        file = self.above.find(path, self.keys.rubric)
        if file is None:
            raise ExperimentError(
                f"{path}: no {self.keys.rubric} in it or above it; write the rubric there"
            )
        return self.above.rubric(file)

    def _hash_of_template(self) -> str:
        template = self.experiment.prompt_template
        if template is None:
            return ""
        text = self.above.text(template)
        if text is None:
            raise ExperimentError(
                f"{self.experiment.config_file}: prompt: there is no file {template}; create it"
            )
        return hashlib.sha256(text.encode()).hexdigest()

    def output(self, run: Run) -> Path | None:
        """Return ``output.md`` or ``output.txt``."""
        return next((run.path / n for n in OUTPUTS if files.is_file(run.path / n)), None)

    def _output_text(self, path: Path) -> tuple[str, str | None]:
        """Return the agent's answer, and why there is nothing to judge if it has none."""
        blocked = f"{path}: no {' or '.join(OUTPUTS)} with text in it"
        for name in OUTPUTS:
            match files.read_bytes(f"{path}/{name}", root=self.experiment.root):
                case files.Ok(data):
                    text = data.decode("utf-8-sig", "replace")
                    if text.strip():
                        return text, None
                case files.Invalid(why) | files.Unreadable(why):
                    blocked = f"{path / name}: {why}"
                case files.Missing():
                    continue
        return "", blocked

    def prompt_parts(self, run: Run) -> dict[str, str]:
        """Return task, rubric, and output."""
        keys = self._run_keys(run.path)
        task_file = self.above.find(run.path, keys.task or self.keys.task)
        assert task_file is not None, "the run would be blocked"  # noqa: S101 - narrows the type
        return {
            "task": self.above.text(task_file) or "",
            "rubric": "" if run.rubric is None else run.rubric.text,
            "output": self._output_text(run.path)[0],
        }


def looks_like_run(path: Path) -> bool:
    """Tell whether a directory has what only runs have."""
    return any(files.is_there(path / name) for name in (*OUTPUTS, RUN_KEYS, *INNER))
