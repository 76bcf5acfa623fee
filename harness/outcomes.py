"""What became of a slot, as a value: the safe wrapper, and what is said of a failure."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.model import NO_CALLS, Calls, Failed, Judged, Outcome, Raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model import Deferred, Slot

    Work = Callable[[Slot], Judged | Deferred]


def capture(slot: Slot, work: Work, *, pass_on: tuple[type[BaseException], ...] = ()) -> Outcome:
    """Do the work for ``slot`` and return what became of it; never raise.

    An ``Exception`` is the slot's own failure. Anything else, and ``pass_on``, is not
    about the slot: it travels with the outcome and is raised in the main thread.
    """
    started = time.time()
    began = time.monotonic()
    try:
        return work(slot)
    except BaseException as error:  # noqa: BLE001 - whatever a judge raises is its outcome
        own = isinstance(error, Exception) and not isinstance(error, pass_on)
        return (Failed if own else Raised)(
            slot=slot,
            error=error,  # type: ignore[arg-type] # an Exception wherever Failed takes it
            started=started,
            seconds=time.monotonic() - began,
            calls=calls_before(error),
        )


def calls_before(error: BaseException) -> Calls:
    """Return what had been paid for when ``error`` was raised, as far as it carries that."""
    found = getattr(error, "calls", None)
    return found if isinstance(found, Calls) else NO_CALLS


def light(outcome: Outcome) -> Outcome:
    """Return an outcome without the judgment's texts, which are on disk.

    Many outcomes may wait to be reported, and a judge may have written megabytes.
    """
    if not isinstance(outcome, Judged):
        return outcome
    raw = {"provenance": outcome.judgment.provenance}
    return replace(outcome, judgment=replace(outcome.judgment, reasoning="", raw=raw))


def explain(error: BaseException) -> str:
    """Return what a failure is, in one line for people."""
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, HarnessError) else f"{type(error).__name__}: {text}"
