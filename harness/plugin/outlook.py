"""Money and time, for people: an estimate before, the bill, and what was put off."""

from __future__ import annotations

import shlex
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from harness import judges
from harness.history import forecast, past_of
from harness.model import NO_CALLS
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from harness.counting import Statistics
    from harness.history import Forecast
    from harness.model import Calls
    from harness.plugin.collect import SlotItem
    from harness.plugin.session import PanelSession

LISTED = 3
"""Reasons that are listed."""


def estimates(panel: PanelSession, items: Iterable[SlotItem]) -> Iterator[str]:
    """Say what judging would take, for each experiment, from its judgments so far."""
    for layout, group in groupby(items, key=lambda item: item.layout):
        slots = [item.slot for item in group]
        experiment, panel_of = layout.experiment, layout.experiment.panel
        found = forecast(
            slots,
            past_of(panel.scans[experiment.root].slots),
            parallel=panel.parallel,
            free=[judge.number for judge in panel_of if judges.is_free(judge)],
            uncalled=[judge.number for judge in panel_of if judges.calls_nobody(judge)],
        )
        yield f"estimate: {_estimate(found, panel.parallel)}"


def _estimate(found: Forecast, parallel: int) -> str:
    calls = {0: "no call", 1: "1 call"}.get(found.calls, f"{found.calls} calls")
    if found.seconds is None and not found.cost_usd:
        what = "cost and time are" if found.without_cost else "time is"
        if found.calls > 1:
            return f"{calls}; their {what} not known before some were made"
        return f"{calls}; its {what} not known" if found.calls else f"{calls} that is paid"
    parts = [calls]
    if found.cost_usd:
        parts.append(f"about {found.cost_usd:.4f} USD")
    if found.seconds is not None:
        parts.append(f"about {_time(found.seconds)} with --parallel {parallel}")
    past = "1 past judgment" if found.past == 1 else f"{found.past} past judgments"
    line = f"{', '.join(parts)} (from {past})"
    for what, names in (("cost", found.without_cost), ("time", found.without_time)):
        if names:
            line += f"; not in it: the {what} of {', '.join(safe_line(n, 40) for n in names)}"
    return line


def _time(seconds: float) -> str:
    if seconds < 100:  # noqa: PLR2004 - from here on minutes read better
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"  # noqa: PLR2004 - and hours


def money(calls: Calls, interrupted: str = "") -> list[str]:
    """Say how many calls were paid, and what for, and how many were ended with the session."""
    if calls == NO_CALLS and not interrupted:
        return []
    line = f"calls: {calls.paid} paid, {calls.adopted} adopted, {calls.lost} lost, "
    line += f"{calls.wasted} wasted"
    line += f", {calls.refused} refused" if calls.refused else ""
    line += f", {interrupted} interrupted" if interrupted else ""
    return [line if calls.cost_usd is None else f"{line}; {calls.cost_usd:.4f} USD known"]


def put_off(statistics: Statistics, config: pytest.Config) -> list[str]:
    """Say what was deferred, why and until when, and the command that goes on with it."""
    reasons = Counter(statistics.deferred.values())
    if not reasons:
        return []
    lines = []
    for reason, slots in reasons.most_common(LISTED):
        count = "1 slot" if slots == 1 else f"{slots} slots"
        lines.append(f"deferred {count}: {safe_line(reason, 300)}")
    if len(reasons) > LISTED:
        rest = sum(slots for _, slots in reasons.most_common()[LISTED:])
        lines.append(f"... and {rest} more, for other reasons")
    command = shlex.join(["pytest", *map(str, config.invocation_params.args)])
    return [*lines, f"run the same command again later: {safe_line(command, 300)}"]
