"""Files that people ask for by name: where they go, and what is never replaced."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness.errors import SelectionError
from harness.outlet import outlet

if TYPE_CHECKING:
    from pathlib import Path


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """What it leads to gets the content; the link stays a link."""
    (tmp_path / "link").symlink_to("there/file")
    (tmp_path / "there").mkdir()
    assert outlet(tmp_path / "link") == tmp_path / "there" / "file"


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    """A device or a pipe would be lost, and nobody would get the content."""
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("pipe", "is no regular file; name another one"), ("", "is a directory")):
        path = tmp_path / name
        with pytest.raises(SelectionError) as caught:
            outlet(path)
        assert str(caught.value).startswith(f"{path}: {why}")
    with pytest.raises(SelectionError):
        outlet("/dev/null")


def test_a_directory_is_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    """Else a mistyped one is said."""
    path = tmp_path / "new" / "file"
    with pytest.raises(SelectionError) as caught:
        outlet(path)
    assert str(caught.value) == f"{path}: there is no directory {path.parent}; create it"
    assert outlet(path, create=True) == path
    assert path.parent.is_dir()
