"""Experiments as collectors, slots as items."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugin_project import FakePanel, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)


# --- node ids ----------------------------------------------------------------------------------


def test_native_ids_are_the_configuration_file_then_run_and_slot(project: Project) -> None:
    """Every slot of a native experiment has its own id, run by run, judges in panel order."""
    project.experiment("evals/exp")
    assert project.ids() == [f"evals/exp/experiment.yaml::{name}" for name in slots("a", "b")]


def test_runs_are_collected_as_people_count(project: Project) -> None:
    """A run number 10 comes after number 2."""
    project.experiment(runs=["r10", "r2", "r1"], judges=1)
    assert project.ids() == [
        f"exp/experiment.yaml::{name}" for name in slots("r1", "r2", "r10", judges=1)
    ]


def test_scylla_ids_are_the_config_then_tier_subtest_run_and_slot(
    project: Project, make_scylla: Callable[..., Path]
) -> None:
    """A ProjectScylla experiment's ids name its configuration file in ``config/``."""
    missing = {f"T0/00/run_0{n}/judge_0{m}": None for n in (1, 2) for m in (1, 3)}
    make_scylla(project.path / "exp", runs=["T0/00/run_01", "T0/00/run_02"], judgments=missing)
    assert project.ids() == [f"exp/config/experiment.json::{name}" for name in missing]


@pytest.mark.parametrize("part", ["completed", "in_progress"])
def test_scylla_ids_do_not_tell_where_a_tier_is_kept(
    project: Project, make_scylla: Callable[..., Path], part: str
) -> None:
    """A run keeps its id when it moves from ``in_progress`` to ``completed``."""
    make_scylla(project.path / "exp", part=part, judgments={"T0/00/run_01/judge_02": None})
    assert project.ids() == ["exp/config/experiment.json::T0/00/run_01/judge_02"]


def test_an_experiment_in_the_root_directory_has_ids(project: Project) -> None:
    """The directory that pytest starts in may itself be an experiment."""
    project.experiment(".", runs=["a"])
    assert project.ids() == [f"experiment.yaml::{name}" for name in slots("a")]


ODD = [
    "br[x]",
    "col::on",
    "a:::b",
    "100%",
    "tab\there",
    "two words",
    "größe",
    "日本",
    "-k",
    "a'b\"c",
]

MAPPED = {
    "br[x]": "br%5Bx%5D",
    "col::on": "col%3A%3Aon",
    "a:::b": "a%3A%3A%3Ab",
    "100%": "100%25",
    "tab\there": "tab%09here",
}


@pytest.mark.parametrize("name", ODD)
def test_names_that_pytest_cannot_read_back_are_encoded(project: Project, name: str) -> None:
    """Brackets, double colons, percent signs, and control characters are %-encoded in ids."""
    project.experiment(runs=[name], judges=1)
    panel = FakePanel()
    done = project.run(panel=panel)
    mapped = f"runs/{MAPPED.get(name, name)}/judge_01"
    assert [item.nodeid for item in panel.items] == [f"exp/experiment.yaml::{mapped}"]
    assert [text.partition(" (")[0] for text in done.progress] == [f"[1/1] {mapped} -> OK"]


@pytest.mark.parametrize("name", ODD)
def test_a_printed_id_can_be_pasted_back(project: Project, name: str) -> None:
    """The id of one slot selects that slot and no other, whatever the run is called."""
    project.experiment(runs=[*ODD, "br", "col"], judges=2)
    printed = [i for i in project.ids() if i.endswith(f"/{MAPPED.get(name, name)}/judge_02")]
    assert len(printed) == 1
    assert project.ids(printed[0]) == printed


@pytest.mark.parametrize("name", [*MAPPED, "two words"])
def test_a_failed_slot_of_any_name_is_found_by_lf(project: Project, name: str) -> None:
    """``--lf`` runs the failed slot again, and no other."""
    project.experiment(runs=[*ODD, "br", "col"], judges=1)
    failing = f"runs/{MAPPED.get(name, name)}/judge_01"

    def answer(slot: Any, _question: object) -> str | None:
        return "no verdict" if slot.name == failing else None

    assert project.run(panel=FakePanel(answer)).exit == 1
    again = FakePanel()
    assert project.run("--lf", panel=again).exit == 0
    assert again.asked == [failing]


def test_a_name_that_is_no_text_is_encoded(project: Project) -> None:
    """The bytes of a directory name that is no UTF-8 are shown as %-codes."""
    root = project.experiment(runs=["a"], judges=1)
    (root / "runs" / "a").rename(os.fsdecode(os.fsencode(root / "runs") + b"/caf\xe9"))
    assert project.ids() == ["exp/experiment.yaml::runs/caf%E9/judge_01"]


