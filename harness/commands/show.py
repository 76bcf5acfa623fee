"""``show NODEID``: one slot, or all slots of a run, as they stand on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.commands.places import near, shown
from harness.commands.say import say, table
from harness.errors import SelectionError
from harness.layouts import config_of, open_experiment
from harness.looking import exists
from harness.report.details import OUTPUT_CAP, PROMPT_CAP, run_details, slot_details
from harness.scan import scan
from harness.statistics.words import number
from harness.text import safe_line, safe_text

if TYPE_CHECKING:
    import argparse

    from harness.model import Slot
    from harness.report.details import SlotDetails
    from harness.scan import Scan

REPLY_CAP = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "nodeid",
        metavar="NODEID",
        help="a slot as pytest prints it (exp/experiment.yaml::runs/a/judge_01), or a run",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print all that is known of a slot; of a run, its output and every judgment."""
    root, name = _parse(arguments.nodeid)
    scanned = scan(open_experiment(root))
    chosen = [s for s in scanned.slots if name in (s.name, s.run.name)]
    if not chosen:
        raise SelectionError(
            f"{arguments.nodeid}: there is no such run or slot; "
            f"python -m harness status {shown(root)} counts those that are there"
        )
    lines = _slot(scanned, chosen[0]) if chosen[0].name == name else _run(scanned, tuple(chosen))
    say("\n".join(lines))
    return 0


def _parse(given: str) -> tuple[Path, str]:
    """Return the experiment and the name in it; a path to a run's or slot's place will do.

    pytest prints ids as they are from its root directory: one that leads nowhere from here
    is tried from the directories above.
    """
    file, found, name = given.partition("::")
    here = Path.cwd()
    places = [Path(os.path.abspath(base / file)) for base in (here, *here.parents)]  # noqa: PTH100 - links are left as they are
    path = next((place for place in places if exists(place)), places[0])
    for root in (path, *path.parents):
        if config_of(root) is not None:
            inner = name if found else path.relative_to(root).as_posix()
            return root, inner.replace("/judge/judge_", "/judge_")
    raise SelectionError(f"{given}: there is no experiment; give a node id as pytest prints it")


def _run(scanned: Scan, slots: tuple[Slot, ...]) -> list[str]:
    details = run_details(scanned, slots)
    run = slots[0].run
    lines = [f"{safe_line(run.name)} in {shown(scanned.layout.experiment.root)}"]
    lines += [f"  task {safe_line(run.task)}, group {safe_line(run.group)}"]
    if run.blocked or run.problem:
        lines.append(f"  {safe_line(near(run.blocked or run.problem or ''), 1000)}")
    for one in details.slots:
        lines += ["", *_judgment(one)]
    return [*lines, *_section("output", details.output)]


def _slot(scanned: Scan, slot: Slot) -> list[str]:
    one = slot_details(scanned, slot, cap=REPLY_CAP)
    layout = scanned.layout
    lines = [f"{safe_line(slot.name)} in {shown(layout.experiment.root)}", *_judgment(one)]
    lines += _section("prompt", _text(scanned, slot))
    for call in one.calls:
        cost = "" if call.cost_usd is None else f", {call.cost_usd:.4f} USD"
        why = f": {safe_line(near(call.why))}" if call.why else ""
        lines.append(f"attempt: {safe_line(call.outcome)} in {call.seconds:.1f} s{cost}{why}")
    return [*lines, *_section("reply", one.reply)]


def _text(scanned: Scan, slot: Slot) -> str | None:
    path = scanned.layout.frozen_prompt(slot.run)
    if path is None:
        return None
    match files.read_text(path, root=scanned.layout.experiment.root):
        case files.Ok(text):
            return safe_text(text, PROMPT_CAP)
        case _:
            return None


def _judgment(one: SlotDetails) -> list[str]:
    slot, judgment = one.slot, one.slot.judgment
    head = f"{safe_line(slot.judge.label)}: {slot.status}"
    if judgment is not None:
        verdict = "passed" if judgment.passed else "not passed"
        head += f", score {judgment.score:.3f}, {verdict}, grade {safe_line(judgment.grade, 20)}"
    lines = [head]
    if slot.why:
        lines.append(f"  {safe_line(near(slot.why), 1000)}")
    lines += [f"  {line}" for line in one.reasoning.splitlines()]
    if one.criteria:
        rows = [
            [
                f"  {safe_line(str(row['category']), 30)}",
                safe_line(str(row["criterion"]), 30),
                "N/A" if row["not_applicable"] else _points(row["achieved"]),
                _points(row["max"]),
            ]
            for row in one.criteria
        ]
        reasons = ["reason", *(safe_line(str(row["reason"] or ""), 200) for row in one.criteria)]
        laid_out = table(["  category", "criterion", "points", "of"], rows, left=2)
        lines += [
            f"{line}  {reason}".rstrip() for line, reason in zip(laid_out, reasons, strict=True)
        ]
    return lines


def _points(value: object) -> str:
    return number(value if isinstance(value, float) else None, 2)


def _section(title: str, text: str | None) -> list[str]:
    """Set off a text of others; its length is bounded where it was read."""
    if text is None:
        return ["", f"--- no {title} on record ---"]
    return ["", f"--- {title} ---", safe_text(text, OUTPUT_CAP + PROMPT_CAP + REPLY_CAP), ""]
