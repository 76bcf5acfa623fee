"""What a run's own page shows beside its figures: texts as they lie on disk, shortened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import files
from harness.export.rows import criteria_of
from harness.ledger import entries
from harness.report.calls import slot_calls
from harness.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.export.columns import Cell
    from harness.model import Run, Slot
    from harness.report.calls import Call
    from harness.scan import Scan

PROMPT_CAP = 20_000
OUTPUT_CAP = 20_000
REPLIES_CAP = 120_000
"""Characters of all replies of a run together; each judge may use its part."""

CRITERIA = 100
"""Criteria of one judgment that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDetails:
    """One slot; ``reply`` is the judge's raw text, None if none is on record."""

    slot: Slot
    reasoning: str
    reply: str | None
    criteria: tuple[Mapping[str, Cell], ...]
    calls: tuple[Call, ...]
    directory: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """One run; ``files`` are the places worth a look, by their names for people."""

    run: Run
    prompt: str | None
    output: str | None
    slots: tuple[SlotDetails, ...]
    files: tuple[tuple[str, Path], ...]


def run_details(scan: Scan, slots: tuple[Slot, ...], *, share: float = 1.0) -> RunDetails:
    """Read the texts of one run; what is not there, or is no text, is None.

    ``share``: how much of the usual length is kept, for runs with very much to show.
    """
    layout, run = scan.layout, slots[0].run
    prompt, output = layout.frozen_prompt(run), layout.output(run)
    places = [
        ("prompt", prompt),
        ("output", output),
        ("workspace", layout.workspace(run)),
        ("consensus", layout.consensus_file(run)),
    ]
    return RunDetails(
        run=run,
        prompt=_text(prompt, scan, int(PROMPT_CAP * share)),
        output=_text(output, scan, int(OUTPUT_CAP * share)),
        slots=tuple(
            slot_details(
                scan,
                slot,
                cap=int(REPLIES_CAP * share) // len(slots),
                criteria=int(CRITERIA * share),
            )
            for slot in slots
        ),
        files=tuple(
            (name, path) for name, path in places if path is not None and files.is_there(path)
        ),
    )


def slot_details(scan: Scan, slot: Slot, *, cap: int, criteria: int = CRITERIA) -> SlotDetails:
    """Read what one judge answered about a run; ``cap``: characters of each of its texts."""
    layout = scan.layout
    judgment = slot.judgment
    directory = layout.slot_directory(slot.run, slot.judge)
    return SlotDetails(
        slot=slot,
        reasoning="" if judgment is None else safe_text(judgment.reasoning, cap),
        reply=_reply(scan, slot, cap),
        criteria=() if judgment is None else tuple(criteria_of(judgment))[:criteria],
        calls=tuple(slot_calls(scan, slot)),
        directory=directory if files.is_directory(directory) else None,
    )


def _reply(scan: Scan, slot: Slot, cap: int) -> str | None:
    """Return the reply that the judgment was made from, else that of the latest attempt."""
    made = None if slot.judgment is None else slot.judgment.provenance.get("attempt")
    found = list(entries(scan.layout, slot.run, slot.judge))
    chosen = [entry for entry in found if entry.directory.name == made] or found
    return _text(chosen[0].stdout, scan, cap) if chosen else None


def _text(path: Path | None, scan: Scan, cap: int) -> str | None:
    if path is None:
        return None
    match files.read_bytes(path, root=scan.layout.experiment.root):
        case files.Ok(content):
            return safe_text(content.decode("utf-8", "replace"), cap)
        case _:
            return None
