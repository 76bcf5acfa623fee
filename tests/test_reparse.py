"""Replies read again: the judgments follow parser, rubric, and rule, and nobody is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import files, ledger
from harness.errors import ExperimentError, JudgeError
from harness.layouts import open_experiment
from harness.locks import claim
from harness.model import Deferred, Judged, SlotStatus
from harness.reparse import derive, has_reply, reparse_slot
from harness.scan import scan
from tests.workshop import scanned, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model import Slot

    Make = Callable[..., Path]

COMPLETE, STALE, FAILED = SlotStatus.COMPLETE, SlotStatus.STALE, SlotStatus.FAILED


def criteria(f1: object = 1, f2: object = 0, q1: object = 1, q2: object = "N/A") -> dict[str, Any]:
    """Return points for the shared rubric: F1 of 1, F2 of 3, Q1 of 2, Q2 of 1."""
    return {
        "functional": {"items": {"F1": {"achieved": f1}, "F2": {"achieved": f2}}},
        "quality": {"items": {"Q1": {"achieved": q1}, "Q2": {"achieved": q2}}},
    }


REPLY = {"score": 0.5, "passed": True, "reasoning": "fine", "categories": criteria()}
WORTH = 0.6 * 0.25 + 0.4 * 0.5


def printing(text: str) -> dict[str, Any]:
    """Return a judge, one process per call, that prints ``text`` and counts its calls."""
    body = 'cat >/dev/null; echo >>"$CALLS"; cat <<"END"\n' + text + "\nEND"
    return {"name": "one", "kind": "command", "argv": ["sh", "-c", body], "env": ["CALLS"]}


def written(root: Path) -> dict[str, Any]:
    """Return everything on disk but the note of who holds a claim."""
    return {name: state for name, state in snapshot(root).items() if not name.endswith(".claim")}


class Lab:
    """An experiment of one run and one judge whose calls are counted."""

    def __init__(self, root: Path, calls: Path) -> None:
        self.root = root
        self._calls = calls
        self.slot_directory = root / "runs/a/judge/judge_01"
        self.path = self.slot_directory / "judgment.json"

    @property
    def calls(self) -> int:
        """How often the judge was asked."""
        return len(self._calls.read_text().splitlines()) if self._calls.exists() else 0

    @property
    def judgment(self) -> dict[str, Any]:
        """The judgment on disk."""
        value: dict[str, Any] = json.loads(self.path.read_text())
        return value

    @property
    def kept(self) -> list[dict[str, Any]]:
        """The judgments that were replaced, in the order of their names."""
        paths = sorted(self.slot_directory.glob("attempts/*/replaced*-judgment.json"))
        return [json.loads(path.read_text()) for path in paths]

    @property
    def slot(self) -> Slot:
        """The slot as it is scanned now."""
        (slot,) = scanned(self.root).slots
        return slot

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a part of a file that must be there."""
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def configure(self, **keys: Any) -> None:
        """Set keys of ``experiment.yaml``."""
        path = self.root / "experiment.yaml"
        path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


@pytest.fixture
def lab(
    tmp_path: Path, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Lab]:
    """Return a factory of experiments that their judge, who prints a text, has judged."""
    calls = tmp_path / "calls"
    monkeypatch.setenv("CALLS", str(calls))

    def make(text: str | None = None, **keys: Any) -> Lab:
        said = json.dumps(REPLY) if text is None else text
        root = make_experiment(
            tmp_path / "e", runs=["a"], judges=[printing(said)], retries=0, **keys
        )
        harness.judge_experiment(root)
        return Lab(root, calls)

    return make


def test_an_unchanged_reply_gives_the_judgment_that_there_is(lab: Callable[..., Lab]) -> None:
    """Nothing is written, and nobody is asked."""
    made = lab()
    before = written(made.root)
    done = harness.judge_experiment(made.root, reparse=True)
    assert (done.judged, done.failures, done.changed, done.files) == (1, {}, {}, [])
    assert written(made.root) == before
    assert made.calls == 1


