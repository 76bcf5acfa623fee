"""What lies at a path, without reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import looking

if TYPE_CHECKING:
    from pathlib import Path


def test_stamp_changes_with_every_edit(tmp_path: Path) -> None:
    """Writing, replacing, and deleting a file each change its stamp; reading does not."""
    path = tmp_path / "f"
    assert looking.stamp(path) is None
    path.write_text("1")
    seen = [looking.stamp(path)]
    path.read_text()
    assert looking.stamp(path) == seen[0]
    path.write_text("22")
    seen.append(looking.stamp(path))
    (tmp_path / "g").write_text("22")
    (tmp_path / "g").rename(path)
    seen.append(looking.stamp(path))
    assert len(set(seen)) == 3
    assert looking.ANY not in seen


def test_whatever_cannot_be_looked_at_has_no_stamp(tmp_path: Path) -> None:
    """A loop of links and a path through a file are as good as nothing."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "f").write_text("")
    assert looking.stamp(tmp_path / "loop") is None
    assert looking.stamp(tmp_path / "f" / "g") is None


def test_missing_file_has_no_size_and_no_time(tmp_path: Path) -> None:
    """Questions about nothing have an answer, too."""
    assert looking.size(tmp_path / "f") == 0
    assert looking.modified(tmp_path / "f") == 0.0
    (tmp_path / "f").write_text("123")
    assert looking.size(tmp_path / "f") == 3
    assert looking.modified(tmp_path / "f") == (tmp_path / "f").stat().st_mtime


def test_only_regular_files_are_plain(tmp_path: Path) -> None:
    """Links, directories, and nothing are not; a dangling link exists nevertheless."""
    (tmp_path / "f").write_text("")
    (tmp_path / "link").symlink_to("f")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert [looking.is_plain(tmp_path / name) for name in ("f", "link", "dangling", ".", "g")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert [looking.exists(tmp_path / name) for name in ("f", "dangling", "g")] == [
        True,
        True,
        False,
    ]
