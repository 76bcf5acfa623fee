"""What the output of the program ``llm`` means, and the real one against a loopback stub."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import (
    JudgeError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
)
from harness.judges import Question, Reply
from harness.judges.cli import NoAnswer, Printed
from harness.judges.llm import LlmJudge, LlmSettings
from harness.model import JudgeSpec

JUDGE = LlmJudge(JudgeSpec(number=1, name="l", kind="llm", settings=LlmSettings()))


def read(stdout: str = "", *, stderr: str = "", exit_code: int = 0) -> Reply:
    """Return what the judge makes of an output."""
    question: Any = object.__new__(Question)  # an output means the same whatever was asked
    return JUDGE.read(Printed(stdout=stdout, stderr=stderr, exit_code=exit_code), question)


def test_stdout_is_the_reply_with_the_tokens_of_stderr() -> None:
    """The program tells neither cost nor model."""
    reply = read("end\n", stderr="Token usage: 12,345 input, 67 output, {'x': 1}\n")
    assert reply == Reply(text="end\n", tokens={"input": 12345, "output": 67})
    assert read("end\n", stderr="warning").tokens is None


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Error code: 429 - {'error': {'message': 'Slow down'}}", ThrottledError),
        ("Error code: 529 - Overloaded", TransientError),
        ("Error code: 401 - nope", UnusableJudgeError),
        ("Error code: 404 - nope", UnusableJudgeError),
        ("Error code: 400 - Your credit balance is too low", UnusableJudgeError),
        ("Error code: 400 - nope", JudgeError),
        ("'Unknown model: nosuch'", UnusableJudgeError),
        ("No key found - add one using 'llm keys set openai'", UnusableJudgeError),
        ("Connection error.", TransientError),
        ("Request timed out.", TransientError),
        ("Something new", JudgeError),
    ],
)
def test_error_on_stderr_tells_whose_turn_it_is(said: str, kind: type[JudgeError]) -> None:
    """By the status that it begins with, else by its words."""
    with pytest.raises(JudgeError) as caught:
        read(stderr=f"a warning\nError: {said}\n", exit_code=1)
    assert type(caught.value) is kind
    assert str(caught.value).endswith(f": {said}")


def test_failure_without_an_error_is_no_answer() -> None:
    """What it printed before does not count."""
    with pytest.raises(NoAnswer):
        read('{"score": 1}', stderr="Traceback (most recent call last):", exit_code=1)


def test_output_never_says_that_it_is_whole() -> None:
    """Only the exit status does."""
    assert not JUDGE.is_whole('{"score": 1, "passed": true, "reasoning": ""}')
