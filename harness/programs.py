"""Finding the program that a command names, and saying why it cannot be started."""

from __future__ import annotations

import functools
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.errors import NotStartedError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = 256
"""Bytes of a program's beginning that are looked at: as many as Linux does."""


class UnstartableError(NotStartedError):
    """A program cannot be started; ``why`` says the reason, the message the way out, too."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why = why


def located(
    program: str, *, cwd: Path, env: Mapping[str, str], named_in: str = "the command"
) -> str:
    """Return the path of a program, looked up as the system would.

    Raises ``UnstartableError`` for what would keep the system from starting it, so that
    this is known before any process is: a shell's exit status 126 or 127 could as well
    be the program's own. ``named_in`` says where the name can be corrected.
    """
    search = env.get("PATH", os.defpath)
    if "/" not in program:
        found = shutil.which(program, path=search)
        if found is None:
            remedy = f"install it or correct {named_in}"
            raise UnstartableError(f"there is no program {program!r}", remedy)
        path = Path(found).absolute()
        _check_interpreter(path, search, shown=str(path))
    else:
        path = cwd / program
        _check_executable(path, program, named_in)
        _check_interpreter(path, search, shown=program)
    return str(path)


def _check_executable(path: Path, program: str, named_in: str) -> None:
    if files.is_directory(path):
        raise UnstartableError(f"{program!r} is a directory", f"correct {named_in}")
    if not files.is_file(path):
        remedy = f"install it or correct {named_in}"
        raise UnstartableError(f"there is no program {program!r}", remedy)
    if not os.access(path, os.X_OK):
        remedy = f"run chmod +x on it or correct {named_in}"
        raise UnstartableError(f"{program!r} is not executable", remedy)


def _check_interpreter(path: Path, search: str, *, shown: str) -> None:
    """Look for what the first line of a script names; ``env`` is asked for its program."""
    head = _head(path)
    if not head.startswith(b"#!"):
        return
    line = head[2:].split(b"\n")[0].strip(b" \t")
    words = [os.fsdecode(word) for word in re.split(rb"[ \t]+", line)]
    name = words[0]
    if os.path.basename(name) == "env":  # noqa: PTH119 - text in, text out
        names = [word for word in words[1:] if word[:1] != "-" and "=" not in word]
        missing = bool(names) and shutil.which(names[0], path=search) is None
        name = names[0] if names else name
    else:
        missing = name.startswith("/") and not os.access(name, os.X_OK)
    if missing:
        raise UnstartableError(
            f"{shown!r} needs the interpreter {name!r}, which is not there",
            "install it or correct the first line of the program",
        )


def check_first_line(path: str) -> None:
    """Refuse a text that does not say what runs it: a shell would take it for its own script."""
    head = _head(Path(path))
    if not head.startswith(b"#!") and b"\0" not in head:
        raise UnstartableError(
            f"{path!r} does not say what runs it",
            "begin it with a line such as #!/usr/bin/env python3",
        )


def _head(path: Path) -> bytes:
    """Return how a program begins; nothing, if it may be run but not read (as a NUL byte)."""
    return _head_of(path, files.stamp(path))


@functools.lru_cache(maxsize=64)
def _head_of(path: Path, _stamp: files.Stamp) -> bytes:
    """Read the head again only when the program has changed: every call of a judge asks for it."""
    try:
        fd = files.open_source(path)
    except OSError:
        return b"\0"
    try:
        return os.read(fd, HEAD)
    finally:
        os.close(fd)
