"""What tells that a directory was changed, without reading its files."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def fingerprint(directory: Path) -> str:
    """Return a hash over names, types, sizes, and times below ``directory``.

    Links are not followed, and what Python caches beside a program that is run does not
    count. It changes when a file is edited, added, or removed; a copy that does not keep
    times has another one.
    """
    found = hashlib.sha256()
    for line in _lines(str(directory), ""):
        found.update(line.encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _lines(directory: str, place: str) -> Iterator[str]:
    entries: list[os.DirEntry[str]] = []
    with contextlib.suppress(OSError), os.scandir(directory) as scanned:
        entries = sorted(scanned, key=lambda entry: entry.name)
    for entry in entries:
        name = f"{place}/{entry.name}"
        with contextlib.suppress(OSError):  # gone meanwhile
            if not entry.is_dir(follow_symlinks=False):
                seen = entry.stat(follow_symlinks=False)
                yield f"{name}\0{seen.st_mode:o}\0{seen.st_size}\0{seen.st_mtime_ns}\n"
            elif entry.name != "__pycache__":
                yield f"{name}/\n"
                yield from _lines(entry.path, name)
