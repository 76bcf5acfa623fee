"""What to run next, as commands that can be pasted; a pure function."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.model import SlotStatus

if TYPE_CHECKING:
    from collections.abc import Mapping


def advice(
    counts: Mapping[SlotStatus, int],
    directory: str,
    *,
    disputed: tuple[str, float] | None = None,
    shard: str = "",
) -> tuple[tuple[str, str], ...]:
    """Return commands and what each is good for, the most useful one first.

    ``disputed``: the id of the run whose judges are furthest apart, and how far that is.
    ``shard``: which part of the runs ``counts`` is about; "" means all of them.
    """
    place = shlex.quote(directory)
    judge = f"pytest {place} --judge-shard {shard}" if shard else f"pytest {place}"
    made = []
    if counts.get(SlotStatus.MISSING):
        where = f" in shard {shard}" if shard else ""
        made.append((judge, f"judges what is open{where}: {_open(counts)}"))
    elif counts.get(SlotStatus.FAILED):
        why = f"tries {_slots(counts[SlotStatus.FAILED], 'failed')} again"
        made.append((f"{judge} --status failed", why))
    if counts.get(SlotStatus.STALE):
        why = f"judges {_slots(counts[SlotStatus.STALE], 'stale')} anew"
        made.append((f"{judge} --status stale", why))
    if shard:
        made.append((f"python -m harness merge TARGET {place}", "puts the shards together"))
    if disputed is not None:
        why = f"shows the most disputed run: its judges are {disputed[1]:.2f} apart"
        made.append((f"python -m harness show {shlex.quote(disputed[0])}", why))
    made.append((f"python -m harness report {place} -o report.html", "draws a page of all this"))
    made.append((f"python -m harness agreement {place}", "prints how far the judges agree"))
    return tuple(made)


def _open(counts: Mapping[SlotStatus, int]) -> str:
    parts = [(counts.get(status, 0), status) for status in (SlotStatus.MISSING, SlotStatus.FAILED)]
    return ", ".join(f"{count} {status}" for count, status in parts if count)


def _slots(count: int, status: str) -> str:
    return f"the {status} slot" if count == 1 else f"the {count} {status} slots"
