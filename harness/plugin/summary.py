"""The lines below the table of a session: consensus, agreement, time, and what to run next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.model import SlotStatus
from harness.plugin.tally import OUTCOME, SLOT
from harness.report.advice import advice
from harness.statistics.words import full, number
from harness.text import safe_line

if TYPE_CHECKING:
    from collections import Counter

    import pytest

    from harness.plugin.session import PanelSession
    from harness.scan import Scan
    from harness.sheet import Row

ROWS = 5
"""Runs that are listed; fewer where a session has several experiments."""

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

    def lines(self) -> list[str]:
        """Return how much faster it was than one slot at a time; nothing for a single slot."""
        seconds = self._ended - self._began
        if self._slots < 2 or seconds <= 0:  # noqa: PLR2004 - one slot has nothing beside it
            return []
        faster = f"{self._busy / seconds:.1f} times as fast as one at a time"
        return [f"time: {seconds:.1f} s for {self._slots} slots, {faster}"]


def consensus_lines(panel: PanelSession, scanned: Scan) -> list[str]:
    """Return the worst runs and the agreement of an experiment."""
    from harness.gather import sheet_of
    from harness.panel import alpha_of

    tally = panel.tally
    rows = sheet_of(scanned, judged={name for _, name in tally.judged | tally.failed}).rows
    known = sorted((row for row in rows if row.score is not None), key=_score)
    name = safe_line(scanned.layout.experiment.name, 60)
    if not known:
        return [f"{name}: no run has a consensus"]
    passed = sum(row.passed is True for row in known)
    mean = sum(_score(row) for row in known) / len(known)
    lines = [f"{name}: {_runs(len(known))} with a consensus, mean {mean:.3f}, {passed} passed"]
    shown = known[: max(0, ROWS - 2 * (len(panel.scans) - 1))]
    if shown:
        width = max(len(name) for name in ["worst first", *(safe_line(r.run, 50) for r in shown)])
        lines.append(f"  {'worst first':<{width}}  score  passed  spread")
        lines += [_line(row, width) for row in shown]
    if len(scanned.layout.experiment.panel) > 1:
        split = sum({True, False} <= set(row.passes) for row in rows)
        alpha = full(alpha_of(rows))
        lines.append(f"  agreement: alpha {alpha}; split verdicts in {_runs(split)}")
    return lines


def _score(row: Row) -> float:
    return row.score or 0.0


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _line(row: Row, width: int) -> str:
    known = [score for score in row.scores if score is not None]
    spread = number(max(known) - min(known), 2) if known else "-"
    name = safe_line(row.run, 50)
    return f"  {name:<{width}}  {number(row.score)}  {VERDICTS[row.passed]:>6}  {spread:>6}"


def next_line(panel: PanelSession, counts: dict[str, Counter[SlotStatus]]) -> list[str]:
    """Return the command to run next: for the first experiment that has work left, if any has."""
    places = {
        os.path.relpath(root, panel.config.invocation_params.dir): counts[
            str(scanned.layout.experiment.root)
        ]
        for root, scanned in panel.scans.items()
    }
    work = (SlotStatus.MISSING, SlotStatus.FAILED, SlotStatus.STALE)
    open_ones = [place for place, found in places.items() if any(found[s] for s in work)]
    place = (open_ones or list(places))[0]
    command, why = advice(places[place], place)[0]
    return [f"next: {safe_line(command)} ({why})"]
