"""The three tables: their columns, and what stands in them."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.export.columns import CRITERIA, JUDGMENTS, RUNS, Table
from harness.export.rows import tables
from harness.layouts import open_experiment
from harness.scan import scan
from tests.conftest import replay_panel, write
from tests.test_real_data import write_published

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(os.environ.get("HARNESS_REAL_DATA", ""))

real = pytest.mark.skipif(
    "HARNESS_REAL_DATA" not in os.environ, reason="HARNESS_REAL_DATA names no directory"
)

PUBLISHED_JUDGMENTS = (
    "experiment,agent_model,tier,subtest,run_number,judge_model,judge_number,judge_score,"
    "judge_impl_rate,judge_passed,judge_grade,judge_is_valid,judge_reasoning"
)
PUBLISHED_RUNS = (
    "experiment,agent_model,tier,subtest,run_number,score,impl_rate,passed,grade,cost_usd,"
    "duration_seconds,agent_duration_seconds,judge_duration_seconds,input_tokens,output_tokens,"
    "cache_creation_tokens,cache_read_tokens,total_tokens,exit_code,api_calls,num_turns,"
    "num_models,delegation_cost_ratio,r_prog,strategic_drift,cfp,pr_revert_rate"
)


def export(root: Path) -> dict[str, Table]:
    """Return the tables of an experiment by name."""
    made = tables([scan(open_experiment(root))], lambda _, name: f"exp::{name}")
    return {table.name: table for table in made}


def put(run: Path, number: int, **keys: Any) -> None:
    """Write a slot's judgment."""
    value = {"score": 0.75, "passed": True, "grade": "B", "reasoning": "fine", **keys}
    write(run / "judge" / f"judge_{number:02d}" / "judgment.json", json.dumps(value))


CRITERIA_SCORES = {
    "functional": {
        "score": 0.5,
        "items": {
            "F1": {"achieved": 1.0, "max": 1.0, "reason": "there"},
            "F2": {"achieved": 0, "max": 3.0, "reason": "not there"},
        },
    },
    "quality": {"items": {"Q1": {"achieved": "N/A", "max": "N/A"}, "Q2": "nonsense"}},
}


def test_the_published_columns_are_covered() -> None:
    """Whoever works with those tables finds every column here under the same name."""
    assert set(PUBLISHED_JUDGMENTS.split(",")) <= set(JUDGMENTS)
    assert set(PUBLISHED_RUNS.split(",")) <= set(RUNS)


@real
def test_the_published_columns_are_those_of_the_published_tables() -> None:
    """The lists above are what is really there."""
    for name, columns in (("judges", PUBLISHED_JUDGMENTS), ("runs", PUBLISHED_RUNS)):
        with (DATA / "scylla-haiku" / f"{name}.csv").open(encoding="utf-8") as stream:
            assert next(csv.reader(stream)) == columns.split(",")


