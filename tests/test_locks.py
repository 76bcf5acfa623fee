"""Native locks: exclusive between descriptors, inherited by children, freed by the kernel."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from harness.locks import claim, holder, locked

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from harness.locks import claim
with claim(Path(sys.argv[1])) as fd:
    print("taken" if fd is not None else "busy", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    """Start a process that holds a claim until its stdin ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "taken\n"
    return child


def test_claim_excludes_other_descriptors_of_the_same_process(tmp_path: Path) -> None:
    """Two threads of one session cannot hold the same claim."""
    with claim(tmp_path / ".claim") as first:
        assert first is not None
        with claim(tmp_path / ".claim") as second:
            assert second is None
    with claim(tmp_path / ".claim") as again:
        assert again is not None


def test_claim_excludes_other_processes_until_they_die(tmp_path: Path) -> None:
    """A killed holder frees the claim at once; nothing has to be cleaned up."""
    child = hold(tmp_path / ".claim")
    with claim(tmp_path / ".claim") as fd:
        assert fd is None
    child.kill()
    child.communicate()
    with claim(tmp_path / ".claim") as fd:
        assert fd is not None


def test_child_that_inherits_the_descriptor_keeps_the_claim(tmp_path: Path) -> None:
    """The claim lasts as long as the judge that was started under it, whoever closes first."""
    with claim(tmp_path / ".claim") as fd:
        assert fd is not None
        judge = subprocess.Popen(["sleep", "60"], pass_fds=[fd])
    with claim(tmp_path / ".claim") as fd:
        assert fd is None
    judge.kill()
    judge.wait()
    with claim(tmp_path / ".claim") as fd:
        assert fd is not None


def test_claim_file_stays(tmp_path: Path) -> None:
    """The file is never deleted: removing it would let two holders lock two files of one name."""
    with claim(tmp_path / ".claim"):
        inode = (tmp_path / ".claim").stat().st_ino
    with claim(tmp_path / ".claim"):
        assert (tmp_path / ".claim").stat().st_ino == inode


def test_holder_is_named(tmp_path: Path) -> None:
    """The note in the claim says which process of which host has it, and since when."""
    with claim(tmp_path / ".claim"):
        assert re.fullmatch(
            rf"\S+:{os.getpid()} since \d\d:\d\d:\d\d UTC", holder(tmp_path / ".claim")
        )


def test_holder_that_died_is_told_from_its_judge(tmp_path: Path) -> None:
    """A judge that outlives its session holds the claim in its place, and that is said."""
    child = hold(tmp_path / ".claim")
    note = (tmp_path / ".claim").read_text()
    assert holder(tmp_path / ".claim") == note
    child.kill()
    child.communicate()
    assert holder(tmp_path / ".claim") == (
        f"{note} (that session is gone, its judge is still at work)"
    )


@pytest.mark.parametrize("pid", [str(1 << 70), "1"], ids=["no number of a process", "another's"])
def test_holder_that_cannot_be_looked_for_counts_as_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: str
) -> None:
    """Nobody says of a judge at work that its session is gone without knowing."""

    def kill(number: int, _signal: int) -> None:
        if number == 1:
            raise PermissionError

    with monkeypatch.context() as patch:
        if pid == "1":
            patch.setattr("harness.locks.os.kill", kill)
        note = f"{socket.gethostname()}:{pid} since 12:00:00 UTC"
        (tmp_path / ".claim").write_text(note)
        assert holder(tmp_path / ".claim") == note


def test_claim_that_comes_free_in_time_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may wait looks again after a moment."""
    with contextlib.ExitStack() as other:
        assert other.enter_context(claim(tmp_path / ".claim")) is not None
        monkeypatch.setattr("harness.locks.time.sleep", lambda _: other.close())
        with claim(tmp_path / ".claim", wait=60) as fd:
            assert fd is not None


def test_holder_without_a_note_is_another_process(tmp_path: Path) -> None:
    """An empty or missing note still gives something to say."""
    assert holder(tmp_path / ".claim") == "another process"
    (tmp_path / ".claim").write_bytes(b"\xff\xfe")
    assert holder(tmp_path / ".claim") == "another process"


def test_locked_waits_for_its_turn(tmp_path: Path) -> None:
    """Only one thread at a time is inside, and all get their turn."""
    inside = peak = turns = 0
    start = threading.Barrier(8)

    def work() -> None:
        nonlocal inside, peak, turns
        start.wait(30)
        with locked(tmp_path / ".lock"):
            inside += 1
            peak = max(peak, inside)
            turns += 1
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (peak, turns) == (1, 8)
