"""One call of a judge: what it is asked, and its answer, cleaned of secrets and priced."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness import files, judges
from harness.errors import HarnessError, JudgeError, RetryableError
from harness.exchange import Exchange
from harness.judges import Question, Reply
from harness.layouts.base import Found
from harness.model import Failed
from harness.prices import cost_of
from harness.process import clean_environment
from harness.prompt import clean
from harness.record import judgment_object
from harness.redact import redact_error
from harness.reply import parse_reply
from harness.spool import CleanLaunch, Reading
from harness.turns import ASIDE
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from harness.attempt import Asks, Bench
    from harness.freeze import FrozenPrompt
    from harness.layouts import Layout
    from harness.model import Judgment, Outcome, Slot
    from harness.redact import Redactor


class Asked(Value, frozen=True):
    """What came of the calls about a slot that were made before in this session.

    ``whys``: why each was no use. ``reminder``: what is said of it to the judge.
    """

    whys: tuple[str, ...] = ()
    reminder: str = ""

    def again(self, error: RetryableError) -> Asked:
        """Return what is known once another answer was no use."""
        return Asked((*self.whys, str(error)), reminder_of(error))


NOT_ASKED = Asked()


def asked_again(outcome: Outcome) -> Asked | None:
    """Return how to go on after an answer that was no use; None if the outcome is the last."""
    if isinstance(outcome, Failed) and isinstance(outcome.error, RetryableError):
        again = outcome.error.again
        return again if isinstance(again, Asked) else None
    return None


def question_for(
    slot: Slot,
    layout: Layout,
    bench: Bench,
    *,
    prompt: FrozenPrompt,
    directory: Path,
    scratch: Path,
    claim_fd: int,
    reading: Reading,
    added: str = "",
) -> Question:
    """Return one attempt's question; ``added`` stands at the end of the frozen prompt."""
    text, file = prompt.text + added, prompt.path
    if added:
        file = directory / "prompt.md"
        root = layout.experiment.root
        files.commit_bytes(file, text.encode("utf-8"), root=root, durable=False)
    stdout, stderr = directory / "stdout", directory / "stderr"
    return Question(
        slot=slot,
        experiment=layout.experiment,
        prompt=text,
        prompt_file=file,
        output=layout.output(slot.run),
        workspace=layout.workspace(slot.run),
        scratch=scratch,
        stdout=stdout,
        stderr=stderr,
        timeout=min(slot.judge.timeout, bench.timeout or slot.judge.timeout),
        env=environment_for(slot, bench),
        launch=CleanLaunch(
            launcher=bench.launcher,
            redactor=bench.redactor,
            own=stdout,
            reading=reading,
            inherit=(claim_fd,),
        ),
        exchange=Exchange(bench.launcher.endings, bench.redactor, stdout, stderr),
    )


def environment_for(slot: Slot, bench: Bench) -> dict[str, str]:
    """Return what a judge may see of the environment: by its kind, and by its configuration."""
    names = judges.environment_of(slot.judge)
    return clean_environment(bench.environment, names) | {"HARNESS_SLOT": slot.name}


def version_of(judge: object, slot: Slot, bench: Bench) -> str | None:
    """Return the version of the program that the judge runs, if it runs one that has any."""
    if not isinstance(judge, judges.Versioned):
        return None
    with ASIDE:
        return judge.version(environment_for(slot, bench))


def answer_of(
    judge: Asks, question: Question, *, redactor: Redactor, price: Mapping[str, float] | None
) -> Reply:
    """Ask; return the reply, or raise what the judge raises, with nothing secret in either."""
    try:
        with ASIDE:
            answer = judge.ask(question)
    except BaseException as error:
        redact_error(error, redactor)
        spent = getattr(error, "spent", None)
        if isinstance(error, JudgeError) and isinstance(spent, Reply):
            error.spent = priced(spent, price)
        if isinstance(error, Exception) and (told := redactor(str(error))) != str(error):
            raise JudgeError(f"{type(error).__name__}: {told}") from None  # it hides its text
        raise
    reply = Reply(text=answer) if isinstance(answer, str) else answer
    if not isinstance(reply, Reply):  # a hook's judge may return anything
        raise JudgeError(f"the judge returned {type(reply).__name__}, not a reply")
    text: object = reply.text
    if not isinstance(text, str):
        kind = type(text).__name__
        raise JudgeError(f"the judge returned a reply whose text is {kind}, not str")
    return priced(replace(reply, text=redactor(text)), price)


