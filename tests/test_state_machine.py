"""Any order of judging, crashing, editing, and settling: after a clean end all is as it must be."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import harness
from harness import files, judges
from harness.judges import NoSettings, Question, Reply
from harness.launch import status_file
from harness.locks import claim
from harness.model import SlotStatus
from harness.process import Finished
from tests.crashes import assert_consensus_is_fresh, kills
from tests.workshop import scanned, shell_judge, write_experiment

if TYPE_CHECKING:
    from harness.model import JudgeSpec

RUNS = ("a", "b")
SLOTS = [f"runs/{run}/judge/judge_0{n}" for run in RUNS for n in (1, 2)]


class CrashError(BaseException):
    """Stands for SIGKILL: nothing that touches the disk works any more."""


class MortalOs:
    """Stands in for ``os`` in ``files``; from the given call on every call is a crash."""

    LETHAL = frozenset(
        {"open", "write", "fsync", "close", "rename", "link", "unlink", "mkdir", "pwrite"}
    )

    def __init__(self, calls_to_live: int) -> None:
        self.left = calls_to_live

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in self.LETHAL:
            return real

        def call(*args: Any, **how: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                if name == "close":  # a dead process has no descriptors either
                    real(*args, **how)
                raise CrashError
            return real(*args, **how)

        return call


class FakeSpoolingJudge:
    """A judge whose process survives the session: its answer and status are always complete."""

    Settings = NoSettings
    requires_token = False
    deterministic = False
    paid: list[str]

    def __init__(self, spec: JudgeSpec) -> None:
        self._spec = spec

    def ask(self, question: Question) -> Reply:
        """Answer by the slot's name; the payment is on record before anything else happens."""
        name = str(question.slot.name)
        self.paid.append(name)
        score = (sum(name.encode()) % 101) / 100
        question.stdout.write_text(
            json.dumps({"score": score, "passed": score > 0.5, "reasoning": name})
        )
        question.stderr.write_text("")
        status_file(question.stdout).write_text("0\n")
        return self.reply_of(Finished(exit_code=0, seconds=0.0), question)

    def reply_of(self, finished: Finished, question: Question) -> Reply:
        """Read the answer back."""
        assert finished.exit_code == 0
        return Reply(text=question.stdout.read_text())


class Sessions(RuleBasedStateMachine):
    """Sessions, crashes, and a person at the keyboard, on an experiment of four slots."""

    slots = Bundle("slots")

    @initialize(target=slots)
    def begin(self) -> str:
        """Write the experiment."""
        self.place = Path(tempfile.mkdtemp())
        self.root = write_experiment(
            self.place / "e", runs=RUNS, judges=[shell_judge("no", "one"), shell_judge("no", "two")]
        )
        self.paid: list[str] = []
        FakeSpoolingJudge.paid = self.paid
        self.by_hand: dict[str, bytes] = {}
        self.clean = False
        return SLOTS[0]

    @rule(target=slots, number=st.integers(0, 3))
    def slot(self, number: int) -> str:
        """Choose a slot."""
        return SLOTS[number]

    def session(self, **how: Any) -> harness.Statistics:
        """Judge in this process, with the fake in the place of every judge."""
        with mock.patch.object(judges, "build", FakeSpoolingJudge):
            return harness.judge_experiment(self.root, **how)

    @rule()
    def finish(self) -> None:
        """Let a session end undisturbed: every slot is judged."""
        statistics = self.session()
        assert statistics.failures == {}
        assert all(slot.status is SlotStatus.COMPLETE for slot in scanned(self.root).slots)
        self.clean = True

    @rule(calls=st.integers(0, 120))
    def crash(self, calls: int) -> None:
        """Kill a session at any call."""
        self.clean = False
        with mock.patch.object(files, "os", MortalOs(calls)):
            try:
                self.session()
            except CrashError:
                pass
            else:
                self.clean = True

    @rule(slot=slots)
    def judge_beside_another_session(self, slot: str) -> None:
        """Hold a slot: it is left alone and reported; the rest is judged."""
        (self.root / slot).mkdir(parents=True, exist_ok=True)
        before = len(self.paid)
        with claim(self.root / slot / ".claim"):
            statistics = self.session()
        name = slot.replace("/judge/", "/")
        assert set(statistics.deferred) <= {name}
        assert name not in self.paid[before:]
        self.clean = True

    @rule(slot=slots, score=st.floats(0, 1))
    def edit(self, slot: str, score: float) -> None:
        """Write a judgment by hand."""
        path = self.root / slot / "judgment.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"score": score, "passed": True, "reasoning": "by hand", "note": 1})
        )
        self.by_hand[slot] = path.read_bytes()
        self.clean = False

    @rule(slot=slots)
    def delete(self, slot: str) -> None:
        """Delete a judgment by hand."""
        (self.root / slot / "judgment.json").unlink(missing_ok=True)
        self.by_hand.pop(slot, None)
        self.clean = False

    @rule(slot=slots, content=st.sampled_from([b"", b"{", b"[]", b'{"score": 2}']))
    def damage(self, slot: str, content: bytes) -> None:
        """Make a judgment unreadable."""
        path = self.root / slot / "judgment.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.by_hand.pop(slot, None)
        self.clean = False

    @rule(run=st.sampled_from(RUNS))
    def delete_consensus(self, run: str) -> None:
        """Delete by hand what can be made again."""
        (self.root / "runs" / run / "judge" / "result.json").unlink(missing_ok=True)
        self.clean = False

    @rule()
    def regenerate(self) -> None:
        """Only settle: no slot is judged, nothing is paid."""
        before = len(self.paid)
        self.session(status="complete")
        assert len(self.paid) == before
        self.clean = True

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        """However often sessions died, no slot was asked for twice."""
        paid = getattr(self, "paid", [])
        assert len(paid) == len(set(paid))

    @invariant()
    def what_a_person_wrote_stands(self) -> None:
        """No session overwrites a judgment that a person wrote."""
        for slot, content in getattr(self, "by_hand", {}).items():
            assert (self.root / slot / "judgment.json").read_bytes() == content

    @invariant()
    def after_a_clean_end_the_consensus_is_fresh(self) -> None:
        """After a session that ended by itself every consensus is what the judgments give."""
        if getattr(self, "clean", False):
            assert_consensus_is_fresh(self.root)

    def teardown(self) -> None:
        """Remove the experiment."""
        if hasattr(self, "place"):
            shutil.rmtree(self.place)


def example_settings(count: int) -> settings:
    """Return settings for ``count`` histories of up to 30 steps."""
    return settings(max_examples=count, stateful_step_count=30, deadline=None)


TestSessions = Sessions.TestCase
TestSessions.settings = example_settings(12)


@pytest.mark.slow
def test_many_histories() -> None:
    """Five hundred histories: nothing is paid twice, nothing of a person's is overwritten."""
    run_state_machine_as_test(Sessions, settings=example_settings(kills(500)))
