"""Directories that hold results of an experiment, but perhaps nothing else of it."""

from __future__ import annotations

import copy
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.layouts.base import ATTEMPTS, CLAIM, JUDGMENT, WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.layouts.base import Layout
    from harness.model import JudgeSpec, Run

_SLOT = re.compile(r"judge_\d{2,}")


def seen_at(layout: Layout, root: Path) -> Layout:
    """Return the layout of the same experiment whose results lie below ``root``."""
    part = copy.copy(layout)
    part.experiment = replace(layout.experiment, root=root)
    return part


def session_mark(layout: Layout, token: str) -> Path:
    """Return the directory by which workers on other machines know an experiment."""
    return layout.experiment.root / f".session-{token}"


def claim_of(layout: Layout, run: Run, judge: JudgeSpec) -> Path:
    """Return the file whose lock is the right to write a slot, also one that is not scanned."""
    return layout.slot_directory(run, judge) / CLAIM


def counterpart(layout: Layout, run: Run, root: Path) -> Run | None:
    """Return a run as it lies below another root; None if no result of it is there."""
    for place in layout.places(run):
        there = replace(run, path=root / place)
        if files.is_directory(layout.judge_directory(there)):
            return there
    return None


def has_results(slot: Path) -> bool:
    """Tell whether a directory holds a judgment or attempts."""
    return not {JUDGMENT, ATTEMPTS}.isdisjoint(files.list_names(slot))


def slots_below(root: Path) -> Iterator[Path]:
    """Yield the directories below ``root`` that hold a judgment or attempts, sorted.

    What agents left behind is not looked into.
    """
    for place, inner, _ in os.walk(root):
        inner[:] = sorted(n for n in inner if n != WORKSPACE and not n.startswith("."))
        if os.path.basename(place) == "judge":  # noqa: PTH119 - text, not a path
            slots = [Path(place) / name for name in inner if _SLOT.fullmatch(name)]
            yield from filter(has_results, slots)
            inner[:] = [name for name in inner if not _SLOT.fullmatch(name)]


def replaced_judgments(layout: Layout, run: Run, judge: JudgeSpec) -> Iterator[Path]:
    """Yield the judgments of a slot that a later one has replaced."""
    attempts = layout.attempts_directory(run, judge)
    for name in files.list_names(attempts):
        path = attempts / name / f"replaced-{JUDGMENT}"
        if files.is_file(path):
            yield path


def replaced_prompts(layout: Layout, run: Run) -> Iterator[Path]:
    """Yield the prompts of a run that a later one has replaced."""
    kept = f"{layout.prompt_file(run).name}.old-"
    for name in files.list_names(run.path):
        if name.startswith(kept):
            yield run.path / name


def further_files(layout: Layout, run: Run, judge: JudgeSpec) -> Iterator[Path]:
    """Yield what else lies in a slot: what was set aside, and what other tools keep there."""
    directory = layout.slot_directory(run, judge)
    for name in files.list_names(directory):
        known = name in (CLAIM, ATTEMPTS, JUDGMENT) or name.endswith(".tmp")
        if not known and files.is_plain(directory / name):
            yield directory / name


def half_merged(layout: Layout, run: Run, judge: JudgeSpec) -> Path:
    """Return where an attempt is put together before it gets its number."""
    return layout.slot_directory(run, judge) / ".merge.tmp"
