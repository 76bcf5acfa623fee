"""What a call cost, from its tokens and the configured price."""

from __future__ import annotations

import pytest

from harness.prices import cost_of, is_known

PRICE = {"input": 5.0, "output": 25.0}


def test_cost_is_tokens_times_price_per_million() -> None:
    """Input and output have a price each; further counts are parts of them."""
    assert cost_of({"input": 1000, "output": 100, "cached": 900}, PRICE) == pytest.approx(0.0075)


@pytest.mark.parametrize(
    ("tokens", "price"),
    [
        (None, PRICE),
        ({}, PRICE),
        ({"input": 1000}, PRICE),
        ({"output": 100}, PRICE),
        ({"input": 1000, "output": 100}, None),
        ({"input": 1000, "output": 100}, {"input": 5.0}),
    ],
)
def test_cost_is_unknown_unless_everything_is_known(
    tokens: dict[str, int] | None, price: dict[str, float] | None
) -> None:
    """An unknown figure is never 0."""
    assert cost_of(tokens, price) is None


@pytest.mark.parametrize(
    ("reports", "price", "known"),
    [
        ("cost", None, True),
        ("tokens", None, False),
        ("tokens", {"input": 1.0, "output": 2.0}, True),
        ("nothing", {"call": 0.25}, True),
        ("nothing", {"input": 1.0, "output": 2.0}, False),
    ],
)
def test_cost_will_be_known_if_the_kind_or_the_price_tells_it(
    reports: str, price: dict[str, float] | None, *, known: bool
) -> None:
    """A price per token says nothing where nobody counts tokens."""
    assert is_known(price, reports=reports) is known


def test_free_model_costs_nothing_and_that_is_known() -> None:
    """A price of 0 is a price."""
    assert cost_of({"input": 1, "output": 1}, {"input": 0.0, "output": 0.0}) == 0.0
