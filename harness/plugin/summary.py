"""The lines below the table of a session: consensus, agreement, time, and what to run next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.model import SlotStatus
from harness.plugin import shard
from harness.plugin.coverage import WIDTH
from harness.plugin.tally import OUTCOME, SLOT
from harness.report.advice import advice
from harness.statistics.words import full, number, short
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from harness.plugin.coverage import Coverage
    from harness.plugin.session import PanelSession
    from harness.scan import Scan
    from harness.sheet import Row
    from harness.statistics.figure import Figure

ROWS = 5
"""Runs that are listed; fewer where a session has several experiments."""

FEW, EXPERIMENTS = 3, 6
"""Experiments up to which each has more than a line, and up to which each has one."""

NAME = 50
"""Characters of a run's name."""

VERDICTS = {True: "yes", False: "no", None: "-"}


class Clock:
    """When slots were at work, from their reports: what workers report counts, too."""

    def __init__(self) -> None:
        self._busy = 0.0
        self._slots = 0
        self._began = float("inf")
        self._ended = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a slot that was tried."""
        tried = vars(report).get(OUTCOME, {}).get("kind") in ("judged", "failed")
        if SLOT in vars(report) and tried and report.when == "call":
            self._slots += 1
            self._busy += report.duration
            self._began = min(self._began, report.start)
            self._ended = max(self._ended, report.stop)

    def lines(self, lanes: int) -> list[str]:
        """Return how much faster it was than one slot at a time; nothing where nothing was won."""
        seconds = self._ended - self._began
        if self._slots < 2 or lanes < 2 or seconds < 1:  # noqa: PLR2004 - one has nothing beside it
            return []
        faster = f"{self._busy / seconds:.1f} times as fast as one at a time"
        return [f"time: {seconds:.1f} s for {self._slots} slots, {faster}"]


def findings(panel: PanelSession, *, plain: bool) -> list[str]:
    """Return the consensus of each experiment: the worst runs, and how far the judges agree.

    ``plain``, and where there are many experiments: one line for each of them.
    """
    scans = list(panel.scans.values())
    rows = 0 if plain else max(0, ROWS - 2 * (len(scans) - 1))
    lines = []
    for scanned in scans[:EXPERIMENTS]:
        head, *more = _consensus(panel, scanned, rows)
        lines += [head] if plain or len(scans) > FEW else [head, *more]
    if len(scans) > EXPERIMENTS:
        lines.append(f"... and {len(scans) - EXPERIMENTS} more experiments")
    return lines


def _consensus(panel: PanelSession, scanned: Scan, most: int) -> list[str]:
    """Return a line about an experiment, its worst runs, and the agreement of its judges."""
    from harness.gather import sheet_of
    from harness.panel import alpha_of

    tally = panel.tally
    tried = {name for _, name in tally.judged | tally.failed}
    done = panel.settled.get(scanned.layout.experiment.root)
    rows = sheet_of(scanned, judged=tried, settled=done.results if done else {}).rows
    known = sorted((row for row in rows if row.score is not None), key=_score)
    name = safe_line(scanned.layout.experiment.name, 24)
    if not known:
        return [f"{name}: no run has a consensus"]
    passed = sum(row.passed is True for row in known)
    mean = sum(_score(row) for row in known) / len(known)
    lines = [f"{name}: {_runs(len(known))} with a consensus, mean {mean:.3f}, {passed} passed"]
    shown = known[:most]
    if shown:
        width = max(len(name) for name in ["worst first", *(_name(row) for row in shown)])
        lines.append(f"  {'worst first':<{width}}  score  passed  spread")
        lines += [_line(row, width) for row in shown]
    if len(scanned.layout.experiment.panel) > 1:
        split = f"split verdicts in {_runs(sum({True, False} <= set(row.passes) for row in rows))}"
        alpha = alpha_of(rows)
        line = f"  agreement: alpha {full(alpha)}; {split}"
        # What weakens a figure is left out where there is no room; "agreement" says it.
        lines.append(line if len(line) <= WIDTH else f"  agreement: alpha {_short(alpha)}; {split}")
    return lines


def _short(alpha: Figure) -> str:
    return "undefined" if alpha.value is None else short(alpha)


def _name(row: Row) -> str:
    """Return a run's name in 50 characters; where names are long their ends tell them apart."""
    name = safe_line(row.run, 4096)
    return name if len(name) <= NAME else f"...{name[3 - NAME :]}"


def _score(row: Row) -> float:
    return row.score or 0.0


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _line(row: Row, width: int) -> str:
    known = [score for score in row.scores if score is not None]
    spread = number(max(known) - min(known), 2) if known else "-"
    return f"  {_name(row):<{width}}  {number(row.score)}  {VERDICTS[row.passed]:>6}  {spread:>6}"


def next_line(panel: PanelSession, covered: Sequence[Coverage]) -> list[str]:
    """Return the command to run next: for the first experiment that has work left, if any has."""
    places = {
        os.path.relpath(one.root, panel.config.invocation_params.dir): one.own for one in covered
    }
    work = (SlotStatus.MISSING, SlotStatus.FAILED, SlotStatus.STALE)
    open_ones = [place for place, found in places.items() if any(found[s] for s in work)]
    place = (open_ones or list(places))[0]
    part = shard.of(panel.config)
    command, why = advice(places[place], place, shard="" if part is None else str(part))[0]
    line = f"next: {safe_line(command, 4096)}"
    reason = f" ({why})"
    return [line + reason if len(line) + len(reason) <= WIDTH else line]