def test_another_weight_gives_another_score_and_a_current_judgment(
    lab: Callable[..., Lab],
) -> None:
    """The judge was asked the same, so its answer holds, weighed by the present rubric."""
    made = lab()
    old = made.judgment
    assert old["score"] == pytest.approx(WORTH)
    made.edit("rubric.yaml", "weight: 0.6", "weight: 1.2")
    assert made.slot.status is STALE
    now = (1.2 * 0.25 + 0.4 * 0.5) / 1.6
    says = f"score {WORTH:g} -> {now:g}, rubric score {WORTH:g} -> {now:g}, "
    says += "made from the present rubric"
    before = snapshot(made.root)
    dry = harness.judge_experiment(made.root, reparse=True, dry_run=True)
    assert (dry.judged, dry.changed) == (0, {"runs/a/judge_01": says})
    assert snapshot(made.root) == before
    done = harness.judge_experiment(made.root, reparse=True)
    assert (done.judged, done.changed) == (1, {"runs/a/judge_01": says})
    assert made.judgment["score"] == pytest.approx(now)
    assert made.slot.status is COMPLETE
    assert made.kept == [old]
    assert done.regenerated == 1
    assert done.consensus["runs/a"].score == pytest.approx(now)
    assert made.calls == 1
    assert harness.judge_experiment(made.root, reparse=True).changed == {}


def test_a_rubric_that_asks_otherwise_leaves_the_judgment_stale(lab: Callable[..., Lab]) -> None:
    """What can be counted is counted anew, but the judge has not seen the new question."""
    made = lab()
    made.edit("rubric.yaml", "hello.py exists", "hallo.py exists")
    assert harness.judge_experiment(made.root, reparse=True).changed == {}
    made.edit("rubric.yaml", "points: 3.0", "points: 1.0")
    made.edit("rubric.yaml", "points: 2.0", "points: 1.0")
    done = harness.judge_experiment(made.root, reparse=True)
    now = 0.6 * 0.5 + 0.4
    says = f"score {WORTH:g} -> {now:g}, grade D -> B, rubric score {WORTH:g} -> {now:g}"
    assert done.changed == {"runs/a/judge_01": says}
    assert (made.slot.status, made.slot.why) == (STALE, "the rubric changed since")


def test_which_score_counts_can_be_changed_back_and_forth(lab: Callable[..., Lab]) -> None:
    """Both are on record; every judgment that was replaced is kept."""
    made = lab()
    made.configure(score_from="declared")
    done = harness.judge_experiment(made.root, reparse=True)
    assert done.changed == {"runs/a/judge_01": f"score {WORTH:g} -> 0.5, grade D -> C"}
    assert (made.judgment["score"], done.differ) == (0.5, 1)
    made.configure(score_from="rubric")
    assert harness.judge_experiment(made.root, reparse=True).judged == 1
    assert made.judgment["score"] == pytest.approx(WORTH)
    assert [kept["score"] for kept in made.kept] == [0.5, pytest.approx(WORTH)]
    assert made.calls == 1


def test_a_better_parser_finds_the_later_verdict(lab: Callable[..., Lab]) -> None:
    """A judgment that was made from a draft follows the reply; unknown keys and figures stay."""
    made = lab()
    draft = {**made.judgment, "score": 0.9, "passed": False, "reasoning": "a draft", "mine": 7}
    draft["provenance"] |= {"declared_score": 0.9, "tokens": {"input": 5}}
    made.path.write_text(json.dumps(draft))
    done = harness.judge_experiment(made.root, reparse=True)
    says = f"score 0.9 -> {WORTH:g}, passed false -> true, declared score 0.9 -> 0.5, "
    assert done.changed == {"runs/a/judge_01": f"{says}another reasoning"}
    now = made.judgment
    assert (now["reasoning"], now["mine"]) == ("fine", 7)
    assert now["provenance"]["tokens"] == {"input": 5}
    assert now["provenance"]["attempt"] == draft["provenance"]["attempt"]
    assert made.kept == [draft]


def test_a_reply_that_no_longer_parses_keeps_the_judgment(lab: Callable[..., Lab]) -> None:
    """The slot is reported, with the place of the reply, and stays complete."""
    made = lab()
    (reply,) = made.slot_directory.glob("attempts/*/stdout")
    reply.write_text("no verdict")
    before = snapshot(made.root)
    why = (
        "the reply has no JSON object with score, passed, reasoning; "
        f"it is kept in {reply}; the judgment stays as it is"
    )
    dry = harness.judge_experiment(made.root, reparse=True, dry_run=True)
    assert (dry.changed, dry.failures) == ({}, {"runs/a/judge_01": why})
    assert snapshot(made.root) == before
    done = harness.judge_experiment(made.root, reparse=True)
    assert (done.judged, done.failures) == (0, {"runs/a/judge_01": why})
    assert made.slot.status is COMPLETE
    assert made.kept == []


