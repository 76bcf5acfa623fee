"""The copy of what the agent left behind, in which a check runs: bounded, and closed in itself."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.errors import JudgeError

if TYPE_CHECKING:
    from collections.abc import Callable

SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "node_modules"})
"""Left out of the copy: large, and no part of the answer."""

SIZE_CAP = 1 << 30
"""Bytes that are copied; more is no answer of an agent, but something that it installed."""

COUNT_CAP = 100_000
"""Files, links, and directories that are copied."""


def copy_workspace(workspace: Path | None, copy: Path, check_time: Callable[[], object]) -> None:
    """Make ``copy`` from ``workspace``; an empty directory, if the agent left nothing.

    Symbolic links are copied as links, if they are relative and lead to a place in the
    workspace; other links, FIFOs, sockets, and devices are left out. ``check_time`` is
    called for every directory and may raise.
    """
    try:
        if workspace is None:
            copy.mkdir()
        else:
            files.copy_tree(workspace, copy, skip=_Filter(workspace, check_time))
    except shutil.Error as error:
        (source, _, why), *others = error.args[0]
        more = f", and {len(others)} more" if others else ""
        raise JudgeError(f"the workspace cannot be copied: {source}: {why}{more}") from None
    except OSError as error:
        where = error.filename or copy
        raise JudgeError(f"the workspace cannot be copied: {where}: {error.strerror}") from None


class _Filter:
    """Says what of a directory is left out, and counts the rest."""

    def __init__(self, workspace: Path, check_time: Callable[[], object]) -> None:
        self._workspace = workspace
        self._check_time = check_time
        self._size = 0
        self._count = 0

    def __call__(self, directory: str, names: list[str]) -> set[str]:
        self._check_time()
        left_out = set(names) & SKIPPED
        for name in set(names) - SKIPPED:
            path = Path(directory, name)
            found = path.lstat()
            if self._is_copied(path, found.st_mode):
                self._count += 1
                self._size += found.st_size
            else:
                left_out.add(name)
        if self._count > COUNT_CAP:
            self._refuse(f"holds more than {COUNT_CAP:,} files")
        if self._size > SIZE_CAP:
            self._refuse(f"holds more than {SIZE_CAP:,} bytes")
        return left_out

    def _is_copied(self, path: Path, mode: int) -> bool:
        if stat.S_ISLNK(mode):
            target = os.readlink(path)  # noqa: PTH115 - as text: a path would lose what it says
            return not target.startswith("/") and files.inside(path, self._workspace)
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode)

    def _refuse(self, why: str) -> None:
        raise JudgeError(
            f"the workspace {self._workspace} {why}; remove from it what is no part of the answer"
        )
