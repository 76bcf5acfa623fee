"""Ending a child process and its group, with and without the system's own way of waiting."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.groups import alive, end_group, signal_group, wait

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["as the system waits", "without pidfd_open"], autouse=True)
def waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait in both ways, whichever the system has."""
    if request.param == "without pidfd_open":
        monkeypatch.delattr(os, "pidfd_open", raising=False)


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Return a list whose processes are gone after the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        end_group(child, 5.0)


def start(children: list[subprocess.Popen[bytes]], script: str) -> subprocess.Popen[bytes]:
    """Start a shell that leads a session of its own; ``echo`` in it says that it is ready."""
    child = subprocess.Popen(
        ["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    )
    children.append(child)
    assert child.stdout is not None
    with child.stdout as said:
        said.readline()
    return child


def test_a_child_that_ends_in_time_is_not_reaped(children: list[subprocess.Popen[bytes]]) -> None:
    """Whoever waits leaves the exit status to the one who started the child."""
    child = start(children, "exit 7")
    wait(child, 30.0, 30.0)
    assert not alive(child)
    assert child.returncode is None
    assert child.wait() == 7


def test_a_child_that_is_late_is_told_to_end(children: list[subprocess.Popen[bytes]]) -> None:
    """SIGTERM goes to its group."""
    child = start(children, "echo; sleep 600 & wait")
    assert alive(child)
    wait(child, 0.05, 30.0)
    assert child.wait() == -signal.SIGTERM


def test_a_child_that_will_not_end_is_killed(children: list[subprocess.Popen[bytes]]) -> None:
    """SIGKILL comes after the grace."""
    child = start(children, "trap '' TERM; echo; while :; do sleep 600; done")
    wait(child, 0.05, 0.05)
    assert child.wait() == -signal.SIGKILL


def test_a_child_that_was_reaped_is_neither_alive_nor_signalled(
    children: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may belong to somebody else by then."""
    child = start(children, "exit 0")
    child.wait()
    sent: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda pid, _number: sent.append(pid))
    signal_group(child, signal.SIGTERM)
    assert (alive(child), sent) == (False, [])


def test_a_child_that_somebody_else_reaped_is_not_alive(
    children: list[subprocess.Popen[bytes]],
) -> None:
    """A status that is gone is no sign of life."""
    child = start(children, "exit 0")
    os.waitpid(child.pid, 0)
    assert not alive(child)
