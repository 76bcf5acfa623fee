"""Which slots of an experiment a session is about: arguments, filters, statuses."""

from __future__ import annotations

import os.path
import shlex
from typing import TYPE_CHECKING

from harness.layouts import open_parts
from harness.modes import workable
from harness.plugin import options, shard
from harness.plugin.arguments import selection_of, unmatched
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pytest

    from harness.model import Slot, SlotStatus
    from harness.modes import Mode
    from harness.scan import Scan

LISTED = 10
"""What there is in place of what is not there, at most."""


class Chosen(Value, frozen=True):
    """What the command line chooses of one experiment.

    ``of_any_status`` are all that arguments and filters leave, ``slots`` those of them that
    have one of the statuses asked for, and ``to_judge`` those of these that there is work with.
    ``named`` are those that the arguments name one by one. ``left_out`` tells whether
    filters took away all the work there was, ``unmatched`` what they ask for that is not
    there. ``problems`` are usage errors.
    """

    of_any_status: tuple[Slot, ...]
    slots: tuple[Slot, ...]
    to_judge: tuple[Slot, ...]
    named: tuple[Slot, ...]
    left_out: bool
    unmatched: tuple[str, ...]
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
        problems += [_not_there(config, root, s.arg) for s in unmatched(selections, places)]
        names = {selection.name for selection in selections}
        slots = tuple(
            slot
            for slot, place in zip(slots, places, strict=True)
            if any(chosen.matches(*place) for chosen in selections)
        )
    filters = options.filters(config)
    if filters.levels and scanned.layout.name != "scylla":
        problems.append(
            f"{filters.levels} is for ProjectScylla experiments, and {root} is none; "
            "select its runs by path or with -k"
        )
    wanted = tuple(slot for slot in slots if slot.status in statuses)
    asked = _wanted(filters)
    filtered = tuple(slot for slot in slots if _passes(slot, asked)) if asked else slots
    left_out = not filtered and bool(workable(mode, wanted, scanned.layout))
    own = shard.own(config, scanned.layout.experiment.name, filtered)
    chosen = tuple(slot for slot in own if slot.status in statuses)
    return Chosen(
        of_any_status=own,
        slots=chosen,
        to_judge=workable(mode, chosen, scanned.layout),
        named=tuple(s for s in slots if s.name in names),
        left_out=left_out,
        unmatched=() if filtered or problems else tuple(_unmatched(slots, asked)),
        problems=tuple(problems),
    )


def _not_there(config: pytest.Config, root: Path, arg: str) -> str:
    here = config.invocation_params.dir
    command = shlex.join(["pytest", os.path.relpath(root, here), "--dry-run", "-v"])
    return f"no slot {arg.removeprefix(f'{here}/')}; list them with: {command}"


def _inner(slot: Slot, root: Path) -> str:
    return open_parts(slot.run.path.relative_to(root).as_posix())


def _wanted(filters: options.Filters) -> dict[str, tuple[object, ...]]:
    """Return what the filters that are given ask for, by what they are about."""
    found: dict[str, tuple[object, ...]] = {
        "tier": filters.tiers,
        "subtest": filters.subtests,
        "run": filters.runs,
        "judge slot": filters.judges,
    }
    return {name: wanted for name, wanted in found.items() if wanted}


def _place(slot: Slot, name: str) -> object:
    return slot.judge.number if name == "judge slot" else slot.run.meta.get(name)


def _passes(slot: Slot, wanted: Mapping[str, tuple[object, ...]]) -> bool:
    return all(_place(slot, name) in them for name, them in wanted.items())


def _unmatched(slots: Sequence[Slot], wanted: Mapping[str, tuple[object, ...]]) -> Iterator[str]:
    """Say which filter leaves none of some slots, and what there would be for it."""
    words = {name: f"{name} {' or '.join(map(str, them))}" for name, them in wanted.items()}
    for name, them in wanted.items():
        there = list(dict.fromkeys(_place(slot, name) for slot in slots))
        if not set(them) & set(there):
            are = "is" if len(there) == 1 else "are"
            more = f", ... and {len(there) - LISTED} more" if len(there) > LISTED else ""
            yield f"no {words[name]}; there {are} {', '.join(map(str, there[:LISTED]))}{more}"
            return
    yield f"no slot has {' and '.join(words.values())}"
