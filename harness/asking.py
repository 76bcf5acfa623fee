"""The attempts at one claimed slot: adopt an answer that was paid for, or ask for one."""

from __future__ import annotations

import contextlib
import functools
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness import adopt, disk, files, ledger
from harness.commit import commit_judgment
from harness.errors import (
    DiskError,
    ExperimentError,
    JudgeError,
    KeptError,
    NotStartedError,
    RetryableError,
)
from harness.freeze import FrozenPrompt, frozen_prompt
from harness.judges import Question, Reply
from harness.model import ADOPTED, NO_CALLS, Calls, Judgment
from harness.process import clean_environment
from harness.prompt import token_line
from harness.record import judgment_object
from harness.reply import parse_reply
from harness.scratch import scratch_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.attempt import Asks, Bench
    from harness.layouts import Layout
    from harness.model import Slot


@dataclass(slots=True)
class Attempts:
    """What is done for one claimed slot; ``calls`` says what that has cost so far.

    ``substitute`` names the judge if it is not the configured one.
    """

    slot: Slot
    layout: Layout
    bench: Bench
    judge: Asks
    claim_fd: int
    substitute: str | None = None
    calls: Calls = NO_CALLS

    def run(self) -> tuple[Judgment, list[str]]:
        """Adopt or ask, and ask once more if the reply was no verdict and that may help.

        What is raised carries ``calls``.
        """
        try:
            with disk.writing(self.layout.judge_directory(self.slot.run)):
                prompt = frozen_prompt(self.layout, self.slot)
                adopted = None if self._free else self._adopt(prompt)
            return self._ask_until_judged(prompt) if adopted is None else adopted
        except BaseException as error:
            error.calls = self.calls  # type: ignore[attr-defined] # read by the safe wrapper
            raise

    @property
    def _free(self) -> bool:
        """Whether asking costs nothing and always gives the same: then it is just done again."""
        return getattr(self.judge, "deterministic", False)

    def _ask_until_judged(self, prompt: FrozenPrompt) -> tuple[Judgment, list[str]]:
        left = 0 if self._free else self.layout.experiment.retries
        while True:
            try:
                return self._ask_once(prompt)
            except RetryableError:
                if left == 0:
                    raise
                left -= 1

    def _ask_once(self, prompt: FrozenPrompt) -> tuple[Judgment, list[str]]:
        token = secrets.token_hex(8) if self.slot.judge.require_token else None
        started = datetime.now(UTC)
        with contextlib.ExitStack() as stack:
            with disk.writing(self.layout.slot_directory(self.slot.run, self.slot.judge)):
                scratch = stack.enter_context(scratch_directory())
                directory = ledger.open_attempt(
                    self.layout,
                    self.slot,
                    prompt,
                    started=started,
                    token=token,
                    scratch=scratch,
                    substitute=self.substitute,
                )
                question = self._question(directory, prompt, token, scratch)
            end = stack.enter_context(self._recorded(directory))
            began = time.monotonic()
            reply = self._paid(question)
            end.update(model=reply.model, tokens=reply.tokens, cost_usd=reply.cost_usd)
            self._keep_reply(reply, question, end)
            self.calls += Calls(cost_usd=reply.cost_usd)
            value = self._value(reply, prompt, directory, token, started, question)
            value["provenance"]["duration_seconds"] = round(time.monotonic() - began, 3)
            return self._commit(value, directory)

    def _paid(self, question: Question) -> Reply:
        """Ask; the call counts as paid unless it is sure that nobody was asked.

        The error of a judge that wrote something before it failed says where that is.
        """
        paid = Calls() if self._free else Calls(paid=1)
        try:
            reply = self.judge.ask(question)
        except (NotStartedError, DiskError, ExperimentError):
            raise
        except BaseException as error:
            self.calls += paid
            if isinstance(error, JudgeError) and files.size(question.stdout):
                error.args = (f"{error}; what it wrote is kept in {question.stdout}",)
            raise
        self.calls += paid
        answer = Reply(text=reply) if isinstance(reply, str) else reply
        if not isinstance(answer, Reply):  # a hook's judge may return anything
            raise JudgeError(f"the judge returned {type(answer).__name__}, not a reply")
        text: object = answer.text
        if not isinstance(text, str):
            kind = type(text).__name__
            raise JudgeError(f"the judge returned a reply whose text is {kind}, not str")
        return answer

    def _adopt(self, prompt: FrozenPrompt) -> tuple[Judgment, list[str]] | None:
        """Commit the latest finished answer to the very same question, if there is one."""
        reader = adopt.reader_of(self.judge, self.slot)
        found = adopt.legacy(self.layout, self.slot, reader)
        self.calls += found.calls
        inputs = ledger.inputs_of(prompt, self.slot.judge)
        for entry in adopt.same_question(found, inputs, self.substitute):
            token = entry.intent.get("token")
            if self.slot.judge.require_token and not isinstance(token, str):
                continue
            question = self._question(entry.directory, prompt, None, entry.directory)
            try:
                reply = adopt.recorded_reply(entry, question, reader)
                started, ended = entry.times()
                value = self._value(reply, prompt, entry.directory, token, started, question)
            except JudgeError:  # it was a wasted call then, and still is
                continue
            seconds = (ended - started).total_seconds()
            value["provenance"].update(ended=ended.isoformat(), duration_seconds=round(seconds, 3))
            judgment, notes = self._commit(value, entry.directory)
            self.calls += Calls(adopted=1, cost_usd=reply.cost_usd)
            with contextlib.suppress(OSError):  # the judgment is safe; this is for the ledger
                end = {**entry.end, "adopted": True, "cost_usd": reply.cost_usd}
                for key in ("outcome", "why", "ended"):
                    end.pop(key, None)
                self._close(entry.directory, ledger.JUDGED, None, end)
            return judgment, [ADOPTED, *notes]
        return None

    def _value(  # noqa: PLR0917 - what a judgment is made of
        self,
        reply: Reply,
        prompt: FrozenPrompt,
        directory: Path,
        token: str | None,
        started: datetime,
        question: Question,
    ) -> dict[str, Any]:
        try:
            verdict = parse_reply(reply.text, token=token)
        except RetryableError as error:
            raise type(error)(f"{error}; it is kept in {question.stdout}") from None
        return judgment_object(
            verdict,
            self.slot,
            reply,
            prompt=prompt,
            attempt=directory.name,
            started=started,
            seconds=0.0,
            score_from=self.layout.experiment.score_from,
        )

    def _commit(self, value: dict[str, Any], directory: Path) -> tuple[Judgment, list[str]]:
        kept = f"the answer is kept in {directory} and will be adopted"
        with disk.writing(directory, consequence=kept):
            return commit_judgment(self.layout, self.slot, value, directory)

    def _question(
        self, directory: Path, prompt: FrozenPrompt, token: str | None, scratch: Path
    ) -> Question:
        run, judge = self.slot.run, self.slot.judge
        text, file = prompt.text, prompt.path
        if token is not None:
            text, file = text + token_line(token), directory / "prompt.md"
            root = self.layout.experiment.root
            files.commit_bytes(file, text.encode("utf-8"), root=root, durable=False)
        environment = clean_environment(self.bench.environment, judge.env)
        environment["HARNESS_SLOT"] = self.slot.name
        return Question(
            slot=self.slot,
            experiment=self.layout.experiment,
            prompt=text,
            prompt_file=file,
            output=self.layout.output(run),
            workspace=self.layout.workspace(run),
            scratch=scratch,
            stdout=directory / "stdout",
            stderr=directory / "stderr",
            timeout=min(judge.timeout, self.bench.timeout or judge.timeout),
            env=environment,
            launch=functools.partial(self.bench.launcher.run, inherit=(self.claim_fd,)),
        )

    def _keep_reply(self, reply: Reply, question: Question, end: dict[str, Any]) -> None:
        """Put an answer that no process has written on disk, and that it is complete."""
        if question.stdout.exists():
            return
        text = reply.text.encode("utf-8", "backslashreplace")
        root = self.layout.experiment.root
        files.commit_bytes(question.stdout, text, root=root, durable=False)
        if not self._free:
            end["answered"] = True
            self._close(question.stdout.parent, ledger.ANSWERED, None, end)

    @contextlib.contextmanager
    def _recorded(self, directory: Path) -> Iterator[dict[str, Any]]:
        """Record the end of the attempt, however it comes; what is yielded is recorded, too."""
        end: dict[str, Any] = {"free": True} if self._free else {}
        outcome, why, paid_before = ledger.JUDGED, None, self.calls.paid
        try:
            yield end
        except Exception as error:
            outcome, why = ledger.FAILED, str(error) or type(error).__name__
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
                self._close(directory, outcome, why, end)

    def _close(self, directory: Path, outcome: str, why: str | None, end: dict[str, Any]) -> None:
        root = self.layout.experiment.root
        ledger.close_attempt(directory, outcome, root=root, why=why, **end)
