"""ProjectScylla's layout, judged as it stands, in all its variants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from harness import files
from harness.errors import ExperimentError
from harness.layouts import scylla_places
from harness.layouts.base import JUDGMENT, Layout
from harness.layouts.derived import ConsensusFiles, Derived
from harness.layouts.names import safe_name, sorted_runs
from harness.layouts.scylla_config import read_settings
from harness.layouts.scylla_consensus import result_keys, run_keys
from harness.layouts.scylla_places import CONFIG, PARTS, RUN
from harness.layouts.scylla_reports import Reports
from harness.model import Experiment, Run
from harness.rubric import load_rubric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.consensus import Consensus
    from harness.criteria import Rubric
    from harness.model import JudgeSpec, Judgment

_TIER = re.compile(r"T\d+")


class ScyllaLayout(Layout):
    """An experiment of ProjectScylla; ``experiment.yaml`` may override how it is judged."""

    name: ClassVar = "scylla"
    shared: ClassVar = True

    def __init__(self, root: Path) -> None:
        settings = read_settings(root)
        keys = settings.keys
        self._runs_per_subtest = settings.runs_per_subtest
        self._scoring = _scoring_rubric(root, needed=keys.score_from == "rubric")
        self.experiment = Experiment(
            name=keys.name or root.name,
            root=root,
            config_file=root / CONFIG,
            panel=settings.panel,
            rule=settings.rule,
            retries=keys.retries,
            score_from=keys.score_from or "declared",
            prompt_template=None if keys.prompt is None else root / keys.prompt,
            people=settings.people,
        )

    @classmethod
    def config_of(cls, directory: Path) -> Path | None:
        """Return ``config/experiment.json`` if it is there."""
        return scylla_places.config_of(directory)

    def runs(self) -> Iterator[Run]:
        """Yield the runs on disk, and those that the config expects of the subtests on disk."""
        found = self._found()
        if not found:
            raise ExperimentError(
                f"{self.experiment.root}: there is no run (T0/00/run_01, ...) in it; "
                "run the agents first"
            )
        for name in sorted_runs(list(found)):
            yield self._run(name, found[name])

    def _found(self) -> dict[str, Path]:
        root = self.experiment.root
        found: dict[str, Path] = {}
        for part in PARTS:
            base = root / part if part else root
            for tier in files.list_names(base):
                if not _TIER.fullmatch(tier):
                    continue
                for subtest in files.list_names(base / tier):
                    directory = base / tier / subtest
                    if not subtest.startswith(".") and files.is_directory(directory):
                        self._add_runs(found, f"{tier}/{subtest}", directory)
        return found

    def _add_runs(self, found: dict[str, Path], subtest: str, directory: Path) -> None:
        names = [n for n in files.list_names(directory) if RUN.fullmatch(n)]
        for name in names:
            path = directory / name
            known = found.get(f"{subtest}/{name}")
            if files.is_directory(path) and (known is None or not files.is_there(known)):
                found[f"{subtest}/{name}"] = path
        for number in range(1, self._runs_per_subtest + 1) if names else ():
            found.setdefault(f"{subtest}/run_{number:02d}", directory / f"run_{number:02d}")

    def _run(self, name: str, path: Path) -> Run:
        tier, subtest, run = name.split("/")
        return Run(
            name=safe_name(name),
            path=path,
            task=f"{tier}/{subtest}",
            group=tier,
            blocked=self._blocked(path),
            problem=self.unusable_workspace(path),
            scoring=self._scoring,
            words=frozenset({self.experiment.name, tier, f"{tier}/{subtest}", subtest, run}),
            meta={"tier": tier, "subtest": subtest, "run": int(run.removeprefix("run_"))},
        )

    def _blocked(self, path: Path) -> str | None:
        """Say why a run cannot be judged; as its own tools do, a run needs what its agent left."""
        root = self.experiment.root
        if not files.is_directory(path):
            return f"{path}: the run was never made"
        if not files.inside(path, root):
            return f"{path}: is a symbolic link that leaves the experiment"
        return self._unusable_output(path) or self._unusable_result(path)

    def _unusable_output(self, path: Path) -> str | None:
        output = path / "agent" / "output.txt"
        match files.read_bytes(output, root=self.experiment.root):
            case files.Ok(data):
                return None if data.strip() else f"{output}: is empty"
            case files.Missing():
                return f"{output}: is missing"
            case files.Invalid(why) | files.Unreadable(why):
                return f"{output}: {why}"

    def _unusable_result(self, path: Path) -> str | None:
        result = path / "agent" / "result.json"
        match files.read_json(result, root=self.experiment.root):
            case files.Ok(value):
                return f"{result}: the agent crashed" if _crashed(value) else None
            case files.Missing():
                return f"{result}: is missing"
            case files.Invalid(why) | files.Unreadable(why):
                return f"{result}: {why}"

    def places(self, run: Run) -> tuple[str, ...]:
        """Return the same for all variants: a run moves when it is completed."""
        meta = run.meta
        name = f"{meta['tier']}/{meta['subtest']}/{run.path.name}"
        own = super().places(run)
        return tuple(dict.fromkeys([*own, *(f"{p}/{name}" if p else name for p in PARTS)]))

    def frozen_prompt(self, run: Run) -> Path | None:
        """Return the run's own prompt, wherever its version of the layout keeps it."""
        judge = self.judge_directory(run)
        candidates = [self.prompt_file(run), judge / "prompt.md"]
        candidates += [judge / spec.slot / "prompt.md" for spec in self.experiment.panel]
        candidates.append(run.path / "logs" / "judge_prompt.md")
        return next((path for path in candidates if files.is_file(path)), None)

    def judgment_files(self, run: Run, judge: JudgeSpec) -> tuple[str, ...]:
        """Return the slot's file, and for a panel of one where older versions kept it."""
        own = super().judgment_files(run, judge)
        if len(self.experiment.panel) > 1 or judge in self.experiment.people:
            return own
        return (*own, f"{run.path}/judge/{JUDGMENT}", f"{run.path}/logs/{JUDGMENT}")

    def output(self, run: Run) -> Path | None:
        """Return ``agent/output.txt``."""
        path = run.path / "agent" / "output.txt"
        return path if files.is_file(path) else None

    def prompt_parts(self, run: Run) -> dict[str, str]:
        """Return the texts for a run without a prompt of its own; it may have no rubric."""
        root = self.experiment.root
        task_file = run.path / "task_prompt.md"
        task = self._first_text(task_file, root / "prompt.md")
        if task is None:
            raise ExperimentError(
                f"{task_file}: is missing, and so is the run's judge_prompt.md; restore one of them"
            )
        rubric = self._first_text(root / "rubric.yaml", root / "criteria.md") or ""
        output = files.read_bytes(run.path / "agent" / "output.txt", root=root)
        text = output.value.decode("utf-8", "replace") if isinstance(output, files.Ok) else ""
        return {"task": task, "rubric": rubric, "output": text}

    def _first_text(self, *paths: Path) -> str | None:
        for path in paths:
            match files.read_text(path, root=self.experiment.root):
                case files.Ok(text):
                    return str(text)
                case files.Invalid(why) | files.Unreadable(why):
                    raise ExperimentError(f"{path}: {why}; replace it by a text file")
                case files.Missing():
                    continue
        return None

    def consensus_files(
        self, run: Run, result: Consensus, judgments: Mapping[int, Judgment]
    ) -> ConsensusFiles:
        """Return ``judge/result.json`` and the judges' part of ``run_result.json``.

        Without a consensus both stay as they are: their format has no word for that, and
        they may be all that is left of a run whose judgments were not kept.
        """
        if result.score is None:
            return ConsensusFiles({})
        path, root = self.consensus_file(run), self.experiment.root
        found = files.read_json(path, root=root)
        stored = found.value if isinstance(found, files.Ok) else {}
        wanted = result_keys(stored, result, judgments, self.experiment.panel)
        # It holds the agent's figures, too, which cannot be made here: updated, never created.
        agent_file = run.path / "run_result.json"
        match files.read_json(agent_file, root=root):
            case files.Ok(value):
                keys = run_keys(value, wanted, judgments, self.experiment.panel)
                return ConsensusFiles({path: wanted, agent_file: keys})
            case files.Missing():
                return ConsensusFiles({path: wanted})
            case files.Invalid(why) | files.Unreadable(why):
                problem = f"{agent_file}: {why}; restore it, the judgments are safe"
                return ConsensusFiles({path: wanted}, (problem,))

    def reports(
        self,
        runs: Sequence[Run],
        of_runs: Mapping[Path, Mapping[str, Any]],
        problems: list[str],
    ) -> Iterator[Derived]:
        """Yield the reports and results of runs, subtests, tiers, and the experiment."""
        return Reports(self.experiment.root, problems).made(runs, of_runs)

    def kept_reply(self, run: Run, judge: JudgeSpec) -> Path | None:
        """Return ``response.txt``, in which its own tools keep what a judge answered."""
        path = self.slot_directory(run, judge) / "response.txt"
        return path if files.is_file(path) else None


def _scoring_rubric(root: Path, *, needed: bool) -> Rubric | None:
    """Return the rubric by which points are counted; without one the declared score stands."""
    try:
        return load_rubric(root / "rubric.yaml", root=root)
    except ExperimentError:
        if needed:
            raise
        return None


def _crashed(result: Mapping[str, Any]) -> bool:
    """Tell whether the agent never got going: exit code -1 and not one token used."""
    if result.get("exit_code") != -1:
        return False
    tokens = result.get("token_stats")
    return isinstance(tokens, dict) and not any(tokens.values())
