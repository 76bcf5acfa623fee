"""Which layout an experiment has: decided by what is on disk."""

from __future__ import annotations

import os
from pathlib import Path

from harness import files
from harness.errors import ExperimentError
from harness.layouts.base import Layout
from harness.layouts.native import CONFIG as NATIVE_CONFIG
from harness.layouts.native import NativeLayout
from harness.layouts.native import looks_like_run as _looks_native
from harness.layouts.registry import chosen
from harness.layouts.scylla_places import CONFIG as SCYLLA_CONFIG
from harness.layouts.scylla_places import PARTS, RUN
from harness.layouts.scylla_places import config_of as _scylla_config

__all__ = ["Layout", "config_of", "looks_like_run", "open_experiment", "open_parts"]

# ProjectScylla's first: an experiment.yaml beside its config only overrides it.
_CONFIGS = (_scylla_config, NativeLayout.config_of)


def config_of(directory: Path) -> Path | None:
    """Return the file that makes ``directory`` an experiment; None if it is none."""
    for found in _CONFIGS:
        if (path := found(directory)) is not None:
            return path
    return None


def open_experiment(directory: Path) -> Layout:
    """Read the configuration of an experiment; ``ExperimentError`` if there is none.

    The file that makes it one will do in place of the directory.
    """
    directory = _directory_of(directory)
    if _scylla_config(directory) is not None:
        from harness.layouts.scylla import ScyllaLayout

        return ScyllaLayout(directory)
    if (file := NativeLayout.config_of(directory)) is not None:
        return _native(file, directory)
    raise ExperimentError(
        f"{directory}: is no experiment; it needs {NATIVE_CONFIG} or {SCYLLA_CONFIG}"
    )


def _native(file: Path, directory: Path) -> Layout:
    try:
        layout = chosen(file, root=directory)
    except ExperimentError as error:
        raise ExperimentError(f"{file}: layout: {error}") from None
    return NativeLayout(directory) if layout is None else layout(directory)


def _directory_of(path: Path) -> Path:
    if not files.is_directory(path):  # the file itself may be a link, but is known by its name
        file = Path(os.path.realpath(path.parent)) / path.name
        for directory in (file.parent, file.parent.parent):
            if any(found(directory) == file for found in _CONFIGS):
                return directory
    return Path(os.path.realpath(path))  # Path.resolve may raise for a loop


def looks_like_run(path: Path) -> bool:
    """Tell whether a directory is a run of some layout, by its name or by what is in it."""
    return RUN.fullmatch(path.name) is not None or _looks_native(path)


def open_parts(inner: str) -> str:
    """Return a path inside an experiment without the part that names no run (``completed/``)."""
    head, _, rest = inner.partition("/")
    return rest if head in PARTS and head else inner
