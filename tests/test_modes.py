"""What a session does with slots, and which wishes contradict each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.attempt import Bench, judge_slot
from harness.errors import JudgeError, SelectionError
from harness.layouts import open_experiment
from harness.model import Judged, SlotStatus
from harness.modes import Mode, mode_of, workable
from harness.scan import scan
from tests.workshop import (
    VERDICT,
    FakeJudge,
    answer,
    paid_experiment,
    payments,
    scanned,
    shell_judge,
    snapshot,
    write_experiment,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("asked", "mode"),
    [
        ({}, Mode.JUDGE),
        ({"status": True}, Mode.JUDGE),
        ({"rejudge": True}, Mode.REJUDGE),
        ({"reparse": True}, Mode.REPARSE),
        ({"reparse": True, "status": True}, Mode.REPARSE),
        ({"regenerate_only": True}, Mode.REGENERATE),
    ],
)
def test_a_wish_is_a_mode(asked: dict[str, bool], mode: Mode) -> None:
    """Without one, slots are judged."""
    names = ("rejudge", "reparse", "regenerate_only", "status")
    rejudge, reparse, regenerate_only, status = (asked.get(name, False) for name in names)
    assert (
        mode_of(rejudge=rejudge, reparse=reparse, regenerate_only=regenerate_only, status=status)
        is mode
    )


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            {"rejudge": True, "reparse": True},
            "rejudge and reparse exclude each other; give one of them",
        ),
        (
            {"rejudge": True, "reparse": True, "regenerate_only": True},
            "rejudge and reparse and regenerate_only exclude each other; give one of them",
        ),
        ({"rejudge": True, "status": "stale"}, "rejudge is about complete slots; leave status out"),
        (
            {"regenerate_only": True, "status": ["missing"]},
            "regenerate_only judges no slots; leave status out",
        ),
        ({"only": ["runs/zz", "nonsense"]}, "not found: nonsense, runs/zz (no run, no slot)"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(
    tmp_path: Path, asked: dict[str, Any], why: str
) -> None:
    """In one line, before anything is done."""
    root = write_experiment(tmp_path / "e")
    before = snapshot(root)
    with pytest.raises(SelectionError) as caught:
        harness.judge_experiment(root, **asked)
    assert str(caught.value) == why
    assert snapshot(root) == before


def test_each_mode_works_with_slots_of_its_own(tmp_path: Path) -> None:
    """Missing ones are judged, complete ones asked again, and those with a reply read again."""
    judges = [shell_judge(answer(), "good"), shell_judge("echo no verdict", "bad")]
    root = write_experiment(tmp_path / "e", runs=["a", "b"], judges=judges, retries=0)
    harness.judge_experiment(root, only=["runs/a"])
    found = scanned(root)

    def names(mode: Mode) -> list[str]:
        return [slot.name for slot in workable(mode, found.slots, found.layout)]

    assert names(Mode.JUDGE) == ["runs/a/judge_02", "runs/b/judge_01", "runs/b/judge_02"]
    assert names(Mode.REJUDGE) == ["runs/a/judge_01"]
    assert names(Mode.REPARSE) == ["runs/a/judge_01", "runs/a/judge_02"]
    assert names(Mode.REGENERATE) == []
    assert all(slot.again for slot in workable(Mode.REJUDGE, found.slots, found.layout))


def test_only_what_is_named_is_judged(tmp_path: Path) -> None:
    """By run or by slot; one name need not be in a list."""
    judges = [shell_judge(answer(), "one"), shell_judge(answer(), "two")]
    root = write_experiment(tmp_path / "e", runs=["a", "b"], judges=judges)
    done = harness.judge_experiment(root, only="runs/b/judge_02", dry_run=True)
    assert done.selected == ("runs/b/judge_02",)
    assert harness.judge_experiment(root, only=["runs/a"]).judged == 2
    assert harness.judge_experiment(root).selected == ("runs/b/judge_01", "runs/b/judge_02")


# --- asking again ----------------------------------------------------------------------------


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Path, Path]:
    """Return a judged experiment of two runs and two judges, and the ledger of its calls."""
    root, ledger = paid_experiment(tmp_path / "e", runs=2, seconds=0)
    assert harness.judge_experiment(root).judged == 4
    return root, ledger


@pytest.mark.parametrize("parallel", [1, 3])
def test_asking_again_replaces_the_selected_judgments_and_keeps_the_old(
    judged: tuple[Path, Path], parallel: int
) -> None:
    """Each selected slot is paid once, whatever is there to adopt; the others are not touched."""
    root, ledger = judged
    run, other = root / "runs/r001/judge", root / "runs/r002"
    old = {path: path.read_text() for path in run.glob("judge_*/judgment.json")}
    before = snapshot(other)
    dry = harness.judge_experiment(root, rejudge=True, only=["runs/r001"], dry_run=True)
    assert dry.selected == ("runs/r001/judge_01", "runs/r001/judge_02")
    assert payments(ledger) == 4
    done = harness.judge_experiment(root, rejudge=True, only=["runs/r001"], parallel=parallel)
    assert (done.judged, done.failures, done.calls.paid, done.calls.adopted) == (2, {}, 2, 0)
    assert payments(ledger) == 6
    assert snapshot(other) == before
    for path, text in old.items():
        new = json.loads(path.read_text())
        assert new["provenance"]["attempt"] != json.loads(text)["provenance"]["attempt"]
        (kept,) = path.parent.glob("attempts/*/replaced-judgment.json")
        assert kept.read_text() == text
        assert kept.parent.name == new["provenance"]["attempt"]
    assert set(scanned(root).counts()) == {SlotStatus.COMPLETE}
    assert harness.judge_experiment(root).selected == ()


def test_a_judge_that_fails_when_asked_again_costs_no_judgment(tmp_path: Path) -> None:
    """The old one stays until a valid one is there; the slot stays complete."""
    root = write_experiment(tmp_path / "e", retries=0)
    layout = open_experiment(root)
    (slot,) = scan(layout).slots
    judge_slot(slot, layout=layout, bench=Bench(), judge=FakeJudge())
    path = layout.judgment_file(slot.run, slot.judge)
    old = path.read_bytes()
    (again,) = workable(Mode.REJUDGE, scan(layout).slots, layout)
    with pytest.raises(JudgeError) as caught:
        judge_slot(again, layout=layout, bench=Bench(), judge=FakeJudge(lambda _: ""))
    newest = max(path.parent.glob("attempts/*"))
    assert str(caught.value) == f"the reply is empty; it is kept in {newest}/stdout"
    assert path.read_bytes() == old
    assert [s.status for s in scan(layout).slots] == [SlotStatus.COMPLETE]
    other = FakeJudge(lambda _: json.dumps({**VERDICT, "score": 0.1}))
    outcome = judge_slot(again, layout=layout, bench=Bench(), judge=other)
    assert isinstance(outcome, Judged)
    assert outcome.judgment.score == 0.1
    assert len(other.asked) == 1


def test_a_slot_that_was_asked_again_meanwhile_is_not_paid_twice(tmp_path: Path) -> None:
    """Of two sessions that both want it anew, the second takes the first one's judgment."""
    root = write_experiment(tmp_path / "e")
    layout = open_experiment(root)
    judge_slot(scan(layout).slots[0], layout=layout, bench=Bench(), judge=FakeJudge())
    (again,) = workable(Mode.REJUDGE, scan(layout).slots, layout)
    first = FakeJudge(lambda _: json.dumps({**VERDICT, "score": 0.1}))
    second = FakeJudge()
    judge_slot(again, layout=layout, bench=Bench(), judge=first)
    outcome = judge_slot(again, layout=layout, bench=Bench(), judge=second)
    assert isinstance(outcome, Judged)
    assert (outcome.judgment.score, second.asked) == (0.1, [])


