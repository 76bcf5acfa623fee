"""What the disk refuses, as an error of its own: it is nobody's judge that failed."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from harness.errors import DiskError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)
"""Full, over quota, read-only, forbidden, broken."""

UNPAID = "nothing was paid; mend that and run the same command again"

IN_A_ROW = 3
"""Slots that the disk refuses one after the other before the session stops."""


@contextlib.contextmanager
def writing(place: Path, consequence: str = UNPAID) -> Iterator[None]:
    """Turn the disk's refusals into ``DiskError``; ``consequence`` says what became of the slot."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        where = error.filename2 or error.filename or place
        raise DiskError(f"{where}: cannot be written ({error.strerror}); {consequence}") from None


ROOM = 1 << 20
"""Bytes that must be free before money is spent: a judgment, its consensus, and some output."""


def check_room(directory: Path) -> None:
    """Raise ``OSError`` (ENOSPC) if the file system could not take another judgment."""
    found = os.statvfs(directory)
    if found.f_bavail * found.f_frsize < ROOM or (found.f_files and not found.f_favail):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))
