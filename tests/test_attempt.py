"""One slot, start to end."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import threading
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from harness import judges
from harness.attempt import Bench, judge_slot
from harness.dispatch import capture
from harness.errors import DiskError, ExperimentError, Interrupted, JudgeError, RetryableError
from harness.judges import Question, Reply
from harness.launch import status_file
from harness.ledger import read_ledger
from harness.locks import claim
from harness.model import ADOPTED, Calls, Deferred, Failed, Judged, Raised, SlotStatus
from harness.reply import ReplyError
from tests.workshop import (
    VERDICT,
    FakeJudge,
    answer,
    scanned,
    shell_judge,
    snapshot,
    write_experiment,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.attempt import Asks
    from harness.model import Outcome


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write an experiment of one run and one judge."""
    return write_experiment(tmp_path / "e", judges=[shell_judge(answer())])


def judge(root: Path, judge: Asks | None = None, *, status: SlotStatus | None = None) -> Outcome:
    """Judge the only slot of an experiment as a session would."""
    found = scanned(root)
    (slot,) = found.slots
    assert status is None or slot.status is status
    return capture(
        slot, lambda slot: judge_slot(slot, layout=found.layout, bench=Bench(), judge=judge)
    )


def slot_of(root: Path) -> Path:
    """Return the directory of the only slot."""
    return root / "runs/a/judge/judge_01"


def ends(root: Path) -> list[dict[str, object]]:
    """Return how the attempts ended, the earliest first."""
    return [json.loads(p.read_text()) for p in sorted(slot_of(root).glob("attempts/*/exit.json"))]


def stored(root: Path) -> dict[str, object]:
    """Return the judgment on disk."""
    value: dict[str, object] = json.loads((slot_of(root) / "judgment.json").read_text())
    return value


def test_judged_slot_has_a_judgment_and_the_whole_record_of_its_attempt(root: Path) -> None:
    """Prompt, intent, reply, exit, and judgment are on disk; the outcome says what it cost."""
    outcome = judge(root)
    assert isinstance(outcome, Judged)
    assert (outcome.judgment.score, outcome.notes) == (0.75, ())
    assert outcome.calls == Calls(paid=1)
    assert {k: stored(root)[k] for k in VERDICT} == VERDICT
    (attempt,) = (slot_of(root) / "attempts").iterdir()
    assert sorted(path.name for path in attempt.iterdir()) == [
        "exit.json",
        "intent.json",
        "stderr",
        "stdout",
        "stdout.status",
    ]
    intent = json.loads((attempt / "intent.json").read_text())
    provenance = stored(root)["provenance"]
    assert isinstance(provenance, dict)
    for key in ("prompt_sha256", "rubric_sha256", "inputs_sha256", "judge_sha256", "judge", "kind"):
        assert provenance[key] == intent[key]
    assert provenance["attempt"] == attempt.name
    assert ends(root)[0]["outcome"] == "judged"
    assert scanned(root).slots[0].status is SlotStatus.COMPLETE


def test_busy_slot_is_deferred_and_costs_nothing(root: Path) -> None:
    """A slot that somebody holds is not waited for; who has it since when is the reason."""
    fake = FakeJudge()
    slot_of(root).mkdir(parents=True)
    with claim(slot_of(root) / ".claim"):
        outcome = judge(root, fake)
    assert isinstance(outcome, Deferred)
    assert re.fullmatch(r"being judged by \S+:\d+ since \d\d:\d\d:\d\d UTC", outcome.reason)
    assert fake.asked == []
    assert not (slot_of(root) / "attempts").exists()


def test_slot_is_judged_once_however_many_threads_try(root: Path) -> None:
    """Of eight threads one asks; the others find it busy or already judged."""
    start = threading.Barrier(8)
    fake = FakeJudge()
    outcomes: list[Outcome] = []

    def work() -> None:
        start.wait(30)
        outcomes.append(judge(root, fake))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fake.asked) == 1
    assert {type(outcome) for outcome in outcomes} <= {Judged, Deferred}


def test_slot_that_was_judged_since_the_scan_costs_nothing(root: Path) -> None:
    """The judgment that another session made in between is taken as it is."""
    found = scanned(root)
    judge(root)
    fake = FakeJudge()
    outcome = judge_slot(found.slots[0], layout=found.layout, bench=Bench(), judge=fake)
    assert isinstance(outcome, Judged)
    assert outcome.notes == ("judged by another session meanwhile",)
    assert (fake.asked, outcome.calls) == ([], Calls())


