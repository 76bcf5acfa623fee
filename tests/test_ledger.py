"""The attempts on disk as the ledger of payments."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import files, ledger
from harness.freeze import frozen_prompt
from harness.ledger import Entry, close_attempt, entries, open_attempt, read_ledger
from harness.model import Calls
from tests.workshop import scanned, write_experiment

if TYPE_CHECKING:
    from harness.scan import Scan

STARTED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.fixture
def found(tmp_path: Path) -> Scan:
    """Scan an experiment of one slot."""
    return scanned(write_experiment(tmp_path / "e"))


def begin(found: Scan, *, token: str | None = None, second: int = 0) -> Path:
    """Open an attempt at the only slot."""
    slot = found.slots[0]
    started = STARTED.replace(second=second)
    prompt = frozen_prompt(found.layout, slot)
    return open_attempt(
        found.layout, slot, prompt, started=started, token=token, scratch=slot.run.path
    )


def attempts(found: Scan) -> list[Entry]:
    """Return the entries of the only slot."""
    return list(entries(found.layout, found.slots[0].run, found.slots[0].judge))


def test_intent_says_what_is_asked_of_whom(found: Scan) -> None:
    """Everything that a later session needs to adopt the answer is on record."""
    directory = begin(found, token="t-1")
    slot = found.slots[0]
    prompt = frozen_prompt(found.layout, slot)
    intent = json.loads((directory / "intent.json").read_text())
    assert intent == {
        "judge": "one",
        "kind": "command",
        "model": None,
        "substitute": None,
        "version": None,
        "prompt_sha256": prompt.sha256,
        **prompt.rubric,
        "inputs_sha256": prompt.inputs_sha256,
        "judge_sha256": slot.judge.sha256,
        "workspace_sha256": None,
        "token": "t-1",
        "scratch": str(slot.run.path),
        "host": socket.gethostname(),
        "started": STARTED.replace(second=0).isoformat(),
    }


def test_intent_is_durable_before_anything_is_asked(
    found: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intent's file and directory are synced by the time the attempt is open."""
    frozen_prompt(found.layout, found.slots[0])
    synced: list[str] = []
    real = os.fsync

    def spy(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", spy)
    directory = begin(found)
    assert [name.rpartition("/")[2].split(".")[1] for name in synced[:1]] == ["intent"]
    assert synced[1:] == [str(directory)]


def test_attempts_are_never_mixed_up(found: Scan) -> None:
    """Attempts of the same instant get directories of their own, the later ones come first."""
    assert begin(found) != begin(found)
    last = begin(found, second=9)
    assert attempts(found)[0].directory == last
    assert len(attempts(found)) == 3


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_attempt_without_a_readable_intent_cost_nothing(found: Scan, content: str | None) -> None:
    """The intent is complete before money is spent, so an incomplete one stands for no call."""
    directory = begin(found)
    if content is None:
        (directory / "intent.json").unlink()
    else:
        (directory / "intent.json").write_text(content)
    assert attempts(found) == []


@pytest.mark.parametrize(
    ("outcome", "more", "calls"),
    [
        (ledger.JUDGED, {}, Calls(paid=1)),
        (ledger.JUDGED, {"cost_usd": 0.25}, Calls(paid=1, cost_usd=0.25)),
        (ledger.JUDGED, {"adopted": True}, Calls(paid=1, adopted=1)),
        (ledger.JUDGED, {"free": True}, Calls()),
        (ledger.ANSWERED, {}, Calls(paid=1)),
        (ledger.FAILED, {}, Calls(paid=1, wasted=1)),
        (ledger.FAILED, {"free": True}, Calls()),
        (ledger.INTERRUPTED, {}, Calls(paid=1, wasted=1)),
        (ledger.LOST, {}, Calls(paid=1, lost=1)),
        (ledger.REFUSED, {}, Calls()),
        (ledger.THROTTLED, {}, Calls(refused=1)),
        ("of another version", {"cost_usd": "a lot"}, Calls(paid=1)),
        (None, {}, Calls(paid=1)),
    ],
)
def test_ends_are_added_up(
    found: Scan, outcome: str | None, more: dict[str, Any], calls: Calls
) -> None:
    """What an attempt cost follows from how it ended; without an end it counts as paid."""
    directory = begin(found)
    if outcome is not None:
        close_attempt(directory, outcome, root=found.layout.experiment.root, **more)
    assert read_ledger(found.layout, found.slots) == calls


def test_costs_are_added_exactly_and_unknown_ones_are_not_zero() -> None:
    """The sum of what is known; None if nothing is."""
    assert (Calls() + Calls()).cost_usd is None
    assert (Calls(cost_usd=0.5) + Calls()).cost_usd == 0.5


@pytest.mark.parametrize("started", ["", None, "yesterday", 3])
def test_attempt_of_unknown_start_took_no_time(found: Scan, started: object) -> None:
    """A damaged record gives no negative or made-up duration."""
    directory = begin(found)
    intent = json.loads((directory / "intent.json").read_text())
    (directory / "intent.json").write_text(json.dumps({**intent, "started": started}))
    files.commit_bytes(directory / "stdout", b"", root=directory)
    (entry,) = attempts(found)
    began, ended = entry.times()
    assert began == ended
