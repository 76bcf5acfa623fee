"""The writing half of files: the old content or the new one, at every step."""

from __future__ import annotations

import ast
import errno
import json
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import files
from harness.errors import ExperimentError
from harness.layouts.derived import update_derived

if TYPE_CHECKING:
    from collections.abc import Callable

ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS]
CALLS = ["open", "write", "fsync", "close", "link", "rename", "unlink"]


class FaultyOs:
    """Stands in for ``os`` in ``files``: one call fails, once or from then on."""

    def __init__(self, call: str, at: int, error: int, *, persistent: bool) -> None:
        self.hit = False
        self._call = call
        self._left = at
        self._error = error
        self._persistent = persistent

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return self._failing(real) if name == self._call else real

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **how: Any) -> Any:
            self._left -= 1
            if self._left == 0 or (self._left < 0 and self._persistent):
                self.hit = True
                if self._call == "close":
                    real(*args, **how)
                raise OSError(self._error, os.strerror(self._error))
            return real(*args, **how)

        return call


def temporaries(path: Path) -> list[str]:
    """Return what a writer left beside its target."""
    return [found.name for found in path.iterdir() if found.name.endswith(".tmp")]


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "persistent"])
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("replace", [True, False], ids=["replace", "create"])
def test_failing_call_leaves_the_old_state_or_the_new(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    error: int,
    *,
    persistent: bool,
    replace: bool,
) -> None:
    """Each system call of a commit fails in turn; nobody ever sees anything in between."""
    for at in range(1, 10):
        place = tmp_path / str(at)
        place.mkdir()
        path = place / "f"
        if replace:
            path.write_bytes(b"old")
        faulty = FaultyOs(call, at, error, persistent=persistent)
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", faulty)
            try:
                files.commit_bytes(path, b"new", root=tmp_path, replace=replace)
            except OSError as raised:
                assert raised.errno == error  # noqa: PT017 - only raised in some rounds
            else:
                assert not faulty.hit
                assert path.read_bytes() == b"new"
        states = [b"old", b"new"] if replace else [None, b"new"]
        assert (path.read_bytes() if path.exists() else None) in states
        if call != "unlink":
            assert temporaries(place) == []
        if not faulty.hit:
            break
    else:
        pytest.fail("the calls did not come to an end")


def test_reader_never_sees_anything_but_whole_contents(tmp_path: Path) -> None:
    """Ten thousand reads beside a writer that replaces a file without pause."""
    path = tmp_path / "f"
    contents = [bytes([65 + n]) * (1000 + 7000 * n) for n in range(3)]
    path.write_bytes(contents[0])
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            files.commit_bytes(path, contents[number % 3], root=tmp_path, durable=False)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = {path.read_bytes() for _ in range(10_000)}
    finally:
        done.set()
        thread.join()
    assert seen <= set(contents)


@pytest.mark.parametrize("call", ["write", "close", "rename"])
def test_an_error_names_the_file_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Not the temporary one, which nobody knows, and not none."""
    path = tmp_path / "page.html"
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", FaultyOs(call, 1, errno.ENOSPC, persistent=False))
        with pytest.raises(OSError, match="No space") as caught:
            files.commit_bytes(path, b"new", root=tmp_path, durable=False)
    assert str(caught.value) == f"[Errno 28] No space left on device: '{path}'"
    path.mkdir()
    with pytest.raises(IsADirectoryError) as refused:
        files.commit_bytes(path, b"new", root=tmp_path)
    assert str(refused.value) == f"[Errno 21] Is a directory: '{path}'"
    assert temporaries(tmp_path) == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes only some bytes is followed by one for the rest."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, part: real(fd, bytes(part[:3])))
    files.commit_bytes(tmp_path / "f", b"0123456789", root=tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "f").read_bytes() == b"0123456789"


@pytest.mark.parametrize(("durable", "count"), [(True, 2), (False, 0)])
def test_durable_means_the_file_and_its_directory_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, durable: bool, count: int
) -> None:
    """A durable commit syncs twice, any other one never."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    files.commit_bytes(tmp_path / "f", b"x", root=tmp_path, durable=durable)
    assert len(synced) == count


