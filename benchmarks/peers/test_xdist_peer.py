"""pytest-xdist: a test for each slot; LANES workers."""

import pytest

from benchmarks.peers.calls import SLOTS, ask


@pytest.mark.parametrize("number", range(len(SLOTS)))
def test_slot(number: int) -> None:
    """Ask the judge."""
    assert ask(SLOTS[number]) > 0  # noqa: S101 - a test asserts
