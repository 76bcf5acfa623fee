"""Slots by name, for people: by status, or what a dry run would judge first; long lists are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import JUDGEABLE, SlotStatus
from harness.text import safe_line
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from harness.model import Slot

LISTED = 10
"""Slots that are listed by name for each status."""

ORDER = (
    SlotStatus.MISSING,
    SlotStatus.FAILED,
    SlotStatus.STALE,
    SlotStatus.COMPLETE,
    SlotStatus.BLOCKED,
)


class Listing(Value, frozen=True):
    """How slots are listed: ``shown`` makes a line of a message, ``whole`` cuts no list."""

    shown: Callable[[str], str]
    whole: bool = False

    def by_status(self, slots: Iterable[Slot], left_out: Collection[SlotStatus] = ()) -> list[str]:
        """Return slots below their status; of ``left_out`` ones it says that nobody chose them."""
        found: dict[SlotStatus, list[Slot]] = {}
        for slot in slots:
            found.setdefault(slot.status, []).append(slot)
        lines: list[str] = []
        for status in ORDER:
            if status in found:
                head = f"{status}, not selected" if status in left_out else status
                lines += self._below(head, found[status])
        return lines

    def planned(
        self, chosen: Sequence[Slot], slots: Iterable[Slot], statuses: Collection[SlotStatus]
    ) -> list[str]:
        """Return all slots of an experiment, first those that would be judged.

        Their status says that if all slots of the ``statuses`` asked for would be.
        """
        names = {slot.name for slot in chosen}
        others = [slot for slot in slots if slot.name not in names]
        asked = set(statuses) & set(JUDGEABLE)
        if not any(slot.status in asked for slot in others):
            return self.by_status(slots)
        first = self._below("would be judged", chosen) if chosen else ()
        return [*first, *self.by_status(others, asked)]

    def _below(self, head: str, slots: Sequence[Slot]) -> Iterator[str]:
        yield f"  {head}: {len(slots)}"
        most = len(slots) if self.whole else LISTED
        for slot in slots[:most]:
            why = f": {self.shown(slot.why)}" if slot.why else ""
            yield f"    {slot.name} ({safe_line(slot.judge.name, 60)}){why}"
        if len(slots) > most:
            yield f"    ... and {len(slots) - most} more"
