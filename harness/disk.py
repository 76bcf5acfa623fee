"""What the disk refuses, as an error of its own: it is nobody's judge that failed."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import DiskError, ExperimentError
from harness.looking import exists

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)
"""Full, over quota, read-only, forbidden, broken."""

UNPAID = "nothing was paid; mend that and run the same command again"

IN_A_ROW = 3
"""Slots that the disk refuses one after the other before the session stops."""


@contextlib.contextmanager
def writing(place: Path, consequence: str = UNPAID) -> Iterator[None]:
    """Turn the disk's refusals into ``DiskError``; ``consequence`` says what became of the slot.

    What is in the way of a file of ours is no refusal of the disk, and no reason to
    stop the session: it is an ``ExperimentError``, unless something was paid.
    """
    try:
        yield
    except OSError as error:
        where = Path(error.filename2 or error.filename or place)
        if error.errno in REFUSALS:
            why = f"cannot be written ({error.strerror}); {consequence}"
            raise DiskError(f"{where}: {why}") from None
        if error.errno not in _OBSTRUCTED or (found := _obstacle(where)) is None:
            raise
        obstacle = f"{found}; {consequence.replace('mend that', 'move it away')}"
        raise (ExperimentError if consequence == UNPAID else DiskError)(obstacle) from None


_OBSTRUCTED = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ELOOP})


def _obstacle(where: Path) -> str | None:
    """Say what stands where a file or a directory of ours must be; None if nothing does."""
    there = next((path for path in (where, *where.parents) if exists(path)), where)
    if there == where and there.is_dir() and not there.is_symlink():
        return f"{there}: is a directory where a file must be"
    if there.is_symlink():
        return f"{there}: is a symbolic link where a file or a directory must be"
    return None if there.is_dir() else f"{there}: is a file where a directory must be"


ROOM = 1 << 20
"""Bytes that must be free before money is spent: a judgment, its consensus, and some output."""


def check_room(directory: Path) -> None:
    """Raise ``OSError`` (ENOSPC) if the file system could not take another judgment."""
    found = os.statvfs(directory)
    if found.f_bavail * found.f_frsize < ROOM or (found.f_files and not found.f_favail):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))
