"""Baselines: what is written is read again, and anything else is refused in one message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.baseline import read_baseline, write_baseline
from harness.comparison import Point
from harness.errors import SelectionError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every experiment with every run, those without a consensus too."""
    saved = {
        "one": (Point(run="runs/a", task=".", score=0.1 + 0.2, passed=True),),
        "two": (Point(run="runs/b", task="t", score=None, passed=None),),
        "none": (),
    }
    write_baseline(tmp_path / "base.json", saved)
    assert read_baseline(tmp_path / "base.json") == saved


def one_run(keys: str) -> str:
    """Return a baseline of one run with these keys."""
    run = f'{{"run": "a", "task": ".", {keys}}}'
    return f'{{"baseline": 1, "experiments": [{{"name": "x", "runs": [{run}]}}]}}'


HOW = "write one with: python -m harness baseline DIR -o FILE"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "there is no such file"),
        ("", "is empty"),
        ("{}", "is no baseline"),
        ('{"baseline": 2, "experiments": []}', "is no baseline"),
        (
            '{"baseline": 1, "experiments": [{"name": "x"}]}',
            "is a damaged baseline (KeyError: 'runs')",
        ),
        (
            one_run('"score": 1.5, "passed": true'),
            "is a damaged baseline (ValueError: score must be within 0..1, got 1.5)",
        ),
        (
            one_run('"score": 0.5, "passed": 1'),
            "is a damaged baseline (TypeError: passed must be true, false, or null)",
        ),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str | None, why: str) -> None:
    """With the file, the defect, and the command that writes one."""
    path = tmp_path / "base.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SelectionError) as caught:
        read_baseline(path)
    assert str(caught.value) == f"{path}: {why}; {HOW}"
