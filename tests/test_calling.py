"""One call of a judge: what its answer, its error, and a second try are made of."""

from __future__ import annotations

from typing import Any, cast

import pytest

from harness.calling import answer_of, priced, reminder_of, retold, told_with
from harness.errors import JudgeError, RetryableError
from harness.judges import Question, Reply
from harness.redact import Redactor
from tests.workshop import FakeJudge

SECRET = "hunter2-and-more"

PRICE = {"input": 5.0, "output": 25.0}

TOKENS = {"input": 1000, "output": 100}


def ask(answer: Any) -> Reply:
    """Ask a judge that gives this answer, or raises it."""

    def give(_: Question) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    question = object.__new__(Question)
    return answer_of(FakeJudge(give), question, redactor=Redactor({"A_KEY": SECRET}), price=PRICE)


def test_answer_is_cleaned_and_priced() -> None:
    """Text alone is a reply, too."""
    assert ask(f"with {SECRET}") == Reply(text="with [redacted]")
    reply = ask(Reply(text=SECRET, tokens=TOKENS, structured=True))
    assert reply == Reply(text="[redacted]", tokens=TOKENS, cost_usd=0.0075, structured=True)


def test_cost_that_the_judge_reports_stands() -> None:
    """The configured price is for those that report none."""
    assert priced(Reply(text="", tokens=TOKENS, cost_usd=1.0), PRICE).cost_usd == 1.0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "the judge returned NoneType, not a reply"),
        (Reply(text=cast("str", b"x")), "the judge returned a reply whose text is bytes, not str"),
    ],
)
def test_answer_that_is_no_reply_is_refused(answer: object, why: str) -> None:
    """A hook's judge may return anything."""
    with pytest.raises(JudgeError) as caught:
        ask(answer)
    assert str(caught.value) == why


def test_error_is_cleaned_and_what_it_cost_is_priced() -> None:
    """A failed call may have been paid."""
    error = RetryableError(f"no {SECRET}")
    error.spent = Reply(text="", tokens=TOKENS)
    with pytest.raises(RetryableError) as caught:
        ask(error)
    assert str(caught.value) == "no [redacted]"
    assert caught.value.spent.cost_usd == pytest.approx(0.0075)
    with pytest.raises(KeyboardInterrupt):
        ask(KeyboardInterrupt())


def test_error_that_keeps_its_text_to_itself_is_replaced() -> None:
    """The message of a group of errors cannot be changed."""
    with pytest.raises(JudgeError) as caught:
        ask(ExceptionGroup(f"all of {SECRET}", [ValueError("x")]))
    assert str(caught.value) == "ExceptionGroup: all of [redacted] (1 sub-exception)"
    assert caught.value.__suppress_context__


def test_reminder_stands_in_one_line_without_hidden_characters() -> None:
    """What was wrong may quote the reply, which may quote the agent."""
    error = RetryableError("kept in /some/where")
    error.reminder = "score must be\na number, got \u202e\u200b" + "x" * 400
    why = ("score must be a number, got " + "x" * 400)[:300]
    assert reminder_of(error) == (
        f"\nYou were asked this before, and your answer could not be used: {why}.\n"
        "Reply with one JSON object as described above, complete, and nothing after it.\n"
    )
    assert "could not be used: too late.\n" in reminder_of(RetryableError("too late"))


def test_failure_tells_of_the_attempts_before_it() -> None:
    """One attempt is just that."""
    error = JudgeError("second")
    told_with(error, [])
    assert str(error) == "second"
    told_with(error, ["first"])
    assert str(error) == "second (asked 2 times; before: first)"
    kept = "the reply is empty; it is kept in /e/attempts/{}/stdout"
    error = JudgeError(kept.format("0002"))
    told_with(error, [kept.format("0001")])
    assert str(error) == f"{kept.format('0002')} (asked 2 times, each time with this end)"
    assert retold(["a", "b"]) == "asked 3 times; before: a; b"
    other = ValueError("not ours")
    told_with(other, ["first"])
    assert str(other) == "not ours"
