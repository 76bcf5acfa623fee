"""The statistics of an experiment in one call, without pytest and without a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.agreement import agreement
from harness.bounds import points_of
from harness.comparison import compare
from harness.gather import sheet_of
from harness.layouts import open_experiment
from harness.scan import scan

if TYPE_CHECKING:
    from harness.agreement import Agreement
    from harness.comparison import Comparison
    from harness.sheet import Sheet


def measure_agreement(path: str | Path) -> Agreement:
    """Say how far the judges of an experiment agree, from the judgments on disk.

    Raises ``ExperimentError`` if the experiment cannot be read.
    """
    return agreement(_sheet(path))


def compare_experiments(first: str | Path, second: str | Path) -> Comparison:
    """Say what changed from one experiment to another; tasks that both have are paired.

    Raises ``ExperimentError`` if one of them cannot be read.
    """
    return compare(points_of(_sheet(first)), points_of(_sheet(second)))


def _sheet(path: str | Path) -> Sheet:
    return sheet_of(scan(open_experiment(Path(path))))
