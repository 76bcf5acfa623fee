"""Any order of changes to rule, rubric, prompt, and panel: the right state, and nothing is lost."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import harness
from harness import judges
from harness.judges import Reply
from harness.layouts import open_experiment
from harness.layouts.base import Found
from tests.conftest import RUBRIC
from tests.crashes import kills

if TYPE_CHECKING:
    from harness.judges import Question
    from harness.model import JudgeSpec

RUNS = ("a", "b")
FIND = judges.find


class Voice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes two judges of one model different."""

    voice: str


class FakePaidJudge:
    """Counts its calls; its words name it, and its points differ from call to call."""

    Settings = Voice
    requires_token = False
    deterministic = False
    paid: list[str]

    def __init__(self, spec: JudgeSpec) -> None:
        self._name = f"{spec.name} {spec.model}"

    def ask(self, question: Question) -> Reply:
        """Answer all criteria."""
        self.paid.append(question.slot.name)
        f2 = len(self.paid) % 4
        points = {
            "functional": {"items": {"F1": {"achieved": 1}, "F2": {"achieved": f2}}},
            "quality": {"items": {"Q1": {"achieved": 2}, "Q2": {"achieved": "N/A"}}},
        }
        score = len(self.paid) % 100 / 100
        said = {"score": score, "passed": f2 > 1, "reasoning": self._name, "categories": points}
        return Reply(text=json.dumps(said))


