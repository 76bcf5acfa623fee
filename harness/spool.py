"""What a judge's process wrote is cleaned of secrets before anybody reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import files
from harness.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.process import Finished, Launcher
    from harness.redact import Redactor

READ_CAP = 16 * 1024 * 1024
"""More than a process may write to one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanLaunch:
    """Runs a process and cleans its output; refuses to put a secret of ``own`` process into argv.

    Command lines are seen by every user of the machine. ``own`` is the stdout that the
    judge's own process is given: what a rubric runs may look for a key.
    """

    launcher: Launcher
    redactor: Redactor
    own: Path
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
