"""What lies at a path, without reading it."""

from __future__ import annotations

import functools
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Stamp = tuple[int, int, int] | None
"""What tells that a file was edited: inode, time, and size; None if nothing can be seen there."""

ANY: Stamp = (-1, -1, -1)
"""In place of a stamp: replace the file, whoever edited it."""


def stamp(path: str | Path) -> Stamp:
    """Return what changes when somebody edits or replaces ``path``."""
    try:
        found = os.stat(path)  # noqa: PTH116 - takes texts, too, and is called for every file
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def stamps(paths: Iterable[str]) -> tuple[int, int] | None:
    """Return a hash of what changes with any of ``paths``, and when the latest of them did, in ns.

    The time of a change cannot be set, as that of an edit can. None if one is a symbolic link.
    What is not there, or cannot be seen, has a place in the hash.
    """
    seen: list[tuple[int, ...]] = []
    latest = 0
    for path in paths:
        try:
            found = os.lstat(path)
        except OSError:
            seen.append(())
            continue
        if stat.S_ISLNK(found.st_mode):
            return None
        changed = found.st_ctime_ns
        seen.append((found.st_ino, found.st_size, found.st_mtime_ns, changed))
        latest = max(latest, changed, found.st_mtime_ns)
    return hash(tuple(seen)), latest


def size(path: Path) -> int:
    """Return the size of a file; 0 if it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def exists(path: Path) -> bool:
    """Tell whether anything is at ``path``, even a dangling link."""
    return os.path.lexists(path)


def modified(path: Path) -> float:
    """Return when a file was last written, in seconds since the epoch; 0 if it is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def is_plain(path: Path) -> bool:
    """Tell whether ``path`` is a regular file and no symbolic link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


@functools.lru_cache(maxsize=64)
def real_root(root: Path) -> str:
    """Resolve an experiment's root once; it does not move during a session."""
    return os.path.realpath(root)
