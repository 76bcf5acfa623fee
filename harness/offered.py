"""What other packages offer: the entry points of a group."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from harness.errors import ExperimentError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def points(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group; looked up once in a process."""
    from importlib.metadata import entry_points

    return tuple(entry_points(group=group))


def names(group: str) -> list[str]:
    """Return the names that are offered in a group, each once, sorted."""
    return sorted({point.name for point in points(group)})


def load(group: str, name: str) -> Any:
    """Return what is offered by that name, or None.

    ``ExperimentError`` if it is there and cannot be imported: the experiment needs another
    installation, or another name.
    """
    for point in points(group):
        if point.name == name:
            try:
                return point.load()
            except Exception as error:  # noqa: BLE001 - whatever a module of others raises
                known = isinstance(error, ImportError | AttributeError)
                why = error if known else f"{type(error).__name__}: {error}"
                raise ExperimentError(
                    f"{name!r} of {group} cannot be loaded from {point.value} ({why}); "
                    "mend the package that offers it"
                ) from None
    return None


def place(group: str, name: str) -> str:
    """Return what the entry point of a name that is offered says: ``module:attribute``."""
    return next(point.value for point in points(group) if point.name == name)
