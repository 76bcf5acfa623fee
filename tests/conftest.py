"""Factories for experiments on disk and for what judges answer."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

# Where bytecode is not kept, as containers are often set up, each of the hundreds of sessions
# that the tests start would compile every module again, which takes longer than the session.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

# pytest reads this file for `pytest --help` in a checkout, too, where only the package may be
# installed, not what its tests need.
with contextlib.suppress(ModuleNotFoundError):
    from hypothesis import settings

    # Time limits per example would be stopwatches, and a random seed would make a red build
    # that nobody can repeat.
    settings.register_profile("tests", deadline=None, derandomize=True, database=None)
    settings.load_profile("tests")

TASK = "Write hello.py, which prints Hello, World!\n"

RUBRIC = """\
categories:
  functional:
    weight: 0.6
    scoring_type: checklist
    items:
      - {id: F1, check: hello.py exists, points: 1.0}
      - {id: F2, check: it prints the greeting, points: 3.0}
  quality:
    weight: 0.4
    items:
      - {id: Q1, check: it is short, points: 2.0}
      - {id: Q2, check: tests pass, points: 1.0, na_condition: there are no tests}
grading:
  pass_threshold: 0.6
  grade_scale: {S: 1.0, A: 0.8, B: 0.6, C: 0.4, D: 0.2, F: 0.0}
"""

MODELS = ("model-a", "model-b", "model-c")

RECORDED = "recorded/{run}/{slot}.txt"
"""Where the replay panels of these factories find their replies."""


@pytest.fixture
def judgment() -> Callable[..., dict[str, Any]]:
    """Return a factory of valid judgment objects; ``without`` names keys to leave out."""

    def make(score: object = 0.9, *, without: Iterable[str] = (), **keys: object) -> dict[str, Any]:
        made: dict[str, Any] = {
            "score": score,
            "passed": True,
            "grade": "A",
            "reasoning": f"worth {score}",
            "is_valid": True,
            "criteria_scores": None,
        }
        made.update(keys)
        return {key: value for key, value in made.items() if key not in set(without)}

    return make


@pytest.fixture
def reply() -> Callable[..., str]:
    """Return a factory of replies as judges write them: prose, then a fenced object."""

    def make(score: object = 0.9, *, passed: object = True, **keys: object) -> str:
        made = {"score": score, "passed": passed, "reasoning": f"worth {score}", **keys}
        return f"Here is my verdict.\n\n```json\n{json.dumps(made, indent=2)}\n```\n"

    return make


@pytest.fixture
def make_experiment(reply: Callable[..., str]) -> Callable[..., Path]:
    """Return a factory of native experiments with a panel that replays recorded replies."""

    def make(
        root: Path,
        *,
        runs: Iterable[str] | Mapping[str, str | None] = ("a", "b"),
        judges: int | list[dict[str, Any]] = 2,
        replies: Mapping[str, str | None] | None = None,
        task: str | None = TASK,
        rubric: str | None = RUBRIC,
        **keys: object,
    ) -> Path:
        """Write an experiment below ``root`` and return it.

        ``runs``: names below ``runs/``, or the agents' outputs by name. ``judges``: how
        many replay judges, or the list itself. ``replies``: recorded replies by slot
        name (``runs/a/judge_01``), None for none; others get a good one. ``keys``:
        further top-level keys of ``experiment.yaml``.
        """
        named = runs if isinstance(runs, Mapping) else dict.fromkeys(runs, "It is done.\n")
        outputs: dict[str, str | None] = dict(named)
        entries = replay_panel(judges) if isinstance(judges, int) else judges
        write(root / "experiment.yaml", json.dumps({"judges": entries, **keys}, indent=2))
        write(root / "task.md", task)
        write(root / "rubric.yaml", rubric)
        for name, output in outputs.items():
            (root / "runs" / name).mkdir(parents=True, exist_ok=True)
            write(root / "runs" / name / "output.md", output)
        slots = [f"runs/{name}/judge_{n:02d}" for name in outputs for n in _numbers(entries)]
        record(root, slots, replies, reply)
        return root

    return make


@pytest.fixture
def make_scylla(
    judgment: Callable[..., dict[str, Any]], reply: Callable[..., str]
) -> Callable[..., Path]:
    """Return a factory of experiments in ProjectScylla's layout."""

    def make(
        root: Path,
        *,
        runs: Iterable[str] = ("T0/00/run_01",),
        models: Iterable[str] = MODELS,
        judgments: Mapping[str, object] | None = None,
        replies: Mapping[str, str | None] | None = None,
        part: str = "",
        replay: bool = True,
        **keys: object,
    ) -> Path:
        """Write an experiment below ``root`` and return it.

        ``judgments``: by slot name (``T0/00/run_01/judge_01``), None for no judgment; slots
        that are not named have a valid one. ``replies``: as natively. ``part``:
        ``completed`` or ``in_progress``. ``replay``: add an ``experiment.yaml`` that makes
        the panel replay recorded replies. ``keys``: further keys of the config.
        """
        config = {
            "experiment_id": root.name,
            "tiers_to_run": sorted({name.split("/")[0] for name in runs}),
            "runs_per_subtest": 1,
            "judge_models": list(models),
            **keys,
        }
        write(root / "config" / "experiment.json", json.dumps(config, indent=2))
        write(root / "rubric.yaml", RUBRIC)
        slots = []
        for name in runs:
            write_agent(root / part / name)
            for number, _ in enumerate(models, 1):
                slot = f"judge_{number:02d}"
                slots.append(f"{name}/{slot}")
                value = (judgments or {}).get(slots[-1], judgment(round(1 - number / 10, 1)))
                if value is not None:
                    path = root / part / name / "judge" / slot / "judgment.json"
                    write(path, json.dumps(value, indent=2))
        if replay:
            overrides = {
                "layout": "scylla",
                "judges": [{"kind": "replay", "reply": RECORDED} for _ in models],
            }
            write(root / "experiment.yaml", json.dumps(overrides, indent=2))
            record(root, slots, replies, reply)
        return root

    return make


