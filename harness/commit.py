"""The commit point of a slot: its judgment goes to disk, and nobody's work is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import files
from harness.errors import DiskError, KeptError
from harness.layouts.base import Damaged, Found
from harness.model import Judgment, SlotStatus

if TYPE_CHECKING:
    from pathlib import Path

    from harness.layouts import Layout
    from harness.model import Slot


def commit_judgment(
    layout: Layout, slot: Slot, value: dict[str, Any], attempt: Path
) -> tuple[Judgment, list[str]]:
    """Write the judgment of a claimed slot; return it as it reads, and notes for people.

    What stood in its place is kept: a damaged file beside it, a judgment that became
    stale, or was asked for again, in the attempt's directory, its unknown keys in the
    new one as well. What somebody wrote since the scan stays as it is, and ``KeptError``
    says so. At no moment is the place empty that was not empty before.
    """
    path = layout.judgment_file(slot.run, slot.judge)
    since = files.stamp(path)
    notes = []
    try:
        match layout.read_slot(slot.run, slot.judge):
            case Found(old) if _is_the_stale_one(old, slot):
                value = {**_unknown(old, value), **value}
                if since is not None:
                    files.link(path, attempt / f"replaced-{path.name}")
            case Found():
                raise FileExistsError  # noqa: TRY301 - the same as when the write finds it
            case Damaged(why, unreadable=True):
                raise DiskError(f"{why}; the answer is kept in {attempt} and will be adopted")
            case Damaged(why) if files.is_plain(path):
                notes.append(f"{why}; set aside as {files.keep_copy(path).name}")
            case Damaged(why) if (kept := files.set_aside(path)) is not None:
                since = None
                notes.append(f"{why}; set aside as {kept.name}")
            case Damaged(why):  # it lies where an older layout had it
                notes.append(f"{why}; left where it is")
        _put(path, value, since, layout)
    except (FileExistsError, files.EditedError):
        raise KeptError(
            f"{path}: was written by someone else meanwhile; it is kept as it is, "
            f"the judge's reply is kept in {attempt}"
        ) from None
    found = layout.read_slot(slot.run, slot.judge)
    if not isinstance(found, Found):  # somebody has been faster than this line
        raise KeptError(f"{path}: was changed by someone else at once; it is kept as it is")
    return found.judgment, notes


def _put(path: Path, value: dict[str, Any], since: files.Stamp, layout: Layout) -> None:
    """Write only over what was looked at; an error if somebody else wrote since."""
    root = layout.experiment.root
    files.commit_json(path, value, root=root, replace=since is not None, since=since)


def _is_the_stale_one(judgment: Judgment, slot: Slot) -> bool:
    known = slot.judgment
    replaceable = slot.status is SlotStatus.STALE or slot.again
    return replaceable and known is not None and judgment.raw == known.raw


def _unknown(old: Judgment, value: dict[str, Any]) -> dict[str, Any]:
    return {key: kept for key, kept in old.raw.items() if key not in value}
