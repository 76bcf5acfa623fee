"""What a judge is wrapped in: its exit status on record, its deadline and cap without us."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from harness import launch
from harness.launch import Status, read_status, status_file, was_started, wrapped
from tests.workshop import script

if TYPE_CHECKING:
    from pathlib import Path

GUARDS = ["timeout", "supervisor"]


@pytest.fixture(params=GUARDS)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both guards: coreutils' timeout with the shell script, and the program for elsewhere."""
    if request.param == "supervisor":
        monkeypatch.setattr(launch, "timeout_program", lambda: None)
    elif launch.timeout_program() is None:
        pytest.skip("there is no timeout of GNU coreutils")
    return str(request.param)


def start(
    place: Path, *argv: str, timeout: float = 30.0, grace: float = 0.3
) -> subprocess.Popen[bytes]:
    """Start a wrapped program as the harness does, in a session of its own."""
    stdout = place / "stdout"
    line = wrapped(argv, stdout=stdout, timeout=timeout, grace=grace, cap=1 << 20)
    with stdout.open("xb") as out, (place / "stderr").open("xb") as err:
        return subprocess.Popen(line, stdout=out, stderr=err, start_new_session=True)


def gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie has."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return found.stdout.strip()[:1] in (b"", b"Z")


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is nobody's child here."""
    for _ in range(500):
        if gone(pid):
            return
        time.sleep(0.02)
    pytest.fail(f"{pid} is still there")


@pytest.mark.usefixtures("guard")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("exit 0", Status(0, told=False)),
        ("exit 3", Status(3, told=False)),
        ("kill -9 $$", Status(-9, told=False)),
        ("exit 255", Status(255, told=False)),
    ],
)
def test_exit_status_is_on_record_without_the_harness(
    tmp_path: Path, body: str, status: Status
) -> None:
    """The guard itself writes down how the judge ended."""
    assert not was_started(tmp_path / "stdout")
    start(tmp_path, "/bin/sh", "-c", body).wait()
    assert was_started(tmp_path / "stdout")
    assert read_status(tmp_path / "stdout") == status
    assert (tmp_path / "stderr").read_text() == ""


@pytest.mark.usefixtures("guard")
def test_judge_that_says_goodbye_at_the_deadline_did_not_end_well(tmp_path: Path) -> None:
    """Exit status 0 after SIGTERM is marked, so that a draft is no answer."""
    body = "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done"
    start(tmp_path, "/bin/sh", "-c", body, timeout=0.3, grace=5).wait()
    assert (tmp_path / "stdout").read_text() == "bye\n"
    assert read_status(tmp_path / "stdout") == Status(0, told=True)


@pytest.mark.usefixtures("guard")
def test_judge_that_ignores_the_deadline_is_killed_and_has_no_status(tmp_path: Path) -> None:
    """After the grace the whole group is killed, the guard included."""
    body = "trap '' TERM; echo $$; while :; do sleep 0.05; done"
    start(tmp_path, "/bin/sh", "-c", body, timeout=0.3).wait()
    wait_until_gone(int((tmp_path / "stdout").read_text()))
    assert read_status(tmp_path / "stdout") is None


@pytest.mark.usefixtures("guard")
def test_deadline_that_is_next_to_nothing_is_still_one(tmp_path: Path) -> None:
    """No rounding makes it 0, which would mean none."""
    body = "echo $$; exec sleep 600"
    start(tmp_path, "/bin/sh", "-c", body, timeout=1e-9).wait()
    assert read_status(tmp_path / "stdout") in (None, Status(-15, told=True))


@pytest.mark.usefixtures("guard")
def test_text_without_a_first_line_is_run_as_shells_do(tmp_path: Path) -> None:
    """With every guard in the same way."""
    script(tmp_path / "run.sh", 'echo "$1"; exit 3\n')
    start(tmp_path, str(tmp_path / "run.sh"), "hello").wait()
    assert (tmp_path / "stdout").read_text() == "hello\n"
    assert read_status(tmp_path / "stdout") == Status(3, told=False)


@pytest.mark.usefixtures("guard")
def test_what_a_judge_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    """A background process of the judge does not outlive it."""
    start(tmp_path, "/bin/sh", "-c", "sleep 600 & echo $!").wait()
    wait_until_gone(int((tmp_path / "stdout").read_text()))
    assert read_status(tmp_path / "stdout") == Status(0, told=False)


@pytest.mark.usefixtures("guard")
def test_every_file_is_capped_from_the_first_byte_on(tmp_path: Path) -> None:
    """The limit holds before the judge starts: there is no moment without it."""
    start(tmp_path, "/bin/cat", "/dev/zero").wait()
    assert (tmp_path / "stdout").stat().st_size == 1 << 20
    status = read_status(tmp_path / "stdout")
    assert status is not None
    assert status.exit_code != 0


@pytest.mark.usefixtures("guard")
@pytest.mark.parametrize(
    "argument", ["$(touch pwned)", "`touch pwned`", "; touch pwned", "a'b\"c\\", "*", ""]
)
def test_no_argument_is_read_as_shell(tmp_path: Path, argument: str) -> None:
    """Whatever an argument holds, the judge gets it as it is."""
    start(tmp_path, "/usr/bin/printf", "%s", argument).wait()
    assert (tmp_path / "stdout").read_text() == argument
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stderr", "stdout", "stdout.status"]
    assert (tmp_path / "stderr").read_text() == ""


@pytest.mark.parametrize("content", ["", "0", "x\n", "1234\n", "0 ended", "0\n0\n", "-1\n"])
def test_part_of_a_status_is_none(tmp_path: Path, content: str) -> None:
    """Only a whole line counts as an exit status on record."""
    status_file(tmp_path / "stdout").write_text(content)
    assert read_status(tmp_path / "stdout") is None


@pytest.mark.usefixtures("guard")
def test_names_of_the_scripts_own_are_not_in_the_judges_environment(tmp_path: Path) -> None:
    """The judge's environment is the one that it was given, nothing of the launcher's."""
    stdout = tmp_path / "stdout"
    line = wrapped(["/usr/bin/env"], stdout=stdout, timeout=9, grace=1, cap=1 << 20)
    with stdout.open("xb") as out:
        subprocess.run(
            line, stdout=out, env={"PATH": os.defpath}, start_new_session=True, check=False
        )
    names = {entry.partition("=")[0] for entry in stdout.read_text().splitlines()}
    # shells may export where they are; Python its locale coercion
    assert names - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"} == {"PATH"}


def test_timeout_of_others_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name that is not GNU coreutils' would not end the whole group."""
    script(tmp_path / "timeout", "#!/bin/sh\necho 'some other timeout'\n")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/nowhere")
    launch.timeout_program.cache_clear()
    try:
        assert launch.timeout_program() is None
        assert (
            wrapped(["/x"], stdout=tmp_path / "o", timeout=1, grace=1, cap=1)[0] == sys.executable
        )
    finally:
        launch.timeout_program.cache_clear()
