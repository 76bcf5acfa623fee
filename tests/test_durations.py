"""What judges are expected to take."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from harness.durations import UNKNOWN, Durations, recorded
from tests.workshop import VERDICT, scanned, write_experiment

if TYPE_CHECKING:
    from pathlib import Path


def test_the_expectation_is_the_median_of_what_is_known() -> None:
    """One call that hung does not make its judge a slow one."""
    known = Durations([("fast", 3.0), ("fast", 900.0), ("fast", 1.0), ("slow", 60.0)])
    assert known.expected("fast") == 3.0
    assert known.expected("slow") == 60.0


def test_a_judge_that_was_never_timed_is_expected_to_take_the_longest() -> None:
    """So it is asked first, and is known from then on."""
    known = Durations([("slow", 1e6)])
    assert known.expected("new") == UNKNOWN > known.expected("slow")
    known.add("new", 2.0)
    assert known.expected("new") == 2.0


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_what_is_no_duration_teaches_nothing(seconds: float) -> None:
    """A damaged record does not decide what goes first."""
    known = Durations([("one", 5.0), ("one", seconds)])
    assert known.expected("one") == 5.0


@pytest.mark.parametrize(
    ("value", "found"), [(1.5, [(1, 1.5)]), (2, [(1, 2.0)]), (True, []), ("2", []), (None, [])]
)
def test_judgments_on_record_say_what_their_judges_took(
    tmp_path: Path, value: Any, found: list[tuple[int, float]]
) -> None:
    """Slots without a judgment, and judgments that do not say, are passed over."""
    root = write_experiment(tmp_path / "e", runs=("a", "b"))
    slot = root / "runs/a/judge/judge_01"
    slot.mkdir(parents=True)
    judgment = {**VERDICT, "provenance": {"duration_seconds": value}}
    (slot / "judgment.json").write_text(json.dumps(judgment))
    assert list(recorded(scanned(root).slots)) == found
