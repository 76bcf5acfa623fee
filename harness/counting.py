"""What a call or a session found and did, counted as it comes in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.disk import IN_A_ROW
from harness.dispatch import explain
from harness.errors import DiskError
from harness.model import (
    ADOPTED,
    NO_CALLS,
    UNCHANGED,
    Calls,
    Deferred,
    Failed,
    Judged,
    Raised,
    SlotStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.consensus import Consensus
    from harness.model import Outcome


@dataclass(slots=True)
class Statistics:
    """What a call found and did.

    ``slots``: the number of slots by status at the scan. ``selected``: names of the
    slots that were judged, or would be. ``failures`` and ``deferred``: reasons by slot
    name. ``consensus``: by run name, for runs with a judgment. ``problems``: messages
    about files that stopped nothing. ``calls``: what was paid. ``stopped``: why no more
    slots should be judged, if so. ``differ``: judgments whose declared score is not the
    one that their points give. ``changed``: what reading replies again changed, or would,
    by slot name. ``files``: derived files that were made again, or would be.
    """

    slots: Counter[SlotStatus] = field(default_factory=Counter)
    selected: tuple[str, ...] = ()
    judged: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    deferred: dict[str, str] = field(default_factory=dict)
    regenerated: int = 0
    consensus: dict[str, Consensus] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    calls: Calls = NO_CALLS
    stopped: str | None = None
    differ: int = 0
    changed: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    refused_in_a_row: int = 0

    @property
    def failed(self) -> int:
        """How many slots have failed, each counted once however often it was tried."""
        return len(self.failures)

    def add(
        self,
        slot: str,
        kind: str,
        *,
        why: str = "",
        notes: Iterable[str] = (),
        calls: Calls = NO_CALLS,
        refused: bool = False,
        changed: str = "",
        differ: bool = False,
    ) -> None:
        """Count what became of a slot; main thread only.

        ``changed`` and ``differ``: as in the fields. ``refused``: the disk would not have
        it. After some of these in a row ``stopped`` says why it is of no use to go on.
        """
        self.problems += [note for note in notes if note not in {ADOPTED, UNCHANGED}]
        self.calls += calls
        self.differ += differ
        if changed:
            self.changed[slot] = changed
        match kind:
            case "judged":
                self.judged += 1
                self.failures.pop(slot, None)
                self.refused_in_a_row = 0
            case "failed":
                self.failures[slot] = why
                self.refused_in_a_row = self.refused_in_a_row + 1 if refused else 0
            case "deferred":
                self.deferred[slot] = why
        if self.refused_in_a_row == IN_A_ROW:
            self.stopped = f"stopped: the disk refused {IN_A_ROW} slots in a row, at last {why}"

    def count(self, outcome: Outcome) -> None:
        """Add one outcome; main thread only."""
        name = outcome.slot.name
        match outcome:
            case Judged():
                self.add(
                    name,
                    "judged",
                    notes=outcome.notes,
                    calls=outcome.calls,
                    changed=outcome.changed,
                    differ=outcome.judgment.differs,
                )
            case Failed(error=error):
                self.add(
                    name,
                    "failed",
                    why=explain(error),
                    notes=outcome.notes,
                    calls=outcome.calls,
                    refused=isinstance(error, DiskError),
                )
            case Deferred():
                self.add(name, "deferred", why=outcome.reason, calls=outcome.calls)
            case Raised():
                raise outcome.error
