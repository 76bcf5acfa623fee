"""The charts of a page, drawn by matplotlib; without it there are none."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.report import drawings
from harness.report.svg import NAMED, embeddable

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.report.panorama import Panorama


SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pytest-judge-panel",
    "text.parse_math": False,  # a judge's name is a name, not a formula
    "text.color": NAMED["ink"],
    "axes.edgecolor": NAMED["line"],
    "axes.labelcolor": NAMED["muted"],
    "axes.titlesize": 10,
    "axes.titlecolor": NAMED["ink"],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": NAMED["line"],
    "grid.linewidth": 0.6,
    "xtick.color": NAMED["muted"],
    "ytick.color": NAMED["line"],
    "xtick.labelcolor": NAMED["muted"],
    "ytick.labelcolor": NAMED["ink"],
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.labelcolor": NAMED["ink"],
    "font.size": 10,
}


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing; ``caption`` says in words what it shows."""

    svg: str
    caption: str


def available() -> bool:
    """Tell whether charts can be drawn; looks at nothing but whether matplotlib is there."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def charts(shown: Panorama, prefix: str) -> dict[str, Chart]:
    """Draw what there is to draw; the ids in the drawings begin with ``prefix``."""
    if not available():
        return {}
    import matplotlib as mpl

    makers: dict[str, Callable[[Panorama], tuple[Any, str, str] | None]] = {
        "coverage": drawings.coverage,
        "groups": drawings.groups,
        "judges": drawings.judges,
        "pairs": drawings.pairs,
        "timeline": drawings.timeline,
    }
    made = {}
    with mpl.rc_context(), warnings.catch_warnings():
        # Fonts are the reader's: that ours lacks a letter of a name is of no matter.
        warnings.simplefilter("ignore")
        mpl.rcParams.update(SETTINGS)
        for name, maker in makers.items():
            drawn = maker(shown)
            if drawn is not None:
                figure, title, caption = drawn
                stream = io.StringIO()
                figure.savefig(stream, format="svg", metadata={"Date": None})
                svg = embeddable(
                    stream.getvalue(), prefix=f"{prefix}-{name}", title=title, text=caption
                )
                made[name] = Chart(svg, caption)
    return made
