"""What tells that a workspace was changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a directory with a file, a directory, and a link."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.py").write_text("print(1)\n")
    (tmp_path / "link").symlink_to("src")
    return tmp_path


def edit(workspace: Path) -> None:
    """Change a file's content and keep its size."""
    path = workspace / "src/main.py"
    before = path.stat().st_mtime_ns
    path.write_text("print(2)\n")
    os.utime(path, ns=(before + 1, before + 1))


def add(workspace: Path) -> None:
    """Add an empty file."""
    (workspace / "src/new").touch()


def add_directory(workspace: Path) -> None:
    """Add an empty directory."""
    (workspace / "new").mkdir()


def remove(workspace: Path) -> None:
    """Remove a file."""
    (workspace / "src/main.py").unlink()


def rename(workspace: Path) -> None:
    """Give a file another name."""
    (workspace / "src/main.py").rename(workspace / "src/other.py")


def make_executable(workspace: Path) -> None:
    """Change what may be done with a file."""
    (workspace / "src/main.py").chmod(0o755)


@pytest.mark.parametrize("change", [edit, add, add_directory, remove, rename, make_executable])
def test_changes_are_seen(workspace: Path, change: Callable[[Path], None]) -> None:
    """Whatever an editor or an agent does to the files gives another fingerprint."""
    before = fingerprint(workspace)
    assert fingerprint(workspace) == before
    change(workspace)
    assert fingerprint(workspace) != before


def test_what_running_a_program_leaves_beside_it_is_no_change(workspace: Path) -> None:
    """Python's cache of compiled modules does not count."""
    before = fingerprint(workspace)
    (workspace / "src/__pycache__").mkdir()
    (workspace / "src/__pycache__/main.cpython-311.pyc").write_bytes(b"compiled")
    assert fingerprint(workspace) == before


def test_links_are_not_followed(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What lies outside is not looked at, and a loop ends."""
    outside = tmp_path_factory.mktemp("outside")
    (workspace / "out").symlink_to(outside)
    (workspace / "loop").symlink_to(workspace)
    before = fingerprint(workspace)
    (outside / "file").touch()
    assert fingerprint(workspace) == before


def test_names_of_any_bytes_are_taken(workspace: Path) -> None:
    """A name that is no text is as good as any."""
    before = fingerprint(workspace)
    (workspace / os.fsdecode(b"\xff")).touch()
    assert fingerprint(workspace) != before


def test_a_directory_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Nothing is raised for what went away."""
    assert fingerprint(tmp_path / "gone") == fingerprint(tmp_path)