def test_run_with_a_problem_is_explained_by_each_of_its_slots(root: Path) -> None:
    """What the experiment's author must mend is the slot's error; nothing is created."""
    (root / "task.md").rename(root / "gone.md")
    outcome = judge(root)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ExperimentError)
    assert str(outcome.error) == (
        f"{root}/runs/a: no task.md in it or above it; write the task there"
    )
    assert not (root / "runs/a/judge").exists()


def test_run_without_a_usable_workspace_is_not_judged(tmp_path: Path) -> None:
    """The checks judge scores no empty directory in place of what it cannot see."""
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": "checks"}])
    (root / "runs/a/workspace").symlink_to(tmp_path)
    outcome = judge(root, status=SlotStatus.MISSING)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ExperimentError)
    assert str(outcome.error) == (
        f"{root}/runs/a/workspace: is a symbolic link that leaves the experiment; "
        "put what the agent left behind there, or remove it"
    )
    assert not (root / "runs/a/judge").exists()


def test_workspace_that_went_away_since_the_scan_is_found_out(tmp_path: Path) -> None:
    """A link that a person changed while the session runs gives no score either."""
    root = write_experiment(tmp_path / "e", judges=[{"name": "one", "kind": "checks"}])
    found = scanned(root)
    place = root / "runs/a/workspace"
    place.symlink_to("gone")
    with pytest.raises(ExperimentError) as caught:
        judge_slot(found.slots[0], layout=found.layout, bench=Bench())
    assert str(caught.value) == (
        f"{place}: is a symbolic link that leads to no directory; "
        "put what the agent left behind there, or remove it"
    )
    assert not (root / "runs/a/judge").exists()


def test_invalid_reply_is_kept_counted_and_asked_again_once(root: Path) -> None:
    """The second answer is recorded; both calls are paid, one of them is wasted."""
    replies = iter(['{"score": 2, "passed": true, "reasoning": ""}', json.dumps(VERDICT)])
    fake = FakeJudge(lambda _: next(replies))
    outcome = judge(root, fake)
    assert isinstance(outcome, Judged)
    assert outcome.calls == Calls(paid=2, wasted=1)
    assert [end["outcome"] for end in ends(root)] == ["failed", "judged"]
    first = min((slot_of(root) / "attempts").iterdir())
    assert ends(root)[0]["why"] == (
        f"the reply is invalid: score must be within 0..1, got 2; it is kept in {first}/stdout"
    )
    assert (first / "stdout").read_text() == '{"score": 2, "passed": true, "reasoning": ""}'


def test_second_invalid_reply_fails_the_slot(root: Path) -> None:
    """No third call is paid; the error says what was wrong and where the reply is."""
    fake = FakeJudge(lambda _: "I cannot say.")
    outcome = judge(root, fake)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ReplyError)
    assert re.fullmatch(
        r"the reply has no JSON object with score, passed, reasoning; it is kept in "
        r"\S+/attempts/0002/stdout \(asked 2 times, each time with this end\)",
        str(outcome.error),
    )
    assert (len(fake.asked), outcome.calls) == (2, Calls(paid=2, wasted=2))
    slot = scanned(root).slots[0]
    assert (slot.status, slot.why) == (SlotStatus.FAILED, str(outcome.error))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("printf 'draft \\377'", "the judge's stdout is not UTF-8 (byte 6)"),
        ("echo draft; echo no key >&2; exit 3", "the judge ended with exit status 3: no key"),
        ("head -c 11000000 /dev/zero", "the judge wrote more than 10 MiB and was ended"),
        ("echo draft; sleep 60", "the judge took longer than 0.3 s and was ended"),
    ],
    ids=["bytes", "status", "flood", "late"],
)
def test_failure_of_a_judge_that_wrote_something_says_where_that_is(
    tmp_path: Path, body: str, why: str
) -> None:
    """Whatever went wrong, what was paid for can be looked at."""
    entry = {**shell_judge(f"cat >/dev/null; {body}"), "timeout": 0.3 if "sleep" in body else 60}
    root = write_experiment(tmp_path / "e", judges=[entry], retries=0)
    outcome = judge(root)
    assert isinstance(outcome, Failed)
    (attempt,) = (slot_of(root) / "attempts").iterdir()
    assert str(outcome.error) == f"{why}; what it wrote is kept in {attempt}/stdout"
    assert (attempt / "stdout").stat().st_size > 0
    assert ends(root)[0]["why"] == str(outcome.error)