# --- statuses ----------------------------------------------------------------------------------


def test_only_slots_that_need_work_are_items(project: Project) -> None:
    """Missing and failed slots are collected; complete, stale, and blocked ones are counted."""
    project.mixed()
    assert project.ids() == [
        f"exp/experiment.yaml::{name}" for name in slots("failed", "missing", judges=1)
    ]


def test_the_counts_by_status_follow_the_collection(project: Project) -> None:
    """One line names every status that occurs, with its number of slots."""
    project.mixed()
    done = project.run("--collect-only")
    assert done.body == [
        "exp: 5 slots: 1 missing, 1 failed, 1 stale, 1 complete, 1 blocked",
        "  runs/blocked is blocked: exp/runs/blocked: no output.md or output.txt with text in it",
        f"<Dir {project.path.name}>",
        "  <ExperimentDirectory exp>",
        "    <ExperimentFile experiment.yaml>",
        "      <SlotItem runs/failed/judge_01>",
        "      <SlotItem runs/missing/judge_01>",
        "========================== 2 tests collected in 0.00s ==========================",
    ]


def test_a_slot_carries_the_markers_of_its_status(project: Project) -> None:
    """``-m`` finds slots by what they are and what the disk says of them."""
    project.mixed()
    everything = ("--status", "missing", "--status", "failed", "--status", "stale")
    found = {m: project.ids("-m", m, *everything) for m in ("missing", "failed", "stale", "slot")}
    ids = {m: [f"exp/experiment.yaml::runs/{m}/judge_01"] for m in ("missing", "failed", "stale")}
    assert found == {**ids, "slot": [*ids["failed"], *ids["missing"], *ids["stale"]]}


def test_strict_markers_know_the_markers_of_slots(project: Project) -> None:
    """All markers are registered."""
    project.mixed()
    done = project.run("--strict-markers", "-m", "slot and failed", panel=FakePanel())
    assert (done.exit, done.progress) == (
        0,
        ["[1/1] runs/failed/judge_01 -> OK (0 remaining, 0s elapsed)"],
    )


PANEL = [
    {"name": "strict", "kind": "command", "model": "sonnet-4", "argv": ["no-such-program"]},
    {"name": "kind", "kind": "command", "argv": ["no-such-program"]},
]


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("strict", ["runs/left/a/judge_01", "runs/right/b/judge_01"]),
        ("sonnet-4", ["runs/left/a/judge_01", "runs/right/b/judge_01"]),
        ("judge_02", ["runs/left/a/judge_02", "runs/right/b/judge_02"]),
        ("missing", ["runs/left/a/judge_01", "runs/left/a/judge_02", "runs/right/b/judge_02"]),
        ("failed", ["runs/right/b/judge_01"]),
        ("runs/left", ["runs/left/a/judge_01", "runs/left/a/judge_02"]),
        ("right and not judge_01", ["runs/right/b/judge_02"]),
    ],
)
def test_native_slots_have_keywords(project: Project, word: str, names: list[str]) -> None:
    """``-k`` knows judge, model, slot, status, and group."""
    root = project.experiment(runs=["left/a", "right/b"], judges=PANEL)
    config = {"judges": PANEL, "runs": "runs/*/*"}
    (root / "experiment.yaml").write_text(json.dumps(config), encoding="utf-8")
    project.judgment(root / "runs" / "right" / "b", text="[]")
    assert project.ids("-k", word) == [f"exp/experiment.yaml::{name}" for name in names]


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("T1", ["T1/02/run_01/judge_01"]),
        ("T0/00", ["T0/00/run_01/judge_01", "T0/00/run_02/judge_01"]),
        ("run_02", ["T0/00/run_02/judge_01"]),
        ("02 and T1", ["T1/02/run_01/judge_01"]),
        ("model-a and run_01", ["T0/00/run_01/judge_01", "T1/02/run_01/judge_01"]),
    ],
)
def test_scylla_slots_have_keywords(
    project: Project, make_scylla: Callable[..., Path], word: str, names: list[str]
) -> None:
    """``-k`` knows tier, subtest, run, and model."""
    runs = ["T0/00/run_01", "T0/00/run_02", "T1/02/run_01"]
    judgments = {f"{run}/judge_01": None for run in runs}
    make_scylla(project.path / "exp", runs=runs, models=["model-a"], judgments=judgments)
    assert project.ids("-k", word) == [f"exp/config/experiment.json::{name}" for name in names]
