"""What each chart draws, and says in words; matplotlib is imported when the first is drawn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.model import SlotStatus
from harness.report.canvas import SHADES, WIDTH, colour_of, figure, labels, shortened
from harness.report.svg import NAMED
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.report.panorama import Panorama
    from harness.statistics.figure import Figure

BARS = 40
"""Judges, or groups, that one chart has room for."""

PAIRS = 6
"""Pairs of judges that are drawn; the tables have all."""

DRAWN_CALLS = 1500
"""Calls up to which each one has its bar in the timeline."""

DRAWN_STEPS = 3000
"""Changes of the number at work up to which each one is drawn."""

GRID = 50
"""Points of a pair plot that lie closer than 1 / GRID are one, larger point."""

TONES = {
    SlotStatus.COMPLETE: NAMED["t0"],
    SlotStatus.MISSING: NAMED["t1"],
    SlotStatus.FAILED: NAMED["t2"],
    SlotStatus.STALE: NAMED["t3"],
    SlotStatus.BLOCKED: NAMED["t4"],
}


def coverage(shown: Panorama) -> tuple[Any, str, str]:
    """Draw how many slots of each judge have each status."""
    judges = shown.judges[:BARS]
    drawing = figure(1.1 + 0.34 * len(judges))
    axes = drawing.subplots()
    left = [0] * len(judges)
    for place, status in enumerate(shown.statuses):
        counts = [shown.coverage[number][place] for number in range(len(judges))]
        if any(counts):
            axes.barh(
                range(len(judges)), counts, left=left, height=0.62, color=TONES[status],
                label=status.value,
            )  # fmt: skip
        left = [a + b for a, b in zip(left, counts, strict=True)]
    labels(axes, judges)
    axes.set_xlabel("runs")
    axes.xaxis.get_major_locator().set_params(integer=True)
    drawing.legend(loc="outside upper left", ncols=5, fontsize=9)
    counted = ", ".join(f"{count} {status}" for status, count in shown.totals.items())
    return drawing, "Coverage", f"Slots of each judge by status: {counted}."


def _intervals(axes: Any, figures: Sequence[Figure], colours: Sequence[str]) -> None:
    for place, found in enumerate(figures):
        if found.value is None:
            continue
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [place, place], color=colours[place], lw=2.2)
        axes.plot([found.value], [place], "o", color=colours[place], ms=7)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])


def groups(shown: Panorama) -> tuple[Any, str, str] | None:
    """Draw the consensus score of each group with its interval."""
    known = [level for level in shown.agreement.groups if level.score.value is not None]
    if not known:
        return None
    listed = sorted(known, key=lambda level: level.score.value or 0.0)[:BARS]
    drawing = figure(0.9 + 0.34 * len(listed))
    axes = drawing.subplots()
    _intervals(axes, [level.score for level in listed], [NAMED["c0"]] * len(listed))
    labels(axes, [level.name for level in listed])
    axes.set_xlabel("mean consensus score, with its 95 % interval where there is one")
    worst, best = listed[0], listed[-1]
    caption = f"Consensus score of {len(listed)} groups, the worst first: from "
    caption += f"{worst.score.value:.2f} ({safe_line(worst.name, 60)}) "
    caption += f"to {best.score.value:.2f} ({safe_line(best.name, 60)})."
    if len(listed) == 1:
        caption = f"Consensus score of {safe_line(worst.name, 60)}: {worst.score.value:.2f}."
    return drawing, "Consensus by group", caption


def judges(shown: Panorama) -> tuple[Any, str, str] | None:
    """Draw the scores of each judge, and their mean with its interval."""
    listed = shown.agreement.whole.judges[:BARS]
    scores = [
        [s.judgment.score for line in shown.runs if (s := line.slots[number]).judgment]
        for number in range(len(listed))
    ]
    if not any(scores):
        return None
    drawing = figure(0.9 + 0.42 * len(listed))
    axes = drawing.subplots()
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
    labels(axes, [judge.judge for judge in listed])
    axes.set_xlabel("score: mean with its 95 % interval, below it every judgment")
    means = ", ".join(
        f"{safe_line(judge.judge, 40)} {judge.score.value:.2f}"
        for judge in listed
        if judge.score.value is not None
    )
    return drawing, "Scores by judge", f"Mean scores: {means}."


def pairs(shown: Panorama) -> tuple[Any, str, str] | None:
    """Draw the scores of those two judges against each other that lie furthest apart."""
    known = [
        (pair, distance)
        for pair in shown.agreement.whole.pairs
        if (distance := pair.difference.value) is not None
    ]
    if not known:
        return None
    listed = [pair for pair, _ in sorted(known, key=lambda found: -found[1])[:PAIRS]]
    columns = min(3, max(2, len(listed)))
    rows = -(-len(listed) // columns)
    drawing = figure((WIDTH / columns + 0.1) * rows)
    places = {name: number for number, name in enumerate(shown.judges)}
    for axes, pair in zip(
        drawing.subplots(rows, columns, squeeze=False).flat, listed, strict=False
    ):
        _scatter(axes, Counter(_points(shown, places[pair.first], places[pair.second])))
        axes.set_xlabel(shortened(pair.first, 22), fontsize=8)
        axes.set_ylabel(shortened(pair.second, 22), fontsize=8)
    for axes in list(drawing.axes)[len(listed) :]:
        axes.remove()
    apart = ", ".join(
        f"{safe_line(p.first, 40)} and {safe_line(p.second, 40)} {p.difference.value:.2f}"
        for p in listed
    )
    caption = "Scores of two judges on the same runs; on the diagonal they agree. "
    caption += f"Mean distance: {apart}."
    return drawing, "Pairs of judges", caption


def _scatter(axes: Any, points: Counter[tuple[float, float]]) -> None:
    """Draw points, larger where there are more of them, around the diagonal."""
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
    axes.set_xticks([0, 0.5, 1])
    axes.set_yticks([0, 0.5, 1])


def _points(shown: Panorama, first: int, second: int) -> Iterator[tuple[float, float]]:
    for line in shown.runs:
        a, b = line.slots[first].judgment, line.slots[second].judgment
        if a is not None and b is not None:
            yield round(a.score * GRID) / GRID, round(b.score * GRID) / GRID


def timeline(shown: Panorama) -> tuple[Any, str, str] | None:
    """Draw which judge was at work when, in which lane, and how many were at a time."""
    line = shown.timeline
    if line.speed_up is None:
        return None
    drawing = figure(3.2)
    drawn = len(line.calls) <= DRAWN_CALLS
    axes = drawing.subplots(2 if drawn else 1, 1, sharex=True, squeeze=False)[:, 0]
    if drawn:
        _bars(axes[0], shown)
        drawing.legend(loc="outside upper left", ncols=4, fontsize=9)
    last = axes[-1]
    thinned = line.steps[:: -(-len(line.steps) // DRAWN_STEPS)]
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
    last.set_xlabel("seconds since the first one")
    caption = f"{len(line.calls)} attempts in {line.seconds:.1f} s, at most {line.peak} at a time, "
    caption += f"{line.speed_up:.1f} times as fast as one at a time."
    return drawing, "Attempts over time", caption


def _bars(axes: Any, shown: Panorama) -> None:
    line = shown.timeline
    placed = list(zip(line.calls, line.lanes, strict=True))
    for number, judge in enumerate(shown.judges):
        mine = [(call, lane) for call, lane in placed if call.judge == judge]
        axes.barh(
            [lane + 1 for _, lane in mine],
            [max(call.seconds, line.seconds / 700) for call, _ in mine],
            left=[call.started - line.began for call, _ in mine],
            height=0.8,
            color=NAMED[colour_of(number)],
            edgecolor=NAMED["paper"],
            linewidth=0.6,
            label=safe_line(judge, 24) if number < SHADES else None,
        )
    axes.set_ylabel("lane")
    axes.yaxis.get_major_locator().set_params(integer=True)
