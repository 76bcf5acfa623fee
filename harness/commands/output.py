"""Where commands put the files that they were asked for."""

from __future__ import annotations

from harness import files
from harness.outlet import outlet


def write(output: str, content: bytes) -> None:
    """Write a file in one step; one that is there is replaced."""
    path = outlet(output)
    files.commit_bytes(path, content, root=path.parent, durable=False)
