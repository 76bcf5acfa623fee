"""From parsed YAML to typed values, with messages for the author of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from harness.errors import ExperimentError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T", bound=msgspec.Struct)

MOST = 1e9
"""No time-out, weight, price, or number of points is larger: sums and waits stay finite."""

Positive = Annotated[float, msgspec.Meta(gt=0, le=MOST)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=MOST)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=0.5)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


def convert(value: Any, type_: type[T], *, file: Path, where: str = "") -> T:
    """Give ``value`` the type, or say what is wrong with which key of ``file``."""
    prefix = f"{file}: {where}: " if where else f"{file}: "
    if not isinstance(value, dict):
        found = "nothing" if value is None else type(value).__name__
        raise ExperimentError(f"{prefix}must be a mapping of keys, found {found}; correct it")
    known = [field.encode_name for field in msgspec.structs.fields(type_)]
    for key in value:
        if key not in known:
            raise ExperimentError(
                f"{prefix}unknown key {key!r}; remove it or use one of: {', '.join(known)}"
            )
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        why, _, place = str(error).partition(" - at ")
        key = place.strip("`").removeprefix("$").lstrip(".")
        at = f"{key}: " if key else ""
        raise ExperimentError(f"{prefix}{at}{_lower(why)}; correct it") from None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].replace("`", "")
