"""The shipped experiment: it judges itself offline, and its judges really look."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.rubric import load_rubric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHIPPED = Path(__file__).parent.parent / "experiments" / "quickstart"
JUDGED = shutil.ignore_patterns("judge", "judge_prompt.md", "__pycache__", ".*")
RUNS = tuple(sorted(path.name for path in (SHIPPED / "runs").iterdir() if path.is_dir()))
PANEL = ("checks", "reviewer", "prober")

EDITS = {
    "checks": ("workspace/durations.py", "return 3", "return 4"),
    "reviewer": ("workspace/durations.py", "import re\n", "import json\nimport re\n"),
    "prober": ("workspace/durations.py", "if seconds < 0:", "if seconds < -1_000_000:"),
}
"""By judge: a change of the best run's code that only this judge can see."""


@dataclass(frozen=True)
class JudgedCopy:
    """A judged copy of the shipped experiment with more runs, all made from the best one."""

    root: Path
    first: harness.Statistics
    second: harness.Statistics

    def judgment(self, run: str, judge: str) -> dict[str, Any]:
        """Return what stands in a slot."""
        return read_judgment(self.root, run, judge)

    def scores(self, run: str) -> dict[str, float]:
        """Return the scores of a run by judge."""
        return {judge: self.judgment(run, judge)["score"] for judge in PANEL}

    def verdicts(self, run: str) -> tuple[bool, ...]:
        """Return who of the panel says pass."""
        return tuple(self.judgment(run, judge)["passed"] for judge in PANEL)


def read_judgment(root: Path, run: str, judge: str) -> dict[str, Any]:
    """Return what stands in a slot of an experiment."""
    slot = root / "runs" / run / "judge" / f"judge_{PANEL.index(judge) + 1:02}"
    return dict(json.loads((slot / "judgment.json").read_text("utf-8")))


def copy_shipped(target: Path) -> Path:
    """Copy the experiment as it is shipped, without what judging leaves behind."""
    shutil.copytree(SHIPPED, target, ignore=JUDGED)
    return target


def edit(run: Path, name: str, old: str, new: str) -> None:
    """Replace a text that stands in a file of a run exactly once."""
    text = (run / name).read_text("utf-8")
    assert text.count(old) == 1
    (run / name).write_text(text.replace(old, new), "utf-8")


