"""Which slots of an experiment a session is about: arguments, filters, statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.layouts import open_parts
from harness.modes import workable
from harness.plugin import options, shard
from harness.plugin.arguments import selection_of, unmatched
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from harness.model import Slot, SlotStatus
    from harness.modes import Mode
    from harness.scan import Scan


class Chosen(Value, frozen=True):
    """What the command line chooses of one experiment.

    ``of_any_status`` are all that arguments and filters leave, ``slots`` those of them that
    have one of the statuses asked for, and ``to_judge`` those of these that there is work with.
    ``named`` are those that the arguments name one by one. ``left_out`` tells whether
    filters took away all the work there was. ``problems`` are usage errors.
    """

    of_any_status: tuple[Slot, ...]
    slots: tuple[Slot, ...]
    to_judge: tuple[Slot, ...]
    named: tuple[Slot, ...]
    left_out: bool
    problems: tuple[str, ...]


def choose(
    config: pytest.Config, root: Path, scanned: Scan, statuses: Sequence[SlotStatus], mode: Mode
) -> Chosen:
    """Apply the path arguments, the filters for ProjectScylla, the statuses, and the mode."""
    slots = scanned.slots
    problems: list[str] = []
    selections = selection_of(config, root)
    names: set[str] = set()
    if selections is not None:
        below = scanned.layout.experiment.root
        places = [(slot.name, _inner(slot, below)) for slot in slots]
        problems += [
            f"not found: {selection.arg} (no slot of {root} is meant)"
            for selection in unmatched(selections, places)
        ]
        names = {selection.name for selection in selections}
        slots = tuple(
            slot
            for slot, place in zip(slots, places, strict=True)
            if any(selection.matches(*place) for selection in selections)
        )
    filters = options.filters(config)
    if filters.levels and scanned.layout.name != "scylla":
        problems.append(
            f"{filters.levels} is for ProjectScylla experiments, and {root} is none; "
            "select its runs by path or with -k"
        )
    wanted = tuple(slot for slot in slots if slot.status in statuses)
    filtered = tuple(slot for slot in slots if _passes(slot, filters)) if any(filters) else slots
    left_out = not filtered and bool(workable(mode, wanted, scanned.layout))
    filtered = shard.own(config, scanned.layout.experiment.name, filtered)
    chosen = tuple(slot for slot in filtered if slot.status in statuses)
    return Chosen(
        of_any_status=filtered,
        slots=chosen,
        to_judge=workable(mode, chosen, scanned.layout),
        named=tuple(slot for slot in slots if slot.name in names),
        left_out=left_out,
        problems=tuple(problems),
    )


def _inner(slot: Slot, root: Path) -> str:
    return open_parts(slot.run.path.relative_to(root).as_posix())


def _passes(slot: Slot, filters: options.Filters) -> bool:
    meta = slot.run.meta
    return all(
        not wanted or found in wanted
        for wanted, found in (
            (filters.tiers, meta.get("tier")),
            (filters.subtests, meta.get("subtest")),
            (filters.runs, meta.get("run")),
            (filters.judges, slot.judge.number),
        )
    )
