"""What the disk refuses: found out before paying, told once, nothing lost."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import disk, files
from harness.attempt import Bench, judge_slot
from harness.disk import writing
from harness.dispatch import capture
from harness.errors import DiskError, NotStartedError
from harness.model import Calls, Failed, Judged, SlotStatus
from tests.test_files_writing import CALLS, FaultyOs
from tests.workshop import FakeJudge, paid_experiment, payments, scanned, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Outcome


def judge(root: Path, judge: FakeJudge | None = None) -> Outcome:
    """Judge the first slot of an experiment as a session would."""
    found = scanned(root)
    return capture(
        found.slots[0],
        lambda slot: judge_slot(slot, layout=found.layout, bench=Bench(), judge=judge),
    )


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO]
)
def test_refusals_of_the_disk_are_told_from_other_errors(tmp_path: Path, code: int) -> None:
    """The message names the file, the reason, and what to do; other errors pass unchanged."""
    with pytest.raises(DiskError) as caught, writing(tmp_path):
        raise OSError(code, os.strerror(code), "/some/file")
    assert str(caught.value) == (
        f"/some/file: cannot be written ({os.strerror(code)}); "
        "nothing was paid; mend that and run the same command again"
    )
    with pytest.raises(ValueError, match="other"), writing(tmp_path):
        raise ValueError("other")
    with pytest.raises(OSError, match="Invalid argument"), writing(tmp_path):
        raise OSError(errno.EINVAL, "Invalid argument")
    with pytest.raises(NotADirectoryError), writing(tmp_path):  # there is no obstacle to name
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("place", "kind", "what"),
    [
        ("judge", "file", "is a file where a directory must be"),
        ("judge/judge_01", "file", "is a file where a directory must be"),
        ("judge/judge_01", "link", "is a symbolic link where a file or a directory must be"),
        ("judge/judge_01/attempts", "file", "is a file where a directory must be"),
        ("judge/judge_01/.claim", "directory", "is a directory where a file must be"),
        ("judge/judge_01/.claim", "link", "is a symbolic link where a file or a directory must be"),
        ("judge/.lock", "directory", "is a directory where a file must be"),
    ],
)
def test_obstacle_in_the_place_of_a_file_of_ours_spoils_its_own_slot_only(
    tmp_path: Path, place: str, kind: str, what: str
) -> None:
    """Nothing is paid for it or moved; the message names it and the way out; others are judged."""
    root, ledger = paid_experiment(tmp_path / "e", runs=2, judges=1, seconds=0)
    path = root / "runs/r001" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        path.write_text("mine")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("gone")
    before = path.lstat()
    statistics = harness.judge_experiment(root)
    assert statistics.failures == {
        "runs/r001/judge_01": (
            f"{path}: {what}; nothing was paid; move it away and run the same command again"
        )
    }
    assert (statistics.judged, statistics.problems, payments(ledger)) == (1, [], 1)
    assert list(statistics.consensus) == ["runs/r002"]
    assert path.lstat() == before


def test_obstacle_after_the_payment_costs_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is kept and adopted, as if the disk had refused its judgment."""
    root, ledger = paid_experiment(tmp_path / "e", runs=1, judges=1, seconds=0)
    real = files.commit_json
    slot = root / "runs/r001/judge/judge_01"

    def obstructed(path: Path, value: Any, **how: Any) -> None:
        if path.name == "judgment.json":
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(slot))
        real(path, value, **how)

    with monkeypatch.context() as patch:
        patch.setattr(files, "commit_json", obstructed)
        outcome = judge(root)
    assert isinstance(outcome, Failed)
    (attempt,) = (slot / "attempts").iterdir()
    assert str(outcome.error) == (
        f"{slot}: is a directory where a file must be; "
        f"the answer is kept in {attempt} and will be adopted"
    )
    assert isinstance(judge(root), Judged)
    assert payments(ledger) == 1