def test_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    """Replacing a file changes its content, not who may read it."""
    path = tmp_path / "f"
    path.write_text("old")
    path.chmod(0o604)
    files.commit_bytes(path, b"new", root=tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    """A new file is as open as any that the user creates."""
    (tmp_path / "reference").write_text("")
    files.commit_bytes(tmp_path / "f", b"new", root=tmp_path)
    assert (tmp_path / "f").stat().st_mode == (tmp_path / "reference").stat().st_mode


def test_existing_file_is_kept_when_it_may_not_be_replaced(tmp_path: Path) -> None:
    """With replace=False whoever was first wins."""
    path = tmp_path / "f"
    path.write_text("first")
    with pytest.raises(FileExistsError):
        files.commit_bytes(path, b"second", root=tmp_path, replace=False)
    assert path.read_text() == "first"
    assert temporaries(tmp_path) == []


def test_link_inside_the_root_is_written_through(tmp_path: Path) -> None:
    """A symbolic link stays a link; the file that it names is replaced."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    files.commit_bytes(tmp_path / "link", b"new", root=tmp_path)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_link_out_of_the_root_is_refused(tmp_path: Path, kind: str) -> None:
    """Nothing outside the experiment is ever written."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "f").write_text("precious")
    if kind == "file":
        path = root / "f"
        path.symlink_to(outside / "f")
    else:
        (root / "d").symlink_to(outside)
        path = root / "d" / "f"
    with pytest.raises(ExperimentError) as caught:
        files.commit_bytes(path, b"new", root=root)
    assert str(caught.value) == (f"{path}: leads out of {root} by a symbolic link; remove the link")
    assert (outside / "f").read_text() == "precious"


def test_directory_out_of_the_root_is_refused(tmp_path: Path) -> None:
    """Making a directory through a link that leaves the root is refused, too."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (root / "d").symlink_to(tmp_path / "outside")
    with pytest.raises(ExperimentError) as caught:
        files.make_directory(root / "d" / "e", root=root)
    assert str(caught.value) == (
        f"{root / 'd' / 'e'}: leads out of {root} by a symbolic link; remove the link"
    )


def test_json_that_no_reader_would_accept_is_not_written(tmp_path: Path) -> None:
    """NaN raises before anything is written; a lone surrogate is escaped."""
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        files.commit_json(tmp_path / "f", {"a": float("nan")}, root=tmp_path)
    assert list(tmp_path.iterdir()) == []
    files.commit_json(tmp_path / "f", {"a": "\ud800"}, root=tmp_path)
    assert json.loads((tmp_path / "f").read_bytes()) == {"a": "\ud800"}


def test_file_edited_since_it_was_looked_at_is_left_alone(tmp_path: Path) -> None:
    """A write that is based on an older content does not overwrite a newer one."""
    path = tmp_path / "f"
    path.write_text("old")
    since = files.stamp(path)
    path.write_text("by hand")
    with pytest.raises(files.EditedError) as caught:
        files.commit_bytes(path, b"new", root=tmp_path, since=since)
    assert (caught.value.strerror, caught.value.filename) == (
        "was changed by someone else meanwhile",
        str(path),
    )
    assert path.read_text() == "by hand"
    assert temporaries(tmp_path) == []
    files.commit_bytes(path, b"new", root=tmp_path, since=files.stamp(path))
    assert path.read_text() == "new"


@pytest.mark.parametrize("edit", [None, '{"note": 2}'])
def test_file_that_appeared_or_vanished_meanwhile_was_edited(
    tmp_path: Path, edit: str | None
) -> None:
    """To delete a file, or to create one, is an edit as well."""
    path = tmp_path / "f"
    if edit is None:
        path.write_text("old")
    since = files.stamp(path)
    if edit is None:
        path.unlink()
    else:
        path.write_text(edit)
    with pytest.raises(files.EditedError):
        files.commit_bytes(path, b"new", root=tmp_path, since=since)
    assert path.exists() == (edit is not None)


def test_derived_file_keeps_the_keys_that_somebody_adds_while_it_is_updated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit that comes between reading and writing is read again, not lost."""
    path = tmp_path / "run_result.json"
    path.write_text('{"note": 1, "score": 0.1}')
    real = files.commit_json
    edits = iter(['{"note": 2, "score": 0.1}'])

    def edited(target: Path, value: Any, **how: Any) -> None:
        for text in edits:
            path.write_text(text + " " * 9)
        real(target, value, **how)

    monkeypatch.setattr(files, "commit_json", edited)
    update_derived(path, {"score": 0.5}, root=tmp_path)
    assert json.loads(path.read_text()) == {"note": 2, "score": 0.5}


def test_only_temporary_files_of_writers_are_swept(tmp_path: Path) -> None:
    """What a writer that died left goes away; other hidden files stay."""
    for name in (".f.12.0123abcd.tmp", ".f.tmp", "f.12.0123abcd.tmp", ".f.12.0123abcg.tmp"):
        (tmp_path / name).write_text("")
    files.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".f.12.0123abcg.tmp",
        ".f.tmp",
        "f.12.0123abcd.tmp",
    ]


