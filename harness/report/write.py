"""From experiments on disk to the files of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import files
from harness.effort import efforts
from harness.report.calls import calls_of
from harness.report.paging import pages
from harness.report.panorama import panorama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from harness.model import Experiment
    from harness.report.panorama import Panorama
    from harness.scan import Scan


def look_at(
    scan: Scan, node_id: Callable[[Experiment, str], str], shown: Callable[[Path], str]
) -> Panorama:
    """Read what is on record beside the judgments, and put it all together."""
    path = shown(scan.layout.experiment.root)
    return panorama(scan, calls_of(scan), efforts(scan), node_id=node_id, path=path)


def write_report(
    file: Path,
    scans: Iterable[Scan],
    *,
    node_id: Callable[[Experiment, str], str],
    shown: Callable[[Path], str],
    step: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Path]:
    """Write a report about ``scans`` to ``file``; return all files, the main one last."""
    files.make_directory(file.parent, root=file.parent)
    looked = [(scan, look_at(scan, node_id, shown)) for scan in scans]
    written = []
    for path, content in pages(looked, file, step=step):
        files.commit_bytes(path, content, root=file.parent, durable=False)
        written.append(path)
    return written
