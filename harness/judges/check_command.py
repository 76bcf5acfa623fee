"""One command of a rubric: run in a copy of the workspace, and compared with what is expected."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.errors import JudgeError, RetryableError
from harness.judges.command import too_long
from harness.judges.match_child import NOT_FOUND
from harness.judges.workspace import copy_workspace
from harness.programs import UnstartableError
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.criteria import Criterion, Expectation
    from harness.judges import Question
    from harness.process import Finished

CHILD = Path(__file__).with_name("match_child.py")


class Call(Value, frozen=True):
    """What the checks for one question share: its files and its time."""

    question: Question
    deadline: float
    places: Iterator[Path]

    def left(self) -> float:
        """Return the seconds that are left; ``RetryableError`` if there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise too_long(self.question)
        return left

    def launch(
        self,
        argv: Sequence[str],
        limit: float,
        *,
        cwd: Path,
        place: Path,
        stdin: Path | None = None,
    ) -> Finished:
        """Run a command for ``limit`` seconds at most, or for what is left of the whole."""
        left = self.left()
        finished = self.question.launch(
            argv,
            cwd=cwd,
            env=_environment(self.question, cwd),
            stdin=stdin,
            stdout=place.with_suffix(".stdout"),
            stderr=place.with_suffix(".stderr"),
            timeout=min(limit, left),
        )
        if finished.timed_out and left < limit:
            raise too_long(self.question)
        return finished


def run_check(
    criterion: Criterion, argv: tuple[str, ...], expect: Expectation, call: Call
) -> str | None:
    """Return what was not as expected. Every command starts from the agent's own files.

    Only what the agent's work does is scored: what this machine cannot do is a ``JudgeError``.
    """
    place = next(call.places)
    copy = place.with_suffix(".copy")
    try:
        copy_workspace(call.question.workspace, copy, call.left)
        finished = call.launch(argv, criterion.timeout, cwd=copy, place=place)
    except UnstartableError as error:
        if _is_the_agents(argv[0]):
            return error.why
        raise JudgeError(f"item {criterion.id} of the rubric: {error}") from None
    except RetryableError:
        raise
    except JudgeError as error:
        raise JudgeError(
            f"item {criterion.id} of the rubric: {argv[0]!r} could not be run: {error}"
        ) from None
    finally:
        files.remove_tree(copy)
    return _problem(finished, criterion, expect, place, call)


def _is_the_agents(program: str) -> bool:
    """Tell whether a program lies in the workspace, so that its absence is the agent's fault."""
    parts = program.split("/")
    return len(parts) > 1 and parts[0] != "" and ".." not in parts


def _environment(question: Question, home: Path) -> dict[str, str]:
    """Return nothing of the user's but the search path and the locale."""
    locale = {
        name: value for name, value in question.env.items() if name.startswith(("LC_", "LANG"))
    }
    return {
        **locale,
        "PATH": question.env["PATH"],
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _problem(
    finished: Finished, criterion: Criterion, expect: Expectation, place: Path, call: Call
) -> str | None:
    if finished.timed_out:
        return f"still running after {criterion.timeout:g} s"
    if finished.capped:
        return "wrote more than 10 MiB"
    if finished.exit_code != expect.exit_code:
        return f"exit status {finished.exit_code}, expected {expect.exit_code}"
    stdout = place.with_suffix(".stdout")
    match files.read_bytes(stdout, root=stdout.parent, cap=16 * 1024 * 1024):
        case files.Ok(data):
            text = data.decode("utf-8", "replace")
        case files.Invalid(why) | files.Unreadable(why):
            raise JudgeError(f"item {criterion.id} of the rubric: its stdout {why}")
        case files.Missing():
            raise JudgeError(f"item {criterion.id} of the rubric: its stdout has vanished")
    wanted = _wanted_of(text, expect)
    pattern = expect.matches
    if wanted is None and pattern is not None and not _matches(pattern, stdout, criterion, call):
        wanted = f"a match of {pattern!r}"
    return None if wanted is None else f"printed {_short(text.rstrip())}, expected {wanted}"


def _wanted_of(text: str, expect: Expectation) -> str | None:
    if expect.stdout is not None and text.rstrip() != expect.stdout.rstrip():
        return _short(expect.stdout.rstrip())
    absent = (part for part in expect.contains if part not in text)
    return next((f"{_short(part)} in it" for part in absent), None)


def _matches(pattern: str, text: Path, criterion: Criterion, call: Call) -> bool:
    """Search in a process of its own: what the agent printed may make it take for ever.

    That is a fault of the pattern, for there are others that cannot: so it costs the
    agent nothing, and whoever wrote the rubric reads of it.
    """
    where = f"item {criterion.id} of the rubric: expect.matches: {_short(pattern)}"
    escaped = pattern.encode("unicode_escape").decode("ascii")
    argv = [sys.executable, "-I", "-S", str(CHILD), escaped]
    scratch = call.question.scratch
    try:
        finished = call.launch(
            argv, criterion.timeout, cwd=scratch, place=next(call.places), stdin=text
        )
    except RetryableError:
        raise
    except JudgeError as error:
        raise JudgeError(f"{where} could not be searched for: {error}") from None
    if finished.timed_out:
        raise JudgeError(
            f"{where} was still being searched for after {criterion.timeout:g} s; "
            "write it so that it needs not go back and try again"
        )
    if finished.exit_code not in (0, NOT_FOUND):
        raise JudgeError(
            f"{where} could not be searched for (exit status {finished.exit_code}); simplify it"
        )
    return finished.exit_code == 0


def _short(text: str) -> str:
    shown = repr(text[:120])
    if len(shown) <= 120 and len(text) <= 120:  # noqa: PLR2004 - one line of a report
        return shown
    return shown[:117] + "..."
