"""What a call cost, where the judge does not say so itself; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PER = 1_000_000
"""Tokens that a configured price is for."""


def cost_of(tokens: Mapping[str, int] | None, price: Mapping[str, float] | None) -> float | None:
    """Return the cost in USD; None unless it is known.

    ``price`` has ``input`` and ``output`` for a million tokens each, ``call`` for each call, or
    both. Tokens that were read from a cache count as input at its full price: the sum is never
    less than what is charged for it.
    """
    if price is None:
        return None
    per_call = price.get("call", 0.0)
    rates = {key: price[key] for key in ("input", "output") if key in price}
    if not any(rates.values()):
        return per_call  # no count of tokens would change it
    if tokens is None or not all(key in tokens and key in rates for key in ("input", "output")):
        return None
    return per_call + sum(tokens[key] * rates[key] for key in ("input", "output")) / PER


def is_known(price: Mapping[str, float] | None, *, reports: str) -> bool:
    """Tell whether the cost of a judge's calls will be known.

    ``reports``: what its kind tells of a call, ``cost``, ``tokens``, or ``nothing``.
    """
    if reports == "cost":
        return True
    return price is not None and (
        reports == "tokens" or not any(price.get(key) for key in ("input", "output"))
    )


def is_free(price: Mapping[str, float] | None) -> bool:
    """Tell whether a configured price says that calls cost nothing."""
    return price is not None and not any(price.values())
