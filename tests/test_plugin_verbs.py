"""--rejudge, --reparse, and --regenerate-only: slots in a session that does not just judge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugin_project import REPLY, FakePanel, line, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness import Question, Slot
    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

TABLE = [
    "exp",
    "  judge       complete   missing    failed",
    "  01 judge-a         2         0         0",
    "  02 judge-b         2         0         0",
]


def get(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def other(_: Slot, question: Question) -> str:
    """Answer otherwise than the panel does by default."""
    del question
    return REPLY.replace("0.5", "0.25")


@pytest.fixture
def judged(project: Project) -> Path:
    """Return an experiment of two runs and two judges, all of it judged."""
    root = project.experiment()
    assert project.run("-q", panel=FakePanel()).exit == 0
    return root


# --- usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            ["--rejudge", "--reparse"],
            "--rejudge and --reparse exclude each other; give one of them",
        ),
        (
            ["--regenerate-only", "--rejudge"],
            "--rejudge and --regenerate-only exclude each other; give one of them",
        ),
        (
            ["--rejudge", "--status", "stale"],
            "--rejudge is about complete slots; leave --status out",
        ),
        (
            ["--regenerate-only", "--status", "missing"],
            "--regenerate-only judges no slots; leave --status out",
        ),
    ],
)
def test_wishes_that_contradict_each_other_are_usage_errors(
    project: Project, judged: Path, options: list[str], why: str
) -> None:
    """One line, exit 4, nothing done; even where there is no experiment."""
    before = project.snapshot()
    done = project.run(*options, judged)
    assert (done.exit, done.problem) == (4, [f"ERROR: {why}"])
    assert project.snapshot() == before


@pytest.mark.usefixtures("judged")
def test_statuses_of_the_configuration_file_are_for_judging(project: Project) -> None:
    """They neither contradict a verb nor change what it is about."""
    project.pytester.makeini("[pytest]\nharness_status = stale\n")
    assert len(project.ids("--rejudge")) == 4
    assert project.run("-q", "--regenerate-only").exit == 0


# --- asking again ----------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, 3])
def test_complete_slots_are_asked_again_by_k_by_id_and_by_path(
    project: Project, judged: Path, lanes: int
) -> None:
    """The selected ones only; the old judgments are kept, and the consensus follows."""
    panel = FakePanel(other)
    done = project.run(
        *("--rejudge", "--strict-markers", f"--parallel={lanes}", "-k", "judge-b"),
        judged / "runs/a",
        panel=panel,
    )
    assert (done.exit, panel.asked) == (0, ["runs/a/judge_02"])
    assert done.section("judge panel") == [
        *TABLE,
        "judged 1, failed to judge 0, consensus regenerated 1",
    ]
    assert "calls: 1 paid, 0 adopted, 0 lost, 0 wasted" in done.section("consensus")
    slot = judged / "runs/a/judge/judge_02"
    assert get(slot / "judgment.json")["score"] == 0.25
    (kept,) = slot.glob("attempts/*/replaced-judgment.json")
    assert get(kept)["score"] == 0.5
    assert get(judged / "runs/a/judge/result.json")["scores"] == {"judge-a": 0.5, "judge-b": 0.25}
    panel = FakePanel(other)
    node = f"{judged.name}/experiment.yaml::runs/b/judge_01"
    assert project.run("--rejudge", f"--parallel={lanes}", node, panel=panel).exit == 0
    assert panel.asked == ["runs/b/judge_01"]


def test_what_is_asked_again_and_fails_keeps_its_judgment(project: Project, judged: Path) -> None:
    """The item fails, the slot stays complete."""
    before = get(judged / "runs/a/judge/judge_01/judgment.json")
    panel = FakePanel(lambda _slot, _question: "no verdict")
    done = project.run("--rejudge", "-k", "runs/a and judge-a", panel=panel)
    assert done.exit == 1
    assert done.section("judge panel")[: len(TABLE)] == TABLE
    assert get(judged / "runs/a/judge/judge_01/judgment.json") == before


@pytest.mark.usefixtures("judged")
def test_asking_again_can_be_looked_at_first(project: Project) -> None:
    """A dry run counts the calls, and changes nothing."""
    before = project.snapshot()
    panel = FakePanel(other)
    done = project.run("--rejudge", "--dry-run", "-k", "runs/a", panel=panel)
    assert (done.exit, panel.asked) == (0, [])
    assert done.body[0] == "exp: 4 slots: 4 complete"
    assert done.body[2] == "dry run: 2 slots would be asked again; nothing was changed"
    assert project.snapshot() == before


def test_only_complete_slots_are_asked_again(project: Project) -> None:
    """Whatever else there is to do is left; and with nothing complete there is nothing to do."""
    root = project.mixed()
    panel = FakePanel()
    assert project.run("-q", "--rejudge", panel=panel).exit == 0
    assert panel.asked == ["runs/complete/judge_01"]
    done = project.run("--rejudge", root / "runs/missing", panel=panel)
    assert (done.exit, done.body[1]) == (
        0,
        "nothing to ask again: no selected slot is complete",
    )


def test_a_slot_whose_run_is_blocked_is_not_asked_again(project: Project) -> None:
    """Nor judged as a stale one: its run is blocked, and the session says so."""
    root = project.mixed()
    for run in ("complete", "stale"):
        (root / "runs" / run / "output.md").unlink()
    panel = FakePanel()
    done = project.run("--rejudge", panel=panel)
    assert (done.exit, done.body[:3]) == (
        0,
        [
            "exp: 5 slots: 1 missing, 1 failed, 1 complete, 2 blocked",
            (
                "runs/complete/judge_01 is complete, but its run is blocked: "
                "exp/runs/complete: no output.md or output.txt with text in it"
            ),
            "nothing to ask again: the run of every selected slot is blocked",
        ],
    )
    done = project.run("--status", "stale", "exp/runs/stale", panel=panel)
    assert (done.exit, done.body[1]) == (
        0,
        (
            "  runs/stale is blocked: exp/runs/stale: no output.md or output.txt with text in it; "
            "its judgment is kept (the task, the output, or the template changed since)"
        ),
    )
    assert panel.asked == []


def test_workers_ask_again_once(project: Project) -> None:
    """With pytest-xdist every selected slot is paid once, and its old judgment is kept."""
    root = project.experiment(judges=1)
    entry = {
        "name": "one",
        "kind": "command",
        "argv": ["sh", "-c", f"cat >/dev/null; echo '{REPLY}'"],
    }
    (root / "experiment.yaml").write_text(json.dumps({"judges": [entry]}))
    options = ["-p", "harness.plugin", "-p", "xdist", "-n2", "--parallel=2", "-q"]
    for verb, kept in ((), 0), (("--rejudge",), 2), (("--rejudge", "-k", "runs/b"), 3):
        done = project.pytester.runpytest_subprocess(*options, *verb)
        assert done.ret == 0
        found = list(root.glob("runs/*/judge/judge_01/attempts/*/replaced-judgment.json"))
        assert len(found) == kept
    done = project.pytester.runpytest_subprocess(*options, "--reparse")
    assert done.ret == 0
    assert "read again 2, failed to read again 0, changed 0, consensus regenerated 0" in (
        done.outlines
    )
    (root / "runs/a/judge/result.json").unlink()
    done = project.pytester.runpytest_subprocess(*options, "--regenerate-only")
    assert done.ret == 0
    assert "files made again 1, consensus regenerated 1" in done.outlines


# --- reading again ---------------------------------------------------------------------------


def test_replies_are_read_again_in_turn_and_nobody_is_asked(project: Project, judged: Path) -> None:
    """A change of the reply's reading shows for each slot, in a dry run before."""
    path = judged / "runs/a/judge/judge_01/judgment.json"
    draft = {**get(path), "score": 0.75, "grade": "B"}
    draft["provenance"]["declared_score"] = 0.75
    path.write_text(json.dumps(draft))
    before = project.snapshot()
    says = "score 0.75 -> 0.5, grade B -> C, declared score 0.75 -> 0.5"
    panel = FakePanel(other)
    dry = project.run("--reparse", "--dry-run", "--parallel=4", panel=panel)
    assert (dry.exit, dry.body[:3]) == (
        0,
        [
            "exp: 4 slots: 4 complete",
            f"  runs/a/judge_01: {says}",
            "dry run: 4 slots would be read again; nothing was changed",
        ],
    )
    assert project.snapshot() == before
    done = project.run("--reparse", "--parallel=4", panel=panel)
    assert done.exit == 0
    assert done.progress == [
        line(n, 4, name, why=says if n == 1 else "unchanged")
        for n, name in enumerate(slots("a", "b"), 1)
    ]
    assert done.section("judge panel") == [
        *TABLE,
        "read again 4, failed to read again 0, changed 1, consensus regenerated 0",
    ]
    assert (panel.asked, panel.started) == ([], [])
    assert get(path)["score"] == 0.5


