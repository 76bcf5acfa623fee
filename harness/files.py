"""The only place that opens a file for writing, and the only one that parses one.

Every reader sees the old content or the new one, nothing between, and no
content makes a reader raise: what was found is a value.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import stat
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from harness.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

JSON_CAP = 8 * 1024 * 1024
"""Bytes; a judgment is some kilobytes, so what is larger is not one."""

YAML_CAP = 1024 * 1024
"""Bytes; a configuration is some kilobytes."""

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Ok:
    """The file was read; ``value`` is its content."""

    value: Any


@dataclass(frozen=True, slots=True)
class Missing:
    """There is nothing at that path."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Something is there, but not what it should be; ``why`` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The operating system refused; ``why`` is its message."""

    why: str


Read = Ok | Missing | Invalid | Unreadable


# --- reading ---------------------------------------------------------------------------------


def read_bytes(path: str | Path, *, root: str | Path, cap: int = JSON_CAP) -> Read:
    """Read a regular file of at most ``cap`` bytes that lies inside ``root``.

    Never blocks on a FIFO, never follows a link out of ``root``, never raises
    for what it finds.
    """
    try:
        fd = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return Invalid("is a dangling symbolic link") if os.path.islink(path) else Missing()
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG):
            return Invalid(f"is no regular file ({error.strerror})")
        return Unreadable(error.strerror or str(error))
    try:
        return _read_descriptor(fd, path, root, cap)
    except OSError as error:
        return Unreadable(error.strerror or str(error))
    finally:
        os.close(fd)


def _read_descriptor(fd: int, path: str | Path, root: str | Path, cap: int) -> Read:
    found = os.fstat(fd)
    if stat.S_ISDIR(found.st_mode):
        return Invalid("is a directory")
    if not stat.S_ISREG(found.st_mode):
        return Invalid("is no regular file")
    if not _inside(_real_path(fd, path), os.path.realpath(root)):
        return Invalid("is a symbolic link that leaves the experiment")
    if found.st_size > cap:
        return Invalid(f"is {found.st_size:,} bytes long; at most {cap:,} are read")
    chunks = []
    left = cap
    while left > 0 and (chunk := os.read(fd, min(left, 1 << 20))):
        chunks.append(chunk)
        left -= len(chunk)
    return Ok(b"".join(chunks))


def _real_path(fd: int, path: str | Path) -> str:
    if sys.platform == "linux":  # one system call in place of one per path component
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/self/fd/{fd}")
    return os.path.realpath(path)


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def inside(path: str | Path, root: str | Path) -> bool:
    """Tell whether ``path``, all links resolved, is ``root`` or lies below it."""
    return _inside(os.path.realpath(path), os.path.realpath(root))


