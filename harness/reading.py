"""The reading half of ``files``, which offers these functions to the other modules.

Whatever lies on disk becomes a value; nothing that is found makes a reader raise.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from harness.errors import ExperimentError
from harness.json_text import parse_json_object, plain_object
from harness.value import Value

if TYPE_CHECKING:
    from pathlib import Path

JSON_CAP = 8 * 1024 * 1024
"""Bytes; a judgment is some kilobytes, so what is larger is not one."""

YAML_CAP = 1024 * 1024
"""Bytes; a configuration is some kilobytes."""

_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.EOPNOTSUPP, errno.ENAMETOOLONG)
_LINUX = sys.platform == "linux"
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Ok(Value, frozen=True):
    """The file was read; ``value`` is its content."""

    value: Any


class Missing(Value, frozen=True):
    """There is nothing at that path."""


class Invalid(Value, frozen=True):
    """Something is there, but not what it should be; ``why`` is for people."""

    why: str


class Unreadable(Value, frozen=True):
    """The operating system refused; ``why`` is its message."""

    why: str


Read = Ok | Missing | Invalid | Unreadable


def read_bytes(path: str | Path, *, root: str | Path, cap: int = JSON_CAP) -> Read:
    """Read a regular file of at most ``cap`` bytes that lies inside ``root``.

    Never blocks on a FIFO, never follows a link out of ``root``, never raises
    for what it finds.
    """
    try:
        fd = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return Invalid("is a dangling symbolic link") if is_link(path) else Missing()
    except ValueError:  # a null byte, or characters that no file system has
        return Invalid("is no possible path")
    except OSError as error:
        if error.errno in _NO_FILE:
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
    if not _leads_inside(_real_path(fd, path), root):
        return Invalid("is a symbolic link that leaves the experiment")
    if found.st_size > cap:
        return Invalid(f"is {found.st_size:,} bytes long; at most {cap:,} are read")
    chunks = []
    left = found.st_size  # what is added meanwhile is not waited for
    while left > 0 and (chunk := os.read(fd, min(left, 1 << 20))):
        chunks.append(chunk)
        left -= len(chunk)
    return Ok(chunks[0] if len(chunks) == 1 else b"".join(chunks))


def _real_path(fd: int, path: str | Path) -> str:
    if _LINUX:  # one system call in place of one per path component
        try:
            return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - called for every file
        except OSError:  # no /proc here
            pass
    return os.path.realpath(path)


def real_path(path: str | Path) -> str:
    """Return ``path`` with all links resolved, as far as it is there.

    On Linux that takes three system calls, and no look at each of its directories.
    """
    if _LINUX:
        with contextlib.suppress(OSError, ValueError):
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                return _real_path(fd, path)
            finally:
                os.close(fd)
    return os.path.realpath(path)


def is_within(path: str, root: str) -> bool:
    """Tell whether the resolved ``path`` is the resolved ``root`` or lies below it."""
    # Slices, and no new text: it is asked of every file.
    return path.startswith(root) and (root.endswith("/") or path[len(root) :][:1] in {"", "/"})


def inside(path: str | Path, root: str | Path) -> bool:
    """Tell whether ``path``, all links resolved, is ``root`` or lies below it."""
    return _leads_inside(real_path(path), root)


def _leads_inside(resolved: str, root: str | Path) -> bool:
    # A resolved path that begins with the text of `root` shows that there is no link in it.
    return is_within(resolved, os.fspath(root)) or is_within(resolved, real_path(root))


def read_text(path: str | Path, *, root: str | Path, cap: int = JSON_CAP) -> Read:
    """Like ``read_bytes``, decoded as UTF-8 with or without a byte order mark."""
    found = read_bytes(path, root=root, cap=cap)
    return _decoded(found.value) if isinstance(found, Ok) else found


def _decoded(data: bytes) -> Ok | Invalid:
    try:
        return Ok(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Invalid(f"is not UTF-8 (byte {error.start})")


def read_json(
    path: str | Path, *, root: str | Path, cap: int = JSON_CAP, finite: bool = True
) -> Read:
    """Read one JSON object; repeated keys make it invalid, and what is not ``finite``."""
    found = read_bytes(path, root=root, cap=cap)
    if not isinstance(found, Ok):
        return found
    if (value := plain_object(found.value)) is not None:
        return Ok(value)
    text = _decoded(found.value)
    if not isinstance(text, Ok):
        return text
    try:
        return Ok(parse_json_object(text.value, finite=finite))
    except ValueError as error:
        return Invalid(str(error))


def load_text(path: Path, *, root: str | Path, cap: int = YAML_CAP) -> str:
    """Read a text file that a person must mend if it cannot be read: ``ExperimentError``."""
    match read_text(path, root=root, cap=cap):
        case Ok(text):
            return str(text)
        case Missing():
            raise ExperimentError(f"{path}: there is no such file; create it")
        case Unreadable(why):
            raise ExperimentError(f"{path}: cannot be read ({why}); mend its permissions")
        case Invalid(why):
            raise ExperimentError(f"{path}: {why}; replace it by a text file")


def load_yaml(path: Path, *, root: str | Path) -> Any:
    """Parse a configuration file written by a person.

    No aliases, merge keys, tags, or repeated keys; at most ``YAML_CAP`` bytes; booleans
    and numbers as in YAML 1.2. Raises ``ExperimentError`` with the place.
    """
    return yaml_value(load_text(path, root=root), path)


def yaml_value(text: str, path: Path) -> Any:
    """Parse the text of the configuration file ``path``, as ``load_yaml`` does."""
    from harness.yaml_text import YamlProblem, parse_yaml

    try:
        return parse_yaml(text)
    except YamlProblem as problem:
        raise ExperimentError(f"{path}: {problem}") from None


def list_names(path: str | Path) -> list[str]:
    """Return the sorted names in a directory; none if it is not there or cannot be read."""
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - names, not paths
    except OSError:
        return []


def list_directories(path: str | Path) -> list[str]:
    """Return the sorted names of the directories in one, links to directories included."""
    try:
        with os.scandir(path) as found:  # which knows most of them without another look
            return sorted(entry.name for entry in found if _is_directory(entry))
    except OSError:
        return []


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link into where nobody may look
        return False


# The methods of ``Path`` raise ``PermissionError`` where nobody may look, up to Python 3.13.


def is_directory(path: str | Path) -> bool:
    """Tell whether a directory is at ``path``; False where nobody may look."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def is_file(path: str | Path) -> bool:
    """Tell whether a regular file is at ``path``; False where nobody may look."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def is_link(path: str | Path) -> bool:
    """Tell whether a symbolic link is at ``path``; False where nobody may look."""
    return os.path.islink(path)  # noqa: PTH114 - see above


def is_there(path: str | Path) -> bool:
    """Tell whether anything is at ``path``, be it a dangling link."""
    return os.path.lexists(path)
