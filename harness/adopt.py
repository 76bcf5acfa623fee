"""What sessions that died have left of a slot: an answer to adopt, or a loss to record.

Called under the slot's claim, which a judge holds as long as it lives: so whatever
is found here has come to its end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness import files, judges, ledger, scratch
from harness.errors import ExperimentError, JudgeError
from harness.judges import Question, Reply, Spools, Whole
from harness.launch import read_status, was_started
from harness.model import Calls
from harness.process import of_record
from harness.spool import READ_CAP, clean_files
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.layouts import Layout
    from harness.ledger import Entry
    from harness.model import Slot
    from harness.redact import Redactor


class Legacy(Value, frozen=True):
    """The attempts at a slot that may be adopted, the latest first, and the new losses."""

    answered: tuple[Entry, ...]
    calls: Calls


NOTHING = Legacy((), Calls())


def legacy(layout: Layout, slot: Slot, judge: object, redactor: Redactor) -> Legacy:
    """Look through a claimed slot's attempts, and record the end of those that have none.

    An attempt is answered if the exit status 0 is on record, by the launcher or by the
    harness itself, or if the output says itself that it is complete. Anything else may hold
    a draft only. An answer that was looked at and was no verdict is not looked at again.
    """
    found = list(ledger.entries(layout, slot.run, slot.judge))
    files.sweep(layout.slot_directory(slot.run, slot.judge))
    spools = isinstance(judge, Spools)
    answered, calls = [], Calls()
    for entry in found:
        if not entry.end:
            scratch.remove_left(entry.intent.get("scratch"))
            clean_files(redactor, entry.stdout, entry.directory / "stderr")
        if _is_answered(entry, judge):
            answered.append(entry)
        elif not entry.end:
            outcome = _end_of(entry, spools=spools)
            root = layout.experiment.root
            ledger.close_attempt(entry.directory, outcome, why=_WHY[outcome], root=root)
            calls += Calls(lost=int(outcome == ledger.LOST), wasted=int(outcome == ledger.FAILED))
    return Legacy(tuple(answered), calls)


_USABLE = (None, ledger.ANSWERED, ledger.INTERRUPTED, ledger.JUDGED)
"""How an attempt ended whose answer, if it has one, may be a verdict."""


def _is_answered(entry: Entry, judge: object) -> bool:
    return entry.end.get("outcome") in _USABLE and has_answer(entry, judge)


def has_answer(entry: Entry, judge: object) -> bool:
    """Tell whether an attempt's answer is complete, whatever was made of it."""
    if entry.end.get("outcome") == ledger.ANSWERED or entry.end.get("answered") is True:
        return True
    if isinstance(judge, Whole) and judge.is_whole(_written(entry)):
        return True
    status = read_status(entry.stdout)
    return status is not None and status.exit_code == 0 and not status.told


def _written(entry: Entry) -> str:
    match files.read_bytes(entry.stdout, root=entry.directory, cap=READ_CAP):
        case files.Ok(content):
            return str(content.decode("utf-8", "replace"))
        case _:
            return ""


_WHY = {
    ledger.FAILED: "the judge ended badly after the session that had asked it was gone",
    ledger.LOST: "the session that had asked the judge is gone, and no answer is complete",
    ledger.REFUSED: "the session was gone before the judge had been asked",
}


def _end_of(entry: Entry, *, spools: bool) -> str:
    if read_status(entry.stdout) is not None:
        return ledger.FAILED
    if spools and not was_started(entry.stdout):
        return ledger.REFUSED
    return ledger.LOST


def same_question(
    found: Legacy, inputs: dict[str, str | None], substitute: str | None
) -> Iterator[Entry]:
    """Yield the answered attempts at which the same judge was asked the very same."""
    for entry in found.answered:
        same = all(entry.intent.get(name) == value for name, value in inputs.items())
        if same and entry.intent.get("substitute") == substitute:
            yield entry


def substitute_for(slot: Slot, judge: object) -> str | None:
    """Name what a hook supplied in place of the slot's configured judge; None for that itself."""
    kind = type(judge)
    if kind is judges.find(slot.judge.kind):
        return None
    return f"{kind.__module__}.{kind.__qualname__}"


def _figures(entry: Entry) -> Reply:
    """Return what the harness recorded of a reply beside its text."""
    end = entry.end
    return Reply(
        text="",
        model=end.get("model"),
        tokens=end.get("tokens"),
        cost_usd=end.get("cost_usd"),
        structured=end.get("structured") is True,
    )


def reader_of(judge: object, slot: Slot) -> Spools | None:
    """Return who can read the output of the slot's judge: the judge, or the one it wraps."""
    if isinstance(judge, Spools):
        return judge
    try:
        configured = judges.build(slot.judge)
    except ExperimentError:
        return None
    return configured if isinstance(configured, Spools) else None


def recorded_reply(entry: Entry, question: Question, reader: Spools | None) -> Reply:
    """Read the answer of an earlier attempt as it was read, or would have been, then."""
    if reader is not None and not entry.end.get("answered"):
        return reader.reply_of(of_record(question.stdout, question.stderr), question)
    match files.read_text(entry.stdout, root=entry.directory):
        case files.Ok(text):
            return replace(_figures(entry), text=str(text))
        case _:
            raise JudgeError("the recorded reply cannot be read")
