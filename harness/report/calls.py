"""The calls that are on record, and when each was at work; reads, never writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.ledger import LOST, REFUSED, entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ledger import Entry
    from harness.model import Slot
    from harness.scan import Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt: when it was at work, in seconds since the epoch, and how it ended.

    ``cost_usd`` is None where nobody knows it. ``tokens`` is the sum of what was counted.
    """

    slot: str
    judge: str
    started: float
    ended: float
    outcome: str
    why: str = ""
    cost_usd: float | None = None
    tokens: int | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started


def calls_of(scan: Scan) -> tuple[Call, ...]:
    """Return the calls on record in the order in which they were started."""
    found = [call for slot in scan.slots for call in slot_calls(scan, slot)]
    return tuple(sorted(found, key=lambda call: (call.started, call.slot)))


def slot_calls(scan: Scan, slot: Slot) -> Iterator[Call]:
    """Yield the calls made for one slot, the latest first; what was never asked is no call."""
    for entry in entries(scan.layout, slot.run, slot.judge):
        end = entry.end
        if end.get("outcome") == REFUSED:
            continue
        started, ended = _times(entry)
        yield Call(
            slot=slot.name,
            judge=slot.judge.name,
            started=started,
            ended=max(started, ended),
            outcome=str(end.get("outcome") or "open"),
            why=str(end.get("why") or ""),
            cost_usd=_figure(end.get("cost_usd")),
            tokens=_tokens(end.get("tokens")),
        )


def _times(entry: Entry) -> tuple[float, float]:
    """Return start and end; the answer's own time where the end was put on record later."""
    started, answered = entry.times()
    if entry.end.get("adopted") is True or entry.end.get("outcome") in (None, LOST):
        return started.timestamp(), answered.timestamp()
    try:
        ended = datetime.fromisoformat(str(entry.end.get("ended")))
    except ValueError:
        ended = answered
    ended = ended if ended.tzinfo else ended.replace(tzinfo=UTC)
    return started.timestamp(), ended.timestamp()


def _figure(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and isinstance(value, int | float) and 0 <= value < 1e9 else None  # noqa: PLR2004 - more is no price


def _tokens(value: object) -> int | None:
    counts = [_figure(count) for count in value.values()] if isinstance(value, dict) else []
    known = [count for count in counts if count is not None]
    return int(sum(known)) if known else None
