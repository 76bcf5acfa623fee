"""``merge TARGET SHARD...``: the results of jobs that shared no disk, put together."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.places import HELP, experiments, shown
from harness.commands.say import say, say_json
from harness.errors import SelectionError
from harness.files import is_directory
from harness.layouts import open_experiment
from harness.layouts.parts import slots_below
from harness.merge import Merge
from harness.model import SlotStatus
from harness.scan import scan
from harness.settle import settle
from harness.text import safe_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from harness.layouts import Layout

LISTED = 20
"""Conflicts and problems that are listed; ``--json`` lists all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("target", metavar="TARGET", help=HELP)
    parser.add_argument(
        "shards",
        metavar="SHARD",
        nargs="+",
        help="a directory with the results of another job, laid out like TARGET; "
        "its judge directories and prompts will do",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be done, and write nothing"
    )
    parser.add_argument("--json", action="store_true", help="for programs, with all conflicts")


@dataclass(slots=True)
class Joined:
    """One experiment, what each shard has of it, and how it stands afterwards."""

    layout: Layout
    merges: list[Merge] = field(default_factory=list)
    complete: int = 0
    slots: int = 0
    regenerated: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> list[str]:
        """What a person should look at."""
        found = [f"conflict: {one}" for m in self.merges for one in m.merged.conflicts]
        found += [one for m in self.merges for one in m.merged.problems]
        return found + self.problems


def run(arguments: argparse.Namespace) -> int:
    """Merge all shards into each experiment; exit with 1 if anything was left out."""
    write = not arguments.dry_run
    found = [Joined(open_experiment(root)) for root in experiments(arguments.target)]
    if not found:
        raise SelectionError(f"{arguments.target}: there is no experiment here or below")
    strays = [
        stray
        for shard in arguments.shards
        for stray in _match(found, arguments.target, shard, write)
    ]
    for joined in found:
        for merge in joined.merges:
            merge.check()
    for joined in found:
        _join(joined, write=write)
    if arguments.json:
        say_json({"experiments": [_json(one) for one in found], "strays": strays})
    else:
        _say(found, strays, dry=arguments.dry_run)
    return 1 if strays or any(one.left_out for one in found) else 0


def _match(found: Sequence[Joined], target: str, shard: str, write: bool) -> list[str]:  # noqa: FBT001 - one caller
    """Find out which of a shard's results belong to which experiment; return those to none."""
    if not is_directory(shard):
        raise SelectionError(f"{shard}: is no directory")
    top = Path(os.path.realpath(shard))
    if top == Path(os.path.realpath(target)):
        raise SelectionError(f"{shard}: is the target itself; name the directory of another job")
    strays = set(slots_below(top))
    everything = len(strays)
    for joined in found:
        for place in _places(joined.layout, target):
            merge = Merge(joined.layout, top / place, shown=shard, write=write)
            if own := merge.slots():
                joined.merges.append(merge)
                strays -= own
    if strays and len(strays) == everything:
        first = min(strays).relative_to(top)
        raise SelectionError(
            f"{shard}: its results do not lie where {target} has its runs (the first is {first}); "
            f"give the directory in it that corresponds to {target}"
        )
    return [f"{shard}: {path.relative_to(top)}" for path in sorted(strays)]


def _places(layout: Layout, target: str) -> Iterator[str]:
    """Yield where a shard may have an experiment: as below TARGET, or as below this directory.

    What archives results often keeps their paths from the working directory on.
    """
    inner = os.path.relpath(layout.experiment.root, os.path.realpath(target))
    yield inner
    whole = os.path.normpath(os.path.join(target, inner))  # noqa: PTH118 - text in, text out
    if whole != inner and not os.path.isabs(whole) and not whole.startswith(".."):  # noqa: PTH117 - the same
        yield whole


def _join(joined: Joined, *, write: bool) -> None:
    for merge in joined.merges:
        merge.run()
    scanned = scan(joined.layout)
    joined.slots = len(scanned.slots)
    joined.complete = len(scanned.select([SlotStatus.COMPLETE]))
    if write:
        settled = settle(scanned)
        joined.regenerated, joined.problems = settled.regenerated, settled.problems


def _json(joined: Joined) -> dict[str, Any]:
    experiment = joined.layout.experiment
    return {
        "name": experiment.name,
        "path": shown(experiment.root),
        "shards": [
            {"path": merge.shown, **dataclasses.asdict(merge.merged)} for merge in joined.merges
        ],
        "slots": joined.slots,
        "complete": joined.complete,
        "regenerated": joined.regenerated,
        "problems": joined.problems,
    }


def _say(found: Sequence[Joined], strays: Sequence[str], *, dry: bool) -> None:
    for joined in found:
        experiment = joined.layout.experiment
        say(f"{safe_line(experiment.name)} ({shown(experiment.root)})")
        for merge in joined.merges:
            merged = merge.merged
            say(
                f"  {merge.shown}: {_count(len(merged.judgments), 'judgment')}, "
                f"{_count(merged.attempts, 'attempt')}, {_count(merged.prompts, 'prompt')} "
                f"{'would be ' if dry else ''}taken over; {merged.same} the same"
            )
        if not joined.merges:
            say("  no shard has a result of it")
        for line in _limited(joined.left_out):
            say(f"  {line}")
        if not dry:
            say(
                f"  {joined.complete} of {_count(joined.slots, 'slot')} complete, "
                f"consensus regenerated {joined.regenerated}"
            )
    for line in _limited([f"of no run here: {stray}" for stray in strays]):
        say(line)
    if dry:
        say("dry run: nothing was changed")


def _limited(lines: Sequence[str]) -> Iterator[str]:
    yield from (safe_line(line, 1000) for line in lines[:LISTED])
    if len(lines) > LISTED:
        yield f"... and {len(lines) - LISTED} more"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
