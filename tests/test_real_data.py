"""Real experiments: published scores come out bit for bit, recorded panels judge again.

The data is no part of the project; ``HARNESS_REAL_DATA`` names its directory.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import statistics
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.criteria import unknown_criteria
from harness.layouts import open_experiment
from harness.model import SlotStatus
from harness.rubric import rubric_score
from harness.scan import scan
from harness.settle import settle

DATA = Path(os.environ.get("HARNESS_REAL_DATA", ""))

pytestmark = pytest.mark.skipif(
    "HARNESS_REAL_DATA" not in os.environ, reason="HARNESS_REAL_DATA names no directory"
)

Row = dict[str, str]


def rows(name: str, experiment: str) -> list[Row]:
    """Return the published rows of one experiment."""
    with (DATA / "scylla-haiku" / name).open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["experiment"] == experiment]


def run_name(row: Row) -> str:
    """Return the name of a row's run."""
    return f"{row['tier']}/{row['subtest']}/run_{int(row['run_number']):02d}"


def put(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def get(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def write_published(root: Path, experiment: str) -> dict[str, Row]:
    """Write an experiment with every published judgment; return the published runs."""
    judges = rows("judges.csv", experiment)
    models = {int(row["judge_number"]): row["judge_model"] for row in judges}
    config = {
        "experiment_id": experiment,
        "judge_models": [models[number] for number in sorted(models)],
        "runs_per_subtest": 3,
    }
    put(root / "config" / "experiment.json", config)
    runs = {run_name(row): row for row in rows("runs.csv", experiment)}
    for name, row in runs.items():
        put(root / name / "agent" / "result.json", {"exit_code": int(row["exit_code"])})
        (root / name / "agent" / "output.txt").write_text("the agent's answer")
        put(root / name / "run_result.json", {"cost_usd": float(row["cost_usd"])})
    for row in judges:
        value = {
            "score": float(row["judge_score"]),
            "passed": row["judge_passed"] == "True",
            "grade": row["judge_grade"],
            "reasoning": row["judge_reasoning"],
            "is_valid": row["judge_is_valid"] == "True",
        }
        slot = f"judge_{int(row['judge_number']):02d}"
        put(root / run_name(row) / "judge" / slot / "judgment.json", value)
    return runs


@pytest.mark.parametrize(
    ("experiment", "missing"), [("test-001", 22), ("test-002", 8), ("test-003", 0)]
)
def test_every_published_consensus_comes_out_bit_for_bit(
    tmp_path: Path, experiment: str, missing: int
) -> None:
    """Score, verdict, and grade of all 1,080 runs; the 30 judgments nobody made are missing."""
    runs = write_published(tmp_path, experiment)
    scanned = scan(open_experiment(tmp_path))
    expected = Counter({SlotStatus.COMPLETE: 1080 - missing})
    if missing:
        expected[SlotStatus.MISSING] = missing
    assert scanned.counts() == expected
    settled = settle(scanned)
    assert (settled.regenerated, settled.problems) == (360, [])
    for name, row in runs.items():
        published = (float(row["score"]), row["passed"] == "True", row["grade"])
        result = get(tmp_path / name / "judge" / "result.json")
        assert (result["score"], result["passed"], result["grade"]) == published, name
        run = get(tmp_path / name / "run_result.json")
        assert (run["judge_score"], run["judge_passed"], run["judge_grade"]) == published, name
        assert run["cost_usd"] == float(row["cost_usd"])
    assert settle(scan(open_experiment(tmp_path))).regenerated == 0


# --- a whole experiment ----------------------------------------------------------------------


def copy_of(name: str, target: Path) -> Path:
    """Copy an experiment, writable."""
    shutil.copytree(DATA / name, target, copy_function=shutil.copyfile)
    for directory in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        directory.chmod(0o755)
    return target


def state(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file of an experiment: its time and its bytes."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }


def test_a_finished_experiment_is_complete_and_is_not_touched(tmp_path: Path) -> None:
    """All 21 slots are judged, the stored consensus is theirs, and no byte changes."""
    root = copy_of("scylla-dryrun", tmp_path / "dryrun")
    before = state(root)
    scanned = scan(open_experiment(root))
    assert scanned.counts() == {SlotStatus.COMPLETE: 21}
    settled = settle(scanned)
    assert (settled.regenerated, settled.problems, len(settled.results)) == (0, [], 7)
    assert state(root) == before


def test_the_rubric_s_scores_are_what_the_judges_points_are_worth(tmp_path: Path) -> None:
    """Counted from the items; the judges' own category scores are rounded, some contradict."""
    root = copy_of("scylla-dryrun", tmp_path / "dryrun")
    off = []
    for slot in scan(open_experiment(root)).slots:
        rubric = slot.run.scored_by
        assert rubric is not None
        assert slot.judgment is not None
        criteria = slot.judgment.raw["criteria_scores"]
        weighted = sum(c.weight * criteria[c.name]["score"] for c in rubric.categories)
        computed = rubric_score(rubric, criteria)
        assert computed is not None
        assert 0 <= computed <= 1
        if abs(computed - weighted) > 0.01:
            off.append(slot.name)
        assert unknown_criteria(rubric, criteria) == []
    assert len(off) <= 6


MEASURED = {"generated_at", "total_duration", "started_at", "completed_at", "inherited_from"}
"""What no file but the one that was deleted has on record."""


def without_measured(value: Any) -> Any:
    """Return a file's content without what is measured, whatever its depth."""
    if isinstance(value, list):
        return [without_measured(entry) for entry in value]
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in MEASURED | {"total_duration_seconds"}}
        return {key: without_measured(entry) for key, entry in kept.items()}
    return value


def levels(root: Path) -> dict[str, Path]:
    """Return the JSON files above the runs' consensus."""
    names = ("report.json", "result.json", "best_subtest.json", "tier_comparison.json")
    return {
        str(path.relative_to(root)): path
        for name in names
        for path in root.rglob(name)
        if path.parent.name not in {"judge", "agent"}
    }


def test_every_published_report_is_what_its_judgments_give(tmp_path: Path) -> None:
    """Not one figure of the 7 runs, subtests, and tiers would be another one; nor on a page."""
    root = copy_of("scylla-dryrun", tmp_path / "dryrun")
    before = state(root)
    done = harness.judge_experiment(root, regenerate_only=True)
    assert (done.files, done.problems, done.regenerated) == ([], [], 0)
    assert state(root) == before


def test_published_reports_that_are_deleted_come_back_as_they_were(tmp_path: Path) -> None:
    """Every value but the measured ones, and the order of entries, at every level."""
    root = copy_of("scylla-dryrun", tmp_path / "dryrun")
    published = {name: without_measured(get(path)) for name, path in levels(root).items()}
    assert len(published) == 7 * 5 + 3
    for path in levels(root).values():
        path.unlink()
    done = harness.judge_experiment(root, regenerate_only=True)
    assert (sorted(done.files), done.problems) == (sorted(published), [])
    for name, expected in published.items():
        made = without_measured(get(root / name))
        if "children" in expected:
            for value in (made, expected):
                value["children"].sort(key=str)
        if name in {"report.json", "result.json"}:  # sums of costs, in another order
            for value in (made, expected):
                total = value.get("summary", value).pop("total_cost")
                assert total == pytest.approx(1.0111618, abs=1e-9)
        assert made == expected, name


def test_replies_that_are_read_again_put_every_level_right(tmp_path: Path) -> None:
    """The five published scores that were drafts are replaced, up to the experiment's report."""
    root = copy_of("scylla-dryrun", tmp_path / "dryrun")
    original = judgments_of(root)
    looked = harness.judge_experiment(root, reparse=True, dry_run=True)
    done = harness.judge_experiment(root, reparse=True)
    assert (done.judged, done.failures, len(done.changed)) == (21, {}, 5)
    assert done.changed == looked.changed
    for slot in done.changed:
        run, _, judge = slot.rpartition("/")
        now = get(root / run / "judge" / judge / "judgment.json")
        answer = last_answer((root / run / "judge" / judge / "response.txt").read_text())
        assert (now["score"], now["reasoning"]) == (answer["score"], answer["reasoning"])
        (kept,) = (root / run / "judge" / judge).glob("attempts/*/replaced-judgment.json")
        assert get(kept) == original[f"{run}/judge/{judge}"]
    assert len(done.files) == 4 * 2  # the five lie in four runs
    made = harness.judge_experiment(root, regenerate_only=True).files
    assert {name.split("/")[0] for name in made} == {
        *("T0", "T1", "T2", "T6", "result.json", "report.json", "report.md"),
        *("summary.md", "tier_comparison.json"),
    }
    for tier in get(root / "report.json")["children"]:
        scores = [get(p)["score"] for p in root.glob(f"{tier['tier']}/*/run_*/judge/result.json")]
        assert [tier["best_score"]] == scores
        shown = f"| {tier['tier']} | {tier['best_subtest']} | {scores[0]:.2f} | 100% |"
        assert shown in (root / "report.md").read_text()
    assert harness.judge_experiment(root, regenerate_only=True).files == []


def test_the_levels_above_published_runs_have_the_published_scores(tmp_path: Path) -> None:
    """360 runs: each subtest's report has its runs' published scores, and their exact mean."""
    runs = write_published(tmp_path, "test-002")
    done = harness.judge_experiment(tmp_path, regenerate_only=True)
    assert (done.regenerated, done.problems) == (360, [])
    by_subtest = defaultdict(list)
    for name, row in runs.items():
        by_subtest[name.rpartition("/")[0]].append(row)
        assert get(tmp_path / name / "report.json")["score"] == float(row["score"])
    for subtest, listed in by_subtest.items():
        report = get(tmp_path / subtest / "report.json")
        scores = {int(row["run_number"]): float(row["score"]) for row in listed}
        assert {c["run_number"]: c["score"] for c in report["children"]} == scores
        assert report["summary"]["mean_score"] == statistics.mean(scores.values())
        assert report["summary"]["passed"] == sum(row["passed"] == "True" for row in listed)
        counts = Counter(row["grade"] for row in listed)
        assert report["summary"]["grade_distribution"] == counts
    assert harness.judge_experiment(tmp_path, regenerate_only=True).files == []


def replay(root: Path) -> None:
    """Make the experiment's panel replay what its judges once answered."""
    judge = {"kind": "replay", "reply": "recorded/{run}/{slot}.txt"}
    config = {"layout": "scylla", "judges": [judge] * 3}
    put(root / "experiment.yaml", config)
    for path in root.glob("T*/*/run_*/judge/judge_*/response.txt"):
        run, slot = path.parents[2].relative_to(root), path.parent.name
        (root / "recorded" / run).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / "recorded" / run / f"{slot}.txt")


def damage(slot: Path, kind: int) -> None:
    """Take a slot's judgment away, in one of several ways."""
    path = slot / "judgment.json"
    match kind % 7:
        case 0 | 1:
            shutil.rmtree(slot)
        case 2:
            path.unlink()
        case 3:
            path.write_bytes(path.read_bytes()[:100])
        case 4:
            path.write_text(path.read_text().replace('"score":', '"score": NaN, "was":', 1))
        case 5:
            path.write_bytes(b"")
        case _:
            path.unlink()
            path.mkdir()


def last_answer(text: str) -> dict[str, Any]:
    """Return the last fenced object of a recorded answer, found without the parser."""
    blocks: list[dict[str, Any]] = []
    for block in re.findall(r"```json\n(.*?)\n```", text, re.DOTALL):
        value = json.loads(block)
        if "passed" in value:
            blocks.append(value)
    return blocks[-1]


def judgments_of(root: Path) -> dict[str, dict[str, Any]]:
    """Return all judgments without what differs between two sessions."""
    found = {}
    for path in sorted(root.glob("T*/*/run_*/judge/judge_*/judgment.json")):
        value = get(path)
        for key in ("attempt", "started", "ended", "duration_seconds"):
            value.get("provenance", {}).pop(key, None)
        found[str(path.parent.relative_to(root))] = value
    return found


def derived_files(root: Path) -> dict[str, bytes]:
    """Return the consensus files of all runs."""
    paths = [*root.glob("T*/*/run_*/judge/result.json"), *root.glob("T*/*/run_*/run_result.json")]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_a_recorded_panel_judges_again_the_same_in_any_number_of_lanes(tmp_path: Path) -> None:
    """Damaged and deleted slots get what their judges answered last; the others stay."""
    roots = {lanes: copy_of("scylla-dryrun", tmp_path / f"lanes-{lanes}") for lanes in (1, 6)}
    original = judgments_of(roots[1])
    prompts = {path: path.read_bytes() for path in roots[1].glob("T*/*/run_*/judge_prompt.md")}
    taken: dict[str, int] = {}
    for lanes, root in roots.items():
        replay(root)
        for number, name in enumerate(sorted(original)):
            if number % 3 != 1:  # one slot of each run keeps its judgment
                damage(root / name, number)
                taken[name] = number
        found = harness.judge_experiment(root, parallel=lanes)
        assert (found.judged, found.failed, found.deferred) == (14, 0, {})
        assert found.regenerated > 0
        assert scan(open_experiment(root)).counts() == {SlotStatus.COMPLETE: 21}
    sequential, parallel = judgments_of(roots[1]), judgments_of(roots[6])
    assert sequential == parallel
    assert derived_files(roots[1]) == derived_files(roots[6])
    assert {path: path.read_bytes() for path in prompts} == prompts
    drafts = defaultdict(list)
    for name, value in sequential.items():
        if name not in taken:
            assert value == original[name]
            continue
        run, slot = name.split("/judge/")
        answer = last_answer((roots[1] / "recorded" / run / f"{slot}.txt").read_text())
        kept = (value["score"], value["passed"], value["reasoning"], value["criteria_scores"])
        assert kept == tuple(answer[key] for key in ("score", "passed", "reasoning", "categories"))
        assert value["provenance"]["declared_score"] == answer["score"]
        drafts[value["score"] != original[name]["score"]].append(name)
    assert len(drafts[False]) > len(drafts[True]) > 0  # some published scores were drafts
    assert harness.judge_experiment(roots[1]).selected == ()


def test_a_recorded_panel_judges_a_whole_experiment_anew(tmp_path: Path) -> None:
    """With every judge directory gone, 21 replies give 21 judgments and seven consensuses."""
    root = copy_of("scylla-dryrun", tmp_path / "dryrun")
    replay(root)
    for path in root.glob("T*/*/run_*/judge"):
        shutil.rmtree(path)
    found = harness.judge_experiment(root, parallel=6)
    assert (found.judged, found.failed, found.regenerated) == (21, 0, 7)
    for name, result in found.consensus.items():
        scores = [get(path)["score"] for path in root.glob(f"{name}/judge/judge_*/judgment.json")]
        assert len(scores) == 3
        assert min(scores) <= get(root / name / "judge" / "result.json")["score"] <= max(scores)
        assert get(root / name / "run_result.json")["judge_score"] == result.score
