"""The attempts on disk: who was asked what, and how it ended. They are the ledger of payments.

``intent.json`` is there, durably, before money may be spent; ``exit.json`` says how
the attempt ended and is missing while it runs, or when the session that made it died.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness import disk, files
from harness.looking import modified
from harness.model import Calls
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.freeze import FrozenPrompt
    from harness.layouts import Layout
    from harness.model import JudgeSpec, Run, Slot

INTENT = "intent.json"
EXIT = "exit.json"

ANSWERED = "answered"
"""The reply is complete on disk, but was not looked at yet."""
JUDGED = "judged"
FAILED = "failed"
INTERRUPTED = "interrupted"
LOST = "lost"
"""The session died, and nothing says that the judge came to its end: paid, for nothing."""
REFUSED = "refused"
"""Nothing was asked: the program could not be started, or the disk was full."""
THROTTLED = "throttled"
"""The provider would not take the call at that moment; the slot was not tried."""

INPUTS = ("prompt_sha256", "rubric_sha256", "inputs_sha256", "judge_sha256", "workspace_sha256")
"""What makes two attempts ask the same."""


class Entry(Value, frozen=True):
    """One attempt; ``end`` is empty while nobody recorded one."""

    directory: Path
    intent: Mapping[str, Any]
    end: Mapping[str, Any]

    @property
    def stdout(self) -> Path:
        """Return where the reply lies."""
        return self.directory / "stdout"

    def times(self) -> tuple[datetime, datetime]:
        """Return when the attempt was started and when its answer was complete."""
        ended = datetime.fromtimestamp(modified(self.stdout), UTC)
        try:
            started = datetime.fromisoformat(str(self.intent.get("started")))
        except ValueError:
            return ended, ended
        return (started if started.tzinfo else started.replace(tzinfo=UTC)), ended


def inputs_of(
    prompt: FrozenPrompt, judge: JudgeSpec, workspace: str | None
) -> dict[str, str | None]:
    """Return the hashes of everything that a judge is asked, and of what it may look at."""
    values = (prompt.sha256, prompt.rubric_sha256, prompt.inputs_sha256, judge.sha256, workspace)
    return dict(zip(INPUTS, values, strict=True))


def open_attempt(
    layout: Layout,
    slot: Slot,
    prompt: FrozenPrompt,
    *,
    started: datetime,
    token: str | None,
    scratch: Path,
    substitute: str | None = None,
    version: str | None = None,
    workspace: str | None = None,
) -> Path:
    """Put on record, durably, that money may be spent from here on; return the directory."""
    judge, root = slot.judge, layout.experiment.root
    directory = _next_directory(layout.attempts_directory(slot.run, judge), root)
    disk.check_room(directory)
    intent = {
        "judge": judge.name,
        "kind": judge.kind,
        "model": judge.model,
        "substitute": substitute,
        "version": version,
        **prompt.rubric,
        **inputs_of(prompt, judge, workspace),
        "token": token,
        "scratch": str(scratch),
        "host": socket.gethostname(),
        "started": started.isoformat(),
    }
    files.commit_json(directory / INTENT, intent, root=root)
    return directory


def _next_directory(attempts: Path, root: Path) -> Path:
    """Create the directory of the next attempt: ``0001``, ``0002``, and so on.

    A number, so that messages that name it are the same whoever judges, and when.
    """
    files.make_directory(attempts, root=root)
    used = [int(name) for name in files.list_names(attempts) if name.isdecimal()]
    for number in itertools.count(max(used, default=0) + 1):
        directory = attempts / f"{number:04d}"
        with contextlib.suppress(FileExistsError):  # by one who does not respect the claim
            directory.mkdir()
            return directory
    raise AssertionError("numbers do not end")


def close_attempt(
    directory: Path, outcome: str, *, root: Path, why: str | None = None, **more: Any
) -> None:
    """Record how an attempt ended."""
    ended = datetime.now(UTC).isoformat()
    record = {"outcome": outcome, "why": why, "ended": ended, **more}
    files.commit_json(directory / EXIT, record, root=root, durable=False)


def entries(layout: Layout, run: Run, judge: JudgeSpec) -> Iterator[Entry]:
    """Yield the attempts at a slot that may have cost something, the latest first."""
    root = layout.experiment.root
    directory = layout.attempts_directory(run, judge)
    for name in reversed(files.list_names(directory)):
        intent = files.read_json(directory / name / INTENT, root=root)
        if isinstance(intent, files.Ok):
            end = files.read_json(directory / name / EXIT, root=root)
            yield Entry(
                directory / name, intent.value, end.value if isinstance(end, files.Ok) else {}
            )


def read_ledger(layout: Layout, slots: Iterable[Slot]) -> Calls:
    """Add up all attempts on record for ``slots``.

    An attempt whose end nobody recorded, because it still runs or because the next
    session has not looked at it yet, counts as paid only.
    """
    total = Calls()
    for slot in slots:
        for entry in entries(layout, slot.run, slot.judge):
            total += _calls_of(entry)
    return total


def _calls_of(entry: Entry) -> Calls:
    outcome, cost = entry.end.get("outcome"), entry.end.get("cost_usd")
    if outcome == THROTTLED:
        return Calls(refused=1)
    if outcome == REFUSED or entry.end.get("free") is True:
        return Calls()
    return Calls(
        paid=1,
        adopted=int(entry.end.get("adopted") is True),
        lost=int(outcome == LOST),
        wasted=int(outcome in (FAILED, INTERRUPTED)),
        cost_usd=cost if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
    )
