"""What a test case says of its slot, beside its score and verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.junit import slot_properties
from harness.model import Deferred, Judged
from harness.plugin.collect import SlotItem

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = ("score", "passed")
"""Properties that the slot itself puts on its item."""


class Properties:
    """Puts what is known of a slot on its test case; at work in every process that judges."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        """Add the properties before the report is made; one that is run again has new ones."""
        if isinstance(item, SlotItem) and item.became is not None:
            found = dict(_properties(item))
            kept = [pair for pair in item.user_properties if pair[0] in OWN or pair[0] not in found]
            item.user_properties[:] = [*kept, *found.items()]
        return (yield)


def _properties(item: SlotItem) -> Iterator[tuple[str, str]]:
    became = item.became
    slot = item.slot
    if isinstance(became, Judged):
        slot = replace(slot, judgment=became.judgment)
    # The name of an attempt is chance, and the status is what the scan saw, before the session.
    left_out = (*OWN, "attempt", "status")
    yield from ((k, v) for k, v in slot_properties(slot).items() if k not in left_out)
    if became is not None and not isinstance(became, Deferred):
        yield "attempts_paid", str(became.calls.paid)
        if became.calls.cost_usd is not None:
            yield "cost_usd", str(became.calls.cost_usd)