def test_a_reply_that_cannot_be_read_fails_its_slot(project: Project, judged: Path) -> None:
    """The session says so and exits 1; the judgment stays."""
    (reply,) = (judged / "runs/a/judge/judge_01").glob("attempts/*/stdout")
    reply.write_text("nothing")
    done = project.run("--reparse", "-k", "runs/a and judge-a")
    assert done.exit == 1
    why = "the reply has no JSON object with score, passed, reasoning; it is kept in "
    why += "exp/runs/a/judge/judge_01/attempts/ATTEMPT/stdout; the judgment stays as it is"
    assert done.progress == [line(1, 1, "runs/a/judge_01", "FAIL", why)]
    assert done.section("judge panel")[: len(TABLE)] == TABLE


def test_replies_to_another_question_stay_stale_when_they_are_read_again(
    project: Project, judged: Path
) -> None:
    """The table shows what the next session will find, not that every slot is complete."""
    (judged / "task.md").write_text("Something else.\n")
    done = project.run("--reparse")
    assert done.exit == 0
    assert done.section("judge panel")[:4] == [
        "exp",
        "  judge       complete   missing    failed     stale",
        "  01 judge-a         0         0         0         2",
        "  02 judge-b         0         0         0         2",
    ]


def test_without_a_kept_reply_there_is_nothing_to_read(project: Project) -> None:
    """Judgments that somebody wrote by hand are no replies."""
    project.mixed()
    done = project.run("--reparse")
    assert (done.exit, done.body[1]) == (
        0,
        "nothing to read again: no selected slot has a reply that was kept",
    )


