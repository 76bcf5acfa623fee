"""What ``promptfoo eval -o FILE.json`` writes: a run for each test, prompt, and provider."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.errors import SelectionError
from harness.foreign.record import Record, content
from harness.json_text import parse_json_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = (
    *("vars", "success", "score", "namedScores", "latencyMs", "cost", "metadata", "error"),
    "provider_id",
)
"""What is kept as a run's meta."""


def records(path: Path) -> Iterator[Record]:
    """Yield the runs; the provider is the group, the prompt as it was sent the task."""
    try:
        found = parse_json_object(content(path).decode("utf-8-sig", "replace"))
        outer = found.get("results")
        rows = outer.get("results") if isinstance(outer, dict) else outer
        if not isinstance(rows, list):
            raise ValueError("there is no list of results in it")  # noqa: TRY004, TRY301 - one message
    except ValueError as error:
        raise SelectionError(f"{path}: are no results of promptfoo ({error})") from None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise SelectionError(f"{path}: result {number} is no object")
        yield _record(row, number)


def _record(row: dict[str, Any], number: int) -> Record:
    response = row.get("response") if isinstance(row.get("response"), dict) else {}
    prompt = row.get("prompt") if isinstance(row.get("prompt"), dict) else {}
    output = response.get("output") if response else None
    found = {**row, "provider_id": _identity(row.get("provider"))}
    meta = {key: found[key] for key in KEPT if found.get(key) not in (None, {}, "")}
    return Record(
        id=str(row.get("id") or number),
        task=str((prompt or {}).get("raw") or ""),
        output=output if isinstance(output, str) else "" if output is None else json.dumps(output),
        group=_provider(row.get("provider")),
        meta=meta,
    )


def _provider(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("label") or value.get("id")
    return value if isinstance(value, str) and value else None


def _identity(value: Any) -> str | None:
    """Return the provider's own name, where a label hides it."""
    found = value.get("id") if isinstance(value, dict) and value.get("label") else None
    return found if isinstance(found, str) else None
