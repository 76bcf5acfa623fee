"""Judgments derived once more from the replies that were kept; nobody is asked.

For after a change of the parser, of the rubric, or of which score counts.
"""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from harness import disk, files, ledger
from harness.calling import priced
from harness.commit import commit_judgment
from harness.differences import differences
from harness.errors import ExperimentError, JudgeError
from harness.freeze import FrozenPrompt
from harness.layouts.base import Found
from harness.locks import claim, holder
from harness.model import UNCHANGED, Deferred, Judged, Judgment, SlotStatus
from harness.record import judgment_object, scored
from harness.replies import Source, answered, source_of
from harness.staleness import MADE_FROM, is_own, rubric_marks
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.layouts import Layout
    from harness.ledger import Entry
    from harness.model import Slot
    from harness.reply import Verdict

REPARSED = (SlotStatus.COMPLETE, SlotStatus.STALE, SlotStatus.FAILED)
"""The statuses of slots that may have a reply."""


class Derived(Value, frozen=True):
    """What a slot's reply gives now; ``changes`` names the differences, for people.

    ``keep_in`` is the directory for the judgment that is replaced; ``value`` the new one.
    """

    value: dict[str, Any]
    keep_in: Path
    changes: tuple[str, ...]


def has_reply(slot: Slot, layout: Layout) -> bool:
    """Tell whether there is a reply that a slot's judgment can be derived from."""
    if slot.status not in REPARSED:
        return False
    if slot.judgment is None:
        return next(answered(slot, layout), None) is not None
    return is_own(slot.judgment, slot.judge) and source_of(slot, slot.judgment, layout) is not None


def reparse_slot(slot: Slot, *, layout: Layout) -> Judged | Deferred:
    """Derive a slot's judgment anew, and put it in the old one's place if it differs.

    The old one is kept among the attempts. ``JudgeError`` if the reply holds no valid
    verdict now; then the slot stays as it is.
    """
    started, began = time.time(), time.monotonic()
    root = layout.experiment.root
    with contextlib.ExitStack() as stack:
        with disk.writing(layout.slot_directory(slot.run, slot.judge)):
            files.make_directory(layout.slot_directory(slot.run, slot.judge), root=root)
            fd = stack.enter_context(claim(layout.claim_file(slot)))
        if fd is None:
            reason = f"being judged by {holder(layout.claim_file(slot))}"
            return Deferred(slot=slot, reason=reason, started=started, seconds=0.0)
        derived = derive(slot, layout)
        judgment, notes = slot.judgment, [UNCHANGED]
        if judgment is None or derived.changes:
            with disk.writing(derived.keep_in, consequence="the judgment is as it was"):
                judgment, notes = _replace(slot, layout, derived)
    return Judged(
        slot=slot,
        judgment=judgment,
        started=started,
        seconds=time.monotonic() - began,
        notes=tuple(notes),
        changed=", ".join(derived.changes),
    )


def derive(slot: Slot, layout: Layout) -> Derived:
    """Return what a slot's judgment would be; writes nothing."""
    if slot.run.problem is not None:
        raise ExperimentError(slot.run.problem)
    if slot.judgment is None:
        return _first(slot, layout)
    source = source_of(slot, slot.judgment, layout)
    if source is None:
        raise JudgeError("no reply was kept that the judgment could be derived from")
    try:
        verdict = source.verdict(slot, layout)
    except JudgeError as error:
        raise JudgeError(f"{error}; the judgment stays as it is") from None
    value = _value(slot, slot.judgment, verdict, layout, free=source.free)
    return Derived(value, source.directory, differences(slot.judgment.raw, value))


# --- judgments -------------------------------------------------------------------------------