class Changes(RuleBasedStateMachine):
    """A person who edits an experiment of two runs, and sessions of every mode."""

    @initialize()
    def begin(self) -> None:
        """Write the experiment, and have it judged."""
        self.place = Path(tempfile.mkdtemp())
        self.root = self.place / "e"
        self.panel = ["a", "b"]
        self.models = {"a": "m", "b": "m", "c": "n"}
        self.keys: dict[str, Any] = {}
        self.settled = False
        for run in RUNS:
            (self.root / "runs" / run).mkdir(parents=True)
            (self.root / "runs" / run / "output.md").write_text("It is done.\n")
        (self.root / "task.md").write_text("Do it.\n")
        (self.root / "rubric.yaml").write_text(RUBRIC)
        self.write()
        FakePaidJudge.paid = []
        self.seen: dict[str, set[str]] = {}
        found = mock.patch.object(
            judges, "find", lambda kind: FakePaidJudge if kind == "paid" else FIND(kind)
        )
        found.start()
        self.patches = [found]
        self.judge(stale=False)

    def write(self) -> None:
        """Write the configuration as it is meant to be now."""
        entries = [
            {"name": name, "kind": "paid", "model": self.models[name], "voice": name}
            for name in self.panel
        ]
        (self.root / "experiment.yaml").write_text(json.dumps({"judges": entries, **self.keys}))
        self.settled = False

    # --- a person ----------------------------------------------------------------------------

    @rule(order=st.permutations("abc"), size=st.integers(1, 3))
    def seat(self, order: list[str], size: int) -> None:
        """Give the experiment another panel."""
        self.panel = order[:size]
        self.write()

    @rule(name=st.sampled_from("abc"), model=st.sampled_from("mn"))
    def change_model(self, name: str, model: str) -> None:
        """Give a judge another model."""
        self.models[name] = model
        self.write()

    @rule(
        score=st.sampled_from(["mean", "median", "min", "max"]),
        passed=st.sampled_from(["majority", "unanimous", "any"]),
        score_from=st.sampled_from(["rubric", "declared"]),
    )
    def change_rule(self, score: str, passed: str, score_from: str) -> None:
        """Choose another rule, and which score counts."""
        self.keys = {"consensus": {"score": score, "passed": passed}, "score_from": score_from}
        self.write()

    @rule(weight=st.sampled_from(["0.6", "0.9"]), check=st.sampled_from(["exists", "is there"]))
    def change_rubric(self, weight: str, check: str) -> None:
        """Weigh otherwise, or ask otherwise."""
        text = RUBRIC.replace("weight: 0.6", f"weight: {weight}")
        (self.root / "rubric.yaml").write_text(text.replace("hello.py exists", f"hello.py {check}"))
        self.settled = False

    @rule(run=st.sampled_from(RUNS), word=st.sampled_from(["done", "made"]))
    def change_output(self, run: str, word: str) -> None:
        """Replace what an agent answered."""
        (self.root / "runs" / run / "output.md").write_text(f"It is {word}.\n")
        self.settled = False

    # --- sessions ----------------------------------------------------------------------------

    @rule(stale=st.booleans())
    def judge(self, stale: bool) -> None:  # noqa: FBT001 - drawn
        """Judge what is missing, or what is stale; what was judged is complete then."""
        before = len(FakePaidJudge.paid)
        done = harness.judge_experiment(self.root, status="stale" if stale else None)
        assert done.failures == {}
        assert len(FakePaidJudge.paid) - before == done.calls.paid
        assert done.judged == len(done.selected) == done.calls.paid + done.calls.adopted
        if stale:
            assert harness.judge_experiment(self.root, status="stale").judged == 0
        self.settled = True

    @rule(run=st.sampled_from(RUNS))
    def rejudge(self, run: str) -> None:
        """Ask complete slots again: each is paid once."""
        before = len(FakePaidJudge.paid)
        done = harness.judge_experiment(self.root, rejudge=True, only=[f"runs/{run}"])
        assert done.failures == {}
        assert len(FakePaidJudge.paid) - before == done.judged == len(done.selected)
        self.settled = True

    @rule()
    def reparse(self) -> None:
        """Read all replies again, as a dry run had said; nobody is asked, and once is enough."""
        before = len(FakePaidJudge.paid)
        dry = harness.judge_experiment(self.root, reparse=True, dry_run=True)
        done = harness.judge_experiment(self.root, reparse=True)
        assert (done.failures, done.changed) == ({}, dry.changed)
        assert harness.judge_experiment(self.root, reparse=True).changed == {}
        assert len(FakePaidJudge.paid) == before
        self.settled = True

    @rule()
    def regenerate(self) -> None:
        """Make again what is derived; a second time there is nothing to do."""
        before = len(FakePaidJudge.paid)
        harness.judge_experiment(self.root, regenerate_only=True)
        assert harness.judge_experiment(self.root, regenerate_only=True).files == []
        assert len(FakePaidJudge.paid) == before
        self.settled = True

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def no_judgment_is_ever_lost(self) -> None:
        """Whatever was recorded once is still there, in its place or among the attempts."""
        for path in getattr(self, "root", Path("nowhere")).rglob("judgment.json"):
            self.seen.setdefault(str(path.parent), set()).add(path.read_text())
        for slot, texts in getattr(self, "seen", {}).items():
            kept = Path(slot).glob("attempts/*/replaced*-judgment.json")
            there = {p.read_text() for p in [Path(slot) / "judgment.json", *kept] if p.exists()}
            assert texts <= there

    @invariant()
    def nobody_has_another_judge_s_word(self) -> None:
        """Count only what was said by the judge whose slot it is."""
        if not getattr(self, "settled", False):
            return
        layout = open_experiment(self.root)
        for run in layout.runs():
            own = {}
            for judge in layout.experiment.panel:
                found = layout.read_slot(run, judge)
                said = f"{judge.name} {judge.model}"
                if isinstance(found, Found) and found.judgment.reasoning == said:
                    own[judge.name] = found.judgment.score
            path = layout.consensus_file(run)
            stored = json.loads(path.read_text()) if path.exists() else {"scores": {}}
            assert stored["scores"] == own

    @invariant()
    def every_settled_consensus_is_current(self) -> None:
        """After any session the stored consensus is what a fresh look at the disk gives."""
        if getattr(self, "settled", False):
            looked = harness.judge_experiment(self.root, regenerate_only=True, dry_run=True)
            assert looked.files == []

    def teardown(self) -> None:
        """Remove the experiment."""
        if hasattr(self, "place"):
            shutil.rmtree(self.place)
            for patch in self.patches:
                patch.stop()


def example_settings(count: int) -> settings:
    """Return settings for ``count`` histories of up to 20 steps."""
    return settings(max_examples=count, stateful_step_count=20, deadline=None)


TestChanges = Changes.TestCase
TestChanges.settings = example_settings(15)


@pytest.mark.slow
def test_many_histories() -> None:
    """Five hundred histories end in the right state, and no judgment is lost."""
    run_state_machine_as_test(Changes, settings=example_settings(kills(500)))
