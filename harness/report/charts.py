"""The charts of a page, drawn by matplotlib; without it there are none."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.model import SlotStatus
from harness.report.svg import NAMED, embeddable
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.report.panorama import Panorama
    from harness.statistics.figure import Figure

BARS = 40
"""Judges, or groups, that one chart has room for."""

PAIRS = 6
"""Pairs of judges that are drawn; the tables have all."""

DRAWN_CALLS = 1500
"""Calls up to which each one has its bar in the timeline."""

GRID = 50
"""Points of a pair plot that lie closer than 1 / GRID are one, larger point."""

TONES = {
    SlotStatus.COMPLETE: NAMED["t0"],
    SlotStatus.MISSING: NAMED["t1"],
    SlotStatus.FAILED: NAMED["t2"],
    SlotStatus.STALE: NAMED["t3"],
    SlotStatus.BLOCKED: NAMED["t4"],
}

SETTINGS = {
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
        "coverage": _coverage,
        "groups": _groups,
        "judges": _judges,
        "pairs": _pairs,
        "timeline": _timeline,
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


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure as Drawing

    return Drawing(figsize=(width, height), layout="constrained")


def _labels(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [safe_line(name, 36) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _coverage(shown: Panorama) -> tuple[Any, str, str]:
    judges = shown.judges[:BARS]
    figure = _figure(7, 1.1 + 0.34 * len(judges))
    axes = figure.subplots()
    left = [0] * len(judges)
    for place, status in enumerate(shown.statuses):
        counts = [shown.coverage[number][place] for number in range(len(judges))]
        if any(counts):
            axes.barh(
                range(len(judges)), counts, left=left, height=0.62, color=TONES[status],
                label=status.value,
            )  # fmt: skip
        left = [a + b for a, b in zip(left, counts, strict=True)]
    _labels(axes, judges)
    axes.set_xlabel("runs")
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper left", ncols=5, fontsize=9)
    counted = ", ".join(f"{count} {status}" for status, count in shown.totals.items())
    return figure, "Coverage", f"Slots of each judge by status: {counted}."


def _intervals(axes: Any, figures: Sequence[Figure], colours: Sequence[str]) -> None:
    for place, found in enumerate(figures):
        if found.value is None:
            continue
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [place, place], color=colours[place], lw=2.2)
        axes.plot([found.value], [place], "o", color=colours[place], ms=7)
    axes.set_xlim(-0.02, 1.02)


def _groups(shown: Panorama) -> tuple[Any, str, str] | None:
    known = [level for level in shown.agreement.groups if level.score.value is not None]
    if not known:
        return None
    listed = sorted(known, key=lambda level: level.score.value or 0.0)[:BARS]
    figure = _figure(7, 0.9 + 0.34 * len(listed))
    axes = figure.subplots()
    _intervals(axes, [level.score for level in listed], [NAMED["c0"]] * len(listed))
    _labels(axes, [level.name for level in listed])
    axes.set_xlabel("mean consensus score, with its 95 % interval where there is one")
    worst, best = listed[0], listed[-1]
    caption = f"Consensus score of {len(listed)} groups, the worst first: from "
    caption += f"{worst.score.value:.2f} ({safe_line(worst.name, 60)}) "
    caption += f"to {best.score.value:.2f} ({safe_line(best.name, 60)})."
    if len(listed) == 1:
        caption = f"Consensus score of {safe_line(worst.name, 60)}: {worst.score.value:.2f}."
    return figure, "Consensus by group", caption


def colour_of(number: int) -> str:
    """Return the name of a judge's colour; there are eight."""
    return f"c{number % 8}"


def _judges(shown: Panorama) -> tuple[Any, str, str] | None:
    listed = shown.agreement.whole.judges[:BARS]
    scores = [
        [s.judgment.score for line in shown.runs if (s := line.slots[number]).judgment]
        for number in range(len(listed))
    ]
    if not any(scores):
        return None
    figure = _figure(7, 0.9 + 0.42 * len(listed))
    axes = figure.subplots()
    for number, mine in enumerate(scores):
        colour = NAMED[colour_of(number)]
        counts = Counter(round(score * 2 * GRID) / (2 * GRID) for score in mine)
        most = max(counts.values(), default=1)
        axes.scatter(
            list(counts),
            [number + 0.24] * len(counts),
            s=[14 + 50 * count / most for count in counts.values()],
            color=colour,
            alpha=0.45,
            linewidths=0,
        )
    _intervals(
        axes, [judge.score for judge in listed], [NAMED[colour_of(n)] for n in range(len(listed))]
    )
    _labels(axes, [judge.judge for judge in listed])
    axes.set_xlabel("score: mean with its 95 % interval, below it every judgment")
    means = ", ".join(
        f"{safe_line(judge.judge, 40)} {judge.score.value:.2f}"
        for judge in listed
        if judge.score.value is not None
    )
    return figure, "Scores by judge", f"Mean scores: {means}."


