"""What a session found out about finished runs, for the next one to take over where it can.

Disk is the truth: a run is taken over only if nothing of it was changed since, by the time of
its files' last change, which nobody can set. Without a memory everything is as it is with one,
but for the time that it takes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from harness.consensus import Consensus  # noqa: TC001 - msgspec looks it up
from harness.layouts.base import Found
from harness.layouts.plain import PlainRuns
from harness.looking import stamps
from harness.model import Judgment, Slot, SlotStatus
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from harness.layouts.native import NativeLayout
    from harness.model import Run
    from harness.scan import Scan
    from harness.settle import Settled

YOUNG = 2 * 10**9
"""Nanoseconds: what changed shortly before it was looked at may change again at that very time,
as far as the file system tells."""


class Entry(Value, frozen=True, array_like=True):
    """One run: what was seen of it, and what followed from its files.

    ``given``: score, verdict, and grade of each judge of the panel. ``joint`` has no reasoning.
    """

    seen: int
    shared: str
    inputs_sha256: str
    given: list[tuple[float, bool, str]]
    joint: Consensus

    def is_of(self, seen: int, shared: str, judges: int) -> bool:
        """Tell whether the run is as it was then."""
        return (self.seen, self.shared, len(self.given)) == (seen, shared, judges)


class Taken(Judgment):
    """A judgment of which only score and verdict are known; the rest is read when asked for."""

    __slots__ = ("_known", "_read")
    _known: Judgment | None
    _read: Callable[[], object]

    def __init__(self, given: tuple[float, bool, str], read: Callable[[], object]) -> None:
        names = ("score", "passed", "grade", "_known", "_read")
        for name, value in zip(names, (*given, None, read), strict=True):
            object.__setattr__(self, name, value)

    def _whole(self) -> Judgment:
        known = self._known
        if known is None:
            found = self._read()
            score, passed, grade = self.score, self.passed, self.grade
            known = Judgment(score=score, passed=passed, grade=grade, reasoning="", raw={})
            known = found.judgment if isinstance(found, Found) else known
            object.__setattr__(self, "_known", known)
        return known

    def __reduce__(self) -> tuple[object, ...]:
        return _same, (self._whole(),)

    def __eq__(self, other: object) -> bool:
        return self._whole() == (other._whole() if isinstance(other, Taken) else other)

    __hash__ = Judgment.__hash__

    @property
    def reasoning(self) -> str:
        """The judge's own words."""
        return self._whole().reasoning

    @property
    def raw(self) -> Mapping[str, Any]:
        """The whole object on disk; empty if it is gone meanwhile."""
        return self._whole().raw


def _same(known: Judgment) -> Judgment:
    return known


class Memory:
    """The memory of one experiment; ``text``: what ``to_keep`` returned in an earlier session.

    ``settled`` has the consensus of the runs that were taken over, which is the one that is
    stored, by their names, without its reasoning.
    """

    def __init__(self, layout: NativeLayout, text: str = "") -> None:
        self.layout = layout
        self._plain = PlainRuns(layout)
        self._old = _decoded(text)
        self._began = time.time_ns()
        self._seen: dict[str, tuple[int, str]] = {}
        self._slots: dict[str, tuple[Slot, ...]] = {}
        self.settled: dict[str, Consensus] = {}

    def runs(self) -> Iterator[Run]:
        """Yield the runs; those that are taken over have slots by now, the others are read."""
        for name, path in self.layout.run_places():
            seen, latest = stamps(self._plain.watched(path)) or (None, 0)
            shared = self._plain.shared_by(path)
            entry = self._old.get(name)
            if seen is None or shared is None:
                yield self.layout.run_at(name, path)
            elif entry is not None and entry.is_of(seen, shared, len(self.layout.experiment.panel)):
                yield self._take(name, path, entry)
            else:
                if latest < self._began - YOUNG:
                    self._seen[name] = seen, shared
                yield self.layout.run_at(name, path)

    def _take(self, name: str, path: Path, entry: Entry) -> Run:
        run = self._plain.run(name, path, entry.inputs_sha256)
        self._slots[name] = tuple(
            Slot(
                run=run,
                judge=judge,
                status=SlotStatus.COMPLETE,
                judgment=Taken(given, partial(self.layout.read_slot, run, judge)),
            )
            for judge, given in zip(self.layout.experiment.panel, entry.given, strict=True)
        )
        self.settled[name] = entry.joint
        return run

    def slots(self, run: Run) -> tuple[Slot, ...] | None:
        """Return the slots of a run that was taken over; None for others."""
        return self._slots.get(run.name)

    def to_keep(self, scan: Scan, settled: Settled) -> str | None:
        """Return what the next session may remember; None if that has not changed."""
        rewritten = frozenset(settled.files)
        kept = {}
        for slots in scan.by_run():
            name = slots[0].run.name
            joint = settled.results.get(name)
            if name in self._slots:
                kept[name] = self._old[name]
            elif (
                joint is not None
                and self.layout.consensus_file(slots[0].run) not in rewritten
                and (entry := self._entry(name, slots, joint)) is not None
            ):
                kept[name] = entry
        return None if kept == self._old else msgspec.json.encode(kept).decode()

    def _entry(self, name: str, slots: tuple[Slot, ...], joint: Consensus) -> Entry | None:
        run, given = slots[0].run, []
        if name not in self._seen or not self._plain.is_plain(name, run):
            return None
        for slot in slots:
            found = slot.judgment
            if slot.status is not SlotStatus.COMPLETE or found is None:
                return None
            if not found.grade.isascii():  # JSON may hold what no file can
                return None
            given.append((found.score, found.passed, found.grade))
        return Entry(
            *self._seen[name], run.inputs_sha256 or "", given, replace(joint, reasoning="")
        )


def _decoded(text: str) -> dict[str, Entry]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Entry])
    except msgspec.MsgspecError:  # of another version, or damaged
        return {}