def test_failure_of_a_judge_that_wrote_nothing_points_nowhere(tmp_path: Path) -> None:
    """An empty reply is not worth looking at."""
    root = write_experiment(tmp_path / "e", judges=[shell_judge("cat >/dev/null; exit 3")])
    outcome = judge(root)
    assert isinstance(outcome, Failed)
    assert str(outcome.error) == "the judge ended with exit status 3"


def test_retries_can_be_turned_off_and_deterministic_judges_have_none(tmp_path: Path) -> None:
    """With retries: 0, or a judge that would say the same again, one call is all."""
    root = write_experiment(tmp_path / "e", judges=[shell_judge(answer())], retries=0)
    fake = FakeJudge(lambda _: "no")
    judge(root, fake)
    assert len(fake.asked) == 1
    root = write_experiment(tmp_path / "f", judges=[shell_judge(answer())])
    fake.deterministic = True
    outcome = judge(root, fake)
    assert len(fake.asked) == 2
    assert isinstance(outcome, Failed)
    assert outcome.calls == Calls()


def test_failed_judge_is_not_asked_again(root: Path) -> None:
    """An error that asking again does not mend fails the slot at once."""

    def fail(_: Question) -> str:
        raise JudgeError("no key")

    outcome = judge(root, FakeJudge(fail))
    assert isinstance(outcome, Failed)
    assert (str(outcome.error), outcome.calls) == ("no key", Calls(paid=1, wasted=1))


def test_an_error_that_nobody_foresaw_is_named_in_the_status(root: Path) -> None:
    """Its text alone may be one word."""

    def fail(_: Question) -> str:
        raise KeyError("x")

    judge(root, FakeJudge(fail))
    (slot,) = scanned(root).slots
    assert (slot.status, slot.why) == (SlotStatus.FAILED, "KeyError: 'x'")


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        (None, "the judge returned NoneType, not a reply"),
        ({"score": 1.0}, "the judge returned dict, not a reply"),
        (b"{}", "the judge returned bytes, not a reply"),
        (Reply(text=None), "the judge returned a reply whose text is NoneType, not str"),  # type: ignore[arg-type] # that is the point
    ],
)
def test_judge_that_returns_no_reply_fails_its_slot(root: Path, returned: Any, why: str) -> None:
    """What a hook's judge returns is checked before it is read; the call was paid."""
    outcome = judge(root, FakeJudge(lambda _: returned))
    assert isinstance(outcome, Failed)
    assert (str(outcome.error), outcome.calls) == (why, Calls(paid=1, wasted=1))
    assert scanned(root).slots[0].status is SlotStatus.FAILED


@pytest.mark.parametrize("error", [Interrupted(), KeyboardInterrupt()])
def test_interrupted_attempt_leaves_the_slot_missing(root: Path, error: BaseException) -> None:
    """An interrupt is not the slot's failure: it travels on, and the attempt is on record."""

    def interrupt(_: Question) -> str:
        raise error

    outcome = judge(root, FakeJudge(interrupt))
    assert isinstance(outcome, Raised)
    assert outcome.error is error
    assert outcome.calls == Calls(paid=1, wasted=1)
    assert [end["outcome"] for end in ends(root)] == ["interrupted"]
    assert scanned(root).slots[0].status is SlotStatus.MISSING


def test_program_that_cannot_be_started_costs_nothing(tmp_path: Path) -> None:
    """A missing program fails the slot, but nothing was paid."""
    entry = {"name": "one", "kind": "command", "argv": ["no-such-program"]}
    root = write_experiment(tmp_path / "e", judges=[entry])
    outcome = judge(root)
    assert isinstance(outcome, Failed)
    assert str(outcome.error) == (
        f"{root}/experiment.yaml: judges[0].argv: there is no program 'no-such-program'; "
        "install it or correct argv"
    )
    assert outcome.calls == Calls()
    assert scanned(root).slots[0].status is SlotStatus.FAILED
    found = scanned(root)
    assert read_ledger(found.layout, found.slots) == Calls()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"score": 95}', b"\xff"])
def test_damaged_judgment_is_set_aside_and_the_slot_judged(root: Path, content: bytes) -> None:
    """The bad file is kept beside the new one under a name that says so."""
    slot_of(root).mkdir(parents=True)
    (slot_of(root) / "judgment.json").write_bytes(content)
    outcome = judge(root, status=SlotStatus.FAILED)
    assert isinstance(outcome, Judged)
    (kept,) = slot_of(root).glob("judgment.json.bad-*")
    assert kept.read_bytes() == content
    assert len(outcome.notes) == 1
    assert outcome.notes[0].endswith(f"; set aside as {kept.name}")


