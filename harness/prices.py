"""What a call cost, where the judge does not say so itself; a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PER = 1_000_000
"""Tokens that a configured price is for."""


def cost_of(tokens: Mapping[str, int] | None, price: Mapping[str, float] | None) -> float | None:
    """Return the cost in USD; None unless both prices and both counts are known.

    Tokens that were read from a cache count as input at its full price: the sum is never
    less than what is charged for it.
    """
    if tokens is None or price is None:
        return None
    if not all(key in tokens and key in price for key in ("input", "output")):
        return None
    return sum(tokens[key] * price[key] for key in ("input", "output")) / PER
