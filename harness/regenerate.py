"""All that is derived from judgments, made again at every level; needs no judge, costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import files
from harness.errors import ExperimentError
from harness.settle import How, Settled, settle

if TYPE_CHECKING:
    from pathlib import Path

    from harness.layouts.derived import Derived
    from harness.scan import Scan


def regenerate(scan: Scan, *, dry_run: bool = False) -> Settled:
    """Settle every run, and bring the reports above the runs up to date.

    Whatever is not what the judgments give is rewritten, be it absent or stale; the rest
    is not touched. What another tool may have written is kept beside the new file. With
    ``dry_run`` nothing is written; ``files`` of what is returned are those that would be.
    """
    layout = scan.layout
    keep_old = layout.shared
    settled = settle(scan, How(write=not dry_run, keep_old=keep_old))
    runs = [slots[0].run for slots in scan.by_run()]
    for derived in layout.reports(runs, settled.keys, settled.problems):
        try:
            if not dry_run:
                _write(derived, layout.experiment.root, keep_old=keep_old)
        except (OSError, ExperimentError) as error:
            settled.problems.append(f"{derived.path}: cannot be written ({error})")
        else:
            settled.files.append(derived.path)
    return settled


def _write(derived: Derived, root: Path, *, keep_old: bool) -> None:
    path, content = derived.path, derived.content
    if keep_old and files.is_plain(path):
        files.keep_copy(path, as_="old")
    elif files.is_there(path) and not files.is_file(path):
        files.set_aside(path)
    if isinstance(content, str):
        files.commit_bytes(path, content.encode("utf-8"), root=root, durable=False)
    else:
        files.commit_json(path, dict(content), root=root, durable=False, finite=False)
