"""Child processes: deadline, output cap, and an end to all of them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import groups, process
from harness.errors import Interrupted, JudgeError, NotStartedError
from harness.process import Finished, Launcher, clean_environment
from tests.workshop import children, descriptors

if TYPE_CHECKING:
    from collections.abc import Callable

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

Run = "Callable[..., Finished]"


@pytest.fixture
def launcher() -> Launcher:
    """Make a launcher."""
    return Launcher()


@pytest.fixture
def run(tmp_path: Path, launcher: Launcher) -> Callable[..., Finished]:
    """Run an argv with the streams in the test's own directory."""

    def run(*argv: str, timeout: float = 30.0, place: Path = tmp_path, **how: Any) -> Finished:
        return launcher.run(
            argv,
            cwd=place,
            env={"PATH": os.environ["PATH"]},
            stdout=place / "stdout",
            stderr=place / "stderr",
            timeout=timeout,
            **how,
        )

    return run


def gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what another process does; fail if it never happens."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("waited 10 s for something that did not happen")


def test_output_goes_to_the_given_files_and_stdin_comes_from_one(
    run: Callable[..., Finished], tmp_path: Path
) -> None:
    """Stdin is read from a file; stdout and stderr are written to new files."""
    (tmp_path / "prompt").write_text("what")
    finished = run("sh", "-c", "cat; echo oh >&2", stdin=tmp_path / "prompt")
    assert (finished.exit_code, finished.timed_out, finished.capped) == (0, False, False)
    assert (tmp_path / "stdout").read_text() == "what"
    assert (tmp_path / "stderr").read_text() == "oh\n"


def test_stdin_is_empty_unless_given(run: Callable[..., Finished], tmp_path: Path) -> None:
    """A child that reads stdin without having been given one sees its end at once."""
    assert run("cat").exit_code == 0
    assert (tmp_path / "stdout").read_bytes() == b""


def test_existing_output_is_never_written_to(run: Callable[..., Finished], tmp_path: Path) -> None:
    """A spool file that is there already is an error, not overwritten."""
    (tmp_path / "stdout").write_text("precious")
    with pytest.raises(FileExistsError):
        run("true")
    assert (tmp_path / "stdout").read_text() == "precious"


@pytest.mark.parametrize(
    ("argv", "code"), [(("sh", "-c", "exit 3"), 3), (("sh", "-c", "kill -9 $$"), -9)]
)
def test_exit_code_is_the_programs_own(
    run: Callable[..., Finished], argv: tuple[str, ...], code: int
) -> None:
    """The exit status comes back; a signal is negative."""
    assert run(*argv).exit_code == code


def test_missing_program_is_explained(run: Callable[..., Finished]) -> None:
    """A program that does not exist is a JudgeError that names it."""
    with pytest.raises(JudgeError) as caught:
        run("no-such-program")
    assert str(caught.value) == (
        "there is no program 'no-such-program'; install it or correct the command"
    )


def test_program_without_permission_is_explained(
    run: Callable[..., Finished], tmp_path: Path
) -> None:
    """A file that is not executable is a JudgeError that says so."""
    (tmp_path / "script").write_text("#!/bin/sh\n")
    with pytest.raises(JudgeError) as caught:
        run(str(tmp_path / "script"))
    assert str(caught.value) == (
        f"'{tmp_path}/script' is not executable; run chmod +x on it or correct the command"
    )


@linux
def test_child_leads_a_session_of_its_own(run: Callable[..., Finished], tmp_path: Path) -> None:
    """The child's session is not that of the harness, so that signals to one spare the other."""
    run("sh", "-c", "cut -d' ' -f6 /proc/$$/stat")
    assert int((tmp_path / "stdout").read_text()) != os.getsid(0)


def test_deadline_ends_a_child_with_sigterm(run: Callable[..., Finished], tmp_path: Path) -> None:
    """At the deadline the child gets SIGTERM and may say goodbye."""
    finished = run(
        "sh", "-c", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", timeout=0.3
    )
    assert finished.timed_out
    assert (tmp_path / "stdout").read_text() == "bye\n"