def test_spool_is_always_a_new_file(tmp_path: Path) -> None:
    """Two attempts never write to the same file."""
    os.close(files.create_spool(tmp_path / "stdout"))
    with pytest.raises(FileExistsError):
        files.create_spool(tmp_path / "stdout")


def test_set_aside_keeps_whatever_is_there_and_overwrites_nothing(tmp_path: Path) -> None:
    """Files, directories, and dangling links are renamed, each to a name of its own."""
    assert files.set_aside(tmp_path / "f") is None
    kept = []
    for content in (b"1", b"2", b"3"):
        (tmp_path / "f").write_bytes(content)
        kept.append(files.set_aside(tmp_path / "f"))
    assert [path.read_bytes() for path in kept if path is not None] == [b"1", b"2", b"3"]
    (tmp_path / "f").symlink_to("nowhere")
    moved = files.set_aside(tmp_path / "f")
    assert moved is not None
    assert moved.is_symlink()
    (tmp_path / "f").mkdir()
    moved = files.set_aside(tmp_path / "f", as_="old")
    assert moved is not None
    assert moved.is_dir()
    assert moved.name.startswith("f.old-")


def test_note_replaces_the_longer_one(tmp_path: Path) -> None:
    """Nothing of an earlier note shows behind a shorter one."""
    fd = files.open_lock(tmp_path / ".claim")
    files.write_note(fd, "a long note")
    files.write_note(fd, "short")
    os.close(fd)
    assert (tmp_path / ".claim").read_text() == "short"


def test_lock_file_is_no_link(tmp_path: Path) -> None:
    """A claim that is a symbolic link is refused: it could truncate any file."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".claim").symlink_to("precious")
    with pytest.raises(OSError, match="symbolic links"):
        files.open_lock(tmp_path / ".claim")


ALONE = {"files.py", "reading.py", "judges/python_child.py", "supervisor.py"}
"""Who writes, who reads, and two programs of their own, which may import nothing of ours."""


def test_only_one_module_of_the_package_opens_files() -> None:
    """No module but files opens a file, or writes one through a path."""
    package = Path(harness.__file__).parent
    found = [
        f"{path.relative_to(package)}:{node.lineno} {ast.unparse(node)}"
        for path in sorted(package.rglob("*.py"))
        if str(path.relative_to(package)) not in ALONE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _opens(ast.unparse(node.func))
    ]
    assert found == []


def _opens(function: str) -> bool:
    owner, _, name = function.rpartition(".")
    if name in ("write_text", "write_bytes", "NamedTemporaryFile", "mkstemp", "fdopen"):
        return True
    return name == "open" and owner in ("", "io", "os", "path", "codecs")


def test_no_child_process_runs_python_code_between_fork_and_exec_or_a_shell_string() -> None:
    """preexec_fn would make launches slow and unsafe, and a shell would run configured text."""
    package = Path(harness.__file__).parent
    found = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg in ("preexec_fn", "shell")
    ]
    assert found == []
