"""The scan: what the disk says of every slot, and what it says about damaged ones."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.layouts import open_experiment
from harness.model import SlotStatus
from harness.scan import Scan, scan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model import Slot

    Make = Callable[..., Path]

COMPLETE, MISSING, FAILED = SlotStatus.COMPLETE, SlotStatus.MISSING, SlotStatus.FAILED
STALE, BLOCKED = SlotStatus.STALE, SlotStatus.BLOCKED


def scanned(root: Path) -> Scan:
    """Scan the experiment at ``root``."""
    return scan(open_experiment(root))


def slots_of(root: Path) -> dict[str, Slot]:
    """Return the slots of an experiment by name."""
    return {slot.name: slot for slot in scanned(root).slots}


def statuses_of(root: Path) -> dict[str, SlotStatus]:
    """Return the statuses of an experiment's slots by name."""
    return {name: slot.status for name, slot in slots_of(root).items()}


def put(path: Path, content: object) -> Path:
    """Write a file, as JSON unless it is text or bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes | str):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def attempt(slot: Path, name: str, record: object) -> None:
    """Write the end of an attempt."""
    put(slot / "attempts" / name / "exit.json", record)


# --- the five statuses -----------------------------------------------------------------------


def test_the_five_statuses(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """Complete, missing, failed, stale, and blocked: from disk alone."""
    outputs = {"done": "x", "new": "x", "tried": "x", "changed": "x", "empty": ""}
    root = make_experiment(tmp_path, runs=outputs, judges=1)
    put(root / "runs/done/judge/judge_01/judgment.json", judgment())
    put(root / "runs/tried/judge/judge_01/judgment.json", "{}")
    stale = judgment(provenance={"judge_sha256": "another"})
    put(root / "runs/changed/judge/judge_01/judgment.json", stale)
    found = slots_of(root)
    assert {name: (slot.status, slot.why) for name, slot in found.items()} == {
        "runs/changed/judge_01": (STALE, "the judge's configuration changed since"),
        "runs/done/judge_01": (COMPLETE, ""),
        "runs/empty/judge_01": (
            BLOCKED,
            f"{root}/runs/empty: no output.md or output.txt with text in it",
        ),
        "runs/new/judge_01": (MISSING, "never tried"),
        "runs/tried/judge_01": (
            FAILED,
            (f"{root}/runs/tried/judge/judge_01/judgment.json: not a judgment (score is missing)"),
        ),
    }
    assert {name: slot.judgment is not None for name, slot in found.items()} == {
        name: slot.status in (STALE, COMPLETE) for name, slot in found.items()
    }


def test_counts_runs_and_selection(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """A scan counts by status, keeps runs together, and selects in panel order."""
    root = make_experiment(tmp_path, runs=["a", "b"], judges=3)
    put(root / "runs/b/judge/judge_02/judgment.json", judgment())
    found = scanned(root)
    assert found.counts() == {MISSING: 5, COMPLETE: 1}
    assert [[slot.name for slot in slots] for slots in found.by_run()] == [
        [f"runs/{run}/judge_0{n}" for n in (1, 2, 3)] for run in "ab"
    ]
    assert [slot.name for slot in found.select([COMPLETE])] == ["runs/b/judge_02"]
    assert [slot.judge.number for slot in found.select([MISSING])] == [1, 2, 3, 1, 3]
    assert found.select([]) == ()


def test_a_scan_changes_nothing(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """Reading an experiment leaves every file and directory as it was."""
    root = make_experiment(tmp_path)
    put(root / "runs/a/judge/judge_01/judgment.json", judgment())
    put(root / "runs/a/judge/judge_02/judgment.json", "{")

    def state() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in root.rglob("*")
        }

    before = state()
    scanned(root)
    assert state() == before


# --- damaged judgments -----------------------------------------------------------------------

VALID = '{"score": 0.5, "passed": true, "reasoning": "fine"}'

NO_JUDGMENT: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "white space": (b" \n", "is empty"),
    "truncated": (
        b'{"score": 0.5, "pas',
        "is not JSON (Unterminated string starting at, line 1 column 16)",
    ),
    "a list": (f"[{VALID}]".encode(), "is a JSON array, not an object"),
    "a number": (b"5", "is a JSON number, not an object"),
    "null": (b"null", "is a JSON null, not an object"),
    "NaN": (b'{"score": NaN, "passed": true}', "is not JSON (NaN is no JSON number)"),
    "Infinity": (
        b'{"score": Infinity, "passed": true}',
        "is not JSON (Infinity is no JSON number)",
    ),
    "1e999": (b'{"score": 1e999, "passed": true}', "is not JSON (1e999 is too large a number)"),
    "text": (b'{"score": "0.9", "passed": true}', "score must be a number within 0..1, got '0.9'"),
    "95": (b'{"score": 95, "passed": true}', "score must be within 0..1, got 95"),
    "-0.1": (b'{"score": -0.1, "passed": true}', "score must be within 0..1, got -0.1"),
    "true": (b'{"score": true, "passed": true}', "score must be a number within 0..1, got True"),
    "null score": (
        b'{"score": null, "passed": true}',
        "score must be a number within 0..1, got null",
    ),
    "no score": (b'{"passed": true}', "score is missing"),
    "no verdict": (b'{"score": 0.5}', "passed must be true or false"),
    "a verdict in words": (b'{"score": 0.5, "passed": "yes"}', "passed must be true or false"),
    "score twice": (
        b'{"score": 0.5, "score": 0.6, "passed": true}',
        "is not JSON (the key 'score' stands there twice)",
    ),
    "invalid": (
        b'{"score": 0.5, "passed": true, "is_valid": false}',
        "it is marked invalid: is_valid is not true",
    ),
    "a fallback": (
        b'{"score": 0.7, "passed": true, "fallback": true}',
        "it is a fallback, not a judge's answer",
    ),
    "bad UTF-8": (b'{"score": 0.5, "reasoning": "\xff"}', "is not UTF-8 (byte 29)"),
    "UTF-16": (VALID.encode("utf-16"), "is not UTF-8 (byte 0)"),
    "deep": (b'{"score":' * 100_000, "is nested too deeply"),
}


def _damage(path: Path, kind: str) -> str:  # noqa: PLR0911 - one for each kind of damage
    """Put something into a judgment's place; return what is to be said of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "100 MB":
            path.touch()
            os.truncate(path, 100 * 1024 * 1024)
            return "is 104,857,600 bytes long; at most 8,388,608 are read"
        case "a directory":
            path.mkdir()
            return "is a directory"
        case "a dangling link":
            path.symlink_to("gone")
            return "is a dangling symbolic link"
        case "a loop":
            path.symlink_to(path.name)
            return f"is no regular file ({os.strerror(errno.ELOOP)})"
        case "a link out":
            path.symlink_to(put(path.parents[5] / "outside.json", VALID))
            return "is a symbolic link that leaves the experiment"
        case "a FIFO":
            os.mkfifo(path)
            return "is no regular file"
        case "zeros":
            path.symlink_to("/dev/zero")
            return "is no regular file"
        case _:
            content, why = NO_JUDGMENT[kind]
            path.write_bytes(content)
            return why