def test_directory_in_the_place_of_a_judgment_is_set_aside(root: Path) -> None:
    """Whatever stands in the place of the judgment is moved, not deleted."""
    (slot_of(root) / "judgment.json" / "inner").mkdir(parents=True)
    assert isinstance(judge(root, status=SlotStatus.FAILED), Judged)
    (kept,) = slot_of(root).glob("judgment.json.bad-*")
    assert (kept / "inner").is_dir()


def test_damaged_judgment_of_an_older_layout_stays_where_it_is(
    tmp_path: Path, make_scylla: Callable[..., Path]
) -> None:
    """Nothing stood in the way of the new one, so nothing was moved."""
    root = make_scylla(tmp_path, models=["m"], judgments={"T0/00/run_01/judge_01": None})
    old = root / "T0/00/run_01/judge/judgment.json"
    old.parent.mkdir()
    old.write_text("")
    outcome = judge(root, status=SlotStatus.FAILED)
    assert isinstance(outcome, Judged)
    assert outcome.notes == (f"{old}: not a judgment (is empty); left where it is",)
    assert old.read_text() == ""
    assert (old.parent / "judge_01/judgment.json").exists()


@pytest.mark.parametrize("before", [None, "{"])
def test_judgment_that_a_person_writes_meanwhile_is_kept(root: Path, before: str | None) -> None:
    """What somebody wrote while the judge was at work is not overwritten, and it is said."""
    mine = json.dumps({"score": 0.1, "passed": False, "reasoning": "by hand"})
    path = slot_of(root) / "judgment.json"
    path.parent.mkdir(parents=True)
    if before is not None:
        path.write_text(before)

    def edit(_: Question) -> str:
        path.write_text(mine)
        return json.dumps(VERDICT)

    outcome = judge(root, FakeJudge(edit))
    assert isinstance(outcome, Failed)
    (attempt,) = (slot_of(root) / "attempts").iterdir()
    assert str(outcome.error) == (
        f"{path}: was written by someone else meanwhile; it is kept as it is, "
        f"the judge's reply is kept in {attempt}"
    )
    assert path.read_text() == mine
    assert scanned(root).slots[0].status is SlotStatus.COMPLETE


def unreadable(
    monkeypatch: pytest.MonkeyPatch, path: Path, *, when: Callable[[], bool] = lambda: True
) -> None:
    """Have the operating system refuse to open a file, as it would for anybody but root."""
    real = os.open

    def guarded(name: Any, *args: Any, **how: Any) -> int:
        if str(name) == str(path) and when():
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return real(name, *args, **how)

    monkeypatch.setattr(os, "open", guarded)


def test_judgment_that_cannot_be_read_costs_nothing_and_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be valid: nobody is asked, it is left alone, and the message says what to mend."""
    judge(root)
    before = snapshot(slot_of(root))
    path = slot_of(root) / "judgment.json"
    unreadable(monkeypatch, path)
    fake = FakeJudge()
    outcome = judge(root, fake, status=SlotStatus.FAILED)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, DiskError)
    assert str(outcome.error) == (
        f"{path}: cannot be read (Permission denied); "
        "nothing was paid; mend that and run the same command again"
    )
    assert (fake.asked, outcome.calls) == ([], Calls())
    after = snapshot(slot_of(root))
    assert {k: v[3] for k, v in after.items() if k != ".claim"} == {
        k: v[3] for k, v in before.items() if k != ".claim"
    }


def test_judgment_that_becomes_unreadable_while_its_judge_works_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody put there meanwhile is not moved; the answer is adopted afterwards."""
    path = slot_of(root) / "judgment.json"
    hidden = True
    unreadable(monkeypatch, path, when=lambda: hidden and path.exists())

    def work(_: Question) -> str:
        path.write_text("{")
        return json.dumps(VERDICT)

    outcome = judge(root, FakeJudge(work))
    assert isinstance(outcome, Failed)
    (attempt,) = (slot_of(root) / "attempts").iterdir()
    assert str(outcome.error) == (
        f"{path}: cannot be read (Permission denied); "
        f"the answer is kept in {attempt} and will be adopted"
    )
    assert path.read_text() == "{"
    hidden = False
    fake = FakeJudge()
    outcome = judge(root, fake)
    assert isinstance(outcome, Judged)
    assert (fake.asked, outcome.calls) == ([], Calls(adopted=1))


