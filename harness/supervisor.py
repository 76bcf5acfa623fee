"""A deadline and an output cap that outlive pytest, where coreutils' ``timeout`` is missing.

A program of its own that imports nothing of the harness.
Usage: supervisor.py SECONDS GRACE CAP STATUS PROGRAM [ARGUMENT...]

It leads the session that it was started in. At the deadline the group gets SIGTERM
and, GRACE seconds later, SIGKILL. The program's exit status goes to the file STATUS,
in the form that the launcher's shell script writes.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time


def start(argv: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start the program; what is no machine code and names no interpreter is left to the shell.

    Inherited descriptors hold the claim: they belong to the judge as well.
    """
    try:
        return subprocess.Popen(argv, close_fds=False)  # noqa: S603 - an argv list, never a shell
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        return subprocess.Popen(["/bin/sh", *argv], close_fds=False)  # noqa: S603 - the same


def main(seconds: str, grace: str, cap: str, status: str, *argv: str) -> None:
    """Run ``argv`` to its end or to the deadline, then end what is left of the group."""
    os.close(os.open(status, os.O_WRONLY | os.O_CREAT, 0o666))  # says that it was started
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(cap), int(cap)))
    child = start(argv)
    deadline = time.monotonic() + float(seconds)
    while True:
        try:
            code = child.wait(timeout=max(0.0, deadline - time.monotonic()))
            break
        except subprocess.TimeoutExpired:
            if told:
                os.killpg(0, signal.SIGKILL)
            os.killpg(0, signal.SIGTERM)
            deadline = time.monotonic() + float(grace)
    if code < 0:
        code = 128 - code
    fd = os.open(status, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.write(fd, f"{code}{' ended' if told else ''}\n".encode())
    os.close(fd)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