def _pairs(shown: Panorama) -> tuple[Any, str, str] | None:
    known = [
        (pair, apart)
        for pair in shown.agreement.whole.pairs
        if (apart := pair.difference.value) is not None
    ]
    if not known:
        return None
    listed = [pair for pair, _ in sorted(known, key=lambda found: -found[1])[:PAIRS]]
    columns = min(3, len(listed))
    rows = -(-len(listed) // columns)
    figure = _figure(2.6 * columns + 0.4, 2.5 * rows + 0.4)
    places = {name: number for number, name in enumerate(shown.judges)}
    for axes, pair in zip(figure.subplots(rows, columns, squeeze=False).flat, listed, strict=False):
        points = Counter(_points(shown, places[pair.first], places[pair.second]))
        axes.plot([0, 1], [0, 1], color=NAMED["muted"], lw=0.8)
        most = max(points.values(), default=1)
        axes.scatter(
            [x for x, _ in points],
            [y for _, y in points],
            s=[16 + 70 * count / most for count in points.values()],
            color=NAMED["c0"],
            alpha=0.55,
            linewidths=0,
        )
        axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
        axes.set_xlabel(safe_line(pair.first, 24))
        axes.set_ylabel(safe_line(pair.second, 24))
    for axes in list(figure.axes)[len(listed) :]:
        axes.remove()
    apart = ", ".join(
        f"{safe_line(p.first, 40)} and {safe_line(p.second, 40)} {p.difference.value:.2f}"
        for p in listed
    )
    caption = f"Scores of two judges on the same runs; on the diagonal they agree. Mean distance: {apart}."
    return figure, "Pairs of judges", caption


def _points(shown: Panorama, first: int, second: int) -> Iterator[tuple[float, float]]:
    for line in shown.runs:
        a, b = line.slots[first].judgment, line.slots[second].judgment
        if a is not None and b is not None:
            yield round(a.score * GRID) / GRID, round(b.score * GRID) / GRID


def _timeline(shown: Panorama) -> tuple[Any, str, str] | None:
    line = shown.timeline
    if line.speed_up is None:
        return None
    figure = _figure(7, 3.2)
    drawn = len(line.calls) <= DRAWN_CALLS
    axes = figure.subplots(2 if drawn else 1, 1, sharex=True, squeeze=False)[:, 0]
    if drawn:
        for number, judge in enumerate(shown.judges):
            bars = [(c.started - line.began, max(c.seconds, line.seconds / 700), lane)
                    for c, lane in zip(line.calls, line.lanes, strict=True) if c.judge == judge]  # fmt: skip
            axes[0].barh(
                [lane + 1 for *_, lane in bars],
                [width for _, width, _ in bars],
                left=[start for start, *_ in bars],
                height=0.8,
                color=NAMED[colour_of(number)],
                edgecolor=NAMED["paper"],
                linewidth=0.6,
                label=safe_line(judge, 24) if number < 8 else None,  # noqa: PLR2004 - as many as there are colours
            )
        axes[0].set_ylabel("lane")
        axes[0].yaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside upper left", ncols=4, fontsize=9)
    last = axes[-1]
    thinned = line.steps[:: -(-len(line.steps) // 3000)]
    last.fill_between(
        [moment for moment, _ in thinned],
        [count for _, count in thinned],
        step="post",
        color=NAMED["c0"],
        alpha=0.5,
        linewidth=0,
    )
    last.set_ylim(0, line.peak * 1.1)
    last.set_ylabel("at work")
    last.set_xlabel("seconds since the first call")
    caption = f"{len(line.calls)} attempts in {line.seconds:.1f} s, at most {line.peak} at a time, "
    caption += f"{line.speed_up:.1f} times as fast as one at a time."
    return figure, "Attempts over time", caption
