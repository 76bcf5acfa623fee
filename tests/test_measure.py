"""The statistics as library calls: the same figures as the commands print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness import ExperimentError, compare_experiments, measure_agreement
from tests.conftest import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def judged(root: Path, scores: dict[str, tuple[float, ...]]) -> Path:
    """Write the judgments of the runs of an experiment."""
    for run, given in scores.items():
        for number, score in enumerate(given, 1):
            path = root / "runs" / run / "judge" / f"judge_{number:02d}" / "judgment.json"
            write(path, json.dumps({"score": score, "passed": score >= 0.5}))
    return root


def test_agreement_is_measured_from_the_judgments_on_disk(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """By the experiment's directory, as text or path."""
    root = judged(make_experiment(tmp_path / "exp"), {"a": (0.9, 0.7), "b": (0.6, 0.2)})
    found = measure_agreement(str(root))
    assert (found.experiment, found.judges) == ("exp", ("judge-a", "judge-b"))
    assert found.split == ("runs/b",)
    assert found.whole.score.value == pytest.approx(0.6)
    assert found == measure_agreement(root)


def test_two_experiments_are_compared(tmp_path: Path, make_experiment: Callable[..., Path]) -> None:
    """From the first to the second."""
    first = judged(make_experiment(tmp_path / "one", judges=1), {"a": (0.9,), "b": (0.1,)})
    second = judged(make_experiment(tmp_path / "two", judges=1), {"a": (0.7,), "b": (0.7,)})
    found = compare_experiments(first, second)
    assert found.score.value == pytest.approx(0.2)
    assert [flip.run for flip in found.flips] == ["runs/b"]


def test_what_is_no_experiment_is_an_error(tmp_path: Path) -> None:
    """With the message that people read."""
    with pytest.raises(ExperimentError) as caught:
        measure_agreement(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.resolve()}: is no experiment; it needs experiment.yaml or "
        "config/experiment.json"
    )
