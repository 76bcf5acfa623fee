"""A memory changes nothing but the time that a scan takes, whatever was changed meanwhile."""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness import memory as module
from harness.attempt import Bench, judge_slot
from harness.consensus import Consensus
from harness.gather import sheet_of
from harness.layouts import open_experiment, plain
from harness.layouts.native import NativeLayout
from harness.memory import Memory
from harness.model import Judgment, SlotStatus
from harness.scan import Scan, scan
from harness.settle import How, settle
from tests.workshop import answer, shell_judge, write_experiment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model import Slot

RUNS = ("g/a", "g/b", "h/c")
FIRST = "runs/g/a"
PANEL = [shell_judge(answer(), "one"), shell_judge(answer(score=0.5), "two")]


@pytest.fixture(autouse=True)
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as old that were written a moment ago."""
    monkeypatch.setattr(module, "YOUNG", -(10**12))


def finished(tmp_path: Path, **keys: Any) -> Path:
    """Write an experiment, judge it, and settle it."""
    keys = {"judges": PANEL, "prompt": "judge.md.j2", "runs": RUNS, **keys}
    root = write_experiment(tmp_path / "e", **keys)
    config = json.loads((root / "experiment.yaml").read_text())
    (root / "experiment.yaml").write_text(json.dumps({**config, "runs": "runs/*/*"}))
    (root / "judge.md.j2").write_text("Grade {{ output }} by {{ rubric }}.\n")
    found = scan(open_experiment(root))
    for slot in found.slots:
        judge_slot(slot, layout=found.layout, bench=Bench())
    settle(scan(found.layout))
    return root


def learned(root: Path, text: str = "") -> tuple[Scan, Memory, str | None]:
    """Scan with a memory; return what is to be kept, too."""
    layout = open_experiment(root)
    assert isinstance(layout, NativeLayout)
    memory = Memory(layout, text)
    found = scan(layout, memory=memory)
    return found, memory, memory.to_keep(found, settle(found, How(write=False)))


def facts(found: Scan) -> list[dict[str, object]]:
    """Return everything that is known of the slots, judgments read whole."""

    def judgment(slot: Slot) -> object:
        known = slot.judgment
        return known and {f.name: getattr(known, f.name) for f in fields(Judgment)}

    def shown(value: object, *, leave: tuple[str, ...] = ()) -> dict[str, object]:
        names = [f.name for f in fields(value) if f.name not in leave]  # type: ignore[arg-type] # a dataclass
        return {name: getattr(value, name) for name in names}

    return [
        {
            **shown(slot, leave=("judgment", "run")),
            "judgment": judgment(slot),
            **shown(slot.run),
        }
        for slot in found.slots
    ]


def consensus_of(found: Scan) -> dict[str, object]:
    """Return what settling would write and what it finds, reasons left out."""
    settled = settle(found, How(write=False))
    names = [f.name for f in fields(Consensus) if f.name != "reasoning"]
    joint = {run: [getattr(one, n) for n in names] for run, one in settled.results.items()}
    return {"files": settled.files, "problems": settled.problems, "results": joint}


def edit(path: Path, before: str, after: str) -> None:
    """Change a file in its place; size and time of its edit stay."""
    stamp, text = path.stat(), path.read_text()
    assert before in text
    assert len(before) == len(after)
    with path.open("r+") as file:
        file.write(text.replace(before, after))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (stamp.st_size, stamp.st_mtime_ns)


def elsewhere(path: Path, root: Path) -> None:
    """Move something out of the experiment, and leave a link in its place."""
    away = root.parent / "away" / path.name
    away.parent.mkdir()
    path.rename(away)
    path.symlink_to(away)


def configure(root: Path, **keys: object) -> None:
    """Change keys of ``experiment.yaml``."""
    path = root / "experiment.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def copied(root: Path) -> None:
    """Replace a run by a copy of it, times kept."""
    shutil.copytree(root / FIRST, root / "copy")
    shutil.rmtree(root / FIRST)
    (root / "copy").rename(root / FIRST)


JUDGMENT = f"{FIRST}/judge/judge_01/judgment.json"

CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "a score": lambda root: edit(root / JUDGMENT, '"score": 0.75', '"score": 0.25'),
    "a verdict is gone": lambda root: (root / JUDGMENT).unlink(),
    "a verdict is cut": lambda root: os.truncate(root / JUDGMENT, 9),
    "a verdict lies elsewhere": lambda root: elsewhere(root / JUDGMENT, root),
    "a slot lies elsewhere": lambda root: elsewhere((root / JUDGMENT).parent, root),
    "a judge directory lies elsewhere": lambda root: elsewhere(root / FIRST / "judge", root),
    "a run lies elsewhere": lambda root: elsewhere(root / FIRST, root),
    "a group lies elsewhere": lambda root: elsewhere(root / "runs/g", root),
    "a slot is gone": lambda root: shutil.rmtree((root / JUDGMENT).parent),
    "an output": lambda root: edit(root / FIRST / "output.md", "answer", "result"),
    "an output is empty": lambda root: (root / FIRST / "output.md").write_text(""),
    "an output is gone": lambda root: (root / FIRST / "output.md").unlink(),
    "another output": lambda root: (root / FIRST / "output.txt").write_text("Other.\n"),
    "the prompt": lambda root: edit(root / FIRST / "judge_prompt.md", "Grade", "Judge"),
    "the prompt is gone": lambda root: (root / FIRST / "judge_prompt.md").unlink(),
    "a consensus": lambda root: edit(root / FIRST / "judge/result.json", "0.625", "0.125"),
    "a consensus is gone": lambda root: (root / FIRST / "judge/result.json").unlink(),
    "keys of a run": lambda root: (root / FIRST / "run.yaml").write_text("group: other\n"),
    "keys of a run that are none": lambda root: (root / FIRST / "run.yaml").write_text("x: 1\n"),
    "a task of its own": lambda root: (root / FIRST / "task.md").write_text("Another.\n"),
    "a rubric of its own": lambda root: shutil.copy(root / "rubric.yaml", root / FIRST),
    "a workspace that is none": lambda root: (root / FIRST / "workspace").write_text(""),
    "a task for a group": lambda root: (root / "runs/g/task.md").write_text("Another.\n"),
    "a rubric that is none": lambda root: (root / "runs/g/rubric.yaml").write_text("x"),
    "the task": lambda root: edit(root / "task.md", "Answer", "Reason"),
    "the rubric": lambda root: edit(root / "rubric.yaml", "there", "short"),
    "the template": lambda root: edit(root / "judge.md.j2", "Grade", "Judge"),
    "a judge": lambda root: configure(root, judges=[shell_judge("x", "one"), PANEL[1]]),
    "a judge's name": lambda root: configure(root, judges=[{**PANEL[0], "name": "x"}, PANEL[1]]),
    "a judge more": lambda root: configure(root, judges=[*PANEL, shell_judge("", "three")]),
    "a judge less": lambda root: configure(root, judges=PANEL[:1]),
    "the rule": lambda root: configure(root, consensus={"score": "min"}),
    "the experiment's name": lambda root: configure(root, name="another"),
    "a run less": lambda root: shutil.rmtree(root / FIRST),
    "a run more": lambda root: shutil.copytree(root / FIRST, root / "runs/g/z"),
    "a copy": copied,
    "runs change places": lambda root: [
        (root / FIRST).rename(root / "x"),
        (root / "runs/g/b").rename(root / FIRST),
        (root / "x").rename(root / "runs/g/b"),
    ],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_seen(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """Slots, consensus, and figures are those of a scan without a memory."""
    root = finished(tmp_path)
    _, _, text = learned(root)
    assert text is not None
    change(root)
    found, _, again = learned(root, text)
    bare = scan(open_experiment(root))
    assert facts(found) == facts(bare)
    assert consensus_of(found) == consensus_of(bare)
    assert sheet_of(found) == sheet_of(bare)
    assert facts(learned(root, again or text)[0]) == facts(bare)


def test_what_was_not_changed_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the scan nor settling nor the figures open a file of a run that is known."""
    root = finished(tmp_path)
    _, _, text = learned(root)
    (root / "runs/h/c/output.md").write_text("Another answer.\n")
    opened: list[str] = []
    real = os.open

    def spy(path: str, *rest: Any, **more: Any) -> int:
        opened.append(os.fspath(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", spy)
    found, memory, again = learned(root, text or "")
    sheet_of(found, settled=settle(found, How(write=False)).results)
    assert sorted(memory.settled) == ["runs/g/a", "runs/g/b"]
    inside = {path for path in opened if "/runs/" in path}
    assert {path.removeprefix(f"{root}/").rpartition("/")[0] for path in inside} == {
        "runs", "runs/h", "runs/h/c", "runs/h/c/judge", "runs/h/c/judge/judge_01",
        "runs/h/c/judge/judge_02",
    }  # fmt: skip
    assert again is not None  # one less is remembered
    assert learned(root, again)[2] is None  # and then the same


def test_only_what_is_old_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was just written may be written again at the same time, so to speak."""
    root = finished(tmp_path)
    monkeypatch.setattr(module, "YOUNG", 2 * 10**9)
    now = time.time_ns()
    texts = []
    for seconds in (0, 60):
        clock = SimpleNamespace(time_ns=lambda seconds=seconds: now + seconds * 10**9)
        monkeypatch.setattr(module, "time", clock)
        texts.append(learned(root)[2])
    assert texts[0] is None
    assert texts[1] is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / FIRST / "run.yaml").write_text("meta: {seed: 1}\n"),
        lambda root: (root / FIRST / "task.md").write_text("Answer.\n"),
        lambda root: (root / FIRST / "workspace").symlink_to(root / "runs"),
        lambda root: (root / JUDGMENT).write_text("{}"),
        lambda root: (root / FIRST / "judge/result.json").write_text("{}"),
        lambda root: (root / FIRST / "output.md").write_text(" "),
        lambda root: configure_provenance(root, judge="another", kind="claude", judge_sha256="x"),
    ],
    ids=["keys", "task", "workspace", "failed", "consensus", "blocked", "another's"],
)
def test_only_finished_runs_without_anything_special_are_remembered(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    """The others are read in every session."""
    root = finished(tmp_path)
    change(root)
    _, _, text = learned(root)
    assert sorted(json.loads(text or "{}")) == ["runs/g/b", "runs/h/c"]


def configure_provenance(root: Path, **keys: object) -> None:
    """Say of a judgment that it was made by another judge."""
    path = root / JUDGMENT
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "provenance": {**value["provenance"], **keys}}))


@pytest.mark.parametrize(
    "text", ["x", "[]", '{"runs/g/a": 1}', '{"runs/g/a": [1, "", "", [], {}]}']
)
def test_a_memory_that_is_none_is_no_problem(tmp_path: Path, text: str) -> None:
    """Everything is read, and remembered anew."""
    root = finished(tmp_path)
    found, memory, again = learned(root, text)
    assert found.counts() == {SlotStatus.COMPLETE: 6}
    assert memory.settled == {}
    assert sorted(json.loads(again or "")) == [f"runs/{name}" for name in RUNS]


def test_a_judgment_that_vanished_since_keeps_its_score(tmp_path: Path) -> None:
    """What is read later may be gone; that is no error, and nothing is made up."""
    root = finished(tmp_path)
    _, _, text = learned(root)
    found, _, _ = learned(root, text or "")
    (root / JUDGMENT).unlink()
    known = found.slots[0].judgment
    assert known is not None
    assert (known.score, known.passed, known.reasoning, known.raw) == (0.75, True, "", {})


def test_an_experiment_at_the_top_has_runs_beside_its_task(tmp_path: Path) -> None:
    """Runs may lie directly in the experiment's directory."""
    root = finished(tmp_path)
    for run in (root / "runs/g").iterdir():
        run.rename(root / f"run-{run.name}")
    configure(root, runs="run-*")
    settle(scan(open_experiment(root)))
    _, _, text = learned(root)
    found, memory, _ = learned(root, text or "")
    assert sorted(memory.settled) == ["run-a", "run-b"]
    assert facts(found) == facts(scan(open_experiment(root)))


@pytest.mark.parametrize("name", [JUDGMENT, f"{FIRST}/output.md", FIRST])
def test_what_lies_behind_a_link_is_read_in_every_session(tmp_path: Path, name: str) -> None:
    """A link stays as it is while what it leads to changes."""
    root = finished(tmp_path)
    away = root / "kept" / (root / name).name
    away.parent.mkdir()
    (root / name).rename(away)
    (root / name).symlink_to(away)
    settle(scan(open_experiment(root)))
    _, _, text = learned(root)
    assert sorted(json.loads(text or "")) == ["runs/g/b", "runs/h/c"]


def test_a_memory_with_too_few_judges_is_no_problem(tmp_path: Path) -> None:
    """Somebody has edited pytest's cache: the run is read."""
    root = finished(tmp_path)
    kept = json.loads(learned(root)[2] or "")
    kept["runs/g/a"][3].pop()
    found, memory, _ = learned(root, json.dumps(kept))
    assert sorted(memory.settled) == ["runs/g/b", "runs/h/c"]
    assert facts(found) == facts(scan(open_experiment(root)))


def test_a_file_of_its_own_below_a_directory_of_a_run_is_seen(tmp_path: Path) -> None:
    """A run's directory does not change when something is put into another one in it."""
    root = finished(tmp_path)
    configure(root, task="spec/task.md", rubric="spec/rubric.yaml")
    (root / "spec").mkdir()
    for name in ("task.md", "rubric.yaml"):
        (root / name).rename(root / "spec" / name)
    for run in RUNS:
        (root / "runs" / run / "spec").mkdir()
    _, _, text = learned(root)
    assert len(json.loads(text or "")) == 3
    (root / FIRST / "spec/task.md").write_text("Another.\n")
    (root / "runs/g/b/spec/rubric.yaml").write_text((root / "spec/rubric.yaml").read_text())
    found, memory, _ = learned(root, text or "")
    assert sorted(memory.settled) == ["runs/h/c"]
    assert facts(found) == facts(scan(open_experiment(root)))


def test_a_grade_that_no_file_can_hold_is_not_remembered(tmp_path: Path) -> None:
    """JSON may name half a character; the run is read in every session."""
    root = finished(tmp_path)
    value = json.loads((root / JUDGMENT).read_text())
    (root / JUDGMENT).write_text(json.dumps({**value, "grade": "\ud800"}))
    found, _, text = learned(root)
    assert found.counts() == {SlotStatus.COMPLETE: 6}
    assert sorted(json.loads(text or "")) == ["runs/g/b", "runs/h/c"]


@pytest.mark.parametrize("change", ["code", "user"])
def test_other_code_and_other_users_take_nothing_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """They may come to another end with the same files."""
    root = finished(tmp_path)
    _, _, text = learned(root)
    assert len(learned(root, text or "")[1].settled) == 3
    if change == "code":
        monkeypatch.setattr(plain, "stamps", lambda names: (len(list(names)), 0))
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert learned(root, text or "")[1].settled == {}


def test_a_judgment_that_was_taken_over_is_equal_to_the_one_that_was_read(tmp_path: Path) -> None:
    """It can be compared and copied as any other, and is whole then."""
    root = finished(tmp_path)
    _, _, text = learned(root)
    one, two = (learned(root, text or "")[0].slots[0].judgment for _ in range(2))
    read = scan(open_experiment(root)).slots[0].judgment
    assert one == read
    assert one == two
    assert copy.deepcopy(one) == read
    assert type(copy.copy(one)) is Judgment
    assert one != scan(open_experiment(root)).slots[1].judgment
