"""The attempts on disk: who was asked what, and how it ended. They are the ledger of payments.

``intent.json`` is there, durably, before money may be spent; ``exit.json`` says how
the attempt ended and is missing while it runs, or when the session that made it died.
"""

from __future__ import annotations

import functools
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness import disk, files
from harness.model import Calls

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

INPUTS = ("prompt_sha256", "rubric_sha256", "inputs_sha256", "judge_sha256", "workspace_sha256")
"""What makes two attempts ask the same."""


@dataclass(frozen=True, slots=True)
class Entry:
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
        ended = datetime.fromtimestamp(files.modified(self.stdout), UTC)
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
    name = f"{started:%Y%m%dT%H%M%S.%fZ}-{_host()}-{secrets.token_hex(3)}"
    directory = layout.attempts_directory(slot.run, judge) / name
    files.make_directory(directory, root=root)
    disk.check_room(directory)
    intent = {
        "judge": judge.name,
        "kind": judge.kind,
        "model": judge.model,
        "substitute": substitute,
        "version": version,
        **inputs_of(prompt, judge, workspace),
        "token": token,
        "scratch": str(scratch),
        "started": started.isoformat(),
    }
    files.commit_json(directory / INTENT, intent, root=root)
    return directory


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
    if outcome == REFUSED or entry.end.get("free") is True:
        return Calls()
    return Calls(
        paid=1,
        adopted=int(entry.end.get("adopted") is True),
        lost=int(outcome == LOST),
        wasted=int(outcome in (FAILED, INTERRUPTED)),
        cost_usd=cost if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
    )


@functools.cache
def _host() -> str:
    """Return this machine's name, as far as it may stand in a file name."""
    return "".join(c for c in socket.gethostname() if c.isalnum() or c == "-")[:40] or "host"
