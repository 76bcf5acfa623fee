"""Path arguments that name an experiment, a part of it, a run, or a slot.

pytest cannot find what a collector did not make from a file, so such an argument is
replaced by the experiment's configuration file, and what it selects is remembered.
"""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.layouts import config_of, looks_like_run, open_parts
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

SELECTIONS = pytest.StashKey[dict[Path, "list[Selection] | None"]]()


class Place(Value, frozen=True):
    """Where an argument points to: an experiment, and the rest of the path and the name."""

    root: Path
    config_file: Path
    inner: str
    name: str


class Selection(Value, frozen=True):
    """What one argument selects of an experiment: a path inside it, or a name after ``::``."""

    arg: str
    inner: str
    name: str

    def matches(self, slot: str, path: str) -> bool:
        """Tell whether a slot, by its name and its run's path in the experiment, is meant.

        A directory means the runs in it; a path inside a run means that run, or the one
        slot whose directory it lies in.
        """
        if self.name:
            return slot == self.name or slot.startswith(f"{self.name}/")
        judge = slot.rpartition("/")[2]
        own = f"{path}/judge/{judge}"
        if path == self.inner or path.startswith(f"{self.inner}/"):
            return True
        if self.inner == own or self.inner.startswith(f"{own}/"):
            return True
        below_another = self.inner.startswith(f"{path}/judge/judge_")
        return self.inner.startswith(f"{path}/") and not below_another


def locate(arg: str, config: pytest.Config) -> Place | None:
    """Find the outermost experiment that an argument lies in, itself or where its links lead.

    The outermost, because an agent's workspace may hold something that looks like one.
    """
    text, _, name = arg.partition("::")
    path = Path(_absolute(config.invocation_params.dir, text))
    return _locate(path, name, config) or _locate(path.resolve(), name, config)


def _locate(path: Path, name: str, config: pytest.Config) -> Place | None:
    bound = config.rootpath if config.inipath is not None else None
    found: Place | None = None
    outside = False
    for directory in (path, *path.parents):
        config_file = config_of(directory) if directory.is_dir() else None
        # Above the root directory only if a run lies between: then an ini file in the run
        # has made that the root directory. Without an ini file it bounds nothing.
        if config_file is not None and not (outside and not _in_a_run(path, directory)):
            inner = "" if path in (config_file, directory) else _relative(path, directory)
            if inner in ("config", "experiment.yaml", "config/experiment.json"):
                inner = ""
            found = Place(directory, config_file, inner, name)
        outside = outside or directory == bound
    return found


def _in_a_run(path: Path, root: Path) -> bool:
    return any(
        looks_like_run(directory)
        for directory in (path, *path.parents)
        if directory.is_relative_to(root) and directory != root
    )


def _absolute(base: Path, text: str) -> str:
    return os.path.normpath(base / text)


def _relative(path: Path, root: Path) -> str:
    return open_parts(path.relative_to(root).as_posix())


def map_arguments(config: pytest.Config) -> None:
    """Replace the arguments that point into experiments and remember what they select."""
    selections: dict[Path, list[Selection] | None] = {}
    args: list[str] = []
    plain: list[Path] = []
    for arg in config.args:
        place = locate(arg, config)
        if place is None:
            args.append(arg)
            plain.append(Path(_absolute(config.invocation_params.dir, arg.partition("::")[0])))
            continue
        # pytest wants an argument that is there; a link to nowhere is explained when collected
        target = str(place.config_file if place.config_file.exists() else place.root)
        if target not in args:
            args.append(target)
        if not place.inner and not place.name:
            selections[place.root] = None
        elif selections.setdefault(place.root, []) is not None:
            chosen = selections[place.root]
            assert chosen is not None, "just looked at"  # noqa: S101 - narrows the type
            chosen.append(Selection(arg, place.inner, place.name))
    for root in selections:  # pytest drops an argument that another one contains
        if any(root.is_relative_to(path) for path in plain):
            selections[root] = None
    config.args = args
    config.stash[SELECTIONS] = selections


def anchors(args: list[str], config: pytest.Config) -> tuple[list[str], str]:
    """Return where pytest is to look for conftest files, and how far up.

    Inside an experiment from its configuration file on. Without an ini file, pytest
    would look no higher than the argument, and miss the experiment's own.
    """
    places = [locate(arg, config) for arg in args or [os.curdir]]
    found = [
        arg if place is None else str(place.config_file)
        for arg, place in zip(args or [os.curdir], places, strict=True)
    ]
    cut = Path(config.known_args_namespace.confcutdir)
    if config.inipath is None:
        for place in places:
            if place is not None and cut.is_relative_to(place.root):
                cut = place.root
    return ([] if found == [os.curdir] else found), str(cut)


def selection_of(config: pytest.Config, root: Path) -> list[Selection] | None:
    """Return what the arguments select of an experiment; None for all of it."""
    return config.stash.get(SELECTIONS, {}).get(root)


def unmatched(selections: Iterable[Selection], slots: Iterable[tuple[str, str]]) -> list[Selection]:
    """Return the selections that mean no slot of the experiment, whatever its status."""
    known = list(slots)
    return [s for s in selections if not any(s.matches(*slot) for slot in known)]
