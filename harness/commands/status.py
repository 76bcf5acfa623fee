"""``status DIR``: how many slots are judged, missing, failed, stale, or blocked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.commands.places import HELP, near, node_id, scans, shown
from harness.commands.say import say, say_json, table
from harness.gather import judged_by_people
from harness.model import SlotStatus
from harness.text import safe_line

if TYPE_CHECKING:
    import argparse

    from harness.scan import Scan

LISTED = 10
"""Failed slots that are listed with the reason; ``--json`` lists all."""

ALWAYS = (SlotStatus.COMPLETE, SlotStatus.MISSING, SlotStatus.FAILED)
"""The columns that are there even if they count nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)
    parser.add_argument("--json", action="store_true", help="for programs, with all failed slots")


def run(arguments: argparse.Namespace) -> int:
    """Print the status of each experiment."""
    found = [_status(scanned) for scanned in scans(arguments.directory)]
    if arguments.json:
        say_json({"experiments": found})
    else:
        for experiment in found:
            say("\n".join(_lines(experiment)))
    return 0


def _status(scanned: Scan) -> dict[str, Any]:
    experiment = scanned.layout.experiment
    by_judge: dict[int, Counter[SlotStatus]] = {j.number: Counter() for j in experiment.panel}
    for slot in scanned.slots:
        by_judge[slot.judge.number][slot.status] += 1
    people = judged_by_people(scanned)
    return {
        "name": experiment.name,
        "path": shown(experiment.root),
        "layout": scanned.layout.name,
        "runs": sum(1 for _ in scanned.by_run()),
        "full_panel": sum(all(s.judgment for s in slots) for slots in scanned.by_run()),
        "slots": _counts(scanned.counts()),
        "judges": [
            {
                "number": judge.number,
                "name": judge.name,
                "kind": judge.kind,
                "model": judge.model,
                "slots": _counts(by_judge[judge.number]),
            }
            for judge in experiment.panel
        ],
        "people": [
            {"number": judge.number, "name": judge.name, "judged": len(people[judge.number])}
            for judge in experiment.people
        ],
        "failed": [
            {"id": node_id(experiment, slot.name), "why": slot.why}
            for slot in scanned.select([SlotStatus.FAILED])
        ],
    }


def _counts(counts: Counter[SlotStatus]) -> dict[str, int]:
    return {status.value: counts[status] for status in SlotStatus}


def _lines(status: dict[str, Any]) -> list[str]:
    counts = status["slots"]
    total = ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "none"
    columns = [s.value for s in SlotStatus if s in ALWAYS or counts[s.value]]
    rows = [
        [
            f"  {judge['number']:02d} {safe_line(judge['name'], 40)}",
            *(str(judge["slots"][column]) for column in columns),
        ]
        for judge in status["judges"]
    ]
    lines = [
        f"{safe_line(status['name'])} ({status['path']}): {sum(counts.values())} slots: {total}",
        *table(["  judge", *columns], rows),
        f"  {status['full_panel']} of {status['runs']} runs have all judgments",
    ]
    lines += [
        f"  {person['number']:02d} {safe_line(person['name'], 40)} (human): "
        f"judged {person['judged']} of {status['runs']} runs"
        for person in status["people"]
    ]
    lines += [
        f"  {slot['id']}: {safe_line(near(slot['why']))}" for slot in status["failed"][:LISTED]
    ]
    if len(status["failed"]) > LISTED:
        lines.append(f"  ... and {len(status['failed']) - LISTED} more that failed; --json has all")
    return lines