def write(path: Path, text: str | None) -> None:
    """Write a file and its directories; nothing for None."""
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_agent(run: Path) -> None:
    """Write what a finished agent leaves in a ProjectScylla run."""
    agent = {
        "exit_code": 0,
        "stdout": "",
        "stderr": "",
        "token_stats": {"input_tokens": 10, "output_tokens": 5},
        "cost_usd": 0.01,
        "api_calls": 1,
    }
    write(run / "agent" / "output.txt", "It is done.\n")
    write(run / "agent" / "result.json", json.dumps(agent))
    write(run / "judge_prompt.md", "Grade this answer: It is done.\n")
    write(run / "task_prompt.md", TASK)
    summary = {"run_number": 1, "exit_code": 0, "cost_usd": 0.01, "criteria_scores": {}}
    write(run / "run_result.json", json.dumps(summary, indent=2))


def replay_panel(count: int) -> list[dict[str, Any]]:
    """Return the entries of ``count`` judges that replay what was recorded."""
    return [
        {"name": f"judge-{letter}", "kind": "replay", "reply": RECORDED}
        for letter in "abcdefghijklmnopqrstuvwxyz"[:count]
    ]


def record(
    root: Path,
    slots: Iterable[str],
    replies: Mapping[str, str | None] | None,
    reply: Callable[..., str],
) -> None:
    """Write the recorded replies of a replay panel."""
    for slot in slots:
        score = round(1 - int(slot[-2:]) / 10, 1)
        write(root / "recorded" / f"{slot}.txt", (replies or {}).get(slot, reply(score)))


def _numbers(entries: list[dict[str, Any]]) -> range:
    return range(1, len(entries) + 1)
