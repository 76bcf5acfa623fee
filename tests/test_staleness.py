"""Whose a judgment is, and what has changed since it was made."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness import staleness as module
from harness.config import panel
from harness.keys import ExperimentKeys
from harness.layouts import open_experiment
from harness.model import JudgeSpec, Judgment, Run, SlotStatus
from harness.rubric import load_rubric
from harness.scan import scan
from harness.staleness import is_own, rubric_changed, staleness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Path]

COMPLETE, STALE = SlotStatus.COMPLETE, SlotStatus.STALE

CONFIGURATION = "the judge's configuration changed since"
OF_A = f"{CONFIGURATION}; it is a judgment by a (command, m)"


def entry(name: str, *, model: str | None = "m", argv: str = "ask", **keys: Any) -> dict[str, Any]:
    """Return one judge of a panel."""
    return {"name": name, "kind": "command", "model": model, "argv": [argv], **keys}


def specs(tmp_path: Path, *entries: dict[str, Any]) -> tuple[JudgeSpec, ...]:
    """Return the panel that these entries configure."""
    return panel(entries, ExperimentKeys(), file=tmp_path / "experiment.yaml")


def judgment(judge: JudgeSpec | None = None, /, **provenance: object) -> Judgment:
    """Return a judgment that says that ``judge`` made it."""
    of = {} if judge is None else {
        "judge": judge.name, "kind": judge.kind, "model": judge.model, "judge_sha256": judge.sha256,
    }  # fmt: skip
    raw = {"provenance": {**of, **provenance}}
    return Judgment(score=0.5, passed=True, grade="C", reasoning="", raw=raw)


def why(judgment: Judgment, judge: JudgeSpec, run: Run, prompt: str | None = None) -> str | None:
    """Return what staleness says."""
    return staleness(judgment, run, judge, lambda: prompt)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a run without a rubric."""
    return Run(name="runs/a", path=tmp_path / "runs/a", inputs_sha256="i")


# --- whose judgment --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "own", "says"),
    [
        ({}, True, None),
        ({"name": "b"}, True, None),
        ({"description": "asks for style"}, True, None),
        ({"weight": 3, "timeout": 5, "max_parallel": 1, "env": ["KEY"]}, True, None),
        ({"argv": "/opt/bin/ask"}, True, None),
        ({"argv": "ask2"}, True, CONFIGURATION),
        ({"require_token": True}, True, CONFIGURATION),
        ({"name": "b", "argv": "ask2"}, False, OF_A),
        ({"model": "n"}, False, OF_A),
        ({"model": None}, False, OF_A),
    ],
)
def test_a_changed_judge_is_the_same_one_or_another(
    tmp_path: Path,
    run: Run,
    changes: dict[str, Any],
    own: bool,  # noqa: FBT001 - a parameter of the test
    says: str | None,
) -> None:
    """A new name or limit is no change, a setting is one, a model makes it another judge."""
    (before,) = specs(tmp_path, entry("a"))
    (after,) = specs(tmp_path, {**entry("a"), **entry(**{"name": "a", **changes})})
    made = judgment(before)
    assert is_own(made, after) is own
    assert why(made, after, run) == says


def test_another_kind_is_another_judge(tmp_path: Path, run: Run) -> None:
    """The same name and model in other hands is somebody else."""
    (before,) = specs(tmp_path, entry("a"))
    (after,) = specs(
        tmp_path, {"name": "a", "kind": "python", "model": "m", "call": "judges:judge"}
    )
    assert not is_own(judgment(before), after)
    assert why(judgment(before), after, run) == OF_A


@pytest.mark.parametrize(
    "provenance",
    [{}, {"judge": None, "kind": None}, {"judge": 5, "kind": []}, {"judge_sha256": None}],
)
def test_a_judgment_that_does_not_say_whose_it_is_belongs_to_its_slot(
    tmp_path: Path, run: Run, provenance: dict[str, Any]
) -> None:
    """Other tools, and people, write no provenance."""
    (judge,) = specs(tmp_path, entry("a"))
    assert is_own(judgment(**provenance), judge)
    assert why(judgment(**provenance), judge, run) is None


def test_a_judgment_that_only_names_another_judge_is_that_judge_s(tmp_path: Path, run: Run) -> None:
    """Without a fingerprint the name decides."""
    (judge,) = specs(tmp_path, entry("a"))
    made = judgment(judge="b")
    assert not is_own(made, judge)
    assert why(made, judge, run) == f"{CONFIGURATION}; it is a judgment by b"


