"""What is known to be wrong before anything is paid."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

import pytest

from harness import files
from harness.judges.command import CommandSettings
from harness.model import JudgeSpec
from harness.preflight import available_memory, too_many, unusable

if TYPE_CHECKING:
    from pathlib import Path


def spec(**keys: Any) -> JudgeSpec:
    """Return a judge."""
    return JudgeSpec(**{"number": 1, "name": "one", "kind": "command", **keys})


def command(*argv: str, **keys: Any) -> JudgeSpec:
    """Return a judge that runs a program."""
    return spec(settings=CommandSettings(argv=argv), **keys)


def test_a_judge_that_can_be_asked_has_no_problem(tmp_path: Path) -> None:
    """Its program is there, and so are its variables."""
    judge = command("sh", env=("KEY",))
    assert unusable(judge, tmp_path, {"PATH": "/bin:/usr/bin", "KEY": "x"}) is None


def test_a_missing_program_and_a_missing_variable_are_named(tmp_path: Path) -> None:
    """With the way out."""
    assert unusable(command("nosuch"), tmp_path, {"PATH": "/bin"}) == (
        "there is no program 'nosuch'; install it or correct argv"
    )
    assert unusable(command("sh", env=("A", "B")), tmp_path, {"PATH": "/bin", "B": ""}) == (
        "the environment has no A; set it or remove it from env"
    )


def test_a_program_that_depends_on_the_slot_is_not_looked_for(tmp_path: Path) -> None:
    """Nobody knows its name yet."""
    assert unusable(command("{run_dir}/judge"), tmp_path, {"PATH": "/bin"}) is None


def test_a_kind_says_itself_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, a login, an endpoint."""

    class Keyless:
        def preflight(self, environment: dict[str, str]) -> str | None:
            return None if "KEY" in environment else "the environment has no KEY"

    monkeypatch.setattr("harness.judges.build", lambda _: Keyless())
    assert unusable(spec(), tmp_path, {}) == "the environment has no KEY"
    assert unusable(spec(), tmp_path, {"KEY": "x"}) is None


def test_too_few_open_files_are_said_with_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call takes some descriptors."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert list(too_many([spec()] * 100, 100, available=None)) == [
        (
            "100 calls at a time may need 364 open files, but only 256 are allowed; "
            "raise that with ulimit -n, or use --parallel 64"
        )
    ]
    assert list(too_many([spec()] * 100, 64, available=None)) == []
    assert list(too_many([spec()] * 10, 100, available=None)) == []  # no more slots than that


def test_too_little_memory_is_said_with_what_fits() -> None:
    """The programs of providers take some 250 MiB each."""
    claude = [spec(kind="claude")] * 40
    assert list(too_many(claude, 32, available=4000)) == [
        (
            "32 calls at a time need about 8000 MiB of memory for the judges' programs, "
            "but only 4000 MiB are available; use --parallel 16"
        )
    ]
    assert list(too_many(claude, 16, available=4000)) == []
    assert list(too_many(claude, 32, available=None)) == []
    assert list(too_many([spec(kind="claude", max_parallel=4)] * 40, 32, available=1000)) == []
    assert list(too_many([spec()] * 40, 32, available=1)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("MemFree: 1 kB\nMemAvailable:  4096000 kB\n", 4000), ("MemFree: 1 kB\n", None), (None, None)],
)
def test_memory_is_what_the_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, found: int | None
) -> None:
    """Without swapping, in MiB; where nothing says it, it is not known."""
    if text is not None:
        (tmp_path / "meminfo").write_text(text)
    read_text = files.read_text
    monkeypatch.setattr(
        files, "read_text", lambda *_, **__: read_text(tmp_path / "meminfo", root=tmp_path)
    )
    assert available_memory() == found


def test_memory_is_known_on_linux() -> None:
    """More than nothing, in MiB; None elsewhere."""
    found = available_memory()
    assert found is None or found > 0
