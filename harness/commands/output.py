"""Where commands put the files that they were asked for."""

from __future__ import annotations

from pathlib import Path

from harness import files
from harness.errors import SelectionError


def target(output: str) -> Path:
    """Return the file to write; its directory must be there."""
    path = Path(output).absolute()
    if not files.is_directory(path.parent):
        raise SelectionError(f"{output}: there is no directory {Path(output).parent}; create it")
    if files.is_directory(path):
        raise SelectionError(f"{output}: is a directory; name a file")
    return path


def write(output: str, content: bytes) -> None:
    """Write a file in one step; one that is there is replaced."""
    path = target(output)
    files.commit_bytes(path, content, root=path.parent, durable=False)
