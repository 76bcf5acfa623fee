"""Which version a program says that it is."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")

_ASKING = threading.Lock()


def version_of(program: str, environment: Mapping[str, str]) -> str | None:
    """Return what ``program`` says its version is; asked once while the program is the same."""
    path = shutil.which(program, path=environment.get("PATH"))
    if path is None:
        return None
    try:
        changed = os.stat(path).st_mtime_ns  # noqa: PTH116 - what is cached depends on it
    except OSError:
        return None
    with _ASKING:  # or each lane would ask when a session starts
        return _version(path, changed, environment.get("PATH", os.defpath))


@functools.lru_cache(maxsize=32)
def _version(path: str, changed: int, search: str) -> str | None:
    del changed  # a part of the key: a program that was replaced is asked again
    try:
        shown = subprocess.run(  # noqa: S603 - asks a program for its version
            [path, "--version"],
            capture_output=True,
            check=False,
            timeout=20,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={
                "PATH": search,
                "DISABLE_AUTOUPDATER": "1",
                "DISABLE_TELEMETRY": "1",
            },
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(shown.stdout.decode("utf-8", "replace"))
    return found[0] if found else None
