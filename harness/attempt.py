"""One slot, start to end: claim it, find out what is known, ask, commit.

Everything here runs in a worker thread, or in the main thread when there is only
one; it touches the slot's own files and nothing that is shared.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Protocol

from harness import disk, files, judges
from harness.adopt import substitute_for
from harness.asking import Attempts
from harness.calling import NOT_ASKED, Asked
from harness.dispatch import calls_before
from harness.errors import DiskError, ExperimentError, RetryableError
from harness.layouts.base import Damaged, Found
from harness.locks import claim, holder
from harness.model import NO_CALLS, Deferred, Judged, Judgment, SlotStatus
from harness.process import Launcher
from harness.redact import redactor_of
from harness.spool import READERS
from harness.turns import in_turn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Semaphore

    from harness.judges import Question, Reply
    from harness.layouts import Layout
    from harness.model import Slot
    from harness.redact import Redactor


class Asks(Protocol):
    """The part of a judge that an attempt needs; a hook may supply any object with it."""

    def ask(self, question: Question) -> Reply | str:
        """Answer a question or raise ``JudgeError``."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What all attempts of a session share: the launcher, and one snapshot of the environment.

    The snapshot is taken before the pool starts: reading ``os.environ`` from a thread
    races with pytest, which changes it for every test.
    """

    launcher: Launcher = field(default_factory=Launcher)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    timeout: float | None = None
    readers: Semaphore = field(default_factory=lambda: BoundedSemaphore(READERS))
    redactor: Redactor = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "redactor", redactor_of(self.environment))


def judge_slot(
    slot: Slot,
    *,
    layout: Layout,
    bench: Bench,
    judge: Asks | None = None,
    patient: bool = False,
) -> Judged | Deferred:
    """Judge one slot and commit the judgment; raise what kept it from having one.

    ``judge`` replaces the configured one. Nothing is paid for a slot that another process
    is judging, or has judged since the scan, or that a session that died has a finished
    answer for. ``patient``: wait for another process that judges the slot, up to the judge's
    time limit. A judge whose answer was no use is asked once more at once, as often as the
    experiment allows.
    """
    asked, calls = NOT_ASKED, NO_CALLS
    while True:
        try:
            outcome = attempt_slot(
                slot, layout=layout, bench=bench, judge=judge, patient=patient, asked=asked
            )
        except BaseException as error:
            calls += calls_before(error)
            error.calls = calls  # type: ignore[attr-defined] # read by the safe wrapper
            if not isinstance(error, RetryableError) or error.again is None:
                raise
            asked = error.again
        else:
            return replace(outcome, calls=calls + outcome.calls)


def attempt_slot(
    slot: Slot,
    *,
    layout: Layout,
    bench: Bench,
    judge: Asks | None = None,
    patient: bool = False,
    asked: Asked = NOT_ASKED,
) -> Judged | Deferred:
    """Judge one slot with one call at most; raise what kept it from having a judgment.

    As ``judge_slot``, but ``asked`` says what came of asking before, and a ``RetryableError``
    says in ``again`` how to go on. What is raised says in ``calls`` what was paid.
    """
    with in_turn():
        return _attempt(slot, layout, bench, judge, patient=patient, asked=asked)


def _attempt(
    slot: Slot, layout: Layout, bench: Bench, judge: Asks | None, *, patient: bool, asked: Asked
) -> Judged | Deferred:
    started, began = time.time(), time.monotonic()
    problem = slot.run.problem or layout.unusable_workspace(slot.run.path)  # since the scan
    if problem is not None:
        raise ExperimentError(problem)
    directory = layout.slot_directory(slot.run, slot.judge)
    with contextlib.ExitStack() as stack:
        with disk.writing(directory):
            files.make_directory(directory, root=layout.experiment.root)
            wait = slot.judge.timeout if patient else 0.0
            fd = stack.enter_context(claim(layout.claim_file(slot), wait=wait))
        if fd is None:
            reason = f"being judged by {holder(layout.claim_file(slot))}"
            return Deferred(slot=slot, reason=reason, started=started, seconds=0.0)
        judgment, notes = _present_judgment(slot, layout), ["judged by another session meanwhile"]
        attempts = None
        if judgment is None:
            attempts = _attempts(slot, layout, bench, judge=judge, fd=fd, asked=asked)
            judgment, notes = attempts.run()
    return Judged(
        slot=slot,
        judgment=judgment,
        started=started,
        seconds=time.monotonic() - began,
        notes=tuple(notes),
        calls=NO_CALLS if attempts is None else attempts.calls,
    )


def _attempts(
    slot: Slot, layout: Layout, bench: Bench, *, judge: Asks | None, fd: int, asked: Asked
) -> Attempts:
    asks = judges.build(slot.judge) if judge is None else judge
    substitute = None if judge is None else substitute_for(slot, judge)
    return Attempts(slot, layout, bench, asks, fd, substitute, asked)


def _present_judgment(slot: Slot, layout: Layout) -> Judgment | None:
    """Return a judgment that was made since the scan.

    One that cannot be read may be valid: ``DiskError``, before anything is paid.
    """
    found = layout.read_slot(slot.run, slot.judge)
    if isinstance(found, Damaged) and found.unreadable:
        raise DiskError(f"{found.why}; {disk.UNPAID}")
    if not isinstance(found, Found):
        return None
    if (slot.status is SlotStatus.STALE or slot.again) and slot.judgment is not None:
        same = found.judgment.raw == slot.judgment.raw
        return None if same else found.judgment
    return found.judgment
