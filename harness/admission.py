"""What lets judges be asked at all, and the gates of a session, for both adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import judges, prices
from harness.budget import Budget
from harness.durations import Durations
from harness.gates import Gates
from harness.history import past_of
from harness.preflight import available_memory, too_many, unusable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.model import JudgeSpec, Slot
    from harness.scan import Scan


def gates_of(
    scans: Mapping[Path, Scan], *, max_cost: float | None, patience: float, share: int = 1
) -> Gates:
    """Return the gates of a session about experiments by their roots.

    ``max_cost``: USD that all calls may cost, None for any. ``patience``: seconds to wait
    for judges that are parked. ``share``: processes that have an equal part of all.
    """
    budget = None
    if max_cost is not None:
        free = {
            (root, judge.number)
            for root, scanned in scans.items()
            for judge in scanned.layout.experiment.panel
            if judges.is_free(judge)
        }
        costs: dict[Hashable, tuple[float, ...]] = {
            (root, number): past.costs
            for root, scanned in scans.items()
            for number, past in past_of(scanned.slots).items()
        }
        budget = Budget(max_cost / share, past=costs, free=free)
    return Gates(share=share, budget=budget, patience=patience)


def durations_of(scans: Mapping[Path, Scan]) -> Durations[Hashable]:
    """Return what each judge took for the judgments that are there."""
    return Durations(
        ((root, number), seconds)
        for root, scanned in scans.items()
        for number, past in past_of(scanned.slots).items()
        for seconds in past.seconds
    )


def problems(
    scans: Mapping[Path, Scan],
    to_judge: Mapping[Path, Iterable[Slot]],
    *,
    environment: Mapping[str, str] | None,
    lanes: int,
    max_cost: str | None = None,
    replaced: bool = False,
) -> Iterator[str]:
    """Say what would keep the judges of slots from being asked, before anything is paid.

    ``environment``: of the judges, None if that is not known here. ``lanes``: calls at work
    at a time. ``max_cost``: what the limit on money is called, if
    there is one. ``replaced``: others may take the judges' places, so only prices count.
    """
    specs: list[JudgeSpec] = []
    for root, slots in to_judge.items():
        theirs = [slot.judge for slot in slots]
        specs += theirs
        for judge in {judge.number: judge for judge in theirs}.values():
            where = f"{scans[root].layout.experiment.config_file}: judge {judge.label}"
            if max_cost is not None and (why := _unpriced(judge)):
                yield f"{where}: {max_cost} cannot count its calls: {why}"
            if environment is None or replaced or not judge.remote:
                continue
            if why := unusable(judge, root, environment):
                yield f"{where}: {why}"
    if not replaced:
        yield from too_many(specs, lanes, available=available_memory())


def _unpriced(judge: JudgeSpec) -> str | None:
    """Say how to make the cost of a judge's calls known; None if it will be."""
    reports = judges.reports_of(judge.kind)
    if judges.is_free(judge) or prices.is_known(judge.price, reports=reports):
        return None
    if reports == "tokens":
        return (
            "its price is not known; add price: {input: ..., output: ...} (USD per million tokens)"
        )
    return (
        "its price is not known, and its kind reports no tokens; add price: {call: ...} "
        "(USD per call, 0 if it costs nothing)"
    )
