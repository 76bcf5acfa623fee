"""The layouts that other packages offer, in the entry-point group ``harness.layouts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import files, offered
from harness.errors import ExperimentError
from harness.layouts.base import Layout

if TYPE_CHECKING:
    from pathlib import Path

ENTRY_POINTS = "harness.layouts"

BUILT_IN = ("native", "scylla")


def names() -> list[str]:
    """Return what the key ``layout`` may say, the built-in ones first."""
    return [*BUILT_IN, *(name for name in offered.names(ENTRY_POINTS) if name not in BUILT_IN)]


def find(name: str) -> type[Layout] | None:
    """Return the class of an offered layout, or None. A built-in one cannot be replaced."""
    found = None if name in BUILT_IN else offered.load(ENTRY_POINTS, name)
    if found is None or (isinstance(found, type) and issubclass(found, Layout)):
        return found
    raise ExperimentError(
        f"{name!r} of {ENTRY_POINTS} is no subclass of harness.Layout; "
        "mend the package that offers it"
    )


def chosen(file: Path, *, root: Path) -> type[Layout] | None:
    """Return the offered layout that an ``experiment.yaml`` names; None if it names none.

    What is wrong with the file otherwise is for its layout to say.
    """
    match files.read_text(file, root=root):
        case files.Ok(text) if "layout" in text:  # else it need not be parsed twice
            try:
                value = files.load_yaml(file, root=root)
            except ExperimentError:
                return None
            name = value.get("layout") if isinstance(value, dict) else None
            return find(name) if isinstance(name, str) else None
        case _:
            return None