def _first(slot: Slot, layout: Layout) -> Derived:
    """Make the judgment of a slot that has none, from its latest reply that parses."""
    problem: JudgeError | None = None
    for entry in answered(slot, layout):
        source = Source(entry.directory, entry)
        try:
            verdict = source.verdict(slot, layout)
            reply = priced(source.reply(slot, layout), slot.judge.price)
        except JudgeError as error:
            problem = problem or error
            continue
        started, ended = entry.times()
        value = judgment_object(
            verdict,
            slot,
            reply,
            prompt=_prompt_of(entry),
            attempt=entry.directory.name,
            started=started,
            seconds=(ended - started).total_seconds(),
            score_from=layout.experiment.score_from,
        )
        keys = ("judge", "kind", "model", "judge_sha256")
        value["provenance"].update({key: entry.intent.get(key) for key in keys})
        value["provenance"].update(judge_version=entry.intent.get("version"), reparsed=_now())
        return Derived(value, entry.directory, (f"no judgment -> score {value['score']:g}",))
    raise problem or JudgeError("no complete reply was kept")


def _prompt_of(entry: Entry) -> FrozenPrompt:
    intent: Mapping[str, Any] = entry.intent
    return FrozenPrompt(
        path=entry.directory / "prompt.md",
        text="",
        sha256=str(intent.get("prompt_sha256")),
        rubric={key: intent.get(key) for key in MADE_FROM},
        inputs_sha256=intent.get("inputs_sha256"),
    )


def _value(
    slot: Slot, old: Judgment, verdict: Verdict, layout: Layout, *, free: bool
) -> dict[str, Any]:
    """Lay what the reply gives now over the old judgment.

    A rubric that only weighs or grades otherwise asks the same, so the answer to the old
    one is an answer to it: the judgment is recorded as made from it. Not that of a free
    judge, which counts points itself and can be asked again for nothing.
    """
    fresh = scored(verdict, slot.run, score_from=layout.experiment.score_from)
    provenance = {**old.provenance, **fresh["provenance"]}
    rubric = slot.run.rubric
    if rubric is not None and not free and old.provenance.get("rubric_asks") == rubric.asks:
        provenance.update(rubric_marks(rubric))
    return {**old.raw, **fresh, "provenance": {**provenance, "reparsed": _now()}}


def _replace(slot: Slot, layout: Layout, derived: Derived) -> tuple[Judgment, list[str]]:
    root = layout.experiment.root
    files.make_directory(derived.keep_in, root=root)
    if slot.judgment is None:
        judgment, notes = commit_judgment(layout, slot, derived.value, derived.keep_in)
        _close(slot, layout, derived.keep_in)
        return judgment, notes
    found = layout.read_slot(slot.run, slot.judge)
    path = layout.judgment_file(slot.run, slot.judge)
    since = files.stamp(path)
    if not isinstance(found, Found) or found.judgment.raw != slot.judgment.raw:
        raise JudgeError(f"{path}: was written by someone else meanwhile; it is kept as it is")
    if since is not None:
        _keep(path, derived.keep_in)
    try:
        files.commit_json(path, derived.value, root=root, replace=since is not None, since=since)
    except (FileExistsError, files.EditedError):
        raise JudgeError(
            f"{path}: was written by someone else meanwhile; it is kept as it is"
        ) from None
    written = layout.read_slot(slot.run, slot.judge)
    if not isinstance(written, Found):  # somebody has been faster than this line
        raise JudgeError(f"{path}: was changed by someone else at once; it is kept as it is")
    return written.judgment, []


def _close(slot: Slot, layout: Layout, attempt: Path) -> None:
    """Record that the call was not wasted after all."""
    for entry in ledger.entries(layout, slot.run, slot.judge):
        if entry.directory == attempt:
            end = {k: v for k, v in entry.end.items() if k not in {"outcome", "why", "ended"}}
            root = layout.experiment.root
            with contextlib.suppress(OSError):  # the judgment is safe; this is for the ledger
                ledger.close_attempt(attempt, ledger.JUDGED, root=root, **end)


def _keep(path: Path, directory: Path) -> None:
    """Give the judgment that is replaced a second name among the attempts."""
    for number in count(1):
        prefix = "replaced" if number == 1 else f"replaced-{number}"
        with contextlib.suppress(FileExistsError):
            files.link(path, directory / f"{prefix}-{path.name}")
            return


def _now() -> str:
    return datetime.now(UTC).isoformat()
