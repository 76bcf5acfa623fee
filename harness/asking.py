"""The attempts at one claimed slot: adopt an answer that was paid for, or ask for one."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness import disk, files, ledger
from harness.adoption import adopted
from harness.calling import (
    NOT_ASKED,
    Asked,
    answer_of,
    question_for,
    remarks,
    retold,
    told_with,
    value_of,
    version_of,
)
from harness.commit import commit_judgment
from harness.dispatch import explain
from harness.errors import (
    DiskError,
    ExperimentError,
    JudgeError,
    KeptError,
    NotStartedError,
    RetryableError,
    ThrottledError,
    UsageLimitError,
)
from harness.fingerprint import fingerprint
from harness.freeze import FrozenPrompt, frozen_prompt
from harness.model import NO_CALLS, Calls, Judgment
from harness.prompt import token_line
from harness.scratch import scratch_directory
from harness.spool import LARGE, Reading
from harness.turns import ASIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.attempt import Asks, Bench
    from harness.judges import Question, Reply
    from harness.layouts import Layout
    from harness.model import Slot


@dataclass(slots=True)
class Attempts:
    """What is done for one claimed slot; ``calls`` says what that has cost so far.

    ``substitute`` names the judge if it is not the configured one. ``asked``: what came of
    asking before, in this session. ``workspace`` is the fingerprint of what the agent left
    behind, which a judge may look at.
    """

    slot: Slot
    layout: Layout
    bench: Bench
    judge: Asks
    claim_fd: int
    substitute: str | None = None
    asked: Asked = NOT_ASKED
    workspace: str | None = None
    calls: Calls = NO_CALLS

    def run(self) -> tuple[Judgment, list[str]]:
        """Adopt an answer, or ask for one.

        What is raised carries ``calls``.
        """
        try:
            workspace = self.layout.workspace(self.slot.run)
            if workspace is not None and not self.free:
                with ASIDE:  # it may be large
                    self.workspace = fingerprint(workspace)
            with disk.writing(self.layout.judge_directory(self.slot.run)):
                prompt = frozen_prompt(self.layout, self.slot)
                known = None if self.free or self.slot.again else adopted(self, prompt)
            return self._ask(prompt) if known is None else known
        except BaseException as error:
            error.calls = self.calls  # type: ignore[attr-defined] # read by the safe wrapper
            raise

    @property
    def free(self) -> bool:
        """Whether asking costs nothing and always gives the same: then it is just done again."""
        return getattr(self.judge, "deterministic", False)

    def _ask(self, prompt: FrozenPrompt) -> tuple[Judgment, list[str]]:
        """Ask once; an answer that is no use says in ``again`` how to ask once more, if one may."""
        whys = self.asked.whys
        try:
            judgment, notes = self._ask_once(prompt)
        except RetryableError as error:
            if not self.free and len(whys) < self.layout.experiment.retries:
                error.again = self.asked.again(error)
            raise
        return judgment, [*notes, *([f"{self.slot.name}: {retold(whys)}"] if whys else [])]

    def _ask_once(self, prompt: FrozenPrompt) -> tuple[Judgment, list[str]]:
        token = secrets.token_hex(8) if self.slot.judge.require_token else None
        started = datetime.now(UTC)
        version = version_of(self.judge, self.slot, self.bench)
        made: dict[str, Any] = {"started": started, "token": token, "version": version}
        with contextlib.ExitStack() as stack:
            with disk.writing(self.layout.slot_directory(self.slot.run, self.slot.judge)):
                scratch = stack.enter_context(scratch_directory(self.layout.experiment.root))
                directory = ledger.open_attempt(
                    self.layout,
                    self.slot,
                    prompt,
                    scratch=scratch,
                    substitute=self.substitute,
                    workspace=self.workspace,
                    **made,
                )
                added = self.asked.reminder + (token_line(token) if token is not None else "")
                reading = Reading(self.bench.readers)
                question = self.question(directory, prompt, scratch, added, reading=reading)
            end = stack.enter_context(self._recorded(directory))
            began = time.monotonic()
            with reading:
                reply = self._paid(question, end)
                made["seconds"] = time.monotonic() - began
                large = len(reply.text) > LARGE
                if large:
                    reading.begin()
                self._keep_reply(reply, question, end)
                value = value_of(
                    reply, self.slot, self.layout, prompt=prompt, attempt=directory, **made
                )
                del reply, question  # they may be large, and others wait for their turn
                if not large:
                    reading.end()  # nobody waits for the syncs of a small one
                return self.commit(value, directory)

    def _paid(self, question: Question, end: dict[str, Any]) -> Reply:
        """Ask; the call counts as paid unless it is sure that nobody was asked.

        The error of a judge that wrote something before it failed says where that is.
        """
        paid = Calls() if self.free else Calls(paid=1)
        price = self.slot.judge.price
        try:
            reply = answer_of(self.judge, question, redactor=self.bench.redactor, price=price)
        except (NotStartedError, DiskError, ExperimentError):
            raise
        except BaseException as error:
            throttled = isinstance(error, ThrottledError | UsageLimitError)
            unpaid = throttled or (isinstance(error, JudgeError) and error.unpaid)
            self.calls += Calls(refused=int(throttled)) if unpaid else paid
            if isinstance(error, JudgeError):
                self._spent(error.spent, end)
                error.reminder = str(error)
                if files.size(question.stdout):
                    error.args = (f"{error}; what it wrote is kept in {question.stdout}",)
            raise
        self.calls += paid
        self._spent(reply, end)
        return reply

    def _spent(self, reply: Reply | None, end: dict[str, Any]) -> None:
        """Record the figures of a call, whatever its answer is worth."""
        if reply is not None:
            end.update(model=reply.model, tokens=reply.tokens, cost_usd=reply.cost_usd)
            end.update({"structured": True} if reply.structured else {})
            self.calls += Calls(cost_usd=reply.cost_usd)

    def commit(self, value: dict[str, Any], directory: Path) -> tuple[Judgment, list[str]]:
        """Put a judgment on disk; return it and what is odd about it."""
        kept = f"the answer is kept in {directory} and will be adopted"
        with disk.writing(directory, consequence=kept):
            judgment, notes = commit_judgment(self.layout, self.slot, value, directory)
        return judgment, [*notes, *remarks(self.layout, self.slot, judgment)]

    def question(
        self,
        directory: Path,
        prompt: FrozenPrompt,
        scratch: Path,
        added: str = "",
        *,
        reading: Reading | None = None,
    ) -> Question:
        """Return what the judge is asked in one attempt."""
        return question_for(
            self.slot,
            self.layout,
            self.bench,
            prompt=prompt,
            directory=directory,
            scratch=scratch,
            claim_fd=self.claim_fd,
            reading=reading or Reading(self.bench.readers),
            added=added,
        )

    def _keep_reply(self, reply: Reply, question: Question, end: dict[str, Any]) -> None:
        """Put an answer that no process has written on disk, and that it is complete."""
        if question.stdout.exists():
            return
        text = reply.text.encode("utf-8", "backslashreplace")
        root = self.layout.experiment.root
        files.commit_bytes(question.stdout, text, root=root, durable=False)
        if not self.free:
            end["answered"] = True
            self.close(question.stdout.parent, ledger.ANSWERED, None, end)

    @contextlib.contextmanager
    def _recorded(self, directory: Path) -> Iterator[dict[str, Any]]:
        """Record the end of the attempt, however it comes; what is yielded is recorded, too."""
        end: dict[str, Any] = {"free": True} if self.free else {}
        outcome, why, paid_before = ledger.JUDGED, None, self.calls.paid
        try:
            yield end
        except Exception as error:
            told_with(error, self.asked.whys)
            outcome, why = ledger.FAILED, explain(error)
            if isinstance(error, ThrottledError | UsageLimitError):
                outcome = ledger.THROTTLED
            if isinstance(error, DiskError | KeptError):
                outcome = ledger.REFUSED if self.calls.paid == paid_before else ledger.ANSWERED
            raise
        except BaseException as error:
            outcome, why = ledger.INTERRUPTED, type(error).__name__
            raise
        finally:
            if self.calls.paid == paid_before:
                end["free"] = True
            elif outcome in (ledger.FAILED, ledger.INTERRUPTED):
                self.calls += Calls(wasted=1)
            with contextlib.suppress(OSError):  # the error that is on its way says more
                self.close(directory, outcome, why, end)

    def close(self, directory: Path, outcome: str, why: str | None, end: dict[str, Any]) -> None:
        """Record how an attempt ended."""
        root = self.layout.experiment.root
        ledger.close_attempt(directory, outcome, root=root, why=why, **end)