def files_of(root: Path) -> dict[str, bytes]:
    """Return the contents of all files in the workspaces."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.glob("runs/*/workspace/**/*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> JudgedCopy:
    """Judge a copy twice: the shipped runs, the best one renamed, and the best one edited."""
    root = copy_shipped(tmp_path_factory.mktemp("quickstart") / "experiment")
    best = root / "runs" / "b"
    for judge, (name, old, new) in EDITS.items():
        edit(shutil.copytree(best, root / "runs" / f"edited-for-{judge}"), name, old, new)
    shutil.copytree(best, root / "runs" / "renamed")
    misquoted = shutil.copytree(best, root / "runs" / "misquoted")
    edit(misquoted, "output.md", "\n246\n", "\n245\n")
    first = harness.judge_experiment(root, parallel=4)
    return JudgedCopy(root=root, first=first, second=harness.judge_experiment(root, parallel=4))


def test_every_slot_is_judged_without_model_or_network(judged: JudgedCopy) -> None:
    """Every run gets a valid judgment from each judge of the panel, and nothing fails."""
    runs = len(RUNS) + len(EDITS) + 2
    assert len(RUNS) >= 6
    assert judged.first.failures == {}
    assert judged.first.problems == []
    assert (judged.first.judged, judged.first.regenerated) == (3 * runs, runs)
    assert {consensus.judged for consensus in judged.first.consensus.values()} == {3}


def test_the_second_time_nothing_is_left_to_judge(judged: JudgedCopy) -> None:
    """Judging a judged experiment selects no slot and writes no consensus."""
    assert judged.second.selected == ()
    assert (judged.second.judged, judged.second.regenerated) == (0, 0)


def test_the_panel_has_three_kinds_of_judges_that_do_not_always_agree(judged: JudgedCopy) -> None:
    """On at least two runs the verdicts are split; on others the panel is of one mind."""
    split = [run for run in RUNS if len(set(judged.verdicts(run))) == 2]
    kinds = [judged.judgment("b", judge)["provenance"]["kind"] for judge in PANEL]
    assert kinds == ["checks", "python", "command"]
    assert len(split) >= 2
    assert judged.verdicts("b") == (True, True, True)
    assert judged.verdicts("e") == (False, False, False)


def test_consensus_passes_some_runs_and_fails_others(judged: JudgedCopy) -> None:
    """The right runs pass, the wrong, crashing, unfinished, and empty-handed ones do not."""
    passed = {run for run in RUNS if judged.first.consensus[f"runs/{run}"].passed}
    assert passed == {"b", "d"}


def test_scores_follow_the_quality_of_the_runs(judged: JudgedCopy) -> None:
    """Right beats over-engineered beats subtly wrong beats happy path beats crashing beats none."""
    scores = [judged.first.consensus[f"runs/{run}"].score for run in "bdface"]
    known = [score for score in scores if score is not None]
    assert len(known) == len(scores)
    assert known == sorted(set(known), reverse=True)
    assert (known[0], known[-1]) == (1.0, 0.0)


@pytest.mark.parametrize("judge", PANEL)
def test_editing_a_runs_code_changes_the_score_of_the_judge_that_can_see_it(
    judged: JudgedCopy, judge: str
) -> None:
    """One edit lowers the score of one judge and leaves the others' as they were."""
    before, after = judged.scores("b"), judged.scores(f"edited-for-{judge}")
    assert after[judge] < before[judge]
    assert {name for name in PANEL if after[name] != before[name]} == {judge}


def test_a_misquoted_command_costs_the_answer_points(judged: JudgedCopy) -> None:
    """The prober repeats the commands in output.md and says which printed something else."""
    entry = judged.judgment("misquoted", "prober")["criteria_scores"]["answer"]["items"]
    assert entry["transcript"]["reason"] == (
        "4 of 5 as shown; 'python3 durations.py parse 4.1m' printed '246'"
    )
    assert judged.scores("misquoted")["prober"] < judged.scores("b")["prober"]


def test_renaming_a_run_changes_no_score(judged: JudgedCopy) -> None:
    """Under another name a run gets the same scores, criterion by criterion."""
    for judge in PANEL:
        renamed, original = judged.judgment("renamed", judge), judged.judgment("b", judge)
        assert renamed["criteria_scores"] == original["criteria_scores"]
        assert renamed["score"] == original["score"]


def test_no_judge_writes_into_a_workspace(judged: JudgedCopy) -> None:
    """After judging, the workspaces hold the files they held before, byte for byte."""
    after = files_of(judged.root)
    assert {name: after[name] for name in files_of(SHIPPED)} == files_of(SHIPPED)
    assert {name.split("/", 3)[3] for name in after} == {"durations.py", "test_durations.py"}


def test_the_shipped_workspaces_hold_no_caches() -> None:
    """What is shipped is what the agents left, without compiled files."""
    assert not [name for name in files_of(SHIPPED) if "__pycache__" in name]


def test_declared_scores_and_verdicts_follow_the_rubric(judged: JudgedCopy) -> None:
    """Each judge declares the score its criteria give, and passes from the threshold on."""
    threshold = load_rubric(SHIPPED / "rubric.yaml", root=SHIPPED).pass_threshold
    for run in RUNS:
        for judge in PANEL:
            judgment = judged.judgment(run, judge)
            assert judgment["provenance"]["scores_differ"] is False
            assert judgment["passed"] == (judgment["score"] >= threshold)