def priced(reply: Reply, price: Mapping[str, float] | None) -> Reply:
    """Return the reply with its cost: as the judge reports it, else from tokens and price."""
    if reply.cost_usd is not None:
        return reply
    return replace(reply, cost_usd=cost_of(reply.tokens, price))


def value_of(
    reply: Reply,
    slot: Slot,
    layout: Layout,
    *,
    prompt: FrozenPrompt,
    attempt: Path,
    token: str | None,
    started: datetime,
    version: str | None,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """Return the judgment that a reply is, as it is recorded; an invalid one says where it lies."""
    try:
        verdict = parse_reply(reply.text, token=None if reply.structured else token)
    except RetryableError as error:
        error.reminder = str(error)
        error.args = (f"{error}; it is kept in {attempt / 'stdout'}",)
        raise
    value = judgment_object(
        verdict,
        slot,
        reply,
        prompt=prompt,
        attempt=attempt.name,
        started=started,
        seconds=seconds,
        score_from=layout.experiment.score_from,
    )
    value["provenance"]["judge_version"] = version
    return value


def reminder_of(error: RetryableError) -> str:
    """Return what is appended to the prompt when a judge is asked once more.

    What was wrong may quote the reply, which may quote the agent: it is cleaned as the agent's
    own text is, and stands in one line.
    """
    why = " ".join(clean(error.reminder or str(error)).split())[:300]
    return (
        f"\nYou were asked this before, and your answer could not be used: {why}.\n"
        "Reply with one JSON object as described above, complete, and nothing after it.\n"
    )


def told_with(error: Exception, before: Sequence[str]) -> None:
    """Add to the error of the last attempt what became of those before it."""
    if before and isinstance(error, HarnessError) and error.args:
        last = str(error.args[0])
        same = {_ATTEMPT.sub("", why) for why in before} == {_ATTEMPT.sub("", last)}
        told = f"asked {len(before) + 1} times, each time with this end" if same else retold(before)
        error.args = (f"{last} ({told})", *error.args[1:])


_ATTEMPT = re.compile(r"(?<=/attempts/)\d+(?=/)")
"""What differs between messages that say the same of two attempts."""


def retold(before: Sequence[str]) -> str:
    """Say how often a judge was asked, and what came of it before the last time."""
    return f"asked {len(before) + 1} times; before: {'; '.join(before)}"


def version_notes(layout: Layout, slot: Slot, judgment: Judgment) -> list[str]:
    """Say where other judgments of the run were made with another version of the program."""
    own = judgment.provenance.get("judge_version")
    if own is None:
        return []
    notes = []
    for judge in layout.experiment.panel:
        if judge.kind == slot.judge.kind and judge.number != slot.judge.number:
            found = layout.read_slot(slot.run, judge)
            other = found.judgment.provenance if isinstance(found, Found) else {}
            version = other.get("judge_version", own)
            if isinstance(version, str) and version != own:
                notes.append(
                    f"{slot.name}: judged by {judge.kind} {own}, {judge.slot} by {version}"
                )
    return notes


def remarks(layout: Layout, slot: Slot, judgment: Judgment) -> list[str]:
    """Say what is odd about a judgment, for whoever reads the session's summary."""
    notes = version_notes(layout, slot, judgment)
    unknown = judgment.provenance.get("unknown_criteria")
    if unknown and isinstance(unknown, list):
        names = ", ".join(map(str, unknown))
        why = "criteria that the rubric does not know count for nothing"
        notes.append(f"{slot.name}: {why}: {names}")
    return notes
