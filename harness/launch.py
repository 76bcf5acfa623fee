"""What a judge's command line is wrapped in, so that it stays bounded when pytest is dead.

From the outside in: ``timeout`` of GNU coreutils, which leads the judge's session and
group and ends the group at the deadline; a constant shell script, which caps the
size of every file and puts the exit status on record; the judge. Where ``timeout``
is missing a small Python program does the work of both, for some 20 ms a launch.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.looking import exists
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

SHELL = "/bin/sh"

# The judge's argv comes in as "$@", its program always with a slash, so that no
# configured text is ever read as shell, not even as the name of a builtin.
# SIGTERM must not end the shell before the judge: it is trapped, which the judge does not
# inherit, and noted, because the status of a judge that was told to end is no success.
# What the shell itself would say of a judge that was killed does not go to the judge's stderr;
# descriptors below 10 are the shell's own, so none that the judge inherits lies there.
# Before it exits it asks what the judge left behind to end, which would hold the claim; its
# parent forwards that signal to it, so it is ignored by then.
SCRIPT = """\
_harness_status=$1 _harness_told=
: >"$_harness_status"
ulimit -f "$2" 2>/dev/null
shift 2
trap '_harness_told=" ended"' TERM
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
_harness_code=$?
echo "$_harness_code$_harness_told" >"$_harness_status"
trap '' TERM
kill 0
exit "$_harness_code"
"""

BLOCK = 512
"""Bytes in the unit of ``ulimit -f``, as POSIX has it."""

FOREVER = 10.0**8
"""Seconds; longer deadlines are none."""

SHORTEST = 0.001
"""Seconds; ``timeout`` is told milliseconds, and takes 0 for no deadline at all."""

_STATUS = re.compile(rb"(\d{1,3})( ended)?\n")


class Status(Value, frozen=True):
    """An exit status on record; ``told``: the judge had been told to end before it did."""

    exit_code: int
    told: bool


def status_file(stdout: Path) -> Path:
    """Return where the exit status of the child that writes to ``stdout`` is recorded."""
    return stdout.with_name(f"{stdout.name}.status")


def was_started(stdout: Path) -> bool:
    """Tell whether the child that was to write to ``stdout`` may have been started at all.

    The first thing that the launcher does is to create the file of the status, empty.
    """
    return exists(status_file(stdout))


def read_status(stdout: Path) -> Status | None:
    """Return the exit status on record; None if there is none, or only a part of one.

    The code is negative for a signal.
    """
    match files.read_bytes(status_file(stdout), root=stdout.parent, cap=100):
        case files.Ok(content) if found := _STATUS.fullmatch(content):
            code = int(found[1])
            by_signal = 0 < code - 128 < signal.NSIG
            return Status(128 - code if by_signal else code, told=found[2] is not None)
        case _:
            return None


def wrapped(
    argv: Sequence[str], *, stdout: Path, timeout: float, grace: float, cap: int
) -> list[str]:
    """Return the command line that runs ``argv``, whose program has a slash in its name."""
    status = str(status_file(stdout))
    seconds = f"{max(SHORTEST, min(timeout, FOREVER)):.3f}"
    program = timeout_program()
    if program is None:
        supervisor = str(Path(__file__).with_name("supervisor.py"))
        own = [sys.executable, "-I", "-S", supervisor, seconds, str(grace), str(cap), status]
        return [*own, *argv]
    guard = [program, f"--kill-after={grace}", seconds]
    return [*guard, SHELL, "-c", SCRIPT, "judge", status, str(cap // BLOCK), *argv]


@functools.cache
def timeout_program() -> str | None:
    """Return the path of GNU coreutils' ``timeout``; others do not end the whole group."""
    search = os.environ.get("PATH", os.defpath)
    path = shutil.which("timeout", path=search)
    if path is None:
        return None
    try:
        shown = subprocess.run(  # noqa: S603 - asks a program for its version
            [path, "--version"],
            capture_output=True,
            check=False,
            timeout=5,
            stdin=subprocess.DEVNULL,
            # never os.environ itself: pytest changes it while threads start processes
            env={"PATH": search, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return str(Path(path).absolute()) if b"GNU coreutils" in shown.stdout else None
