"""The replies that judges gave and that were kept, read as they were read when they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import adopt, files, ledger
from harness.errors import JudgeError
from harness.judges import Question, Reply
from harness.model import Judgment
from harness.reply import parse_reply
from harness.staleness import is_own
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.layouts import Layout
    from harness.ledger import Entry
    from harness.model import Slot
    from harness.process import Finished
    from harness.reply import Verdict


class Source(Value, frozen=True):
    """A kept reply: an attempt's, or the one in a ``file`` of another tool."""

    directory: Path
    entry: Entry | None = None
    file: Path | None = None

    @property
    def free(self) -> bool:
        """Whether the judge can be asked again for nothing."""
        return self.entry is not None and self.entry.end.get("free") is True

    def reply(self, slot: Slot, layout: Layout) -> Reply:
        """Read it; ``JudgeError`` if it cannot be read, or its judge did not end well."""
        if self.entry is None:
            assert self.file is not None, "one of them is there"  # noqa: S101 - narrows the type
            match files.read_text(self.file, root=layout.experiment.root):
                case files.Ok(text):
                    return Reply(text=str(text))
                case _:
                    raise JudgeError(f"{self.file}: the recorded reply cannot be read")
        question = question_of(slot, layout, self.entry)
        return adopt.recorded_reply(self.entry, question, adopt.reader_of(None, slot))

    def verdict(self, slot: Slot, layout: Layout) -> Verdict:
        """Return the verdict it holds; the ``JudgeError`` of one that has none says where it is."""
        token = None if self.entry is None else self.entry.intent.get("token")
        try:
            reply = self.reply(slot, layout)
            asked = isinstance(token, str) and not reply.structured
            return parse_reply(reply.text, token=token if asked else None)
        except JudgeError as error:
            place = self.file if self.entry is None else self.entry.stdout
            raise JudgeError(f"{error}; it is kept in {place}") from None


def source_of(slot: Slot, judgment: Judgment, layout: Layout) -> Source | None:
    """Return the reply that a judgment was made from."""
    attempt = judgment.provenance.get("attempt")
    if isinstance(attempt, str):
        for entry in ledger.entries(layout, slot.run, slot.judge):
            if entry.directory.name == attempt:
                return Source(entry.directory, entry) if files.is_file(entry.stdout) else None
        return None
    file = layout.kept_reply(slot.run, slot.judge)
    if file is None:
        return None
    return Source(layout.attempts_directory(slot.run, slot.judge) / "reparsed", file=file)


def answered(slot: Slot, layout: Layout) -> Iterator[Entry]:
    """Yield the attempts of a slot without a judgment whose answer is complete, the latest first.

    Only those of the judge whose slot it is.
    """
    reader = adopt.reader_of(None, slot)
    for entry in ledger.entries(layout, slot.run, slot.judge):
        asked = Judgment(
            score=0, passed=False, grade="", reasoning="", raw={"provenance": entry.intent}
        )
        if adopt.has_answer(entry, reader) and is_own(asked, slot.judge):
            yield entry


def question_of(slot: Slot, layout: Layout, entry: Entry) -> Question:
    """Return the question of an attempt as far as reading its answer needs it."""
    return Question(
        slot=slot,
        experiment=layout.experiment,
        prompt="",
        prompt_file=entry.directory / "prompt.md",
        output=None,
        workspace=None,
        scratch=entry.directory,
        stdout=entry.directory / "stdout",
        stderr=entry.directory / "stderr",
        timeout=slot.judge.timeout,
        env={},
        launch=_refuse,
    )


def _refuse(*_: Any, **__: Any) -> Finished:
    raise AssertionError("a reply that is only read again starts nothing")