def make_stale(root: Path, **extra: object) -> bytes:
    """Judge, add keys to the judgment, change the task; return the judgment's bytes."""
    judge(root)
    path = slot_of(root) / "judgment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **extra}))
    path.chmod(0o640)
    (root / "task.md").write_text("Answer better.\n")
    return path.read_bytes()


def test_stale_judgment_is_replaced_with_unknown_keys_and_mode_kept(root: Path) -> None:
    """The old judgment is kept with the attempt; a person's own keys and the mode survive."""
    old = make_stale(root, note="mine")
    outcome = judge(
        root, FakeJudge(lambda _: json.dumps({**VERDICT, "score": 0.5})), status=SlotStatus.STALE
    )
    assert isinstance(outcome, Judged)
    assert (stored(root)["score"], stored(root)["note"]) == (0.5, "mine")
    assert (slot_of(root) / "judgment.json").stat().st_mode & 0o777 == 0o640
    (kept,) = slot_of(root).glob("attempts/*/replaced-judgment.json")
    assert kept.read_bytes() == old


def test_stale_judgment_edited_meanwhile_is_kept(root: Path) -> None:
    """A person's edit of a judgment that is being replaced wins."""
    make_stale(root)
    path = slot_of(root) / "judgment.json"
    mine = json.dumps({"score": 0.1, "passed": False, "reasoning": "by hand"})

    def edit(_: Question) -> str:
        path.write_text(mine)
        return json.dumps(VERDICT)

    assert isinstance(judge(root, FakeJudge(edit), status=SlotStatus.STALE), Failed)
    assert path.read_text() == mine


def test_failed_attempt_leaves_the_stale_judgment(root: Path) -> None:
    """A stale judgment is worth more than none."""
    old = make_stale(root)
    assert isinstance(judge(root, FakeJudge(lambda _: "no"), status=SlotStatus.STALE), Failed)
    assert (slot_of(root) / "judgment.json").read_bytes() == old


def test_reply_that_is_no_valid_unicode_or_json_can_be_written(root: Path) -> None:
    """A lone surrogate in a judge's text spoils neither the reply's file nor the judgment."""
    text = '{"score": 0.5, "passed": true, "reasoning": "\\ud800"}'
    assert isinstance(judge(root, FakeJudge(lambda _: text)), Judged)
    assert stored(root)["reasoning"] == "\ud800"


def test_figures_of_a_reply_are_recorded(root: Path) -> None:
    """Model, tokens, and cost go into the judgment and the ledger; unknown ones stay null."""
    reply = Reply(text=json.dumps(VERDICT), model="m-1", tokens={"input": 5}, cost_usd=0.25)
    outcome = judge(root, FakeJudge(lambda _: reply))
    assert isinstance(outcome, Judged)
    assert outcome.calls == Calls(paid=1, cost_usd=0.25)
    provenance = stored(root)["provenance"]
    assert isinstance(provenance, dict)
    assert (provenance["model_answered"], provenance["cost_usd"]) == ("m-1", 0.25)
    found = scanned(root)
    assert read_ledger(found.layout, found.slots) == Calls(paid=1, cost_usd=0.25)


def test_token_is_asked_for_and_only_replies_that_repeat_it_count(tmp_path: Path) -> None:
    """With require_token each call has its own, appended to the frozen prompt."""
    entry = {**shell_judge(answer()), "require_token": True}
    root = write_experiment(tmp_path / "e", judges=[entry])

    def repeat(question: Question) -> str:
        assert question.prompt == question.prompt_file.read_text()
        token = question.prompt.rpartition(": ")[2].strip()
        return json.dumps({**VERDICT, "token": token}) + json.dumps({**VERDICT, "score": 1.0})

    assert isinstance(judge(root, FakeJudge(repeat)), Judged)
    assert stored(root)["score"] == 0.75


# --- adoption -----------------------------------------------------------------------------------


FAKE = "tests.workshop.FakeJudge"
"""How an attempt names the substitute that these tests supply."""


def finished_attempt(
    root: Path,
    *,
    status: str | None = "0\n",
    text: str | None = None,
    substitute: str | None = None,
) -> Path:
    """Leave an attempt as a session that died leaves it: with a reply, without an end."""
    judge(root)
    (attempt,) = (slot_of(root) / "attempts").iterdir()
    (slot_of(root) / "judgment.json").unlink()
    (attempt / "exit.json").unlink()
    intent = json.loads((attempt / "intent.json").read_text())
    assert intent["substitute"] is None
    (attempt / "intent.json").write_text(json.dumps({**intent, "substitute": substitute}))
    if text is not None:
        (attempt / "stdout").write_text(text)
    if status is None:
        status_file(attempt / "stdout").unlink()
    else:
        status_file(attempt / "stdout").write_text(status)
    return attempt


