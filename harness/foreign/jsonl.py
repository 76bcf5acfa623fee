"""JSON Lines: one object for each run, with ``id``, ``task``, ``output``, and what else is known.

``group`` and ``workspace`` have a meaning, too; every further key is kept as the run's meta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import SelectionError
from harness.files import is_directory
from harness.foreign.record import Record, content
from harness.json_text import parse_json_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = ("id", "task", "output")


def records(path: Path) -> Iterator[Record]:
    """Yield the run of each line; a line that is none is an error that names it."""
    for number, line in enumerate(content(path).decode("utf-8-sig", "replace").split("\n"), 1):
        if line.strip():
            where = f"{path}:{number}"
            try:
                found = parse_json_object(line)
            except ValueError as error:
                raise SelectionError(f"{where}: {error}") from None
            yield _record(found, where, path)


def _record(found: dict[str, Any], where: str, path: Path) -> Record:
    texts = {}
    for key in KEYS:
        value = found.pop(key, None)
        if key == "id" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise SelectionError(f"{where}: the key {key!r} must be there and be a text")
        texts[key] = value
    group = found.pop("group", None)
    given = found.pop("workspace", None)
    workspace = None
    if given is not None:
        workspace = path.parent / given if isinstance(given, str) else None
        if workspace is None or not is_directory(workspace):
            raise SelectionError(f"{where}: workspace: there is no directory {given!r}")
    return Record(
        **texts,
        group=group if isinstance(group, str) else None,
        meta=found,
        workspace=workspace,
    )