@pytest.mark.parametrize(
    ("error", "persistent"), [(errno.EIO, False), (errno.ENOSPC, True)], ids=["once", "persistent"]
)
@pytest.mark.parametrize("call", [*CALLS, "mkdir"])
def test_slot_is_paid_once_whichever_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: int, *, persistent: bool
) -> None:
    """Each call of the writers fails in turn; afterwards the slot is judged for one payment."""
    for at in range(1, 60):
        root, ledger = paid_experiment(tmp_path / str(at), runs=1, judges=1, seconds=0)
        faulty = FaultyOs(call, at, error, persistent=persistent)
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", faulty)
            outcome = judge(root)
        if isinstance(outcome, Failed):
            assert isinstance(outcome.error, DiskError | NotStartedError), outcome.error
            assert payments(ledger) in (0, 1)
            assert outcome.calls.paid == payments(ledger)
        else:
            assert isinstance(outcome, Judged)
        assert isinstance(judge(root), Judged)
        assert payments(ledger) == 1
        assert scanned(root).slots[0].status is SlotStatus.COMPLETE
        if not faulty.hit:
            break
    else:
        pytest.fail("the calls did not come to an end")


def test_full_disk_is_found_out_before_paying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a judgment would not fit nobody is asked."""
    root, ledger = paid_experiment(tmp_path / "e", runs=1, judges=1, seconds=0)
    monkeypatch.setattr(disk, "ROOM", 1 << 62)
    outcome = judge(root)
    assert isinstance(outcome, Failed)
    (attempt,) = (root / "runs/r001/judge/judge_01/attempts").iterdir()
    assert str(outcome.error) == (
        f"{attempt}: cannot be written (No space left on device); "
        "nothing was paid; mend that and run the same command again"
    )
    assert (payments(ledger), outcome.calls) == (0, Calls())
    assert scanned(root).slots[0].status is SlotStatus.MISSING


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_read_only_directory_is_found_out_before_paying(tmp_path: Path) -> None:
    """Without permission to write nobody is asked, and nothing changes."""
    root, ledger = paid_experiment(tmp_path / "e", runs=1, judges=1, seconds=0)
    run = root / "runs/r001"
    run.chmod(0o555)
    before = snapshot(root)
    try:
        outcome = judge(root)
        assert isinstance(outcome, Failed)
        assert str(outcome.error) == (
            f"{run}/judge: cannot be written (Permission denied); "
            "nothing was paid; mend that and run the same command again"
        )
        assert payments(ledger) == 0
        assert snapshot(root) == before
    finally:
        run.chmod(0o755)


def test_answer_that_cannot_be_recorded_is_kept_and_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up after the payment costs nothing more."""
    root, ledger = paid_experiment(tmp_path / "e", runs=1, judges=1, seconds=0)
    real = files.commit_json

    def full(path: Path, value: Any, **how: Any) -> None:
        if path.name == "judgment.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, value, **how)

    with monkeypatch.context() as patch:
        patch.setattr(files, "commit_json", full)
        outcome = judge(root)
    assert isinstance(outcome, Failed)
    slot = root / "runs/r001/judge/judge_01"
    (attempt,) = (slot / "attempts").iterdir()
    assert str(outcome.error) == (
        f"{slot}/judgment.json: cannot be written (No space left on device); "
        f"the answer is kept in {attempt} and will be adopted"
    )
    assert outcome.calls == Calls(paid=1)
    assert isinstance(judge(root), Judged)
    assert payments(ledger) == 1


def test_three_refusals_in_a_row_stop_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further slot is tried, the reason is told once, and all slots stay as they were."""
    root, ledger = paid_experiment(tmp_path / "e", runs=10, judges=1, seconds=0)
    monkeypatch.setattr(disk, "ROOM", 1 << 62)
    statistics = harness.judge_experiment(root)
    assert (statistics.judged, statistics.failed, payments(ledger)) == (0, 3, 0)
    assert statistics.stopped is not None
    assert statistics.problems == [statistics.stopped]
    last = statistics.failures["runs/r003/judge_01"]
    assert statistics.stopped == f"stopped: the disk refused 3 slots in a row, at last {last}"
    assert scanned(root).counts() == {SlotStatus.MISSING: 10}


def test_refusals_that_are_not_in_a_row_stop_nothing(tmp_path: Path) -> None:
    """One unwritable run among good ones fails its own slots only."""
    root, ledger = paid_experiment(tmp_path / "e", runs=6, judges=1, seconds=0)
    for name in ("r002", "r004", "r006"):  # a file where a directory must be made
        (root / "runs" / name / "judge").symlink_to("/proc/self/nowhere")
    statistics = harness.judge_experiment(root)
    assert (statistics.judged, statistics.failed, statistics.stopped) == (3, 3, None)
    assert payments(ledger) == 3
