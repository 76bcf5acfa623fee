"""The slots of a session as they travel from the controller of pytest-xdist to its workers.

A worker may see an experiment at another path than the controller, and have another root
directory. So each experiment is found by a mark, an empty directory that the controller
puts into it for the session, and its slots have the ids that the controller gave them.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness import __version__
from harness.errors import ExperimentError
from harness.files import is_there
from harness.model import SlotStatus
from harness.plugin.options import SNAPSHOT
from harness.plugin.tally import relative

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.model import Experiment, Slot
    from harness.scan import Scan

ABSENT = "harness-absent"
"""What is collected, in reports, of arguments and experiments that a worker does not see."""


def shipped(scanned: Scan, slots: Iterable[Slot], *, file: str, mark: Path | None) -> Any:
    """Return what workers are told of an experiment, whose ids begin with ``file``."""
    return {
        "id": file,
        "name": scanned.layout.experiment.name,
        "mark": "" if mark is None else mark.name,
        "version": __version__,
        "error": "",
        "slots": listed(slots),
    }


def broken(error: ExperimentError) -> Any:
    """Return what workers are told of an experiment that cannot be read."""
    return {"error": str(error), "slots": [], "mark": ""}


def find(config: pytest.Config, root: Path) -> tuple[str, Any] | None:
    """Return the controller's path of an experiment, and what it told this worker of it."""
    given = getattr(config, "workerinput", {}).get(SNAPSHOT, {})
    for place, entry in given.items():
        if entry["mark"] and is_there(root / entry["mark"]):
            return place, entry
    place = os.path.relpath(os.path.realpath(root), config.rootpath)
    entry = given.get(place)
    return None if entry is None or entry["mark"] else (place, entry)


def place(config: pytest.Config, experiment: Experiment) -> tuple[str, str]:
    """Return the path and the name of an experiment, in a worker the controller's."""
    found = find(config, experiment.root)
    if found is not None and "name" in found[1]:
        return found[0], found[1]["name"]
    return relative(experiment.root, config.rootpath), experiment.name


def check(config: pytest.Config, root: Path, entry: Any) -> None:
    """Refuse, before anything is paid, what would end in another place than the controller's."""
    given = getattr(config, "workerinput", {}).get(SNAPSHOT, {})
    if entry is None and any(other["mark"] for other in given.values()):
        raise ExperimentError(
            f"{root}: is a copy, or another experiment than the session was started for: "
            "its judgments would stay on this machine; have all machines share one directory "
            "(chdir=), or use --judge-shard and python -m harness merge"
        )
    if entry is None:
        return
    if entry["error"]:
        raise ExperimentError(entry["error"])
    if entry["version"] != __version__:
        raise ExperimentError(
            f"{root}: this worker has version {__version__} of pytest-judge-panel, the session "
            f"was started with {entry['version']}; install the same on every machine"
        )


def report_absent(session: pytest.Session) -> None:
    """Tell the controller, from a worker, of arguments and experiments that are not there."""
    config = session.config
    given = config.workerinput.get(SNAPSHOT, {})  # type: ignore[attr-defined] # pytest-xdist's
    if not any(entry["mark"] for entry in given.values()):
        return
    here = config.invocation_params.dir
    places = () if config.option.pyargs else config.args  # else they may be names of modules
    absent = [arg for arg in places if not is_there(here / arg.partition("::")[0])]
    if absent or not config.pluginmanager.hasplugin("harness-session"):
        why = (
            f"{config.workerinput['workerid']} on {socket.gethostname()}: "  # type: ignore[attr-defined] # the same
            f"there is no {absent[0] if absent else 'experiment'} in {here}; name the directory "
            "in which that machine sees the project, as in --tx ...//chdir=/shared/project"
        )
        report = pytest.CollectReport(nodeid=ABSENT, outcome="failed", longrepr=why, result=[])
        config.hook.pytest_collectreport(report=report)


def listed(slots: Iterable[Slot]) -> list[list[str]]:
    """Return the slots that were selected: name, status, and what tells a judgment to replace."""
    return [[slot.name, slot.status.value, _mark(slot) if slot.again else ""] for slot in slots]


def as_listed(scanned: Scan, listed: list[list[str]]) -> list[Slot]:
    """Return the slots that the controller listed, with the status it saw."""
    known = {slot.name: slot for slot in scanned.slots}
    slots = []
    for name, status, mark in listed:
        slot = known.get(name)
        if slot is None:
            raise ExperimentError(
                f"{scanned.layout.experiment.config_file}: {name} has vanished since the session "
                "started; run the same command again"
            )
        # Only while it is as the controller saw it is a judgment to be replaced; any other
        # that is found was made meanwhile, and holds.
        if slot.status is not SlotStatus(status) or (mark and _mark(slot) != mark):
            slot = replace(slot, status=SlotStatus.MISSING, judgment=None)
        slots.append(replace(slot, again=bool(mark)) if mark and slot.judgment else slot)
    return slots


def _mark(slot: Slot) -> str:
    raw = None if slot.judgment is None else slot.judgment.raw
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
