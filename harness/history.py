"""What a judge's earlier calls took and cost, and what calls to come will; pure functions."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from harness.model import JudgeSpec, Slot


class Past(Value, frozen=True):
    """The known figures of a judge's recorded judgments: seconds and USD, one of each a call."""

    seconds: tuple[float, ...] = ()
    costs: tuple[float, ...] = ()


class Forecast(Value, frozen=True, kw_only=True):
    """What judging some slots is expected to take; figures that are not known are None.

    ``cost_usd`` and ``seconds`` are sums over the judges whose past is known; the names of
    the others are ``without_cost`` and ``without_time``. ``past``: judgments that it is made from.
    """

    calls: int
    cost_usd: float | None
    seconds: float | None
    past: int
    without_cost: tuple[str, ...] = ()
    without_time: tuple[str, ...] = ()


def past_of(slots: Iterable[Slot]) -> dict[int, Past]:
    """Return the past of each judge of an experiment, by number, from its judgments."""
    seconds: dict[int, list[float]] = {}
    costs: dict[int, list[float]] = {}
    for slot in slots:
        if slot.judgment is None:
            continue
        known = slot.judgment.provenance
        for name, found in (("duration_seconds", seconds), ("cost_usd", costs)):
            value = known.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
                found.setdefault(slot.judge.number, []).append(float(value))
    return {
        number: Past(tuple(seconds.get(number, ())), tuple(costs.get(number, ())))
        for number in seconds.keys() | costs.keys()
    }


def forecast(
    slots: Sequence[Slot],
    past: Mapping[int, Past],
    *,
    parallel: int,
    free: Collection[int] = (),
    uncalled: Collection[int] = (),
) -> Forecast:
    """Return what judging each of ``slots``, of one experiment, once is expected to take.

    The time is that of all calls, at their mean, in the lanes, but no less than the longest
    call or one judge's calls in its own ``max_parallel``. ``free``: judges that cost nothing;
    judging by ``uncalled`` ones is no call.
    """
    by_judge = _by_judge(slots)
    costs, lanes, least = list[float](), list[float](), list[float]()
    without_cost, without_time = list[str](), list[str]()
    for number, theirs in sorted(by_judge.items()):
        judge, known = theirs[0].judge, past.get(number, Past())
        if number in free:
            costs.append(0.0)
        elif known.costs:
            costs.append(len(theirs) * fmean(known.costs))
        else:
            without_cost.append(judge.name)
        if known.seconds:
            total = len(theirs) * fmean(known.seconds)
            lanes.append(total)
            least += [max(known.seconds), total / _at_once(judge, parallel)]
        else:
            without_time.append(judge.name)
    return Forecast(
        calls=sum(slot.judge.number not in uncalled for slot in slots),
        cost_usd=math.fsum(costs) if costs else None,
        seconds=max(math.fsum(lanes) / parallel, *least) if lanes else None,
        past=sum(len(past.get(number, Past()).seconds) for number in by_judge),
        without_cost=tuple(without_cost),
        without_time=tuple(without_time),
    )


def _by_judge(slots: Iterable[Slot]) -> dict[int, list[Slot]]:
    found: dict[int, list[Slot]] = {}
    for slot in slots:
        found.setdefault(slot.judge.number, []).append(slot)
    return found


def _at_once(judge: JudgeSpec, parallel: int) -> int:
    return parallel if judge.max_parallel is None else min(parallel, judge.max_parallel)
