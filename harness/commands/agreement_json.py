"""The figures of an experiment for programs: every level with everything that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.commands.places import node_id, shown
from harness.effort import efforts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.agreement import Agreement, Level
    from harness.calibration import Calibration
    from harness.effort import Took
    from harness.scan import Scan


def portable(
    scanned: Scan,
    made: Agreement,
    people: Calibration | None,
    took: Mapping[str, Sequence[Took]],
) -> dict[str, Any]:
    """Return what ``agreement --json`` says of one experiment; runs are ids that can be pasted."""
    runs = [slots[0].run for slots in scanned.by_run()]
    of_groups: dict[str, list[str]] = {}
    of_tasks: dict[str, list[str]] = {}
    for run in runs:
        of_groups.setdefault(run.group, []).append(run.name)
        of_tasks.setdefault(run.task, []).append(run.name)

    def level(found: Level, names: Sequence[str]) -> dict[str, Any]:
        experiment = scanned.layout.experiment
        return {
            **msgspec.to_builtins(found),
            "split": [node_id(experiment, run) for run in found.split],
            "disputed": [
                {"id": node_id(experiment, run), "spread": spread} for run, spread in found.disputed
            ],
            "effort": msgspec.to_builtins(efforts_of(scanned, took, names)),
        }

    whole = level(made.whole, [run.name for run in runs])
    return {
        "experiment": made.experiment,
        "path": shown(scanned.layout.experiment.root),
        "judges": list(made.judges),
        "whole": whole,
        "groups": [level(found, of_groups[found.name]) for found in made.groups],
        "tasks": [level(found, of_tasks[found.name]) for found in made.tasks],
        "split": whole["split"],
        "disputed": whole["disputed"],
        "effort": whole["effort"],
        "calibration": msgspec.to_builtins(people),
    }
