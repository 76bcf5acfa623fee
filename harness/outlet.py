"""Where a file goes that a person asked for by name."""

from __future__ import annotations

import os
from pathlib import Path

from harness import files
from harness.errors import SelectionError
from harness.looking import exists, is_plain


def outlet(output: str | Path, *, create: bool = False) -> Path:
    """Return the file to write: through a link, what the link leads to.

    ``create`` makes the directory of the file if it is not there. Raises
    ``SelectionError`` for what is no regular file, since it would be replaced by one.
    """
    path = Path(os.path.realpath(output))
    if files.is_directory(path):
        raise SelectionError(f"{output}: is a directory; name a file")
    if exists(path) and not is_plain(path):
        raise SelectionError(f"{output}: is no regular file; name another one")
    if create:
        files.make_directory(path.parent, root=path.parent)
    elif not files.is_directory(path.parent):
        raise SelectionError(f"{output}: there is no directory {Path(output).parent}; create it")
    return path