def test_a_fingerprint_of_another_version_makes_nothing_stale(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the fingerprint covers other settings, nobody knows whether those of old changed."""
    (judge,) = specs(tmp_path, entry("a"))
    made = judgment(judge, judge_sha256="of the old version")
    assert why(made, judge, run) == CONFIGURATION
    monkeypatch.setattr(module, "FINGERPRINT_VERSION", 2)
    assert why(made, judge, run) is None
    renewed = judgment(judge, judge_sha256="other settings", judge_fingerprint=2)
    assert why(renewed, judge, run) == CONFIGURATION
    (other,) = specs(tmp_path, entry("a", model="n"))
    assert why(made, other, run) == OF_A


judges = st.fixed_dictionaries(
    {
        "model": st.sampled_from([None, "m", "n"]),
        "argv": st.sampled_from(["x", "y"]),
    }
)
panels = st.dictionaries(st.sampled_from("abcd"), judges, min_size=1, max_size=4)


@given(panels, panels, st.randoms(use_true_random=False))
def test_nobody_is_credited_with_another_judge_s_word(
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
    random: Any,
) -> None:
    """However a panel is edited: who counts has the same name and model, or asks the same."""
    root = tmp_path_factory.getbasetemp()
    old = [entry(name, **keys) for name, keys in before.items()]
    new = [entry(name, **keys) for name, keys in after.items()]
    random.shuffle(new)
    run = Run(name="runs/a", path=root)
    for was, now in zip(specs(root, *old), specs(root, *new), strict=False):
        made = judgment(was)
        same = (was.name, was.model) == (now.name, now.model) or was.sha256 == now.sha256
        assert is_own(made, now) is same
        assert (why(made, now, run) is None) == (was.sha256 == now.sha256)


# --- a panel that is edited ------------------------------------------------------------------


def judge_with(word: str, name: str, **keys: Any) -> dict[str, Any]:
    """Return a judge whose reasoning says who it was."""
    reply = json.dumps({"score": len(word) / 10, "passed": True, "reasoning": word})
    return {"name": name, "kind": "command", "argv": ["sh", "-c", f"cat; echo '{reply}'"], **keys}


A = judge_with("x", "a")
B = judge_with("xx", "b")
C = judge_with("xxxx", "c")


def seat(root: Path, *entries: dict[str, Any]) -> Path:
    """Give an experiment another panel."""
    path = root / "experiment.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), "judges": list(entries)}))
    return root


def statuses(root: Path) -> list[SlotStatus]:
    """Return the statuses of all slots, in order."""
    return [slot.status for slot in scan(open_experiment(root)).slots]


def result(root: Path) -> dict[str, Any]:
    """Settle, and return the consensus of the only run."""
    harness.judge_experiment(root, status="complete")
    value: dict[str, Any] = json.loads((root / "runs/a/judge/result.json").read_text())
    return value


@pytest.fixture
def judged(tmp_path: Path, make_experiment: Make) -> Path:
    """Return an experiment of one run that judges a and b have judged."""
    root = make_experiment(tmp_path / "e", runs=["a"], judges=[A, B])
    assert harness.judge_experiment(root).judged == 2
    return root


def test_judges_that_swap_places_lose_their_judgments_until_they_swap_back(judged: Path) -> None:
    """Neither is credited with the other's word, and nothing is lost."""
    seat(judged, B, A)
    assert statuses(judged) == [STALE, STALE]
    assert (result(judged)["scores"], result(judged)["judged"]) == ({}, 0)
    seat(judged, A, B)
    assert statuses(judged) == [COMPLETE, COMPLETE]
    assert result(judged)["scores"] == {"a": 0.1, "b": 0.2}


def test_a_judge_that_is_replaced_takes_no_judgment_over(judged: Path) -> None:
    """The new judge's slot is stale; the consensus has the others only, of the whole panel."""
    seat(judged, A, C)
    assert statuses(judged) == [COMPLETE, STALE]
    found = result(judged)
    assert (found["scores"], found["judged"], found["judges"]) == ({"a": 0.1}, 1, 2)
    assert (found["complete"], found["score"], found["passed"]) == (False, None, None)
    done = harness.judge_experiment(judged, status="stale")
    assert (done.judged, done.failures) == (1, {})
    assert result(judged)["scores"] == {"a": 0.1, "c": 0.4}


def test_a_judge_added_in_front_moves_the_others_and_credits_nobody(judged: Path) -> None:
    """Slots have numbers, so all that come after are stale, and the last one is missing."""
    seat(judged, C, A, B)
    assert statuses(judged) == [STALE, STALE, SlotStatus.MISSING]
    assert result(judged)["scores"] == {}


def test_a_judge_added_at_the_end_or_renamed_leaves_the_others_alone(judged: Path) -> None:
    """That is the way to enlarge a panel."""
    seat(judged, {**A, "name": "alpha", "description": "the first"}, B, C)
    assert statuses(judged) == [COMPLETE, COMPLETE, SlotStatus.MISSING]
    assert result(judged)["scores"] == {"alpha": 0.1, "b": 0.2}


@pytest.mark.parametrize("order", list(permutations([A, B, C])))
def test_after_judging_what_is_stale_everybody_has_its_own_word(
    judged: Path, order: tuple[dict[str, Any], ...]
) -> None:
    """Whatever the order of the new panel; and every judgment that was replaced is kept."""
    seat(judged, *order)
    done = harness.judge_experiment(judged, status=["stale", "missing"])
    assert done.failures == {}
    assert statuses(judged) == [COMPLETE] * 3
    assert result(judged)["scores"] == {"a": 0.1, "b": 0.2, "c": 0.4}
    kept = list(judged.glob("runs/a/judge/*/attempts/*/replaced-judgment.json"))
    assert len(kept) == sum(j["name"] != name for j, name in zip(order, "ab", strict=False))


# --- the rubric ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("categories:\n", "# a comment\ncategories:\n", False),
        ("categories:\n", "name: greeting\ndescription: for people\ncategories:\n", False),
        ("{id: F1, check: hello.py exists,", "{check: hello.py exists, id: F1,", False),
        ("weight: 0.6", "weight: 0.60", False),
        ("weight: 0.6", "weight: 0.7", True),
        ("points: 3.0", "points: 4.0", True),
        ("hello.py exists", "hallo.py exists", True),
        ("there are no tests", "there is no test", True),
        ("pass_threshold: 0.6", "pass_threshold: 0.7", True),
        ("A: 0.8", "A: 0.85", True),
    ],
)
def test_a_rubric_changes_by_what_counts(
    tmp_path: Path,
    make_experiment: Make,
    old: str,
    new: str,
    changed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Comments, layout, name, and description are for people; all the rest is not."""
    root = make_experiment(tmp_path / "e", runs=["a"])
    path = root / "rubric.yaml"
    before = load_rubric(path, root=root)
    assert harness.judge_experiment(root).judged == 2
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert statuses(root) == [STALE if changed else COMPLETE] * 2
    after = load_rubric(path, root=root)
    assert before.sha256 != after.sha256
    made_from = {"rubric_sha256": before.sha256, "rubric_fingerprint": before.fingerprint}
    assert rubric_changed(made_from, after) is changed
    assert rubric_changed({"rubric_sha256": before.sha256}, after)


def test_a_comment_in_the_rubric_leaves_the_frozen_prompt_alone(
    tmp_path: Path, make_experiment: Make
) -> None:
    """Judging one changed judge anew must not make the judgments of the others stale."""
    root = make_experiment(tmp_path / "e", runs=["a"], judges=[A, B])
    harness.judge_experiment(root)
    prompt = (root / "runs/a/judge_prompt.md").read_bytes()
    rubric = root / "rubric.yaml"
    rubric.write_text(f"# a comment\n{rubric.read_text()}")
    seat(root, A, C)
    assert harness.judge_experiment(root, status="stale").judged == 1
    assert (root / "runs/a/judge_prompt.md").read_bytes() == prompt
    assert statuses(root) == [COMPLETE, COMPLETE]


def test_a_changed_prompt_has_the_whole_run_judged_anew(
    tmp_path: Path, make_experiment: Make
) -> None:
    """One new prompt is frozen, all judges answer it, and the old judgments and prompt are kept."""
    root = make_experiment(tmp_path / "e", runs=["a", "b"], judges=[A, B])
    harness.judge_experiment(root)
    before = (root / "runs/a/judge_prompt.md").read_text()
    untouched = (root / "runs/b/judge_prompt.md").read_text()
    (root / "runs/a/output.md").write_text("It was something else.\n")
    assert statuses(root) == [STALE, STALE, COMPLETE, COMPLETE]
    assert harness.judge_experiment(root).judged == 0
    assert harness.judge_experiment(root, status="stale", parallel=2).judged == 2
    assert statuses(root) == [COMPLETE] * 4
    after = (root / "runs/a/judge_prompt.md").read_text()
    assert "It was something else." in after
    (old,) = (root / "runs/a").glob("judge_prompt.md.old-*")
    assert old.read_text() == before
    assert (root / "runs/b/judge_prompt.md").read_text() == untouched
    kept = sorted(root.glob("runs/*/judge/*/attempts/*/replaced-judgment.json"))
    assert [path.parts[-4] for path in kept] == ["judge_01", "judge_02"]
    assert harness.judge_experiment(root, status="stale").judged == 0
