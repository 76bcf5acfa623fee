"""Where a judge runs: an empty directory outside the experiment, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "judge-"


@contextlib.contextmanager
def scratch_directory(outside: Path) -> Iterator[Path]:
    """Make the directory and remove it at the end.

    Raises ``ExperimentError`` if it would lie inside ``outside``: a program that looks upwards
    from where it runs would find what agents have left there.
    """
    place = Path(tempfile.gettempdir())
    if files.inside(place, outside):
        raise ExperimentError(
            f"{place}: temporary files would lie inside the experiment {outside}, where no judge "
            "may run; set TMPDIR to another directory"
        )
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    try:
        yield path
    finally:
        files.remove_tree(path)


def remove_left(recorded: object) -> None:
    """Remove the directory that a session which died has on record.

    The record lies in the experiment, so it is believed only as far as the path is one
    that ``scratch_directory`` could have made for this user.
    """
    if not isinstance(recorded, str):
        return
    path = Path(recorded)
    ours = path.parent == Path(tempfile.gettempdir()) and path.name.startswith(PREFIX)
    if ours and not path.is_symlink() and path.is_dir() and path.stat().st_uid == os.geteuid():
        files.remove_tree(path)
