"""One slot, start to end: claim, ask, parse, commit.

Everything here runs in a worker thread, or in the main thread when there is only
one; it touches the slot's own files and nothing that is shared.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness import files, judges
from harness.errors import ExperimentError, Interrupted, JudgeError, RetryableError
from harness.freeze import FrozenPrompt, frozen_prompt
from harness.judges import Question, Reply
from harness.layouts.base import Damaged, Found
from harness.locks import claim, holder
from harness.model import Deferred, Judged, Judgment, SlotStatus
from harness.process import Launcher, clean_environment
from harness.prompt import token_line
from harness.record import judgment_object
from harness.reply import parse_reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.layouts import Layout
    from harness.model import Slot


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


def judge_slot(
    slot: Slot, *, layout: Layout, bench: Bench, judge: Asks | None = None
) -> Judged | Deferred:
    """Judge one slot and commit the judgment; raise what kept it from having one.

    ``judge`` replaces the configured one. Nothing is paid for a slot that another
    process is judging, or has judged since the scan.
    """
    started = time.time()
    began = time.monotonic()
    if slot.run.problem is not None:
        raise ExperimentError(slot.run.problem)
    root = layout.experiment.root
    files.make_directory(layout.slot_directory(slot.run, slot.judge), root=root)
    with claim(layout.claim_file(slot)) as fd:
        if fd is None:
            reason = f"being judged by {holder(layout.claim_file(slot))}"
            return Deferred(slot=slot, reason=reason, started=started, seconds=0.0)
        judgment, notes = _present_judgment(slot, layout), ["judged by another session meanwhile"]
        if judgment is None:
            asks = judges.build(slot.judge) if judge is None else judge
            judgment, notes = _Attempts(slot, layout, bench, asks, fd).run()
    return Judged(
        slot=slot,
        judgment=judgment,
        started=started,
        seconds=time.monotonic() - began,
        notes=tuple(notes),
    )


def _present_judgment(slot: Slot, layout: Layout) -> Judgment | None:
    """Return a judgment that was made since the scan."""
    found = layout.read_slot(slot.run, slot.judge)
    if not isinstance(found, Found):
        return None
    if slot.status is SlotStatus.STALE and slot.judgment is not None:
        same = found.judgment.raw == slot.judgment.raw
        return None if same else found.judgment
    return found.judgment


@dataclass(frozen=True, slots=True)
class _Attempts:
    """The attempts at one claimed slot."""

    slot: Slot
    layout: Layout
    bench: Bench
    judge: Asks
    claim_fd: int

    def run(self) -> tuple[Judgment, list[str]]:
        """Ask, and once more if the reply was no verdict and asking again may help."""
        prompt = frozen_prompt(self.layout, self.slot)
        left = 0 if getattr(self.judge, "deterministic", False) else self.layout.experiment.retries
        while True:
            try:
                return self._once(prompt)
            except RetryableError:
                if left == 0:
                    raise
                left -= 1

    def _once(self, prompt: FrozenPrompt) -> tuple[Judgment, list[str]]:
        directory = self._new_attempt()
        token = secrets.token_hex(8) if self.slot.judge.require_token else None
        started = datetime.now(UTC)
        self._write_intent(directory, prompt, started)
        with _recorded(directory, self.root), _scratch() as scratch:
            question = self._question(directory, prompt, token, scratch)
            began = time.monotonic()
            reply = self.judge.ask(question)
            if isinstance(reply, str):
                reply = Reply(text=reply)
            self._keep_reply(reply, question)
            try:
                verdict = parse_reply(reply.text, token=token)
            except RetryableError as error:
                raise type(error)(f"{error}; it is kept in {question.stdout}") from None
            value = judgment_object(
                verdict,
                self.slot,
                reply,
                prompt=prompt,
                attempt=directory.name,
                started=started,
                seconds=time.monotonic() - began,
                score_from=self.layout.experiment.score_from,
            )
            return self._commit(value, directory)

    @property
    def root(self) -> Path:
        return self.layout.experiment.root

    def _new_attempt(self) -> Path:
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{_host()}-{secrets.token_hex(3)}"
        directory = self.layout.attempts_directory(self.slot.run, self.slot.judge) / name
        files.make_directory(directory, root=self.root)
        return directory

    def _write_intent(self, directory: Path, prompt: FrozenPrompt, started: datetime) -> None:
        """Put on record, durably, that money may be spent from here on."""
        judge = self.slot.judge
        intent = {
            "judge": judge.name,
            "kind": judge.kind,
            "model": judge.model,
            "prompt_sha256": prompt.sha256,
            "rubric_sha256": prompt.rubric_sha256,
            "inputs_sha256": prompt.inputs_sha256,
            "judge_sha256": judge.sha256,
            "started": started.isoformat(),
        }
        files.commit_json(directory / "intent.json", intent, root=self.root)

    def _question(
        self, directory: Path, prompt: FrozenPrompt, token: str | None, scratch: Path
    ) -> Question:
        run, judge = self.slot.run, self.slot.judge
        text, file = prompt.text, prompt.path
        if token is not None:
            text, file = text + token_line(token), directory / "prompt.md"
            files.commit_bytes(file, text.encode("utf-8"), root=self.root, durable=False)
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

    def _keep_reply(self, reply: Reply, question: Question) -> None:
        if not question.stdout.exists():  # a judge process has written it there itself
            data = reply.text.encode("utf-8", "backslashreplace")
            files.commit_bytes(question.stdout, data, root=self.root, durable=False)

    def _commit(self, value: dict[str, Any], directory: Path) -> tuple[Judgment, list[str]]:
        """Write the judgment; whatever stood in its place is kept."""
        run, judge = self.slot.run, self.slot.judge
        path = self.layout.judgment_file(run, judge)
        notes = []
        match self.layout.read_slot(run, judge):
            case Damaged(why):
                notes.append(f"{why}; set aside as {_moved(files.set_aside(path))}")
            case Found() if self.slot.status is SlotStatus.STALE:
                path.rename(directory / f"replaced-{path.name}")
        try:
            files.commit_json(path, value, root=self.root, replace=False)
        except FileExistsError:
            raise JudgeError(
                f"{path}: was written by someone else meanwhile; it is kept as it is, "
                f"the judge's reply is kept in {directory}"
            ) from None
        found = self.layout.read_slot(run, judge)
        assert isinstance(found, Found), found  # noqa: S101 - what was written is valid
        return found.judgment, notes


def _moved(path: Path | None) -> str:
    return "nothing" if path is None else path.name


@contextlib.contextmanager
def _recorded(directory: Path, root: Path) -> Iterator[None]:
    """Write ``exit.json`` when the attempt ends, however it does."""
    outcome, why = "judged", None
    try:
        yield
    except Interrupted:
        outcome = "interrupted"
        raise
    except Exception as error:
        outcome, why = "failed", str(error) or type(error).__name__
        raise
    except BaseException as error:
        outcome, why = "interrupted", type(error).__name__
        raise
    finally:
        record = {"outcome": outcome, "why": why, "ended": datetime.now(UTC).isoformat()}
        with contextlib.suppress(OSError):  # the error that is on its way says more
            files.commit_json(directory / "exit.json", record, root=root, durable=False)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="judge-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@functools.cache
def _host() -> str:
    """Return this machine's name, as far as it may stand in a file name."""
    return "".join(c for c in socket.gethostname() if c.isalnum() or c == "-")[:40] or "host"
