"""What a session does with the slots it selects: judge, judge again, read again, or nothing."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from harness.dispatch import explain
from harness.errors import HarnessError, SelectionError
from harness.model import JUDGEABLE, WORK, SlotStatus
from harness.reparse import REPARSED, derive, has_reply, reparse_slot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from harness.layouts import Layout
    from harness.model import Deferred, Judged, Slot


class Mode(StrEnum):
    """One of them holds for a whole session."""

    JUDGE = "judge"
    REJUDGE = "rejudge"
    REPARSE = "reparse"
    REGENERATE = "regenerate_only"

    @property
    def replaces(self) -> bool:
        """Whether judgments of complete slots may be other ones afterwards."""
        return self in {Mode.REJUDGE, Mode.REPARSE}

    @property
    def default(self) -> Collection[SlotStatus]:
        """The statuses of the slots that are meant if nobody says which."""
        return {
            Mode.JUDGE: WORK,
            Mode.REJUDGE: (SlotStatus.COMPLETE,),
            Mode.REPARSE: REPARSED,
            Mode.REGENERATE: (),
        }[self]


def mode_of(
    *,
    rejudge: bool,
    reparse: bool,
    regenerate_only: bool,
    status: bool,
    spelt: Callable[[str], str] = str,
) -> Mode:
    """Return the mode that is asked for; ``SelectionError`` if the wishes contradict each other.

    ``status``: whether statuses are asked for. ``spelt``: how the options are written.
    """
    asked = {"rejudge": rejudge, "reparse": reparse, "regenerate_only": regenerate_only}
    given = [name for name, wanted in asked.items() if wanted]
    if len(given) > 1:
        names = " and ".join(spelt(name) for name in given)
        raise SelectionError(f"{names} exclude each other; give one of them")
    mode = Mode(given[0]) if given else Mode.JUDGE
    if status and mode is Mode.REJUDGE:
        raise SelectionError(
            f"{spelt('rejudge')} is about complete slots; leave {spelt('status')} out"
        )
    if status and mode is Mode.REGENERATE:
        raise SelectionError(
            f"{spelt('regenerate_only')} judges no slots; leave {spelt('status')} out"
        )
    return mode


def workable(mode: Mode, slots: Iterable[Slot], layout: Layout) -> tuple[Slot, ...]:
    """Return those of the selected slots that the mode has work with."""
    match mode:
        case Mode.REJUDGE:
            return tuple(
                replace(slot, again=True)
                for slot in slots
                if slot.status is SlotStatus.COMPLETE and slot.run.blocked is None
            )
        case Mode.REPARSE:
            return tuple(slot for slot in slots if has_reply(slot, layout))
        case Mode.REGENERATE:
            return ()
        case Mode.JUDGE:
            return tuple(slot for slot in slots if slot.status in JUDGEABLE)


def preview(slots: Iterable[Slot], layout: Layout) -> tuple[dict[str, str], dict[str, str]]:
    """Return what reading the replies again would change, and which of them fail; by slot name."""
    changed, failures = {}, {}
    for slot in slots:
        try:
            derived = derive(slot, layout)
        except HarnessError as error:
            failures[slot.name] = explain(error)
        else:
            if derived.changes:
                changed[slot.name] = ", ".join(derived.changes)
    return changed, failures


def reader(layout: Layout) -> Callable[[Slot], Judged | Deferred]:
    """Return the work of a session that only reads replies again."""
    return partial(reparse_slot, layout=layout)