def test_the_consensus_follows_what_was_asked_again(tmp_path: Path) -> None:
    """In the same call, although every slot was complete when it began."""
    body = 'cat >/dev/null; cat "$REPLY_FILE"'
    judge = {**shell_judge(body), "env": ["REPLY_FILE"]}
    root = write_experiment(tmp_path / "e", judges=[judge])
    reply = tmp_path / "reply.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLY_FILE", str(reply))
        for score in (0.25, 0.75):
            reply.write_text(json.dumps({**VERDICT, "score": score}))
            done = harness.judge_experiment(root, rejudge=score == 0.75)
            assert (done.judged, done.regenerated) == (1, 1)
            assert done.consensus["runs/a"].score == score
        (root / "task.md").write_text("Answer in another way.\n")
        reply.write_text(json.dumps({**VERDICT, "score": 0.5}))
        done = harness.judge_experiment(root, status="stale")
        assert (done.judged, done.regenerated, done.consensus["runs/a"].score) == (1, 1, 0.5)


def test_the_judgment_of_a_run_whose_output_vanished_is_kept_in_every_mode(tmp_path: Path) -> None:
    """Nobody is asked about an empty answer; the judgment stays, and counts as it did."""
    judge, ledger = shell_judge(answer()), tmp_path / "calls"
    judge["argv"][2] = f"echo >>{ledger}; {judge['argv'][2]}"
    root = write_experiment(tmp_path / "e", judges=[judge])
    assert harness.judge_experiment(root).judged == 1
    run = root / "runs" / "a"
    (run / "output.md").unlink()
    (slot,) = scanned(root).slots
    assert (slot.status, slot.why, slot.judgment is not None) == (
        SlotStatus.BLOCKED,
        (
            f"{run}: no output.md or output.txt with text in it; its judgment is kept "
            "(the task, the output, or the template changed since)"
        ),
        True,
    )
    before = snapshot(root)
    wishes: list[dict[str, Any]] = [{"status": status} for status in SlotStatus]
    for wish in ({}, {"rejudge": True}, {"reparse": True}, *wishes):
        done = harness.judge_experiment(root, **wish)
        assert (done.selected, done.consensus["runs/a"].score) == ((), 0.75)
    assert snapshot(root) == before
    assert ledger.read_text() == "\n"


def test_a_complete_slot_of_a_blocked_run_is_not_asked_again(tmp_path: Path) -> None:
    """Its judgment does not say what it was made from, and there is nothing to judge now."""
    root = write_experiment(tmp_path / "e")
    judgment = root / "runs/a/judge/judge_01/judgment.json"
    judgment.parent.mkdir(parents=True)
    judgment.write_text(json.dumps(VERDICT))
    (root / "runs/a/output.md").write_text("")
    (slot,) = scanned(root).slots
    assert slot.status is SlotStatus.COMPLETE
    assert harness.judge_experiment(root, rejudge=True).selected == ()
