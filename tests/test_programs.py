"""Programs: where they are found, and why they cannot be started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from harness.programs import UnstartableError, check_first_line, located
from tests.workshop import script


def refusal(program: str, cwd: Path, path: str = "/nowhere", **how: str) -> str:
    """Return why a program is refused."""
    with pytest.raises(UnstartableError) as caught:
        located(program, cwd=cwd, env={"PATH": path}, **how)
    return str(caught.value)


@pytest.mark.parametrize("name", ["eval", "exit", "exec", "trap", ":"])
def test_program_that_is_named_like_a_builtin_is_looked_up_as_a_program(
    tmp_path: Path, name: str
) -> None:
    """The shell never gets a program's name without a slash, so no builtin can be meant."""
    assert refusal(name, tmp_path, str(tmp_path)) == (
        f"there is no program {name!r}; install it or correct the command"
    )
    script(tmp_path / name, "#!/bin/sh\n")
    found = located(name, cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert found == str(tmp_path / name)


def test_relative_program_is_found_from_where_the_judge_runs(tmp_path: Path) -> None:
    """A path with a slash is taken from the child's directory, not from ours."""
    script(tmp_path / "run.sh", "#!/bin/sh\n")
    assert located("./run.sh", cwd=tmp_path, env={}) == str(tmp_path / "run.sh")


def test_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The message says where its name stands, if that is known."""
    assert refusal("./run.sh", tmp_path) == (
        "there is no program './run.sh'; install it or correct the command"
    )
    assert refusal("node", tmp_path, named_in="argv") == (
        "there is no program 'node'; install it or correct argv"
    )


def test_file_without_permission_is_no_program(tmp_path: Path) -> None:
    """The way out is chmod."""
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    assert refusal("./run.sh", tmp_path) == (
        "'./run.sh' is not executable; run chmod +x on it or correct the command"
    )


def test_directory_is_no_program(tmp_path: Path) -> None:
    """Though it may have the permission."""
    (tmp_path / "run").mkdir()
    assert refusal("./run", tmp_path) == "'./run' is a directory; correct the command"


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [
        ("#!/gone/bin/python3", "/gone/bin/python3"),
        ("#! /gone/bin/python3 -u", "/gone/bin/python3"),
        ("#!/bin/sh\r", "/bin/sh\r"),
        ("#!/usr/bin/env node", "node"),
        ("#!/usr/bin/env -S A=b node --flag", "node"),
    ],
)
@pytest.mark.parametrize("name", ["./run", "run"])
def test_script_whose_interpreter_is_not_there_is_refused(
    tmp_path: Path, line: str, interpreter: str, name: str
) -> None:
    """The shell would say 127 of it, as of a program's own exit."""
    (tmp_path / "run").write_bytes(f"{line}\n".encode())
    (tmp_path / "run").chmod(0o755)
    shown = {"./run": "./run", "run": f"{tmp_path}/run"}[name]
    assert refusal(name, tmp_path, str(tmp_path)) == (
        f"'{shown}' needs the interpreter {interpreter!r}, which is not there; "
        "install it or correct the first line of the program"
    )


@pytest.mark.parametrize("line", ["#!/bin/sh", "#!/usr/bin/env sh", "#!sh", "#!", "echo", ""])
def test_script_whose_interpreter_may_be_there_is_found(tmp_path: Path, line: str) -> None:
    """A text without such a line is run as shells do."""
    script(tmp_path / "run", f"{line}\n")
    assert located("./run", cwd=tmp_path, env={"PATH": os.defpath}) == str(tmp_path / "run")


@pytest.mark.parametrize("text", ["", "import sys\n", "echo hello"])
def test_text_that_does_not_say_what_runs_it_is_refused_on_request(
    tmp_path: Path, text: str
) -> None:
    """A shell would take it for a script of its own, whatever language it is in."""
    script(tmp_path / "judge.py", text)
    with pytest.raises(UnstartableError) as caught:
        check_first_line(str(tmp_path / "judge.py"))
    assert str(caught.value) == (
        f"'{tmp_path}/judge.py' does not say what runs it; "
        "begin it with a line such as #!/usr/bin/env python3"
    )


def test_scripts_and_machine_code_say_what_runs_them(tmp_path: Path) -> None:
    """Nothing is said of a program that may be run but not be read."""
    script(tmp_path / "judge.py", "#!/usr/bin/env python3\n")
    for path in (str(tmp_path / "judge.py"), str(Path(sys.executable).resolve()), "/nowhere/x"):
        check_first_line(path)
