"""Child processes: own session, deadline, output cap, and one switch that ends them all.

``launch`` says what holds when this process is killed; here is what it does while it lives.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness import disk, files
from harness.ending import Endings
from harness.errors import Interrupted, JudgeError, NotStartedError
from harness.groups import alive, end_group, signal_group, wait
from harness.launch import Status, read_status, was_started, wrapped
from harness.programs import located

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

OUTPUT_CAP = 10 * 1024 * 1024
"""Bytes that a child may write to one file; what is longer is no answer."""

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL at a deadline."""

LATE = 1.0
"""Seconds after which this process does what the child's own guard should have done."""

GUARD_CODES = (124, 137, -signal.SIGTERM, -signal.SIGKILL)
"""How the guard itself ends when the deadline has passed or somebody told it to end."""

STOP_GRACE = 0.5
"""The same when the session is interrupted."""

PASSED_ON = frozenset(
    "HOME LANG LANGUAGE LOGNAME PATH SHELL TERM TMPDIR TZ USER VIRTUAL_ENV".split()  # noqa: SIM905 - a list of words reads better as one
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a child process ended; ``exit_code`` is negative for a signal.

    ``timed_out``: it was ended at its deadline. ``capped``: it wrote more than 10 MiB.
    """

    exit_code: int
    seconds: float
    timed_out: bool = False
    capped: bool = False


class Launch(Protocol):
    """Runs one child process to its end."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: Path,
        stderr: Path,
        timeout: float,
        stdin: Path | None = None,
    ) -> Finished:
        """Return how it ended."""
        ...


def clean_environment(
    environment: Mapping[str, str], passed_on: Sequence[str] = ()
) -> dict[str, str]:
    """Return what a child may see: an allow-list, the locale, and what its judge asks for.

    The search path is led by the directory of the interpreter that runs this, so that
    ``python3`` is the one in whose environment the judge's packages are installed. Only
    absolute directories are in it: the others would be looked up from wherever pytest was
    started, which may be what an agent left behind.
    """
    path = [os.path.dirname(sys.executable)]  # noqa: PTH120 - text in, text out
    path += environment.get("PATH", os.defpath).split(os.pathsep)
    return {
        name: value
        for name, value in environment.items()
        if name in PASSED_ON or name.startswith("LC_") or name in passed_on
    } | {"PATH": os.pathsep.join(filter(os.path.isabs, path))}


class Launcher:
    """Starts child processes and knows which are running; ``endings``: what else is at work.

    ``run`` is called from worker threads, ``stop`` from the main thread. After
    ``stop`` no process starts any more.
    """

    def __init__(self) -> None:
        # Between the check of `_stopping` and the entry in `_running` no `stop` may
        # come, or a process would start after the kill.
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._stopping = False
        self.endings = Endings()

    @property
    def stopping(self) -> bool:
        """Whether the session is ending; a worker that sees it starts nothing new."""
        return self._stopping

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: Path,
        stderr: Path,
        timeout: float,
        stdin: Path | None = None,
        inherit: Sequence[int] = (),
    ) -> Finished:
        """Run ``argv`` to its end, in its own session, its output going to new files.

        At the deadline the process group gets SIGTERM and, ``GRACE`` seconds later,
        SIGKILL; what is left of the group after a normal exit is killed as well. All
        that holds if this process dies meanwhile. The exit status is on record beside
        ``stdout``. Raises ``NotStartedError`` if the program cannot be started,
        ``JudgeError`` if nobody knows how it ended, and ``Interrupted`` if ``stop`` was
        called before it ended by itself.
        """
        program = located(argv[0], cwd=cwd, env=env)
        guarded = wrapped(
            [program, *argv[1:]], stdout=stdout, timeout=timeout, grace=GRACE, cap=OUTPUT_CAP
        )
        began = time.monotonic()
        child = self._start(guarded, cwd, env, (stdin, stdout, stderr), inherit)
        try:
            wait(child, timeout + GRACE + LATE, GRACE)
        finally:
            end_group(child, GRACE)
            with self._lock:
                del self._running[child.pid]
        seconds = time.monotonic() - began
        status = read_status(stdout)
        if self._stopping and (status is None or status.told):
            raise Interrupted
        if status is None:
            status = _without_record(child.returncode, stdout, late=seconds >= timeout)
        return finished(status, stdout, stderr, seconds, timeout)

    def _start(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        streams: tuple[Path | None, Path, Path],
        inherit: Sequence[int],
    ) -> subprocess.Popen[bytes]:
        # The files are opened under the lock, too, so that many workers that start at
        # the same time do not hold three descriptors each while they wait for it.
        with self._lock, contextlib.ExitStack() as stack:
            if self._stopping:
                raise Interrupted
            try:
                opened = [files.open_source(streams[0])]
            except OSError as error:
                why = f"the prompt {streams[0]} cannot be read ({error.strerror})"
                raise NotStartedError(why) from None
            stack.callback(os.close, opened[0])
            for path in streams[1:]:
                with disk.writing(path):
                    opened.append(files.create_spool(path))
                stack.callback(os.close, opened[-1])
            try:
                child = subprocess.Popen(  # noqa: S603 - an argv list, never a shell
                    list(argv),
                    cwd=cwd,
                    env=dict(env),
                    stdin=opened[0],
                    stdout=opened[1],
                    stderr=opened[2],
                    start_new_session=True,
                    pass_fds=tuple(inherit),
                )
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                raise NotStartedError(f"the program cannot be started ({reason})") from None
            self._running[child.pid] = child
        return child

    def stop(self) -> int:
        """End all that is at work, start nothing, and return how many were ended."""
        with self._lock:
            self._stopping = True
            children = list(self._running.values())
        for child in children:
            signal_group(child, signal.SIGTERM)
        others = self.endings.end_all()
        deadline = time.monotonic() + STOP_GRACE
        while time.monotonic() < deadline and any(alive(child) for child in children):
            time.sleep(0.01)
        for child in children:
            signal_group(child, signal.SIGKILL)
        return len(children) + others


def finished(
    status: Status, stdout: Path, stderr: Path, seconds: float, timeout: float
) -> Finished:
    """Say how a child ended; one that was told to end did not end well, whatever it says."""
    return Finished(
        exit_code=-signal.SIGTERM if status.told and status.exit_code >= 0 else status.exit_code,
        seconds=seconds,
        timed_out=status.told and seconds >= timeout,
        capped=max(files.size(stdout), files.size(stderr)) >= OUTPUT_CAP,
    )


def _without_record(code: int, stdout: Path, *, late: bool) -> Status:
    """Say what became of a child without an exit status on record; ``code``: its guard's.

    At the deadline the guard is killed with it. Otherwise the guard's own failure must not
    look like the child's.
    """
    if late and code in GUARD_CODES:
        return Status(-signal.SIGKILL, told=True)
    how = f"exit status {code}" if code >= 0 else f"signal {-code}"
    if not was_started(stdout):
        raise NotStartedError(f"the program cannot be started (its launcher ended with {how})")
    if code in GUARD_CODES:
        raise JudgeError(f"the program was killed together with its launcher ({how})")
    raise JudgeError(
        f"it is not on record how the program ended (its launcher ended with {how}); "
        "look for a full disk or a limit on processes"
    )


def of_record(stdout: Path, stderr: Path) -> Finished:
    """Say how the child that wrote to ``stdout`` ended, whoever had started it."""
    status = read_status(stdout) or Status(-signal.SIGKILL, told=True)
    return finished(status, stdout, stderr, seconds=0.0, timeout=float("inf"))
