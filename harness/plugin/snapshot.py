"""The slots of a session as they travel from the controller of pytest-xdist to its workers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import ExperimentError
from harness.model import SlotStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Slot
    from harness.scan import Scan


def listed(slots: Iterable[Slot]) -> list[list[str]]:
    """Return the slots that were selected: name, status, and what tells a judgment to replace."""
    return [[slot.name, slot.status.value, _mark(slot) if slot.again else ""] for slot in slots]


def as_listed(scanned: Scan, listed: list[list[str]]) -> list[Slot]:
    """Return the slots that the controller listed, with the status it saw."""
    known = {slot.name: slot for slot in scanned.slots}
    slots = []
    for name, status, mark in listed:
        slot = known.get(name)
        if slot is None:
            raise ExperimentError(
                f"{scanned.layout.experiment.config_file}: {name} has vanished since the session "
                "started; run the same command again"
            )
        # Only while it is as the controller saw it is a judgment to be replaced; any other
        # that is found was made meanwhile, and holds.
        if slot.status is not SlotStatus(status) or (mark and _mark(slot) != mark):
            slot = replace(slot, status=SlotStatus.MISSING, judgment=None)
        slots.append(replace(slot, again=bool(mark)) if mark and slot.judgment else slot)
    return slots


def _mark(slot: Slot) -> str:
    raw = None if slot.judgment is None else slot.judgment.raw
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