def judged_criteria(judgment: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the criteria that a judge gave points for."""
    for category in judgment["criteria_scores"].values():
        for criterion, entry in category["items"].items():
            if entry["achieved"] != "N/A":
                yield criterion


def test_every_criterion_has_a_judge_and_no_judge_has_all(judged: JudgedCopy) -> None:
    """The panel covers the rubric together; what a judge cannot tell is "N/A" and not counted."""
    rubric = load_rubric(SHIPPED / "rubric.yaml", root=SHIPPED)
    criteria = {each.id for category in rubric.categories for each in category.criteria}
    covered = {judge: set(judged_criteria(judged.judgment("b", judge))) for judge in PANEL}
    assert set().union(*covered.values()) == criteria
    assert all(found < criteria for found in covered.values())
    checked = {each.id for group in rubric.categories for each in group.criteria if each.run}
    assert covered["checks"] == checked


def test_judging_again_from_nothing_gives_the_same_judgments(
    judged: JudgedCopy, tmp_path: Path
) -> None:
    """Sequential or parallel, here or elsewhere: nothing but the files decides."""
    root = copy_shipped(tmp_path / "again")
    for run in set(RUNS) - {"e", "f"}:
        shutil.rmtree(root / "runs" / run)
    assert harness.judge_experiment(root).judged == 6
    kept = ("score", "passed", "reasoning", "criteria_scores")
    for run in ("e", "f"):
        for judge in PANEL:
            again, before = read_judgment(root, run, judge), judged.judgment(run, judge)
            assert {key: again[key] for key in kept} == {key: before[key] for key in kept}


@pytest.fixture
def own_module(
    judged: JudgedCopy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Any]]:
    """Import modules of the experiment as its judges do; they are forgotten afterwards."""
    monkeypatch.syspath_prepend(judged.root)
    yield importlib.import_module
    for name in ("prober", "reviewer", "scoring"):
        sys.modules.pop(name, None)


def test_the_judges_read_the_rubric_as_the_harness_does(own_module: Callable[[str], Any]) -> None:
    """The experiment's small reader finds the same weights, points, and threshold."""
    ours = load_rubric(SHIPPED / "rubric.yaml", root=SHIPPED)
    theirs = own_module("scoring").read_rubric(SHIPPED / "rubric.yaml")
    assert theirs.pass_threshold == ours.pass_threshold
    assert theirs.weights == {category.name: category.weight for category in ours.categories}
    assert theirs.points == {
        category.name: {each.id: each.points for each in category.criteria}
        for category in ours.categories
    }


HOSTILE = {
    "hangs": ("while True: pass", "durations.py cannot be imported (nothing)"),
    "leaves": ("import os; os._exit(0)", "durations.py cannot be imported (nothing)"),
    "exits": ("raise SystemExit(0)", "durations.py cannot be imported (SystemExit)"),
    "answers for us": (
        "print('{\"raised\": null}')\ndef humanize(seconds): return 0.5",
        "0 of 1 calls are right; humanize(0): a float, expected '0s'",
    ),
}


@pytest.mark.parametrize("code", HOSTILE)
def test_code_that_hangs_leaves_or_prints_gets_no_points(
    own_module: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """The prober outlives the agent's code and counts what was not answered as wrong."""
    source, reason = HOSTILE[code]
    (tmp_path / "durations.py").write_text(source, "utf-8")
    prober = own_module("prober")
    monkeypatch.setattr(prober, "CALLS_LIMIT", 0.5)
    findings = prober.probe(tmp_path, tmp_path / "answers")
    assert findings["format_zero"].reason == reason
    assert {finding.share for finding in findings.values()} == {0.0}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def parse(:", "the code cannot be parsed: invalid syntax (<unknown>, line 1)"),
        ("def parse(text): return total", "total is not defined"),
        ("import requests\nrequests.get", "requests is not in the standard library"),
        ("def main():\n    return 1\n    print()", "nothing gets past line 2"),
    ],
)
def test_the_reviewer_sees_without_running(
    own_module: Callable[[str], Any], tmp_path: Path, source: str, reason: str
) -> None:
    """What is wrong with the text of a program is found and named."""
    (tmp_path / "durations.py").write_text(source, "utf-8")
    assert own_module("reviewer").findings(tmp_path)["tidiness"].reason == reason
