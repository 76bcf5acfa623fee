"""The names of runs: as they stand in node ids, in order, and found by a pattern."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import TYPE_CHECKING

from harness import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# What pytest cannot round-trip, what could steer a terminal, and the bytes of a file
# name that is no UTF-8, which Python shows as surrogates.
_UNSAFE = re.compile(
    "[\\[\\]%\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
    "|:(?=:)|(?<=:):"
)


def safe_name(name: str) -> str:
    """Return ``name`` as it may stand in a node id: what is unsafe is %-encoded."""
    return _UNSAFE.sub(
        lambda match: "".join(f"%{byte:02X}" for byte in os.fsencode(match.group())), name
    )


def sorted_runs(names: Sequence[str]) -> list[str]:
    """Sort as people count: ``run_2`` before ``run_10``."""
    return sorted(names, key=_natural)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
    )


class Pattern:
    """The pattern ``runs`` of an experiment: ``*`` and ``?`` in names, ``**`` for any depth.

    Where ``**`` comes last, it stands for the directories that ``is_run`` accepts; it
    never looks inside one of those, nor into the directories called ``closed``.
    """

    def __init__(
        self, text: str, *, is_run: Callable[[Path], bool], closed: frozenset[str]
    ) -> None:
        self._parts = tuple(text.split("/"))
        self._is_run = is_run
        self._closed = closed

    def match(self, root: Path) -> Iterator[tuple[str, Path]]:
        """Yield the directories below ``root`` that match, by their names."""
        yield from self._match(root, self._parts, "")

    def _match(
        self, directory: Path, parts: tuple[str, ...], name: str
    ) -> Iterator[tuple[str, Path]]:
        if not parts:
            yield name, directory
            return
        head, rest = parts[0], parts[1:]
        if head == "**":
            yield from self._match_any_depth(directory, rest, name)
            return
        for entry in files.list_directories(directory):
            if entry.startswith(".") and not head.startswith("."):
                continue
            if fnmatch.fnmatchcase(entry, head):
                yield from self._match(directory / entry, rest, _join(name, entry))

    def _match_any_depth(
        self, directory: Path, rest: tuple[str, ...], name: str
    ) -> Iterator[tuple[str, Path]]:
        if rest:
            yield from self._match(directory, rest, name)
        elif name and self._is_run(directory):
            yield name, directory
            return
        for entry in files.list_directories(directory):
            path = directory / entry
            if entry not in self._closed and not entry.startswith(".") and not files.is_link(path):
                yield from self._match_any_depth(path, rest, _join(name, entry))


def _join(name: str, entry: str) -> str:
    return f"{name}/{entry}" if name else entry