def test_provenance_ends_a_call_as_long_after_its_start_as_it_took(root: Path) -> None:
    """Start, duration, and end of a paid call agree to the millisecond."""
    assert isinstance(judge(root), Judged)
    provenance = stored(root)["provenance"]
    assert isinstance(provenance, dict)
    started, ended = (datetime.fromisoformat(provenance[key]) for key in ("started", "ended"))
    took = (ended - started).total_seconds()
    assert took > 0
    assert provenance["duration_seconds"] == round(took, 3)


def test_finished_answer_of_a_dead_session_is_adopted(root: Path) -> None:
    """The judgment is the one that would have been made; nobody is asked, and it is said."""
    attempt = finished_attempt(root)
    outcome = judge(root)
    assert isinstance(outcome, Judged)
    assert (outcome.notes, outcome.calls) == ((ADOPTED,), Calls(adopted=1))
    provenance = stored(root)["provenance"]
    assert isinstance(provenance, dict)
    assert provenance["attempt"] == attempt.name
    assert provenance["duration_seconds"] >= 0
    assert [(end["outcome"], end["adopted"]) for end in ends(root)] == [("judged", True)]
    found = scanned(root)
    assert found.slots[0].status is SlotStatus.COMPLETE
    assert read_ledger(found.layout, found.slots) == Calls(paid=1, adopted=1)


@pytest.mark.parametrize(
    ("status", "outcome", "calls"),
    [
        (None, "refused", Calls(paid=1)),
        ("", "lost", Calls(paid=1, lost=1)),
        ("0", "lost", Calls(paid=1, lost=1)),
        ("1\n", "failed", Calls(paid=1, wasted=1)),
        ("137\n", "failed", Calls(paid=1, wasted=1)),
        ("0 ended\n", "failed", Calls(paid=1, wasted=1)),
    ],
)
def test_answer_without_a_clean_exit_on_record_is_paid_again(
    root: Path, status: str | None, outcome: str, calls: Calls
) -> None:
    """A draft that parses is no answer unless the judge is known to have ended well by itself."""
    finished_attempt(root, status=status, substitute=FAKE)
    fake = FakeJudge()
    judged = judge(root, fake)
    assert isinstance(judged, Judged)
    assert len(fake.asked) == 1
    assert judged.calls == calls
    assert [end["outcome"] for end in ends(root)] == [outcome, "judged"]


@pytest.mark.parametrize("key", ["prompt_sha256", "judge_sha256", "rubric_sha256", "inputs_sha256"])
def test_answer_to_another_question_is_not_adopted(root: Path, key: str) -> None:
    """Any difference in what was asked, or of whom, means asking now."""
    attempt = finished_attempt(root, substitute=FAKE)
    intent = json.loads((attempt / "intent.json").read_text())
    intent |= {key: "0" * 64, "rubric_fingerprint": None}
    (attempt / "intent.json").write_text(json.dumps(intent))
    fake = FakeJudge()
    assert isinstance(judge(root, fake), Judged)
    assert len(fake.asked) == 1


def test_finished_answer_that_is_no_verdict_is_not_adopted(root: Path) -> None:
    """A reply that does not parse was wasted and is asked for again."""
    finished_attempt(root, text="I cannot say.", substitute=FAKE)
    fake = FakeJudge()
    assert isinstance(judge(root, fake), Judged)
    assert len(fake.asked) == 1


def test_latest_finished_answer_is_adopted(root: Path) -> None:
    """Of two answers to the same question the later one counts."""
    first = finished_attempt(root)
    second = first.with_name("9" + first.name[1:])
    second.mkdir()
    for path in first.iterdir():
        (second / path.name).write_bytes(path.read_bytes())
    (second / "stdout").write_text(json.dumps({**VERDICT, "score": 0.5}))
    judge(root)
    assert stored(root)["score"] == 0.5


@pytest.mark.parametrize("damage", [None, "{"])
@pytest.mark.parametrize("adopted", [False, True])
def test_judgment_that_was_deleted_or_damaged_is_not_paid_for_again(
    root: Path, damage: str | None, *, adopted: bool
) -> None:
    """The answer to the very same question is at hand, however it was recorded before."""
    if adopted:
        finished_attempt(root)
    judge(root)
    (slot_of(root) / "judgment.json").unlink()
    if damage is not None:
        (slot_of(root) / "judgment.json").write_text(damage)
    outcome = judge(root)
    assert isinstance(outcome, Judged)
    assert outcome.calls == Calls(adopted=1)
    assert [end["outcome"] for end in ends(root)] == ["judged"]