KINDS = [
    *NO_JUDGMENT,
    "100 MB",
    "a directory",
    "a dangling link",
    "a loop",
    "a link out",
    "a FIFO",
    "zeros",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_judgment_says_what_it_is_and_spoils_only_itself(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any], kind: str
) -> None:
    """The slot has failed, with the file and the defect; the slots beside it are as they were."""
    root = make_experiment(tmp_path / "e", runs=["a", "b"], judges=2)
    path = root / "runs/a/judge/judge_01/judgment.json"
    why = _damage(path, kind)
    put(root / "runs/a/judge/judge_02/judgment.json", judgment())
    put(root / "runs/b/judge/judge_01/judgment.json", judgment())
    found = slots_of(root)
    damaged = found.pop("runs/a/judge_01")
    assert (damaged.status, damaged.why) == (FAILED, f"{path}: not a judgment ({why})")
    assert damaged.judgment is None
    assert [slot.status for slot in found.values()] == [COMPLETE, COMPLETE, MISSING]


def test_many_damaged_judgments_at_once(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """However many files are damaged, every other slot is known."""
    names = [f"run_{n:02d}" for n in range(len(KINDS))]
    root = make_experiment(tmp_path / "e", runs=names, judges=2)
    for name, kind in zip(names, KINDS, strict=True):
        _damage(root / "runs" / name / "judge/judge_01/judgment.json", kind)
        put(root / "runs" / name / "judge/judge_02/judgment.json", judgment())
    assert scanned(root).counts() == {FAILED: len(KINDS), COMPLETE: len(KINDS)}


def test_a_judgment_that_may_not_be_read_has_failed(
    tmp_path: Path, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own words are the reason."""
    root = make_experiment(tmp_path, runs=["a"], judges=1)
    path = put(root / "runs/a/judge/judge_01/judgment.json", VALID)
    layout = open_experiment(root)
    real = os.open

    def guarded(name: Any, *args: Any, **kwargs: Any) -> int:
        if os.fspath(name) == str(path):
            raise PermissionError(13, "Permission denied")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(os, "open", guarded)
    (slot,) = scan(layout).slots
    assert (slot.status, slot.why) == (FAILED, f"{path}: cannot be read (Permission denied)")


# --- tried, or not ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "why"),
    [
        (".claim", MISSING, "never tried"),
        (".judgment.json.4711.abcd.tmp", MISSING, "never tried"),
        ("stdout.log", FAILED, "{slot} holds stdout.log, but no judgment.json"),
        (
            "judgment.json.bad-20260120T061307Z",
            FAILED,
            "{slot} holds judgment.json.bad-20260120T061307Z, but no judgment.json",
        ),
    ],
)
def test_what_lies_in_a_slot_shows_whether_it_was_tried(
    tmp_path: Path, make_experiment: Make, name: str, status: SlotStatus, why: str
) -> None:
    """The harness's own claim and half-written files show nothing; anything else does."""
    root = make_experiment(tmp_path, runs=["a"], judges=1)
    slot = root / "runs/a/judge/judge_01"
    put(slot / name, "")
    (found,) = slots_of(root).values()
    assert (found.status, found.why) == (status, why.format(slot=slot))


@pytest.mark.parametrize(
    ("records", "status", "why"),
    [
        ([], MISSING, "never tried"),
        ([{"outcome": "interrupted", "why": "KeyboardInterrupt"}], MISSING, "never tried"),
        ([{"outcome": "failed", "why": "exit status 1"}], FAILED, "exit status 1"),
        ([{"outcome": "failed", "why": None}], FAILED, "the last attempt failed"),
        ([{"outcome": "failed"}], FAILED, "the last attempt failed"),
        (
            [{"outcome": "failed", "why": "first"}, {"outcome": "failed", "why": "second"}],
            FAILED,
            "second",
        ),
        ([{"outcome": "failed", "why": "first"}, {"outcome": "interrupted"}], FAILED, "first"),
        (["{", "[]", ""], MISSING, "never tried"),
    ],
)
def test_a_failed_attempt_is_told_from_an_interrupted_one(
    tmp_path: Path,
    make_experiment: Make,
    records: list[object],
    status: SlotStatus,
    why: str,
) -> None:
    """Only an attempt that ran to its end and failed makes a slot failed."""
    root = make_experiment(tmp_path, runs=["a"], judges=1)
    slot = root / "runs/a/judge/judge_01"
    (slot / "attempts" / "0000").mkdir(parents=True)
    for number, record in enumerate(records, 1):
        attempt(slot, f"{number:04d}", record)
    (found,) = slots_of(root).values()
    assert (found.status, found.why) == (status, why)


def test_what_the_author_must_mend_is_the_reason_of_a_missing_slot(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """A run with a problem keeps its judgments; its empty slots say what the problem is."""
    root = make_experiment(tmp_path, runs=["a"], judges=2)
    put(root / "runs/a/judge/judge_02/judgment.json", judgment())
    path = put(root / "runs/a/run.yaml", "colour: red")
    first, second = slots_of(root).values()
    assert (first.status, second.status) == (MISSING, COMPLETE)
    assert first.why == (
        f"{path}: unknown key 'colour'; remove it or use one of: task, group, meta"
    )


def test_a_blocked_run_keeps_its_judgments(
    tmp_path: Path, make_experiment: Make, judgment: Callable[..., Any]
) -> None:
    """What was judged stays complete; the rest, damaged or not, cannot be judged."""
    root = make_experiment(tmp_path, runs={"a": ""}, judges=3)
    put(root / "runs/a/judge/judge_01/judgment.json", judgment())
    put(root / "runs/a/judge/judge_02/judgment.json", "{")
    assert list(statuses_of(root).values()) == [COMPLETE, BLOCKED, BLOCKED]


# --- stale -----------------------------------------------------------------------------------


@pytest.fixture
def judged(tmp_path: Path, make_experiment: Make) -> Path:
    """Return an experiment of one run and two judges that the harness has judged."""
    root = make_experiment(tmp_path, runs=["a"])
    assert harness.judge_experiment(root).judged == 2
    assert set(statuses_of(root).values()) == {COMPLETE}
    return root


def edit(path: Path, old: str, new: str) -> None:
    """Replace a part of a file that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("task.md", "hello.py", "hallo.py", "the task, the output, or the template changed since"),
        (
            "runs/a/output.md",
            "It is",
            "It was",
            "the task, the output, or the template changed since",
        ),
        (
            "experiment.yaml",
            '"judges"',
            '"prompt": "task.md", "judges"',
            "the task, the output, or the template changed since",
        ),
        ("rubric.yaml", "points: 3.0", "points: 5.0", "the rubric changed since"),
        ("runs/a/judge_prompt.md", "# Task", "# The task", "the frozen prompt changed since"),
    ],
)
def test_a_change_of_the_inputs_makes_all_judgments_of_the_run_stale(
    judged: Path, file: str, old: str, new: str, why: str
) -> None:
    """A judgment is stale with the reason, and still is a judgment."""
    edit(judged / file, old, new)
    slots = slots_of(judged).values()
    assert [(slot.status, slot.why) for slot in slots] == [(STALE, why)] * 2
    assert all(slot.judgment is not None for slot in slots)
    edit(judged / file, new, old)
    assert set(statuses_of(judged).values()) == {COMPLETE}


def test_a_change_of_one_judge_makes_only_its_judgments_stale(judged: Path) -> None:
    """The others were not asked differently."""
    config = json.loads((judged / "experiment.yaml").read_text())
    config["judges"][1]["model"] = "another"
    put(judged / "experiment.yaml", config)
    first, second = slots_of(judged).values()
    assert first.status is COMPLETE
    assert second.status is STALE
    assert second.why == (
        "the judge's configuration changed since; it is a judgment by judge-b (replay)"
    )
    config["judges"][1].pop("model")
    config["judges"][1]["reply"] = "elsewhere/{run}/{slot}.txt"
    put(judged / "experiment.yaml", config)
    assert slots_of(judged)["runs/a/judge_02"].why == "the judge's configuration changed since"


def test_limits_names_and_weights_make_nothing_stale(judged: Path) -> None:
    """What cannot change an answer asks for no new one."""
    config = json.loads((judged / "experiment.yaml").read_text())
    config["judges"][0] |= {"name": "renamed", "timeout": 5, "weight": 2, "max_parallel": 1}
    put(judged / "experiment.yaml", config)
    assert set(statuses_of(judged).values()) == {COMPLETE}


def test_several_changes_are_named_together(judged: Path) -> None:
    """The reason lists all that changed, and not what follows from it."""
    edit(judged / "rubric.yaml", "points: 3.0", "points: 5.0")
    edit(judged / "task.md", "hello.py", "hallo.py")
    (judged / "runs/a/judge_prompt.md").write_text("another prompt")
    assert {slot.why for slot in slots_of(judged).values()} == {
        "the rubric and the task, the output, or the template changed since"
    }


def test_a_prompt_that_is_gone_makes_nothing_stale(judged: Path) -> None:
    """The judgments were made from it; nobody says that it changed."""
    (judged / "runs/a/judge_prompt.md").unlink()
    assert set(statuses_of(judged).values()) == {COMPLETE}
    (judged / "runs/a/judge_prompt.md").mkdir()
    assert set(statuses_of(judged).values()) == {COMPLETE}


@pytest.mark.parametrize(
    "provenance",
    [
        None,
        {},
        {"judge_sha256": None, "rubric_sha256": 5, "inputs_sha256": [], "prompt_sha256": {}},
        "nonsense",
    ],
)
def test_a_judgment_without_provenance_is_never_stale(
    judged: Path, judgment: Callable[..., Any], provenance: object
) -> None:
    """Nobody knows what it was made from, and money beats rebuilding."""
    for number in (1, 2):
        path = judged / f"runs/a/judge/judge_0{number}/judgment.json"
        put(path, judgment(provenance=provenance))
    edit(judged / "task.md", "hello.py", "hallo.py")
    edit(judged / "rubric.yaml", "points: 3.0", "points: 5.0")
    (judged / "runs/a/judge_prompt.md").write_text("another prompt")
    assert set(statuses_of(judged).values()) == {COMPLETE}


def test_in_projectscylla_only_the_prompt_and_the_judge_can_change(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """Its rubric and task are part of the run's own prompt."""
    root = make_scylla(tmp_path, models=["m"])
    prompt = (root / "T0/00/run_01/judge_prompt.md").read_bytes()
    made_from = {"prompt_sha256": hashlib.sha256(prompt).hexdigest(), "rubric_sha256": "another"}
    path = root / "T0/00/run_01/judge/judge_01/judgment.json"
    put(path, judgment(provenance=made_from))
    assert statuses_of(root) == {"T0/00/run_01/judge_01": COMPLETE}
    (root / "T0/00/run_01/judge_prompt.md").write_text("another")
    (slot,) = slots_of(root).values()
    assert (slot.status, slot.why) == (STALE, "the frozen prompt changed since")


def test_all_variants_of_projectscylla_are_classified(
    tmp_path: Path, make_scylla: Make, judgment: Callable[..., Any]
) -> None:
    """Complete, missing, failed, and blocked, wherever its versions keep their runs."""
    names = ["T0/00/run_01", "T0/01/run_01", "T1/00/run_01"]
    root = make_scylla(
        tmp_path,
        runs=names,
        part="completed",
        runs_per_subtest=1,
        judgments={
            "T0/00/run_01/judge_02": None,
            "T0/00/run_01/judge_03": judgment(fallback=True),
            "T1/00/run_01/judge_01": judgment(is_valid=False),
        },
    )
    (root / "completed/T0/01/run_01/agent/output.txt").unlink()
    assert list(statuses_of(root).values()) == [
        *(COMPLETE, MISSING, FAILED),
        *(COMPLETE, COMPLETE, COMPLETE),
        *(FAILED, COMPLETE, COMPLETE),
    ]