def read_text(path: str | Path, *, root: str | Path, cap: int = JSON_CAP) -> Read:
    """Like ``read_bytes``, decoded as UTF-8 with or without a byte order mark."""
    match read_bytes(path, root=root, cap=cap):
        case Ok(data):
            try:
                return Ok(data.decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                return Invalid(f"is not UTF-8 (byte {error.start})")
        case other:
            return other


def read_json(path: str | Path, *, root: str | Path, cap: int = JSON_CAP) -> Read:
    """Read one JSON object; NaN, infinities, and repeated keys make it invalid."""
    match read_text(path, root=root, cap=cap):
        case Ok(text):
            return parse_json_object(text)
        case other:
            return other


def parse_json_object(text: str) -> Read:
    """Parse one JSON object strictly, as RFC 8259 has it, with unique keys."""
    if not text.strip():
        return Invalid("is empty")
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except RecursionError:
        return Invalid("is nested too deeply")
    except json.JSONDecodeError as error:
        return Invalid(f"is not JSON ({error.msg}, line {error.lineno} column {error.colno})")
    except (ValueError, OverflowError, MemoryError) as error:
        return Invalid(f"is not JSON ({error})")
    if not isinstance(value, dict):
        return Invalid(f"is a JSON {_JSON_NAMES.get(type(value), 'value')}, not an object")
    return Ok(value)


_JSON_NAMES = {
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r} stands there twice")
            seen.add(key)
    return value


def load_yaml(path: Path, *, root: str | Path) -> Any:
    """Parse a configuration file written by a person.

    No aliases, merge keys, or repeated keys; at most ``YAML_CAP`` bytes; booleans
    and numbers as in YAML 1.2. Raises ``ExperimentError`` with the place.
    """
    from harness.yaml_text import YamlProblem, parse_yaml

    match read_text(path, root=root, cap=YAML_CAP):
        case Ok(text):
            try:
                return parse_yaml(text)
            except YamlProblem as problem:
                raise ExperimentError(f"{path}: {problem}") from None
        case Missing():
            raise ExperimentError(f"{path}: there is no such file; create it")
        case Unreadable(why):
            raise ExperimentError(f"{path}: cannot be read ({why}); mend its permissions")
        case Invalid(why):
            raise ExperimentError(f"{path}: {why}; replace it by a YAML file")


# --- writing ---------------------------------------------------------------------------------


Stamp = tuple[int, int, int] | None
"""What tells that a file was edited: inode, time, and size; None for no file."""


class EditedError(OSError):
    """A file was changed by someone else since it was looked at; it was left as it is."""


def stamp(path: Path) -> Stamp:
    """Return what changes when somebody edits or replaces ``path``."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


ANY: Stamp = (-1, -1, -1)
"""In place of a stamp: replace the file, whoever edited it."""


def commit_bytes(  # noqa: PLR0913 - each says one thing about the write
    path: Path,
    data: bytes,
    *,
    root: Path,
    durable: bool = True,
    replace: bool = True,
    since: Stamp = ANY,
) -> None:
    """Put ``data`` at ``path`` in one step: a reader sees the old file or the new one.

    The temporary file is made beside the target, because a rename is atomic only
    within one file system. An existing file keeps its mode and owner. With ``durable``
    the content survives a power cut once this returns. With ``replace=False`` an
    existing ``path`` is left alone and ``FileExistsError`` raised; with ``since`` one
    that was edited since that stamp was taken, and ``EditedError`` raised. A symbolic
    link is written through if it stays inside ``root``; ``ExperimentError`` otherwise.
    """
    target = _write_target(path, root)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        _write_new(temporary, data, durable=durable, like=target if replace else None)
        if replace:
            if since != ANY and stamp(target) != since:
                raise EditedError(errno.EBUSY, "was changed by someone else meanwhile", str(path))
            os.rename(temporary, target)
        else:
            os.link(temporary, target)
            os.unlink(temporary)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        _sync_directory(target.parent)


def commit_json(path: Path, value: Any, *, root: Path, **how: Any) -> None:
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
    if not _inside(str(target), os.path.realpath(root)):
        raise ExperimentError(f"{path}: leads out of {root} by a symbolic link; remove the link")
    return target


def _write_new(path: Path, data: bytes, *, durable: bool, like: Path | None) -> None:
    fd = os.open(path, _CREATE, 0o666)
    try:
        if like is not None:
            _copy_mode(fd, like)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durable:
            os.fsync(fd)
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)  # checked: on network file systems a full disk is reported here


def _copy_mode(fd: int, path: Path) -> None:
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


def open_source(path: Path | None) -> int:
    """Open a file for a child process to read; nothing to read without one."""
    return os.open(os.devnull if path is None else path, os.O_RDONLY | os.O_CLOEXEC)


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
    kept = _free_name(path, as_)
    os.rename(path, kept)
    return kept


def keep_copy(path: Path, *, as_: str = "bad") -> Path:
    """Give a regular file a second name, as ``set_aside`` does, for when it is replaced next.

    In between the file stays where it was, so that no crash leaves the place empty.
    """
    kept = _free_name(path, as_)
    os.link(path, kept, follow_symlinks=False)
    return kept


def link(path: Path, second: Path) -> None:
    """Give a regular file a second name; ``FileExistsError`` if that is taken."""
    os.link(path, second, follow_symlinks=False)


def size(path: Path) -> int:
    """Return the size of a file; 0 if it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def modified(path: Path) -> float:
    """Return when a file was last written, in seconds since the epoch; 0 if it is not there."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def is_plain(path: Path) -> bool:
    """Tell whether ``path`` is a regular file and no symbolic link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _free_name(path: Path, as_: str) -> Path:
    for number in _attempt_numbers():
        kept = path.with_name(f"{path.name}.{as_}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{number}")
        if not os.path.lexists(kept):
            return kept
    raise AssertionError("unreachable: the numbers do not end")


def _attempt_numbers() -> Iterator[str]:
    yield ""
    number = 2
    while True:
        yield f"-{number}"
        number += 1


def sweep(directory: Path) -> None:
    """Remove the temporary files of writers that died; only under the directory's lock."""
    for name in list_names(directory):
        if name.startswith(".") and name.endswith(".tmp"):
            with contextlib.suppress(OSError):
                os.unlink(directory / name)


ROOM = 1 << 20
"""Bytes that must be free before money is spent: a judgment, its consensus, and some output."""


def check_room(directory: Path) -> None:
    """Raise ``OSError`` (ENOSPC) if the file system could not take another judgment."""
    found = os.statvfs(directory)
    if found.f_bavail * found.f_frsize < ROOM or (found.f_files and not found.f_favail):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))


def copy_tree(source: Path, target: Path, *, skip: Callable[[str, list[str]], set[str]]) -> None:
    """Copy a directory for throw-away use; links are copied as links, never followed."""
    shutil.copytree(source, target, symlinks=True, ignore=skip)


def remove_tree(path: Path) -> None:
    """Remove a throw-away directory; what cannot be removed is left."""
    shutil.rmtree(path, ignore_errors=True)


def list_names(path: str | Path) -> list[str]:
    """Return the sorted names in a directory; none if it is not there or cannot be read."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []
