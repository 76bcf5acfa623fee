"""The only place that opens a file for writing; with ``reading`` the only one that parses one.

Every reader sees the old content or the new one, nothing between, and no
content makes a reader raise: what was found is a value.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.errors import ExperimentError
from harness.reading import (
    Invalid,
    Missing,
    Ok,
    Read,
    Unreadable,
    inside,
    is_directory,
    is_file,
    is_link,
    is_there,
    is_within,
    list_names,
    load_text,
    load_yaml,
    read_bytes,
    read_json,
    read_text,
    yaml_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = [
    "Invalid",
    "Missing",
    "Ok",
    "Read",
    "Unreadable",
    "commit_bytes",
    "commit_json",
    "copy_tree",
    "create_spool",
    "inside",
    "is_directory",
    "is_file",
    "is_link",
    "is_there",
    "list_names",
    "load_text",
    "load_yaml",
    "make_directory",
    "open_lock",
    "read_bytes",
    "read_json",
    "read_text",
    "remove_tree",
    "set_aside",
    "write_note",
    "yaml_value",
]

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def commit_bytes(
    path: Path, data: bytes, *, root: Path, durable: bool = True, replace: bool = True
) -> None:
    """Put ``data`` at ``path`` in one step: a reader sees the old file or the new one.

    The temporary file is made beside the target, because a rename is atomic only
    within one file system. An existing file keeps its mode. With ``durable`` the
    content survives a power cut once this returns. With ``replace=False`` an
    existing ``path`` is left alone and ``FileExistsError`` raised. A symbolic link
    is written through if it stays inside ``root``; ``ExperimentError`` otherwise.
    """
    target = _write_target(path, root)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        _write_new(temporary, data, durable=durable)
        if replace:
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            temporary.replace(target)
        else:
            os.link(temporary, target)
            temporary.unlink()
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        _sync_directory(target.parent)


def commit_json(path: Path, value: Any, *, root: Path, **how: bool) -> None:
    """``commit_bytes`` of ``value`` as indented JSON; NaN raises ``ValueError``.

    ASCII only, so that a lone surrogate in a judge's text cannot make the write fail.
    """
    text = json.dumps(value, indent=2, allow_nan=False)
    commit_bytes(path, text.encode("ascii") + b"\n", root=root, **how)


def _write_target(path: Path, root: Path) -> Path:
    target = path
    if path.is_symlink():
        target = path.resolve()
    elif path.parent.exists():
        target = path.parent.resolve() / path.name
    if not is_within(str(target), os.path.realpath(root)):
        raise ExperimentError(f"{path}: leads out of {root} by a symbolic link; remove the link")
    return target


def _write_new(path: Path, data: bytes, *, durable: bool) -> None:
    fd = os.open(path, _CREATE, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durable:
            os.fsync(fd)
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)  # checked: on network file systems a full disk is reported here


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: Path, *, root: Path) -> None:
    """Create ``path`` and its parents; refuse to leave ``root`` through a link."""
    path.mkdir(parents=True, exist_ok=True)
    if not inside(path, root):
        raise ExperimentError(f"{path}: leads out of {root} by a symbolic link; remove the link")


def create_spool(path: Path) -> int:
    """Open a new file for a child process to write to; the caller closes the descriptor."""
    return os.open(path, _CREATE, 0o666)


def open_lock(path: Path) -> int:
    """Open a lock file, created if need be and never deleted; the caller closes it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)


def write_note(fd: int, text: str) -> None:
    """Replace the advisory text of an open lock file."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode("utf-8", "replace"), 0)


def set_aside(path: Path, *, as_: str = "bad") -> Path | None:
    """Rename ``path``, whatever it is, to ``<name>.bad-<UTC time>`` beside it.

    Returns the new path, or None if nothing was there. Nothing is ever overwritten.
    """
    if not os.path.lexists(path):
        return None
    for number in _attempt_numbers():
        kept = path.with_name(f"{path.name}.{as_}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{number}")
        if not os.path.lexists(kept):
            path.rename(kept)
            return kept
    raise AssertionError("unreachable: the numbers do not end")


def _attempt_numbers() -> Iterator[str]:
    yield ""
    number = 2
    while True:
        yield f"-{number}"
        number += 1


def copy_tree(source: Path, target: Path, *, skip: Callable[[str, list[str]], set[str]]) -> None:
    """Copy a directory for throw-away use; links are copied as links, never followed."""
    shutil.copytree(source, target, symlinks=True, ignore=skip)


def remove_tree(path: Path) -> None:
    """Remove a throw-away directory; what cannot be removed is left."""
    shutil.rmtree(path, ignore_errors=True)