def test_a_failed_slot_whose_reply_parses_now_becomes_complete(lab: Callable[..., Lab]) -> None:
    """The paid answer is not lost, and the call was not wasted after all."""
    made = lab("a reply that an older parser did not understand")
    assert made.slot.status is FAILED
    still = harness.judge_experiment(made.root, reparse=True)
    assert list(still.failures) == ["runs/a/judge_01"]
    assert made.slot.status is FAILED
    (reply,) = made.slot_directory.glob("attempts/*/stdout")
    reply.write_text(json.dumps(REPLY))
    dry = harness.judge_experiment(made.root, reparse=True, dry_run=True)
    says = f"no judgment -> score {WORTH:g}"
    assert dry.changed == {"runs/a/judge_01": says}
    done = harness.judge_experiment(made.root, reparse=True)
    assert (done.judged, done.changed) == (1, {"runs/a/judge_01": says})
    assert made.slot.status is COMPLETE
    assert made.judgment["provenance"]["attempt"] == reply.parent.name
    assert made.judgment["provenance"]["judge_sha256"] == made.slot.judge.sha256
    assert made.calls == 1
    figures = ledger.read_ledger(open_experiment(made.root), [made.slot])
    assert (figures.paid, figures.wasted) == (1, 0)


def test_the_latest_reply_of_a_failed_slot_that_parses_counts(lab: Callable[..., Lab]) -> None:
    """Older attempts are looked at when the newest still says nothing."""
    made = lab("nothing")
    harness.judge_experiment(made.root)
    first, second = sorted(made.slot_directory.glob("attempts/*/stdout"))
    first.write_text(json.dumps(REPLY))
    assert harness.judge_experiment(made.root, reparse=True).judged == 1
    assert made.judgment["provenance"]["attempt"] == first.parent.name
    made.path.unlink()
    second.write_text(json.dumps({**REPLY, "reasoning": "the second"}))
    (second.parent / "exit.json").write_text('{"outcome": "failed", "why": "no verdict"}')
    assert derive(made.slot, open_experiment(made.root)).value["reasoning"] == "the second"


def test_a_reply_without_its_call_s_token_stays_no_verdict(lab: Callable[..., Lab]) -> None:
    """Quoted text cannot become the verdict by being read again either."""
    made = lab(require_token=True)
    assert made.slot.status is FAILED
    done = harness.judge_experiment(made.root, reparse=True)
    (reply,) = made.slot_directory.glob("attempts/*/stdout")
    assert done.failures == {
        "runs/a/judge_01": "the reply has no JSON object with score, passed, reasoning that "
        f"repeats the token; it is kept in {reply}"
    }


def test_what_another_judge_said_is_not_read_for_this_one(lab: Callable[..., Lab]) -> None:
    """A judge that took the place of another one has no reply of its own yet."""
    made = lab()
    other = {**printing("x"), "name": "two", "model": "m"}
    made.configure(judges=[other])
    assert made.slot.status is STALE
    assert not has_reply(made.slot, open_experiment(made.root))
    assert harness.judge_experiment(made.root, reparse=True).selected == ()


def test_a_judgment_without_a_reply_is_left_alone(
    lab: Callable[..., Lab], judgment: Callable[..., Any]
) -> None:
    """Written by hand, or its attempt deleted, or naming a place that is none of its own."""
    made = lab()
    for attempt in ("gone", "../../judge_01", None, 7):
        made.path.write_text(json.dumps(judgment(provenance={"attempt": attempt})))
        assert not has_reply(made.slot, open_experiment(made.root))
    with pytest.raises(JudgeError) as caught:
        derive(made.slot, open_experiment(made.root))
    assert str(caught.value) == "no reply was kept that the judgment could be derived from"
    assert harness.judge_experiment(made.root, reparse=True).selected == ()


def test_a_slot_that_is_being_judged_is_deferred(lab: Callable[..., Lab]) -> None:
    """Whoever holds the claim goes first."""
    made = lab()
    layout = open_experiment(made.root)
    with claim(layout.claim_file(made.slot)):
        outcome = reparse_slot(made.slot, layout=layout)
    assert isinstance(outcome, Deferred)


