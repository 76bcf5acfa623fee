"""How much more may be spent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.budget import SILENT, Budget


def test_a_judge_without_a_past_has_one_call_at_a_time() -> None:
    """Until one of its calls has told what it costs."""
    budget = Budget(1.0, past={})
    assert budget.refuses("a") is None
    budget.started("a")
    assert budget.refuses("a") == "what a call costs is not known yet; 0.0000 of 1 USD spent"
    assert budget.refuses("b") is None
    budget.ended("a", paid=1, cost=0.3)
    budget.started("a")
    budget.started("a")
    assert budget.refuses("a") == (
        "the budget is used up: 0.3000 of 1 USD spent, and a call costs about 0.3000"
    )


def test_calls_in_flight_count_as_much_as_they_are_expected_to_cost() -> None:
    """The estimate is the 95th percentile of what is known."""
    budget = Budget(10.0, past={"a": [0.1] * 95 + [2.0] * 5})
    assert budget.expected("a") == 0.1
    budget = Budget(10.0, past={"a": [0.1] * 90 + [2.0] * 10})
    assert budget.expected("a") == 2.0
    for _ in range(5):
        assert budget.refuses("a") is None
        budget.started("a")
    assert budget.refuses("a") is not None
    budget.ended("a", paid=1, cost=0.1)
    assert budget.refuses("a") is not None  # 0.1 is spent, and four times 2 USD may be
    budget.ended("a", paid=1, cost=0.1)
    assert budget.refuses("a") is None


def test_calls_that_failed_count() -> None:
    """Money is gone whatever it bought; what is not known counts as expected."""
    budget = Budget(1.0, past={"a": [0.4]})
    budget.started("a")
    budget.ended("a", paid=1, cost=None)
    assert budget.spent == 0.4
    budget.started("a")
    budget.ended("a", paid=1, cost=0.3)
    assert budget.spent == 0.4 + 0.3


def test_calls_that_were_not_paid_do_not() -> None:
    """A refused call, or an answer adopted from an earlier session, costs this one nothing."""
    budget = Budget(1.0, past={"a": [0.4]})
    budget.started("a")
    budget.ended("a", paid=0, cost=0.4)
    assert budget.spent == 0.0


def test_a_judge_that_never_tells_is_not_asked_for_ever() -> None:
    """Nobody could say when the limit is reached."""
    budget = Budget(1.0, past={})
    for _ in range(SILENT):
        assert budget.refuses("a") is None
        budget.started("a")
        budget.ended("a", paid=1, cost=None)
    assert budget.refuses("a") == ("its calls do not say what they cost; 0.0000 of 1 USD spent")


def test_what_is_free_is_never_refused() -> None:
    """Not even when nothing is left."""
    budget = Budget(0.1, past={"a": [1.0]}, free=["b"])
    assert budget.refuses("a") is not None
    budget.started("b")
    budget.ended("b", paid=1, cost=None)
    assert (budget.refuses("b"), budget.spent) == (None, 0.0)


@given(st.lists(st.floats(0.01, 0.5), min_size=1, max_size=40), st.integers(1, 8))
def test_no_more_is_spent_than_the_limit_if_no_call_costs_more_than_expected(
    costs: list[float], lanes: int
) -> None:
    """With calls in flight in any number, the sum stays below the limit."""
    budget = Budget(3.0, past={"a": [0.5]})
    budget.expected = lambda _: 0.5  # type: ignore[method-assign, assignment] # the highest of them
    at_work: list[float] = []
    for cost in costs:
        while len(at_work) >= lanes or budget.refuses("a") is not None:
            if not at_work:
                return
            budget.ended("a", paid=1, cost=at_work.pop(0))
            assert budget.spent <= 3.0
        budget.started("a")
        at_work.append(cost)
