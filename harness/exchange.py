"""What a judge that asks from inside this process needs of its session.

Its answer is kept in the files in which a judge's own process would have kept it, with an
exit status on record, so that it is read again, and adopted, like that of any other kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import disk, files
from harness.errors import JudgeError
from harness.launch import status_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from harness.ending import Endings
    from harness.redact import Redactor


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call that is made without a process; ``stdout`` and ``stderr`` are the attempt's."""

    endings: Endings
    redactor: Redactor
    stdout: Path
    stderr: Path

    def attended(self, end: Callable[[], object]) -> AbstractContextManager[None]:
        """Run a block that ``end``, called from another thread, ends when the session stops."""
        return self.endings.attended(end)

    def begin(self) -> None:
        """Put on record that the judge is asked from here on: if this process dies, it was."""
        with disk.writing(self.stdout):
            self._write(status_file(self.stdout), b"")

    def keep(self, answer: bytes, record: bytes, *, whole: bool) -> bytes:
        """Put an answer on disk, cleaned of secrets, and return it as it stands there.

        ``record`` goes to stderr. ``whole``: it is all of an answer, and no refusal. The
        exit status comes last: without it the answer is none.
        """
        cleaned = self.redactor.data(answer)
        try:
            self._write(self.stderr, self.redactor.data(record))
            self._write(self.stdout, cleaned)
            self._write(status_file(self.stdout), b"0\n" if whole else b"1\n")
        except OSError as error:
            raise JudgeError(
                f"{error.filename or self.stdout}: the answer came, but could not be kept "
                f"({error.strerror}); the call was paid for"
            ) from None
        return cleaned

    def _write(self, path: Path, content: bytes) -> None:
        files.commit_bytes(path, content, root=path.parent, durable=False)
