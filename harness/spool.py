"""What a judge's process wrote is cleaned of secrets before anybody reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from harness import files
from harness.errors import ExperimentError
from harness.turns import ASIDE, back_in_turn
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from threading import Semaphore

    from harness.process import Finished, Launcher
    from harness.redact import Redactor

READ_CAP = 16 * 1024 * 1024
"""More than a process may write to one file."""


READERS = 2
"""Outputs that are in memory at the same time: a hundred judges may end together, each with
megabytes, and two threads already keep the interpreter's lock busy."""

LARGE = 64 * 1024
"""Characters of a reply from which on its turn lasts until its judgment is on disk."""


class Reading:
    """A turn at reading what a judge wrote, from ``begin`` to ``end``, or that of the block."""

    def __init__(self, turns: Semaphore) -> None:
        self._turns = turns
        self._has_one = False

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """Wait for a turn; the first call does."""
        if not self._has_one:
            with ASIDE:
                self._turns.acquire()
            self._has_one = True

    def end(self) -> None:
        """Let others have their turn."""
        if self._has_one:
            self._has_one = False
            self._turns.release()

    def __exit__(self, *_: object) -> None:
        self.end()


class CleanLaunch(Value, frozen=True, kw_only=True):
    """Runs a process and cleans its output; refuses to put a secret of ``own`` process into argv.

    Command lines are seen by every user of the machine. ``own`` is the stdout that the
    judge's own process is given: what a rubric runs may look for a key. ``reading`` begins
    when that process has ended.
    """

    launcher: Launcher
    redactor: Redactor
    own: Path
    reading: Reading
    inherit: Sequence[int] = ()

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
        """Return how the process ended."""
        with back_in_turn():
            return self._run(argv, cwd, env, (stdin, stdout, stderr), timeout)

    def _run(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        streams: tuple[Path | None, Path, Path],
        timeout: float,
    ) -> Finished:
        stdin, stdout, stderr = streams
        if stdout == self.own and any(self.redactor(element) != element for element in argv):
            raise ExperimentError(
                "the judge's command line holds a key, which every user of the machine could "
                "read there; take it out and name its variable under env"
            )
        try:
            return self.launcher.run(
                argv,
                cwd=cwd,
                env=env,
                stdout=stdout,
                stderr=stderr,
                timeout=timeout,
                stdin=stdin,
                inherit=self.inherit,
            )
        finally:
            if stdout == self.own:
                self.reading.begin()
            clean_files(self.redactor, stdout, stderr)


def clean_files(redactor: Redactor, *paths: Path) -> None:
    """Take the secrets out of files that a process wrote, as far as they are there."""
    for path in paths:
        if not files.size(path):  # mostly stderr
            continue
        match files.read_bytes(path, root=path.parent, cap=READ_CAP):
            case files.Ok(content):
                cleaned = redactor.data(content)
                if cleaned is not content:
                    files.commit_bytes(path, cleaned, root=path.parent, durable=False)