def test_changed_workspace_is_judged_anew_once_the_judgment_is_deleted(tmp_path: Path) -> None:
    """The score of what an agent left before is never given to what lies there now."""
    body = 'cat >/dev/null; cat "$0"/runs/a/workspace/verdict'
    entry = {"name": "one", "kind": "command", "argv": ["sh", "-c", body, "{experiment}"]}
    root = write_experiment(tmp_path / "e", judges=[entry])
    verdict = root / "runs/a/workspace/verdict"
    verdict.parent.mkdir()
    for score in (1.0, 0.25):
        verdict.write_text(json.dumps({**VERDICT, "score": score}))
        assert isinstance(judge(root), Judged)
        assert stored(root)["score"] == score
        (slot_of(root) / "judgment.json").unlink()


def test_crash_after_the_commit_loses_nothing_and_pays_nothing(root: Path) -> None:
    """A judgment whose attempt was never closed stands as it is; the slot is complete."""
    judge(root)
    before = (slot_of(root) / "judgment.json").read_bytes()
    (attempt,) = (slot_of(root) / "attempts").iterdir()
    (attempt / "exit.json").unlink()
    outcome = judge(root, status=SlotStatus.COMPLETE)
    assert isinstance(outcome, Judged)
    assert outcome.calls == Calls()
    assert (slot_of(root) / "judgment.json").read_bytes() == before


def test_answer_that_an_interrupt_kept_from_being_looked_at_is_adopted(root: Path) -> None:
    """The judge had ended well by itself before the session stopped: that was paid for."""
    attempt = finished_attempt(root)
    (attempt / "exit.json").write_text(json.dumps({"outcome": "interrupted", "why": "Interrupted"}))
    outcome = judge(root)
    assert isinstance(outcome, Judged)
    assert outcome.calls == Calls(adopted=1)


def test_answer_of_a_substitute_is_not_adopted_for_the_configured_judge(root: Path) -> None:
    """What a hook's judge said is nobody else's verdict; nor is the configured judge's."""
    finished_attempt(root, substitute=FAKE)
    outcome = judge(root)
    assert isinstance(outcome, Judged)
    assert outcome.calls == Calls(paid=1)


def test_answer_of_the_configured_judge_is_not_adopted_for_a_substitute(root: Path) -> None:
    """A hook's judge is asked itself, and its attempt says that it was."""
    finished_attempt(root)
    fake = FakeJudge()
    outcome = judge(root, fake)
    assert isinstance(outcome, Judged)
    assert (len(fake.asked), outcome.calls) == (1, Calls(paid=1))
    latest = max((slot_of(root) / "attempts").iterdir())
    assert json.loads((latest / "intent.json").read_text())["substitute"] == FAKE


def test_answer_of_a_substitute_is_adopted_for_the_same_substitute(root: Path) -> None:
    """A judge that a hook wraps keeps the promise, too: its finished answer is not paid again."""
    finished_attempt(root, substitute=FAKE)
    fake = FakeJudge()
    outcome = judge(root, fake)
    assert isinstance(outcome, Judged)
    assert (fake.asked, outcome.calls) == ([], Calls(adopted=1))


def test_configured_judge_is_known_however_it_is_handed_over(root: Path) -> None:
    """A session that builds the configured judge itself adopts what it had answered."""
    finished_attempt(root)
    configured = judges.build(scanned(root).slots[0].judge)
    outcome = judge(root, configured)
    assert isinstance(outcome, Judged)
    assert outcome.calls == Calls(adopted=1)


def test_token_of_the_attempt_must_stand_in_the_adopted_answer(tmp_path: Path) -> None:
    """Adoption is as strict as asking: only an object with that call's token counts."""
    # answers with the last line of its prompt as the token
    body = (
        "token=$(tail -1 | sed 's/.*: //'); "
        'printf \'{"score": 0.5, "passed": true, "reasoning": "", "token": "%s"}\' "$token"'
    )
    entry = {**shell_judge(body), "require_token": True}
    root = write_experiment(tmp_path / "e", judges=[entry])
    attempt = finished_attempt(root)
    assert isinstance(judge(root), Judged)
    assert stored(root)["score"] == 0.5
    (slot_of(root) / "judgment.json").unlink()
    (attempt / "exit.json").unlink()
    intent = json.loads((attempt / "intent.json").read_text())
    changed = {"token": secrets.token_hex(8), "substitute": FAKE}
    (attempt / "intent.json").write_text(json.dumps({**intent, **changed}))
    fake = FakeJudge(
        lambda q: json.dumps({**VERDICT, "token": q.prompt.rpartition(": ")[2].strip()})
    )
    judge(root, fake)
    assert len(fake.asked) == 1


