"""Where the experiments are that a command is about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import SelectionError
from harness.files import is_directory, is_link, list_names
from harness.layouts import config_of, open_experiment
from harness.scan import scan
from harness.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model import Experiment
    from harness.scan import Scan

HELP = "an experiment's directory, or one with experiments below it"


def scans(directory: str) -> Iterator[Scan]:
    """Scan the experiment at ``directory``, or those below it, sorted by path."""
    roots = list(experiments(directory))
    if not roots:
        raise SelectionError(
            f"{directory}: there is no experiment.yaml and no config/experiment.json here or below"
        )
    for root in roots:
        with Steps("scan", "runs") as steps:
            found = scan(open_experiment(root), step=steps.step)
        yield found


def experiments(directory: str) -> Iterator[Path]:
    """Yield the experiment at ``directory``, or those below it; never looks inside one."""
    path = Path(directory)
    if not is_directory(path):
        raise SelectionError(f"{directory}: is no directory")
    yield from _below(path)


def _below(path: Path) -> Iterator[Path]:
    if config_of(path) is not None:
        yield path
        return
    for name in list_names(path):
        inner = path / name
        if not name.startswith(".") and is_directory(inner) and not is_link(inner):
            yield from _below(inner)


def node_id(experiment: Experiment, name: str) -> str:
    """Return the id of a run or slot as it can be pasted after ``pytest`` from here."""
    return f"{shown(experiment.config_file)}::{name}"


def near(text: str) -> str:
    """Return a message with its paths as one would type them from here, as pytest shows them."""
    return text.replace(f"{os.path.realpath(os.curdir)}/", "")


def shown(path: Path) -> str:
    """Return a path as one would type it from here."""
    return os.path.relpath(path, os.path.realpath(os.curdir))
