"""The small writers: directories, second names, locks, spools, and throw-away copies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import stat
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from harness import files

if TYPE_CHECKING:
    from collections.abc import Iterator

if TYPE_CHECKING:
    from pathlib import Path


def test_a_directory_is_made_with_all_above_it_and_may_be_there(tmp_path: Path) -> None:
    """Making it once more is no error, so two sessions may do it."""
    path = tmp_path / "a" / "b" / "c"
    files.make_directory(path, root=tmp_path)
    files.make_directory(path, root=tmp_path)
    assert path.is_dir()


def test_a_directory_that_appears_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another session may make it between the look and the call."""
    path = tmp_path / "a"
    path.mkdir()
    looks = iter([False])
    monkeypatch.setattr(files, "is_directory", lambda _: next(looks))
    files.make_directory(path, root=tmp_path)
    assert list(looks) == []


def test_a_file_in_the_place_of_a_directory_is_named(tmp_path: Path) -> None:
    """The error is what the system says of a path through a file, with the path."""
    path = tmp_path / "a"
    path.write_text("mine")
    with pytest.raises(NotADirectoryError) as caught:
        files.make_directory(path, root=tmp_path)
    error = caught.value
    found = (error.errno, error.strerror, error.filename)
    assert found == (errno.ENOTDIR, "is no directory", str(path))
    assert path.read_text() == "mine"


def test_json_is_indented_text_that_people_read_and_compare(tmp_path: Path) -> None:
    """Two spaces, ASCII, one line end at the end; NaN only where it is asked for."""
    path = tmp_path / "a.json"
    files.commit_json(path, {"a": {"b": "é"}}, root=tmp_path)
    assert path.read_bytes() == b'{\n  "a": {\n    "b": "\\u00e9"\n  }\n}\n'
    files.commit_json(path, {"a": float("nan")}, root=tmp_path, finite=False)
    assert json.loads(path.read_text())["a"] != json.loads(path.read_text())["a"]
    with pytest.raises(ValueError, match="Out of range"):
        files.commit_json(path, {"a": float("nan")}, root=tmp_path)


def test_what_is_committed_is_durable_unless_it_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default the file and its directory are synced."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    files.commit_bytes(tmp_path / "a", b"x", root=tmp_path)
    assert len(synced) == len(["the file", "its directory"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    """A session of root does not take the files of others from them."""
    path = tmp_path / "a"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    files.commit_bytes(path, b"new", root=tmp_path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, path.read_text()) == (12345, 23456, "new")


def test_an_owner_that_cannot_be_kept_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write beside a file of another's may replace it; its mode stays."""
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o640)
    real, asked = os.stat, []

    def another(target: str | Path) -> os.stat_result:
        found = list(real(target))
        found[stat.ST_UID] += 1
        return os.stat_result(found)

    def refused(_fd: int, uid: int, gid: int) -> None:
        asked.append((uid, gid))
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("harness.files.os.stat", another)
    monkeypatch.setattr("harness.files.os.fchown", refused)
    files.commit_bytes(path, b"new", root=tmp_path)
    monkeypatch.undo()
    assert asked == [(os.geteuid() + 1, path.stat().st_gid)]
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o640)


def test_a_lock_lies_above_the_descriptors_of_a_shell_and_is_not_inherited(tmp_path: Path) -> None:
    """Those below 10 are a shell's own; only a judge that is given the lock may hold it."""
    path = tmp_path / "lock"
    fds = [files.open_lock(path) for _ in range(3)]
    try:
        for fd in fds:
            assert fd >= files.LOWEST_INHERITED
            assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
            assert os.path.sameopenfile(fd, fds[0])
    finally:
        for fd in fds:
            os.close(fd)
    before = set(os.listdir("/dev/fd"))  # noqa: PTH208 - names of descriptors
    os.close(files.open_lock(path))
    assert set(os.listdir("/dev/fd")) == before  # noqa: PTH208 - the same