def test_answer_of_an_in_process_judge_is_adopted_with_its_figures(root: Path) -> None:
    """The harness itself puts on record that a reply is complete, before anything is made of it."""
    reply = Reply(text=json.dumps(VERDICT), model="m-1", tokens={"input": 5}, cost_usd=0.5)
    path = slot_of(root) / "judgment.json"
    path.parent.mkdir(parents=True)

    def block(_: Question) -> Reply:
        path.write_text(json.dumps(VERDICT))  # a person is faster: theirs stands
        return reply

    outcome = judge(root, FakeJudge(block))
    assert isinstance(outcome, Failed)
    assert outcome.calls == Calls(paid=1, cost_usd=0.5)
    assert [end["outcome"] for end in ends(root)] == ["answered"]
    path.unlink()
    fake = FakeJudge()
    outcome = judge(root, fake)
    assert isinstance(outcome, Judged)
    assert fake.asked == []
    assert outcome.calls == Calls(adopted=1, cost_usd=0.5)
    provenance = stored(root)["provenance"]
    assert isinstance(provenance, dict)
    assert (provenance["model_answered"], provenance["tokens"]) == ("m-1", {"input": 5})


def test_deterministic_judge_just_answers_again(root: Path) -> None:
    """What costs nothing is not adopted."""
    fake = FakeJudge()
    fake.deterministic = True
    judge(root, fake)
    (slot_of(root) / "judgment.json").unlink()
    outcome = judge(root, fake)
    assert isinstance(outcome, Judged)
    assert len(fake.asked) == 2
    assert (outcome.notes, outcome.calls) == ((), Calls())


def test_temporary_files_of_dead_writers_are_swept(root: Path) -> None:
    """What a killed writer left in the slot goes away with the next attempt."""
    finished_attempt(root)
    (slot_of(root) / ".judgment.json.1.0123abcd.tmp").write_text("{")
    judge(root)
    assert list(slot_of(root).glob(".*.tmp")) == []


def test_another_sessions_retry_does_not_hide_in_the_error(root: Path) -> None:
    """A retryable error that is the last one is what the slot fails with."""
    calls = 0

    def late(_: Question) -> str:
        nonlocal calls
        calls += 1
        raise RetryableError(f"too late, call {calls}")

    fake = FakeJudge(late)
    outcome = judge(root, fake)
    assert isinstance(outcome, Failed)
    first, second = (question.prompt for question in fake.asked)
    assert second == first + (
        "\nYou were asked this before, and your answer could not be used: too late, call 1.\n"
        "Reply with one JSON object as described above, complete, and nothing after it.\n"
    )
    assert fake.asked[1].prompt_file.read_text() == second
    assert str(outcome.error) == "too late, call 2 (asked 2 times; before: too late, call 1)"


def test_nothing_is_written_outside_the_run(root: Path) -> None:
    """Judging changes files below the run only; the judge's own directory is gone afterwards."""
    places: list[Path] = []

    def look(question: Question) -> str:
        places.append(question.scratch)
        assert list(question.scratch.iterdir()) == []
        assert not question.scratch.is_relative_to(root)
        return json.dumps(VERDICT)

    before = snapshot(root)
    judge(root, FakeJudge(look))
    after = snapshot(root)
    assert {k for k in after if after[k] != before.get(k) and not k.startswith("runs/a")} == set()
    assert not places[0].exists()


def test_smaller_time_limit_wins(root: Path) -> None:
    """Of the judge's own timeout and the session's the smaller one is asked with."""
    found = scanned(root)
    seen: list[float] = []

    def look(question: Question) -> str:
        seen.append(question.timeout)
        return "no"

    for limit in (5.0, 5000.0, None):
        bench = replace(Bench(), timeout=limit)
        capture(
            found.slots[0],
            lambda slot, bench=bench: judge_slot(  # type: ignore[misc] # a default binds it
                slot, layout=found.layout, bench=bench, judge=FakeJudge(look)
            ),
        )
    assert seen[::2] == [5.0, 1200.0, 1200.0]
