"""An answer that was paid for before becomes the judgment of a claimed slot."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from harness import adopt, ledger
from harness.calling import priced, value_of
from harness.errors import JudgeError
from harness.model import ADOPTED, Calls

if TYPE_CHECKING:
    from harness.asking import Attempts
    from harness.freeze import FrozenPrompt
    from harness.model import Judgment


def adopted(own: Attempts, prompt: FrozenPrompt) -> tuple[Judgment, list[str]] | None:
    """Commit the latest finished answer to the very same question, if there is one."""
    reader = adopt.reader_of(own.judge, own.slot)
    found = adopt.legacy(own.layout, own.slot, reader, own.bench.redactor)
    own.calls += found.calls
    inputs = ledger.inputs_of(prompt, own.slot.judge, own.workspace)
    for entry in adopt.same_question(found, inputs, own.substitute):
        token = entry.intent.get("token")
        if own.slot.judge.require_token and not isinstance(token, str):
            continue
        question = own.question(entry.directory, prompt, entry.directory)
        try:
            reply = adopt.recorded_reply(entry, question, reader)
            reply = priced(reply, own.slot.judge.price)
            started, ended = entry.times()
            value = value_of(
                reply,
                own.slot,
                own.layout,
                prompt=prompt,
                attempt=entry.directory,
                token=token,
                started=started,
                version=entry.intent.get("version"),
            )
        except JudgeError:  # it was a wasted call then, and still is
            continue
        seconds = (ended - started).total_seconds()
        value["provenance"].update(ended=ended.isoformat(), duration_seconds=round(seconds, 3))
        judgment, notes = own.commit(value, entry.directory)
        own.calls += Calls(adopted=1, cost_usd=reply.cost_usd)
        with contextlib.suppress(OSError):  # the judgment is safe; this is for the ledger
            end = {**entry.end, "adopted": True, "cost_usd": reply.cost_usd}
            for key in ("outcome", "why", "ended"):
                end.pop(key, None)
            own.close(entry.directory, ledger.JUDGED, None, end)
        return judgment, [ADOPTED, *notes]
    return None
