"""The only place that opens a file for writing; with ``reading`` the only one that parses one.

Readers see the old content or the new one, and none raises: what was found is a value.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import secrets
import shutil
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.errors import ExperimentError
from harness.json_text import indented
from harness.looking import ANY, real_root
from harness.looking import Stamp as Stamp
from harness.looking import is_plain as is_plain
from harness.looking import size as size
from harness.looking import stamp as stamp
from harness.reading import Invalid as Invalid
from harness.reading import Missing as Missing
from harness.reading import Ok as Ok
from harness.reading import Unreadable as Unreadable
from harness.reading import inside as inside
from harness.reading import is_directory as is_directory
from harness.reading import is_file as is_file
from harness.reading import is_link as is_link
from harness.reading import is_there as is_there
from harness.reading import is_within, real_path
from harness.reading import list_directories as list_directories
from harness.reading import list_names as list_names
from harness.reading import load_yaml as load_yaml
from harness.reading import read_bytes as read_bytes
from harness.reading import read_json as read_json
from harness.reading import read_text as read_text
from harness.turns import ASIDE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
LOWEST_INHERITED = 10


class EditedError(OSError):
    """A file was changed by someone else since it was looked at; it was left as it is."""


def commit_bytes(
    path: Path,
    data: bytes,
    *,
    root: Path,
    durable: bool = True,
    replace: bool = True,
    since: Stamp = ANY,
) -> None:
    """Put ``data`` at ``path`` in one step: a reader sees the old file or the new one.

    An existing file keeps mode and owner. What is ``durable`` survives a power cut from now on.
    With ``replace=False`` an existing ``path`` is left alone and ``FileExistsError`` raised; with
    ``since`` one edited since then, and ``EditedError``. A link is written through inside ``root``.
    """
    target = _write_target(path, root)
    directory, name = os.path.split(target)
    # Beside the target, because a rename is atomic only within one file system.
    temporary = f"{directory}/.{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        _write_new(temporary, data, durable=durable, like=target if replace else None)
        if replace:
            if since != ANY and stamp(target) != since:
                why = "was changed by someone else meanwhile"
                raise EditedError(errno.EBUSY, why, str(path))  # noqa: TRY301 - to clean up, too
            os.rename(temporary, target)
        else:
            os.link(temporary, target)
            os.unlink(temporary)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    if durable:
        _sync_directory(directory)


def commit_json(path: Path, value: Any, *, root: Path, finite: bool = True, **how: Any) -> None:
    """``commit_bytes`` of ``value`` as indented JSON; NaN raises ``ValueError`` if ``finite``.

    ASCII only, so that a lone surrogate in a judge's text cannot make the write fail.
    """
    commit_bytes(path, f"{indented(value, finite=finite)}\n".encode("ascii"), root=root, **how)


def _write_target(path: Path, root: Path) -> str:
    directory, name = os.path.split(path)
    target = os.path.realpath(path) if is_link(path) else f"{real_path(directory)}/{name}"
    if not is_within(target, real_root(root)):
        raise ExperimentError(f"{path}: leads out of {root} by a symbolic link; remove the link")
    return target


def _write_new(path: str, data: bytes, *, durable: bool, like: str | None) -> None:
    fd = os.open(path, _CREATE, 0o666)
    try:
        if like is not None:
            _copy_mode(fd, like)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durable:
            with ASIDE:
                os.fsync(fd)
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)  # checked: on network file systems a full disk is reported here


def _copy_mode(fd: int, path: str) -> None:
    try:
        wanted = os.stat(path)
    except FileNotFoundError:
        return
    made = os.fstat(fd)
    if (made.st_uid, made.st_gid) != (wanted.st_uid, wanted.st_gid):
        with contextlib.suppress(OSError):  # only root can give a file away
            os.fchown(fd, wanted.st_uid, wanted.st_gid)
    if made.st_mode != wanted.st_mode:
        os.fchmod(fd, stat.S_IMODE(wanted.st_mode))


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with ASIDE:
            os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: Path, *, root: Path) -> None:
    """Create ``path`` and its parents; refuse to leave ``root`` through a link."""
    if not is_directory(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:  # a file, which EEXIST leaves open
            raise NotADirectoryError(errno.ENOTDIR, "is no directory", str(path)) from None
    if not inside(path, root):
        raise ExperimentError(f"{path}: leads out of {root} by a symbolic link; remove the link")


def create_spool(path: Path) -> int:
    """Open a new file for a child process to write to; the caller closes the descriptor."""
    return os.open(path, _CREATE, 0o666)


def open_source(path: Path | None) -> int:
    """Open a file for a child process to read; nothing to read without one."""
    return os.open(os.devnull if path is None else path, os.O_RDONLY | os.O_CLOEXEC)


def open_lock(path: Path) -> int:
    """Open a lock file, created if need be and never deleted; the caller closes it.

    The descriptor is 10 or above: lower ones are the shell's, through which a judge inherits it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    if fd >= LOWEST_INHERITED:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, LOWEST_INHERITED)
    finally:
        os.close(fd)


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
    kept = _free_name(path, as_)
    os.rename(path, kept)
    return kept


def keep_copy(path: Path, *, as_: str = "bad") -> Path:
    """Give a file a second name, as ``set_aside`` does, so that its place is never empty."""
    kept = _free_name(path, as_)
    os.link(path, kept, follow_symlinks=False)
    return kept


def link(path: Path, second: Path, *, symbolic: bool = False) -> None:
    """Give a regular file a second name, or one that only points to it; never over another."""
    if symbolic:
        os.symlink(path, second)
    else:
        os.link(path, second, follow_symlinks=False)


def _free_name(path: Path, as_: str) -> Path:
    first = f"{path.name}.{as_}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    ends = itertools.chain([""], map("-{}".format, itertools.count(2)))
    return next(kept for n in ends if not os.path.lexists(kept := path.with_name(first + n)))


_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp")


def sweep(directory: Path) -> None:
    """Remove the temporary files of writers that died; only under the directory's lock."""
    for name in filter(_TEMPORARY.fullmatch, list_names(directory)):
        with contextlib.suppress(OSError):
            os.unlink(directory / name)


def copy_tree(source: Path, target: Path, *, skip: Callable[[str, list[str]], set[str]]) -> None:
    """Copy a directory for throw-away use; links are copied as links, never followed."""
    shutil.copytree(source, target, symlinks=True, ignore=skip)


def move(path: Path, to: Path) -> None:
    """Give a file or directory another name on the same file system, in one step."""
    os.rename(path, to)


def remove_tree(path: Path) -> None:
    """Remove a throw-away directory; what cannot be removed is left."""
    try:
        os.rmdir(path)  # most are empty
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
