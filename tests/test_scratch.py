"""The directory that a judge runs in."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from harness.errors import ExperimentError
from harness.scratch import remove_left, scratch_directory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let temporary directories be made below the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def test_directory_is_empty_and_gone_afterwards(tmp_path: Path) -> None:
    """Whatever the judge leaves in it goes away with it."""
    with scratch_directory(tmp_path / "e") as path:
        assert path.parent == tmp_path / "tmp"
        assert list(path.iterdir()) == []
        (path / "left").mkdir()
    assert not path.exists()


@pytest.mark.parametrize("outside", ["tmp", ".", "link"])
def test_directory_is_never_inside_the_experiment(tmp_path: Path, outside: str) -> None:
    """A judge that looks upwards must not find what agents have left there."""
    (tmp_path / "link").symlink_to(tmp_path)
    with (
        pytest.raises(ExperimentError) as caught,
        scratch_directory(tmp_path / outside),
    ):
        pass
    assert str(caught.value) == (
        f"{tmp_path / 'tmp'}: temporary files would lie inside the experiment "
        f"{tmp_path / outside}, where no judge may run; set TMPDIR to another directory"
    )
    assert list((tmp_path / "tmp").iterdir()) == []


def test_directory_of_a_session_that_died_is_removed(tmp_path: Path) -> None:
    """The path that is on record in an attempt is cleaned up by whoever looks at it next."""
    path = tmp_path / "tmp" / "judge-abc"
    path.mkdir()
    (path / "left").write_text("")
    remove_left(str(path))
    assert not path.exists()


@pytest.mark.parametrize(
    "name", ["elsewhere/judge-abc", "tmp/other", "tmp/judge-abc/../../precious"]
)
def test_other_directories_are_not_believed_to_be_one(tmp_path: Path, name: str) -> None:
    """A record that somebody forged removes nothing of anybody's."""
    path = tmp_path / name
    (tmp_path / "tmp" / "judge-abc").mkdir()
    path.mkdir(parents=True, exist_ok=True)
    remove_left(str(path))
    assert path.exists()


@pytest.mark.parametrize("recorded", [None, 3, "", "judge-abc"])
def test_anything_else_on_record_is_ignored(recorded: object) -> None:
    """Attempts of other versions have no such record."""
    remove_left(recorded)


def test_link_is_not_followed(tmp_path: Path) -> None:
    """A link in the place of the directory leads nowhere."""
    (tmp_path / "precious").mkdir()
    link = tmp_path / "tmp" / "judge-abc"
    link.symlink_to(tmp_path / "precious")
    remove_left(str(link))
    assert (tmp_path / "precious").exists()
