"""Everything derived from judgments is made again where it is absent or stale, at every level."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness
from harness import files
from harness.errors import ExperimentError
from harness.layouts import open_experiment
from harness.regenerate import regenerate
from harness.scan import scan
from tests.workshop import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from harness.settle import Settled

    Make = Callable[..., Path]

RUNS = ("T0/00/run_01", "T0/00/run_02", "T0/01/run_01", "T0/01/run_02", "T1/00/run_01")

LEVELS = [
    *(f"{run}/report.json" for run in ("T0/00/run_01", "T0/00/run_02")),
    "T0/00/report.json",
    *(f"{run}/report.json" for run in ("T0/01/run_01", "T0/01/run_02")),
    "T0/01/report.json",
    "T1/00/run_01/report.json",
    "T1/00/report.json",
    *("T0/result.json", "T0/report.json", "T0/best_subtest.json"),
    *("T1/result.json", "T1/report.json", "T1/best_subtest.json"),
    *("result.json", "report.json", "tier_comparison.json"),
]
"""The files above the runs' consensus, in the order in which they are made."""


def put(path: Path, value: object) -> Path:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def get(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def again(root: Path, *, dry_run: bool = False) -> Settled:
    """Scan and regenerate."""
    return regenerate(scan(open_experiment(root)), dry_run=dry_run)


def names(root: Path, settled: Settled) -> list[str]:
    """Return the files that were made again, below the experiment."""
    return [str(path.relative_to(root)) for path in settled.files]


def agent(root: Path, run: str, **keys: Any) -> None:
    """Write what a run's agent measured."""
    measured = {
        "run_number": int(run[-2:]),
        "exit_code": 0,
        "cost_usd": 0.5,
        "duration_seconds": 60.0,
        "token_stats": {"input_tokens": 10, "output_tokens": 5},
        "criteria_scores": {},
        **keys,
    }
    put(root / run / "run_result.json", measured)


@pytest.fixture
def scylla(tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]) -> Path:
    """Return two tiers of judged runs of which nothing is derived yet."""
    judgments = {
        f"{run}/judge_0{n}": judgment(score, passed=score >= 0.5)
        for run, scores in zip(
            RUNS, [(1.0, 0.8), (0.6, 0.6), (0.2, 0.4), (0.9, 0.9), (0.1, 0.3)], strict=True
        )
        for n, score in enumerate(scores, 1)
    }
    root = make_scylla(
        tmp_path / "e", runs=RUNS, models=["m", "n"], judgments=judgments, runs_per_subtest=1
    )
    for run in RUNS:
        agent(root, run)
    return root