def test_a_judgment_that_somebody_edits_meanwhile_is_kept(lab: Callable[..., Lab]) -> None:
    """What was written since the scan holds."""
    made = lab()
    made.configure(score_from="declared")
    found = scan(open_experiment(made.root))
    edited = {**made.judgment, "reasoning": "by hand"}
    made.path.write_text(json.dumps(edited))
    with pytest.raises(JudgeError) as caught:
        reparse_slot(found.slots[0], layout=found.layout)
    assert str(caught.value) == (
        f"{made.path}: was written by someone else meanwhile; it is kept as it is"
    )
    assert made.judgment == edited


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FileExistsError, "was written by someone else meanwhile"),
        (files.EditedError, "was written by someone else meanwhile"),
        (None, "was changed by someone else at once"),
    ],
)
def test_a_judgment_that_somebody_edits_at_the_last_moment_is_kept(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, error: type[OSError] | None, why: str
) -> None:
    """What is there while, or right after, the new one is written holds."""
    made = lab()
    made.configure(score_from="declared")
    found = scan(open_experiment(made.root))

    def commit_json(path: Path, *_: object, **__: object) -> None:
        path.write_text("by hand")
        if error is not None:
            raise error(str(path))

    monkeypatch.setattr(files, "commit_json", commit_json)
    with pytest.raises(JudgeError) as caught:
        reparse_slot(found.slots[0], layout=found.layout)
    assert str(caught.value) == f"{made.path}: {why}; it is kept as it is"
    assert made.path.read_text() == "by hand"


def test_a_run_with_a_problem_is_read_by_nobody(lab: Callable[..., Lab]) -> None:
    """Its slots say what the problem is."""
    made = lab()
    place = made.root / "runs/a/workspace"
    place.symlink_to(made.root.parent)
    with pytest.raises(ExperimentError) as caught:
        derive(made.slot, open_experiment(made.root))
    assert str(caught.value) == (
        f"{place}: is a symbolic link that leaves the experiment; "
        "put what the agent left behind there, or remove it"
    )


def test_a_kept_reply_that_is_no_text_says_where_it_is(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """The judgment that was made from it stays."""
    slot = "T0/00/run_01/judge_01"
    root = make_scylla(tmp_path, models=["m"], judgments={slot: judgment(0.9)})
    reply = root / "T0/00/run_01/judge/judge_01/response.txt"
    reply.write_bytes(b"\xff\xfe")
    done = harness.judge_experiment(root, reparse=True)
    assert done.failures == {
        slot: (
            f"{reply}: the recorded reply cannot be read; it is kept in {reply}; "
            "the judgment stays as it is"
        )
    }


def test_in_projectscylla_the_reply_is_where_its_tools_keep_it(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """A judgment of theirs follows ``response.txt``; it stays as their tools read it."""
    slot = "T0/00/run_01/judge_01"
    root = make_scylla(tmp_path, models=["m"], judgments={slot: judgment(0.9)})
    directory = root / "T0/00/run_01/judge/judge_01"
    assert harness.judge_experiment(root, reparse=True).selected == ()
    (directory / "response.txt").write_text(json.dumps(REPLY))
    done = harness.judge_experiment(root, reparse=True)
    assert done.changed == {slot: "score 0.9 -> 0.5, grade A -> C, another reasoning, other points"}
    now = json.loads((directory / "judgment.json").read_text())
    assert (now["score"], now["grade"], now["criteria_scores"]) == (0.5, "C", criteria())
    assert now["provenance"]["rubric_score"] == pytest.approx(WORTH)
    kept = directory / "attempts/reparsed/replaced-judgment.json"
    assert json.loads(kept.read_text()) == judgment(0.9)
    result = json.loads((root / "T0/00/run_01/run_result.json").read_text())
    assert (result["judge_score"], result["judges"][0]["score"]) == (0.5, 0.5)
    assert harness.judge_experiment(root, reparse=True).changed == {}
    (directory / "response.txt").write_text(json.dumps({**REPLY, "score": 0.7}))
    assert harness.judge_experiment(root, reparse=True).judged == 1
    second = directory / "attempts/reparsed/replaced-2-judgment.json"
    assert json.loads(second.read_text())["score"] == 0.5


def test_reading_again_says_what_it_did(lab: Callable[..., Lab]) -> None:
    """The outcome carries the judgment and how it changed."""
    made = lab()
    layout = open_experiment(made.root)
    same = reparse_slot(made.slot, layout=layout)
    assert isinstance(same, Judged)
    assert (same.notes, same.changed) == (("unchanged",), "")
    made.configure(score_from="declared")
    other = reparse_slot(made.slot, layout=open_experiment(made.root))
    assert isinstance(other, Judged)
    assert (other.notes, other.judgment.score) == ((), 0.5)
    assert other.changed == f"score {WORTH:g} -> 0.5, grade D -> C"
