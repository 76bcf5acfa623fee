"""A child process that leads a group: waiting for its end, and ending what is left of it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time

from harness.turns import ASIDE


def alive(child: subprocess.Popen[bytes]) -> bool:
    """Whether ``child`` runs; looks without reaping, which is its worker's business."""
    if child.returncode is not None:
        return False
    try:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to ``child`` and all that it has started in its group."""
    # Only while the leader is not reaped is its group's number surely its own.
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)


def wait(child: subprocess.Popen[bytes], timeout: float, grace: float) -> None:
    """Wait for the end of ``child`` without reaping it; end it if its guard did not."""
    if _exits_within(child, timeout):
        return
    signal_group(child, signal.SIGTERM)
    if not _exits_within(child, grace):
        signal_group(child, signal.SIGKILL)
        _exits_within(child, grace)


def _exits_within(child: subprocess.Popen[bytes], seconds: float) -> bool:
    if hasattr(os, "pidfd_open"):
        fd = os.pidfd_open(child.pid)
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            # poll(2) takes milliseconds in an int: some 24 days at most
            with ASIDE:
                return bool(poll.poll(min(seconds * 1000, 2**31 - 1)))
        finally:
            os.close(fd)
    end = time.monotonic() + seconds
    while alive(child):
        if time.monotonic() >= end:
            return False
        with ASIDE:
            time.sleep(0.02)
    return True


def end_group(child: subprocess.Popen[bytes], grace: float) -> None:
    """Kill what is left of the group of ``child`` and reap ``child``."""
    signal_group(child, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=grace)