def test_pages_of_projectscylla_get_the_figures_of_the_judgments(scylla: Path) -> None:
    """Only those that are there: none is made, and what agrees is not touched."""
    page = scylla / "T0/00/run_01/report.md"
    text = (
        "# Run Report\n\n**Generated**: 2025-01-01\n\n## Summary\n\n| Metric | Value |\n"
        "|--------|-------|\n| Score | 0.100 |\n| Grade | F |\n| Status | x |\n"
    )
    page.write_text(text)
    assert "T0/00/run_01/report.md" in names(scylla, again(scylla))
    made = page.read_text()
    assert "| Score | 0.900 |\n| Grade | A |\n| Status | ✓ PASS |\n" in made
    assert "**Generated**: 2025-01-01" not in made
    assert list(scylla.rglob("report.md")) == [page]
    before = snapshot(scylla)
    assert names(scylla, again(scylla)) == []
    assert snapshot(scylla) == before


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), ExperimentError("x")])
def test_a_report_that_cannot_be_written_is_a_problem_and_the_others_are_made(
    scylla: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The session goes on, and says which."""
    refused = scylla / "T0/result.json"
    commit_json = files.commit_json

    def commit(path: Path, *arguments: Any, **keys: Any) -> None:
        if path == refused:
            raise error
        commit_json(path, *arguments, **keys)

    monkeypatch.setattr(files, "commit_json", commit)
    done = again(scylla)
    assert done.problems == [f"{refused}: cannot be written ({error})"]
    expected = [name for name in LEVELS if name != "T0/result.json"]
    assert [name for name in names(scylla, done) if name in LEVELS] == expected


# --- native ----------------------------------------------------------------------------------


def test_natively_a_consensus_is_made_again_absent_or_stale(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """What agrees is not touched, and of what is derived anyway no copy is kept."""
    root = make_experiment(tmp_path, runs=["a", "b", "c", "d"], judges=1)
    for run in "abc":
        put(root / f"runs/{run}/judge/judge_01/judgment.json", judgment(0.75))
    assert names(root, again(root)) == [f"runs/{run}/judge/result.json" for run in "abc"]
    before = snapshot(root)
    assert names(root, again(root)) == []
    assert snapshot(root) == before
    (root / "runs/a/judge/result.json").unlink()
    put(root / "runs/b/judge/result.json", {"score": 0.1, "mine": 1})
    before = snapshot(root)
    expected = ["runs/a/judge/result.json", "runs/b/judge/result.json"]
    assert names(root, again(root, dry_run=True)) == expected
    assert snapshot(root) == before
    done = harness.judge_experiment(root, regenerate_only=True)
    assert (done.files, done.regenerated, done.judged, done.selected) == (expected, 2, 0, ())
    assert get(root / "runs/b/judge/result.json")["score"] == 0.75
    assert get(root / "runs/b/judge/result.json")["mine"] == 1
    assert list(root.rglob("*.old-*")) == []


def test_a_rule_that_changed_makes_every_consensus_anew(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """Nobody is asked, and the judgments stay as they are."""
    root = make_experiment(tmp_path, runs=["a"], judges=3)
    for number, score in enumerate((0.1, 0.5, 0.9), 1):
        put(root / f"runs/a/judge/judge_0{number}/judgment.json", judgment(score))
    again(root)
    judgments = {p: p.read_bytes() for p in root.rglob("judgment.json")}
    config = get(root / "experiment.yaml")
    for rule, score in (("min", 0.1), ("max", 0.9), ("median", 0.5)):
        put(root / "experiment.yaml", {**config, "consensus": {"score": rule}})
        assert names(root, again(root)) == ["runs/a/judge/result.json"]
        made = get(root / "runs/a/judge/result.json")
        assert (made["score"], made["rule"]) == (score, f"{rule}, majority of panel, quorum 2")
    assert {p: p.read_bytes() for p in root.rglob("judgment.json")} == judgments


# --- ProjectScylla ---------------------------------------------------------------------------


def test_every_level_is_made_where_it_is_absent(scylla: Path) -> None:
    """Run, subtest, tier, and experiment; and a second time there is nothing to do."""
    before = snapshot(scylla)
    of_runs = [f"{run}/{name}" for run in RUNS for name in ("judge/result.json", "run_result.json")]
    assert names(scylla, again(scylla, dry_run=True)) == [*of_runs, *LEVELS]
    assert snapshot(scylla) == before
    done = again(scylla)
    assert (names(scylla, done), done.problems) == ([*of_runs, *LEVELS], [])
    before = snapshot(scylla)
    assert names(scylla, again(scylla)) == []
    assert snapshot(scylla) == before


def test_a_subtest_has_the_figures_of_its_runs(scylla: Path) -> None:
    """Scores 0.9 and 0.6, both passed: rate, mean, deviation, and grades."""
    again(scylla)
    made = get(scylla / "T0/00/report.json")
    deviation = 0.3 / math.sqrt(2)
    assert made["summary"] == {
        "total_runs": 2,
        "passed": 2,
        "pass_rate": 1.0,
        "mean_score": pytest.approx(0.75),
        "median_score": pytest.approx(0.75),
        "std_dev": pytest.approx(deviation),
        "consistency": pytest.approx(1 - deviation / 0.75),
        "grade_distribution": {"A": 1, "B": 1},
        "modal_grade": "A",
        "min_grade": "B",
        "max_grade": "A",
        "total_cost": 1.0,
    }
    assert made["children"] == [
        {"run_number": 1, "score": 0.9, "passed": True, "report": "./run_01/report.json"},
        {"run_number": 2, "score": 0.6, "passed": True, "report": "./run_02/report.json"},
    ]
    assert (made["subtest_id"], made["tier_id"]) == ("00", "T0")


def test_a_tier_selects_its_best_subtest(scylla: Path) -> None:
    """By the median score, with what it costs to have a run that passes."""
    again(scylla)
    made = get(scylla / "T0/result.json")
    assert (made["best_subtest"], made["tiebreaker_needed"]) == ("00", False)
    assert made["best_subtest_score"] == pytest.approx(0.75)
    assert made["cost_of_pass"] == 0.5
    found = made["subtest_results"]
    assert [found[name]["selected_as_best"] for name in ("00", "01")] == [True, False]
    reasons = [found[name]["selection_reason"] for name in ("00", "01")]
    assert reasons == ["Highest median score (0.750)", ""]
    assert found["01"]["runs"][0]["judge_score"] == pytest.approx(0.3)
    report = get(scylla / "T0/report.json")
    assert report["best"] == {
        "subtest": "00",
        "score": made["best_subtest_score"],
        "report": "./00/report.json",
    }
    assert [child["selected"] for child in report["children"]] == [True, False]
    votes = get(scylla / "T0/best_subtest.json")
    assert (votes["winning_subtest"], len(votes["votes"])) == ("00", 2)
    assert votes["margin"] == pytest.approx(0.15)


def test_an_experiment_has_its_frontier_and_a_tier_that_never_passes_none(scylla: Path) -> None:
    """The cheapest pass wins; where nothing passes a pass costs more than anything."""
    again(scylla)
    made = get(scylla / "result.json")
    assert (made["best_overall_tier"], made["frontier_cop"]) == ("T0", 0.5)
    assert made["config"] == get(scylla / "config/experiment.json")
    assert get(scylla / "T1/result.json")["cost_of_pass"] == math.inf
    report = get(scylla / "report.json")
    assert report["summary"]["best_tier"] == "T0"
    assert [child["tier"] for child in report["children"]] == ["T0", "T1"]
    assert list(get(scylla / "tier_comparison.json")) == ["T0", "T1"]
    for path in scylla.glob("T0/*/run_*/judge/judge_*/judgment.json"):
        put(path, {**get(path), "passed": False})
    again(scylla)
    assert get(scylla / "result.json")["frontier_cop"] == math.inf
    assert get(scylla / "report.json")["summary"]["frontier_cop"] is None
    assert names(scylla, again(scylla)) == []


def test_what_is_stale_is_made_again_and_what_was_there_is_kept(
    scylla: Path, judgment: Callable[..., Any]
) -> None:
    """Other keys and the measurements of the agents survive; a copy of each old file stays."""
    again(scylla)
    for name in ("T0/00/report.json", "T0/result.json", "result.json", "report.json"):
        path = scylla / name
        put(path, {**get(path), "mine": name})
    tier = get(scylla / "T0/result.json")
    tier["total_duration"] = 999.0
    tier["subtest_results"]["00"]["total_cost"] = 77.0
    put(scylla / "T0/result.json", tier)
    again(scylla)
    before = {name: (scylla / name).read_bytes() for name in LEVELS}
    put(scylla / "T0/00/run_01/judge/judge_01/judgment.json", judgment(0.4, passed=False))
    changed = names(scylla, again(scylla))
    assert "T0/01/report.json" not in changed
    assert "T1/result.json" not in changed
    assert get(scylla / "T0/00/report.json")["summary"]["pass_rate"] == 0.5
    for name in ("T0/00/report.json", "T0/result.json", "result.json", "report.json"):
        assert get(scylla / name)["mine"] == name
    tier = get(scylla / "T0/result.json")
    assert (tier["total_duration"], tier["subtest_results"]["00"]["total_cost"]) == (999.0, 77.0)
    for name in changed:
        kept = list((scylla / name).parent.glob(f"{name.rpartition('/')[2]}.old-*"))
        if name in before:
            assert before[name] in [path.read_bytes() for path in kept]
        else:
            assert kept != []


def test_files_that_cannot_be_read_are_kept_and_made_anew(scylla: Path) -> None:
    """A torn report is a problem of its own and stops no other."""
    again(scylla)
    (scylla / "T0/report.json").write_text("{")
    (scylla / "T1/report.json").unlink()
    (scylla / "T1/report.json").mkdir()
    done = again(scylla)
    assert names(scylla, done) == ["T0/report.json", "T1/report.json"]
    assert done.problems == [
        (
            f"{scylla}/T0/report.json: is not JSON (Expecting property name enclosed in double "
            "quotes, line 1 column 2); it is kept beside the new one"
        ),
        f"{scylla}/T1/report.json: is a directory; it is kept beside the new one",
    ]
    assert get(scylla / "T1/report.json")["tier"] == "T1"
    assert names(scylla, again(scylla)) == []


def test_a_damaged_file_of_a_run_is_named_once_and_left_as_it_is(scylla: Path) -> None:
    """It holds what only its own tool knows, so nothing takes its place."""
    again(scylla)
    path = scylla / "T0/00/run_01/run_result.json"
    path.write_text("{")
    why = (
        f"{path}: is not JSON (Expecting property name enclosed in double quotes, line 1 "
        "column 2); "
    )
    assert again(scylla).problems == [f"{why}restore it, the judgments are safe"]
    for judgment in path.parent.glob("judge/judge_*/judgment.json"):
        judgment.unlink()
    assert again(scylla).problems == [f"{why}the reports leave the run out"]
    assert path.read_text() == "{"


def test_an_odd_file_of_another_tool_spoils_its_own_level_only(scylla: Path) -> None:
    """It is named, left as it is, and the other levels are brought up to date."""
    again(scylla)
    odd = get(scylla / "T0/result.json")
    odd["subtest_results"]["99"] = {
        "median_score": "high",
        **dict.fromkeys(("mean_score", "pass_rate", "consistency"), 1.0),
    }
    put(scylla / "T0/result.json", odd)
    (scylla / "T1/report.json").unlink()
    (scylla / "report.json").unlink()
    before = (scylla / "T0/result.json").read_bytes()
    done = again(scylla)
    assert names(scylla, done) == ["T1/report.json", "report.json"]
    assert done.problems == [
        (
            f"{scylla}/T0: its reports are left as they are, one of them is odd (TypeError: "
            "'<' not supported between instances of 'float' and 'str')"
        )
    ]
    assert (scylla / "T0/result.json").read_bytes() == before


def test_runs_without_a_score_count_nowhere(scylla: Path) -> None:
    """A run that has no judgment yet is in no mean, and a tier of such runs has no files."""
    for path in [*scylla.glob("T1/00/run_01/judge/judge_*"), scylla / "T0/00/run_02/judge"]:
        shutil.rmtree(path)
    assert harness.judge_experiment(scylla, regenerate_only=True).problems == []
    assert not (scylla / "T1/result.json").exists()
    assert get(scylla / "T0/00/report.json")["summary"]["total_runs"] == 1
    assert list(get(scylla / "result.json")["tier_results"]) == ["T0"]


def test_tiers_and_subtests_that_lie_elsewhere_stay_in_the_results(scylla: Path) -> None:
    """Whoever moved a part of an experiment away does not lose its figures."""
    again(scylla)
    shutil.rmtree(scylla / "T1")
    shutil.rmtree(scylla / "T0/00")
    before = get(scylla / "result.json")
    assert names(scylla, again(scylla)) == []
    assert get(scylla / "result.json") == before


def test_a_tier_s_file_that_is_gone_is_made_from_the_experiment_s_copy(scylla: Path) -> None:
    """With the measurements and keys that follow from no judgment."""
    again(scylla)
    experiment = get(scylla / "result.json")
    experiment["tier_results"]["T0"] |= {"inherited_from": {"tier_id": "T9"}, "mine": 7}
    put(scylla / "result.json", experiment)
    (scylla / "T0/result.json").unlink()
    assert names(scylla, again(scylla)) == ["T0/result.json"]
    made = get(scylla / "T0/result.json")
    assert (made["inherited_from"], made["mine"]) == ({"tier_id": "T9"}, 7)


def test_runs_in_completed_have_their_levels_there(tmp_path: Path, make_scylla: Make) -> None:
    """Later versions move finished runs; their subtests and tiers lie with them."""
    root = make_scylla(tmp_path, part="completed", models=["m"])
    done = again(root)
    assert done.problems == []
    assert names(root, done)[2:] == [
        "completed/T0/00/run_01/report.json",
        "completed/T0/00/report.json",
        *(f"completed/T0/{name}.json" for name in ("result", "report", "best_subtest")),
        *("result.json", "report.json", "tier_comparison.json"),
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(RUNS),
            st.integers(1, 2),
            st.integers(0, 100).map(lambda n: n / 100),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_the_derived_files_are_a_function_of_the_judgments(
    scylla: Path, edits: Iterable[tuple[str, int, float, bool]]
) -> None:
    """Brought up to date step by step or made from nothing: the files say the same."""
    for run, number, score, passed in edits:
        path = scylla / run / f"judge/judge_0{number}/judgment.json"
        put(path, {**get(path), "score": score, "passed": passed, "grade": "X"})
        again(scylla)
    again(scylla)
    stepwise = {name: without_time(scylla / name) for name in LEVELS}
    for name in LEVELS:
        (scylla / name).unlink()
    again(scylla)
    assert {name: without_time(scylla / name) for name in LEVELS} == stepwise


def without_time(path: Path) -> dict[str, Any]:
    """Return a file without when it was made."""
    return {key: value for key, value in get(path).items() if key != "generated_at"}
