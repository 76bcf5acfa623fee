"""What all charts have in common: their size, their labels, and a colour for each judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Sequence

SHADES = 8
"""Colours for judges; more judges share them."""

WIDTH = 5.6
"""Inches of a drawing: on a phone its letters are still large enough."""


def figure(height: float) -> Any:
    """Return an empty drawing of this height, in inches."""
    from matplotlib.figure import Figure as Drawing

    return Drawing(figsize=(WIDTH, height), layout="constrained")


def shortened(name: str, cap: int) -> str:
    """Return a name for a narrow place; where names are long their ends tell them apart."""
    line = safe_line(name)
    return line if len(line) <= cap else f"{line[: cap // 2 - 1]}…{line[-cap // 2 :]}"


def labels(axes: Any, names: Sequence[str]) -> None:
    """Give each line of a chart its name, the first one on top."""
    axes.set_yticks(range(len(names)), [shortened(name, 28) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def colour_of(number: int) -> str:
    """Return the name of a judge's colour; there are eight."""
    return f"c{number % SHADES}"