# --- making again ----------------------------------------------------------------------------


def test_only_what_is_derived_is_made_again(project: Project, judged: Path) -> None:
    """No slot is judged, not even a missing one; a dry run names the files."""
    (judged / "runs/a/judge/result.json").unlink()
    (judged / "runs/b/judge/judge_01/judgment.json").unlink()
    before = project.snapshot()
    panel = FakePanel()
    dry = project.run("--regenerate-only", "--dry-run", panel=panel)
    assert (dry.exit, dry.body[:4]) == (
        0,
        [
            "exp: 4 slots: 1 missing, 3 complete",
            "  would be made again: exp/runs/a/judge/result.json",
            "  would be made again: exp/runs/b/judge/result.json",
            "dry run: nothing was changed",
        ],
    )
    assert project.snapshot() == before
    done = project.run("--regenerate-only", panel=panel)
    assert (done.exit, panel.asked) == (0, [])
    assert done.section("judge panel")[-1] == "files made again 2, consensus regenerated 2"
    assert get(judged / "runs/b/judge/result.json")["judged"] == 1


def test_projectscylla_s_levels_are_made_by_that_option_only(
    project: Project, make_scylla: Callable[..., Path]
) -> None:
    """A session that judges writes what belongs to a run; the reports above are its tools'."""
    root = make_scylla(project.path / "s", judgments={"T0/00/run_01/judge_01": None})
    assert project.run("-q").exit == 0
    assert not (root / "result.json").exists()
    dry = project.run("--regenerate-only", "--dry-run")
    made = ["T0/00/run_01/report.json", "T0/00/report.json", "T0/result.json", "T0/report.json"]
    made += ["T0/best_subtest.json", "result.json", "report.json", "tier_comparison.json"]
    assert dry.body[1:9] == [f"  would be made again: s/{name}" for name in made]
    done = project.run("--regenerate-only")
    assert done.section("judge panel")[-1] == "files made again 8, consensus regenerated 0"
    assert get(root / "result.json")["best_overall_tier"] == "T0"


# --- the rubric's score ----------------------------------------------------------------------


def test_a_difference_between_the_two_scores_is_counted(project: Project) -> None:
    """And criteria that the rubric does not know are named."""
    criteria = {
        "functional": {"items": {"F1": {"achieved": 1}, "F2": {"achieved": 3}, "F9": {}}},
        "quality": {"items": {"Q1": {"achieved": 2}, "Q2": {"achieved": "N/A"}}},
    }
    reply = json.dumps({**json.loads(REPLY), "criteria_scores": criteria})
    project.experiment(runs=["a"])
    first = "runs/a/judge_01"
    panel = FakePanel(lambda slot, _: reply if slot.name == first else REPLY)
    done = project.run(panel=panel)
    assert done.section("judge panel")[4:] == [
        f"{first}: criteria that the rubric does not know count for nothing: functional.F9",
        "judged 2, failed to judge 0, consensus regenerated 1",
        "the declared score and the rubric's differ: 1 of 2 judgments",
    ]
