"""Which file of a report holds what: one page, or several if one would be too large."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.report.charts import charts
from harness.report.details import run_details
from harness.report.html import View, fragment, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.report.html import Fragment
    from harness.report.panorama import Panorama
    from harness.scan import Scan

BOUND = 4_500_000
"""Bytes of one page; what would make it larger goes to further pages."""

FULL = 0.8
"""The share of a page that runs may take; its frame needs room, too."""

SMALL = 0.2
"""The share of a page up to which the groups on it make room for another one."""


def pages(
    shown: Sequence[tuple[Scan, Panorama]],
    file: Path,
    *,
    bound: int = BOUND,
    step: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of a report, ``file`` last; each is below ``bound`` bytes.

    ``step`` is told how many of how many runs have been read.
    """
    total, done = sum(len(p.runs) for _, p in shown), 0
    views = []
    for place, (scan, p) in enumerate(shown, 1):
        view = View(p, f"e{place}", charts(p, f"e{place}"))
        views.append(view)
        for made in _fragments(view, scan, file.parent, bound):
            view.fragments.append(made)
            done += 1
            step(done, total)
    title = "Judge panel: " + ", ".join(p.name for _, p in shown[:5])
    content = page("report.html", title=title, views=views)
    if len(content) > bound and len(views) > 1:
        for view in views:
            own = file.with_name(f"{file.stem}-{view.prefix}.html")
            yield from _experiment(view, own, file, bound)
        content = page("index.html", title=title, views=views, stem=quote(file.stem))
    elif len(content) > bound:
        *more, (_, content) = _experiment(views[0], file, file, bound)
        yield from more
    yield file, content


def _fragments(view: View, scan: Scan, base: Path, bound: int) -> Iterator[Fragment]:
    for place, (line, slots) in enumerate(zip(view.p.runs, scan.by_run(), strict=True), 1):
        anchor = f"{view.prefix}-run-{place}"
        for share in (1.0, 0.1, 0.01, 0.0):  # a run with very much to show is shortened more
            made = fragment(line, run_details(scan, slots, share=share), anchor, base=base)
            if len(made.details.encode()) < bound * FULL / 2:
                break
        yield made


def _experiment(view: View, file: Path, main: Path, bound: int) -> Iterator[tuple[Path, bytes]]:
    """Yield the page of one experiment, after its pages of runs if it needs any."""
    back = None if file == main else quote(main.name)

    def made() -> bytes:
        title = f"Judge panel: {view.p.name}"
        return page("report.html", title=title, views=[view], back=back)

    content = made()
    if len(content) > bound:
        yield from _pages_of_runs(view, file, main.stem, bound)
        content = made()
    if len(content) > bound:
        view.scores = False
        content = made()
    yield file, content


def _pages_of_runs(view: View, file: Path, stem: str, bound: int) -> Iterator[tuple[Path, bytes]]:
    """Move the details of the runs to pages of one group each.

    Small groups share a page, a large one gets several.
    """
    for part in _parts(view, int(bound * FULL)):
        path = file.with_name(f"{stem}-{view.prefix}-{len(view.pages) + 1:03d}.html")
        groups = [(g, list(found)) for g, found in groupby(part, key=lambda f: f.line.group)]
        names = groups[0][0] if len(groups) == 1 else f"{groups[0][0]} to {groups[-1][0]}"
        title = f"{view.p.name}: {names}"
        yield (
            path,
            page("runs.html", title=title, back=quote(file.name), v=view, groups=groups),
        )
        view.pages.append((quote(path.name), names, len(part)))
        for one in part:
            one.href = quote(path.name)


def _parts(view: View, most: int) -> Iterator[list[Fragment]]:
    part: list[Fragment] = []
    size = 0
    for one in sorted(view.fragments, key=lambda found: found.line.group):
        # A row has about as many bytes as its run has slots, times a hundred.
        more = len(one.details.encode()) + 100 * len(one.line.slots) + 1000
        another = bool(part) and part[-1].line.group != one.line.group
        if part and (size + more > most or (another and size > most * SMALL)):
            yield part
            part, size = [], 0
        part.append(one)
        size += more
    if part:
        yield part
