"""One run that another tool recorded, and how its file is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness import files
from harness.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CAP = 1 << 30
"""Bytes of a file with runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One answer of an agent; ``group`` is what it is compared in, None if nothing says."""

    id: str
    task: str
    output: str
    group: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    workspace: Path | None = None


def content(path: Path) -> bytes:
    """Return a file's bytes; ``SelectionError`` says why it cannot be read."""
    match files.read_bytes(path, root=path.parent, cap=CAP):
        case files.Ok(found):
            return bytes(found)
        case files.Missing():
            raise SelectionError(f"{path}: there is no such file")
        case files.Invalid(why) | files.Unreadable(why):
            raise SelectionError(f"{path}: {why}")


def text_of(value: Any) -> str:
    """Return what a message says: a text, or the texts among its parts."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    texts = [part if isinstance(part, str) else _text_of_part(part) for part in parts]
    return "\n".join(text for text in texts if text)


def _text_of_part(part: Any) -> str:
    found = part.get("text") if isinstance(part, dict) else None
    return found if isinstance(found, str) else ""