@linux
def test_child_that_ignores_sigterm_is_killed_with_its_group(
    run: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SIGTERM does not end, SIGKILL does, grandchildren included."""
    monkeypatch.setattr(process, "GRACE", 0.2)
    finished = run(
        "sh", "-c", "trap '' TERM; sleep 60 & echo $$ $!; while :; do sleep 0.05; done", timeout=0.3
    )
    assert finished.timed_out
    wait_until(lambda: all(gone(int(pid)) for pid in (tmp_path / "stdout").read_text().split()))


@linux
def test_grandchild_that_keeps_the_output_open_delays_nothing_and_is_ended(
    run: Callable[..., Finished], tmp_path: Path
) -> None:
    """A background process with the judge's stdout is killed once the judge has ended."""
    finished = run("sh", "-c", "sleep 60 & echo $!", timeout=50)
    assert (finished.exit_code, finished.timed_out) == (0, False)
    wait_until(lambda: gone(int((tmp_path / "stdout").read_text())))


@linux
def test_output_stops_at_the_cap(
    run: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that writes without end is stopped by the kernel at the cap, and it is said."""
    monkeypatch.setattr(process, "OUTPUT_CAP", 1 << 20)
    finished = run("sh", "-c", "sleep 0.1; exec cat /dev/zero")
    assert finished.capped
    assert finished.exit_code == -signal.SIGXFSZ
    assert (tmp_path / "stdout").stat().st_size == 1 << 20


def test_descriptor_is_inherited_when_asked_for(
    run: Callable[..., Finished], tmp_path: Path
) -> None:
    """Only the descriptors in ``inherit`` reach the child."""
    read, write = os.pipe()
    try:
        run("sh", "-c", f"echo there >/dev/fd/{write}", inherit=(write,))
        assert os.read(read, 100) == b"there\n"
        assert run("sh", "-c", f"test -e /dev/fd/{write}", place=_fresh(tmp_path)).exit_code != 0
    finally:
        os.close(read)
        os.close(write)


def _fresh(tmp_path: Path) -> Path:
    place = tmp_path / "fresh"
    place.mkdir()
    return place


def test_stop_ends_every_child_and_nothing_starts_afterwards(
    run: Callable[..., Finished], launcher: Launcher, tmp_path: Path
) -> None:
    """After stop all waiting workers are interrupted, and a later launch is refused."""
    places = [tmp_path / str(number) for number in range(3)]
    ends: list[BaseException] = []

    def work(place: Path) -> None:
        place.mkdir()
        try:
            run("sh", "-c", "echo up; exec sleep 60", place=place)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            ends.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    wait_until(lambda: all((p / "stdout").exists() and (p / "stdout").read_text() for p in places))
    assert not launcher.stopping
    assert launcher.stop() == 3
    for thread in threads:
        thread.join()
    assert [type(error) for error in ends] == [Interrupted] * 3
    with pytest.raises(Interrupted):
        run("touch", str(tmp_path / "started"))
    assert not (tmp_path / "started").exists()


def test_answer_that_was_complete_when_the_session_stopped_is_not_thrown_away(
    run: Callable[..., Finished], launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that had ended well by itself just before the interrupt counts."""
    real = groups.wait

    def stopped_meanwhile(child: subprocess.Popen[bytes], timeout: float, grace: float) -> None:
        real(child, timeout, grace)
        launcher._stopping = True

    monkeypatch.setattr(process, "wait", stopped_meanwhile)
    assert run("true").exit_code == 0


@linux
def test_stop_kills_what_ignores_sigterm(
    run: Callable[..., Finished], launcher: Launcher, tmp_path: Path
) -> None:
    """A child that ignores SIGTERM does not outlive an interrupt."""

    def work() -> None:
        with pytest.raises(Interrupted):
            run(*argv)

    thread = threading.Thread(target=work)
    argv = ("sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.05; done")
    thread.start()
    out = tmp_path / "stdout"
    wait_until(lambda: out.exists() and out.read_text())
    launcher.stop()
    thread.join()
    # killed it is, but the kernel may take a moment to end what is nobody's child here
    wait_until(lambda: gone(int(out.read_text())))


@linux
def test_nothing_is_left_of_many_children(run: Callable[..., Finished], tmp_path: Path) -> None:
    """After some tens of children there is no zombie and no open descriptor more than before."""
    run("true")
    before = descriptors(), children()
    for number in range(30):
        place = tmp_path / str(number)
        place.mkdir()
        run("sh", "-c", "exit 1" if number % 2 else "exit 0", place=place)
    assert (descriptors(), children()) == before


@linux
def test_waiting_leaves_the_processor_alone(
    run: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for a child blocks in the kernel: nobody sleeps and looks again."""
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("polled"))
    assert run("sleep", "0.3").exit_code == 0


# Stands in for a guard that fails: what it does in place of the launcher's script.
FAKE_GUARDS = {
    "cannot start the shell": "exit 125",
    "cannot write": "exit 2",
    "is killed early": "kill -9 $$",
    "cannot record, exit 0": ": >stdout.status; exit 0",
    "cannot fork": ": >stdout.status; exit 2",
    "is killed with the judge": ": >stdout.status; kill -9 $$",
}


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "cannot start the shell",
            NotStartedError,
            "the program cannot be started (its launcher ended with exit status 125)",
        ),
        (
            "cannot write",
            NotStartedError,
            "the program cannot be started (its launcher ended with exit status 2)",
        ),
        (
            "is killed early",
            NotStartedError,
            "the program cannot be started (its launcher ended with signal 9)",
        ),
        (
            "cannot record, exit 0",
            JudgeError,
            (
                "it is not on record how the program ended "
                "(its launcher ended with exit status 0); "
                "look for a full disk or a limit on processes"
            ),
        ),
        (
            "cannot fork",
            JudgeError,
            (
                "it is not on record how the program ended "
                "(its launcher ended with exit status 2); "
                "look for a full disk or a limit on processes"
            ),
        ),
        (
            "is killed with the judge",
            JudgeError,
            "the program was killed together with its launcher (signal 9)",
        ),
    ],
)
def test_failure_of_the_guard_is_not_taken_for_the_judges_own(
    run: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: type[JudgeError],
    message: str,
) -> None:
    """Without an exit status on record nobody says that the judge ended in some way."""
    body = FAKE_GUARDS[name]
    monkeypatch.setattr(process, "wrapped", lambda *_, **__: ["/bin/sh", "-c", body])
    with pytest.raises(JudgeError) as caught:
        run("true")
    assert type(caught.value) is error
    assert str(caught.value) == message


def test_process_that_the_system_refuses_is_explained(
    run: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork that fails says so; nothing was started."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(NotStartedError) as caught:
        run("true")
    assert str(caught.value) == ("the program cannot be started (Resource temporarily unavailable)")


def test_environment_is_an_allow_list() -> None:
    """A child sees the ordinary names, the locale, and what its judge asks for; no secrets."""
    environment = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "API_KEY": "k", "OTHER": "o"}
    path = f"{Path(sys.executable).parent}:/bin"
    assert clean_environment(environment) == {"PATH": path, "HOME": "/h", "LC_ALL": "C"}
    assert clean_environment(environment, ["API_KEY", "ABSENT"]) == {
        "PATH": path,
        "HOME": "/h",
        "LC_ALL": "C",
        "API_KEY": "k",
    }


def test_search_path_has_absolute_directories_only() -> None:
    """Others would be looked up from where pytest was started: perhaps in what an agent left."""
    own = str(Path(sys.executable).parent)
    for path in (":/a:bin:./x:/b:.", "::/a:/b", "/a:/b"):
        assert clean_environment({"PATH": path}) == {"PATH": f"{own}:/a:/b"}