def test_every_slot_is_a_row_judged_or_not(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """What is missing has a status and a reason, and no score; people's judgments are there."""
    human = {"name": "ada", "kind": "human"}
    root = make_experiment(tmp_path / "exp", runs=["a"], judges=[*replay_panel(2), human])
    made = {
        "model_answered": "m-1",
        "duration_seconds": 1.5,
        "cost_usd": 0.01,
        "tokens": {"input_tokens": 10, "output_tokens": 3},
        "started": "2026-01-01T00:00:00+00:00",
    }
    put(root / "runs" / "a", 1, criteria_scores=CRITERIA_SCORES, provenance=made)
    put(root / "runs" / "a", 3, score=0.5)
    found = export(root)["judgments"]
    assert [set(row) <= set(JUDGMENTS) for row in found.rows] == [True] * 3
    first, second, third = found.rows
    assert (first["id"], first["judge"], first["status"]) == (
        "exp::runs/a/judge_01",
        "judge-a",
        "complete",
    )
    assert (first["judge_score"], first["judge_passed"], first["judge_impl_rate"]) == (
        0.75,
        True,
        0.25,
    )
    assert (first["model_answered"], first["duration_seconds"], first["cost_usd"]) == (
        "m-1",
        1.5,
        0.01,
    )
    assert (first["input_tokens"], first["output_tokens"]) == (10, 3)
    assert (second["status"], second["why"], second.get("judge_score")) == (
        "missing",
        "never tried",
        None,
    )
    assert (third["judge"], third["judge_kind"], third["judge_score"]) == ("ada", "human", 0.5)


def test_whoever_waits_for_the_tables_is_told_how_far_they_are(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Run by run, over all experiments."""
    roots = [make_experiment(tmp_path / name, runs=["a", "b"], judges=1) for name in "xy"]
    told: list[tuple[int, int]] = []
    found = [scan(open_experiment(root)) for root in roots]
    tables(found, lambda _, name: name, step=lambda *done: told.append(done))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_every_criterion_with_points_is_a_row(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """One that is not applicable has no points, which is not 0."""
    root = make_experiment(tmp_path / "exp", runs=["a"], judges=1)
    put(root / "runs" / "a", 1, criteria_scores=CRITERIA_SCORES)
    rows = export(root)["criteria"].rows
    shown = ("category", "criterion", "achieved", "max", "not_applicable", "reason")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("functional", "F1", 1.0, 1.0, False, "there"),
        ("functional", "F2", 0.0, 3.0, False, "not there"),
        ("quality", "Q1", None, None, True, None),
    ]
    assert {name for row in rows for name in row} == set(CRITERIA)


def test_a_run_has_its_consensus_and_its_own_notes(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """What run.yaml says under meta goes along: known figures by name, the rest as JSON."""
    root = make_experiment(tmp_path / "exp", runs=["a", "b"], judges=1)
    put(root / "runs" / "a", 1)
    keys = {"group": "fast", "meta": {"seed": 7, "cost_usd": 0.5, "agent_model": "m"}}
    write(root / "runs" / "a" / "run.yaml", json.dumps(keys))
    first, second = export(root)["runs"].rows
    assert (first["score"], first["passed"], first["grade"], first["judged"]) == (
        0.75,
        True,
        "B",
        1,
    )
    assert (first["group"], first["agent_model"], first["cost_usd"]) == ("fast", "m", 0.5)
    assert first["meta"] == '{"cost_usd": 0.5, "seed": 7}'
    assert (second["score"], second["passed"], second["judged"], second["meta"]) == (
        None,
        None,
        0,
        None,
    )


def test_a_run_of_projectscylla_has_its_agents_figures(
    tmp_path: Path, make_scylla: Callable[..., Path]
) -> None:
    """From the files that its own tools wrote; what they do not say is missing."""
    root = make_scylla(tmp_path / "exp", models=["model-a"], agent="x")
    config = json.loads((root / "config" / "experiment.json").read_bytes())
    write(root / "config" / "experiment.json", json.dumps({**config, "models": ["agent-m"]}))
    tokens = {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_creation_tokens": 3,
        "cache_read_tokens": 4,
    }
    summary = {"exit_code": 0, "cost_usd": 0.125, "token_stats": tokens, "duration_seconds": 9}
    write(root / "T0" / "00" / "run_01" / "run_result.json", json.dumps(summary))
    (row,) = export(root)["runs"].rows
    head = ("agent_model", "tier", "subtest", "run_number", "task", "group")
    assert tuple(row[name] for name in head) == ("agent-m", "T0", "00", 1, "T0/00", "T0")
    assert (row["cost_usd"], row["duration_seconds"], row["total_tokens"]) == (0.125, 9.0, 10)
    assert (row["api_calls"], row["exit_code"], row["r_prog"], row["meta"]) == (1, 0, None, None)


@real
def test_a_published_experiment_is_exported_as_it_was_published(tmp_path: Path) -> None:
    """Scores bit for bit, verdicts, and grades of 360 runs; 22 judgments are missing."""
    runs = write_published(tmp_path / "test-001", "test-001")
    found = export(tmp_path / "test-001")
    assert len(found["runs"].rows) == len(runs) == 360
    for row in found["runs"].rows:
        expected = runs[str(row["run"])]
        head = ("experiment", "tier", "subtest", "grade")
        assert [row[name] for name in head] == [expected[name] for name in head]
        assert (row["score"], str(row["passed"])) == (float(expected["score"]), expected["passed"])
        assert row["run_number"] == int(expected["run_number"])
        assert row["cost_usd"] == float(expected["cost_usd"])
    status = [row["status"] for row in found["judgments"].rows]
    assert (status.count("complete"), len(status)) == (1058, 1080)
