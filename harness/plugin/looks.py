"""The first look at paths, by a few system calls; imports nothing heavy."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONFIGS = ("experiment.yaml", os.path.join("config", "experiment.json"))  # noqa: PTH118 - called for every directory


def looks_like_experiment(path: Path) -> bool:
    """Tell whether a directory holds an experiment, or one whose configuration is missing."""
    base = str(path)
    if any(os.path.lexists(f"{base}/{name}") for name in CONFIGS):
        return True
    if os.path.isdir(f"{base}/runs"):  # noqa: PTH112 - called for every directory
        return any(os.path.exists(f"{base}/{name}") for name in ("task.md", "rubric.yaml"))  # noqa: PTH110 - the same
    return os.path.isdir(f"{base}/T0") and os.path.isdir(f"{base}/config")  # noqa: PTH112 - the same


def may_lie_in_experiment(arg: str, config: pytest.Config) -> bool:
    """Tell, by a few ``stat`` calls, whether a path argument is an experiment or inside one."""
    path = os.path.join(str(config.invocation_params.dir), arg.split("::", 1)[0])  # noqa: PTH118 - called at every start
    path = os.path.normpath(path)
    if not os.path.lexists(path) and not names_slot_directory(path):
        return False
    return _inside_experiment(path) or _inside_experiment(os.path.realpath(path))


def names_slot_directory(path: str) -> bool:
    """Tell whether a path may be a slot's directory, which need not be there yet."""
    parent, name = os.path.split(path)
    return name.startswith("judge_") and os.path.basename(parent) == "judge"  # noqa: PTH119 - text in, text out


def _inside_experiment(path: str) -> bool:
    while True:
        if any(os.path.lexists(f"{path}/{name}") for name in CONFIGS):
            return True
        parent = os.path.dirname(path)  # noqa: PTH120 - the same
        if parent == path:
            return False
        path = parent