def test_a_lock_among_the_descriptors_of_a_shell_is_moved_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lower descriptor is closed, so nothing holds the lock twice."""
    monkeypatch.setattr(files, "LOWEST_INHERITED", 200)
    before = set(os.listdir("/dev/fd"))  # noqa: PTH208 - names of descriptors
    fd = files.open_lock(tmp_path / "lock")
    try:
        assert fd >= 200
        assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        assert set(os.listdir("/dev/fd")) - before == {str(fd)}  # noqa: PTH208 - the same
    finally:
        os.close(fd)


def test_locks_and_spools_are_as_open_as_the_umask_lets_them_be(tmp_path: Path) -> None:
    """Several people may judge one experiment; nothing becomes a program."""
    before = os.umask(0)
    try:
        os.close(files.open_lock(tmp_path / "lock"))
        os.close(files.create_spool(tmp_path / "spool"))
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"lock": 0o666, "spool": 0o666}


def test_a_note_may_have_any_text(tmp_path: Path) -> None:
    """A name of a host that is no UTF-8 does not keep a slot from being claimed."""
    fd = files.open_lock(tmp_path / "lock")
    try:
        files.write_note(fd, "host \ud800")
        assert (tmp_path / "lock").read_bytes() == b"host ?"
        files.write_note(fd, "")
        assert (tmp_path / "lock").read_bytes() == b""
    finally:
        os.close(fd)


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the clock on the wall be nine hours ahead of UTC."""
    monkeypatch.setenv("TZ", "XYZ-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_what_is_set_aside_is_named_by_utc_and_numbered_from_two(tmp_path: Path) -> None:
    """Equal names within a second get a number; nothing is overwritten."""
    path, kept = tmp_path / "a", []
    began = datetime.now(UTC).replace(microsecond=0)
    for text in ("one", "two", "three"):
        path.write_text(text)
        kept.append(files.set_aside(path))
    names = [
        re.fullmatch(r"a\.bad-(\d{8}T\d{6}Z)(?:-(\d))?", found.name) for found in kept if found
    ]
    times = [datetime.strptime(name[1], "%Y%m%dT%H%M%S%z") for name in names if name]
    assert all(began <= when <= datetime.now(UTC) for when in times)
    assert len(times) == len(kept)
    for found, text in zip(kept, ("one", "two", "three"), strict=True):
        assert found is not None
        assert found.read_text() == text
    same = [name[2] for name, when in zip(names, times, strict=True) if name and when == times[0]]
    assert same == [None, "2", "3"][: len(same)]


def test_a_kept_copy_is_the_same_file_under_a_second_name(tmp_path: Path) -> None:
    """The place is never empty: what replaces the file next leaves the copy as it is."""
    path = tmp_path / "a"
    path.write_text("old")
    kept = files.keep_copy(path, as_="old")
    assert kept.samefile(path)
    assert re.fullmatch(r"a\.old-\d{8}T\d{6}Z", kept.name)
    files.commit_bytes(path, b"new", root=tmp_path)
    assert (kept.read_text(), path.read_text()) == ("old", "new")
    assert files.keep_copy(path).name.startswith("a.bad-")


def test_a_second_name_is_never_put_over_another(tmp_path: Path) -> None:
    """Hard or symbolic, a link to a link is to the link itself, and what is there stays."""
    path, second, third = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    path.write_text("mine")
    files.link(path, second)
    assert second.samefile(path)
    assert not second.is_symlink()
    files.link(path, third, symbolic=True)
    assert third.readlink() == path
    files.link(third, tmp_path / "d")
    assert (tmp_path / "d").is_symlink()
    for symbolic in (False, True):
        with pytest.raises(FileExistsError):
            files.link(path, second, symbolic=symbolic)


def test_a_source_is_a_file_or_nothing(tmp_path: Path) -> None:
    """A child without a prompt reads an end of file; no child inherits what is another's."""
    (tmp_path / "a").write_bytes(b"prompt")
    for path, content in ((tmp_path / "a", b"prompt"), (None, b"")):
        fd = files.open_source(path)
        try:
            assert os.read(fd, 10) == content
            assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(fd, b"x")
        finally:
            os.close(fd)


def test_a_throw_away_copy_follows_no_link_and_leaves_out_what_it_is_told(tmp_path: Path) -> None:
    """Links are copied as links; removing the copy removes nothing that they point to."""
    source, target = tmp_path / "source", tmp_path / "copy"
    (source / "in").mkdir(parents=True)
    (source / "in" / "a").write_text("a")
    (source / "left").write_text("out")
    (source / "link").symlink_to(tmp_path)
    files.copy_tree(source, target, skip=lambda _, names: {"left"} & set(names))
    found = sorted(path.relative_to(target).as_posix() for path in target.rglob("*"))
    assert found == ["in", "in/a", "link"]
    assert (target / "link").readlink() == tmp_path
    files.remove_tree(target)
    files.remove_tree(target)
    assert (target.exists(), (source / "in" / "a").read_text()) == (False, "a")


def test_a_leftover_that_cannot_be_removed_stops_nothing(tmp_path: Path) -> None:
    """A directory by the name of a temporary file stays; the others go."""
    (tmp_path / ".a.1.01234567.tmp").mkdir()
    (tmp_path / ".b.1.01234567.tmp").touch()
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".a.1.01234567.tmp"]
