"""What to run next: the command that helps most comes first."""

from __future__ import annotations

import pytest

from harness.model import SlotStatus
from harness.report.advice import advice

REPORT = ("python -m harness report exp -o report.html", "draws a page of all this")
AGREEMENT = ("python -m harness agreement exp", "prints how far the judges agree")


@pytest.mark.parametrize(
    ("counts", "first"),
    [
        ({}, REPORT),
        (
            {SlotStatus.MISSING: 2, SlotStatus.FAILED: 1, SlotStatus.STALE: 3},
            ("pytest exp", "judges what is open: 2 missing, 1 failed"),
        ),
        ({SlotStatus.FAILED: 2}, ("pytest exp --status failed", "tries the 2 failed slots again")),
        ({SlotStatus.STALE: 1}, ("pytest exp --status stale", "judges the stale slot anew")),
    ],
)
def test_work_that_is_left_comes_first(
    counts: dict[SlotStatus, int], first: tuple[str, str]
) -> None:
    """Open slots, then failed ones alone, then stale ones; without any, a look."""
    made = advice(counts, "exp")
    assert made[0] == first
    assert made[-2:] == (REPORT, AGREEMENT)


@pytest.mark.parametrize(
    ("counts", "first"),
    [
        ({}, ("python -m harness merge TARGET exp", "puts the shards together")),
        (
            {SlotStatus.MISSING: 2},
            ("pytest exp --judge-shard 1/3", "judges what is open in shard 1/3: 2 missing"),
        ),
        (
            {SlotStatus.FAILED: 1},
            ("pytest exp --judge-shard 1/3 --status failed", "tries the failed slot again"),
        ),
        (
            {SlotStatus.STALE: 1},
            ("pytest exp --judge-shard 1/3 --status stale", "judges the stale slot anew"),
        ),
    ],
)
def test_advice_to_a_shard_is_about_its_own_runs(
    counts: dict[SlotStatus, int], first: tuple[str, str]
) -> None:
    """Those of other jobs are theirs; a shard that is done is merged."""
    assert advice(counts, "exp", shard="1/3")[0] == first


def test_the_most_disputed_run_can_be_shown() -> None:
    """Its id is quoted for the shell."""
    made = advice({}, "exp", disputed=("exp/experiment.yaml::runs/a b", 0.5))
    assert made[0] == (
        "python -m harness show 'exp/experiment.yaml::runs/a b'",
        "shows the most disputed run: its judges are 0.50 apart",
    )


def test_a_directory_is_quoted() -> None:
    """A name cannot become a command."""
    assert advice({SlotStatus.MISSING: 1}, "x; rm -r y")[0][0] == "pytest 'x; rm -r y'"
