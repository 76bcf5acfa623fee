"""The page: one file that needs nothing else, or one and its pages of runs if that is too large.

Everything that others wrote is escaped by the template engine; no script is on any page, and the
policy of each page forbids everything but its own style sheet.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from harness import __version__
from harness.model import NO_CALLS
from harness.report.charts import available, charts
from harness.report.details import run_details
from harness.report.matrix import matrix
from harness.statistics.words import number, short
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.model import Calls
    from harness.report.panorama import Panorama
    from harness.scan import Scan
    from harness.statistics.figure import Figure

BOUND = 4_500_000
"""Bytes of one page; the runs go to further pages where they would make it larger."""

LISTED = 100
"""Groups that are listed."""

FAILURES = 200
"""Failures that are listed."""

SECTIONS = (
    ("coverage", "Coverage"),
    ("consensus", "Consensus"),
    ("judges", "Judges"),
    ("agreement", "Agreement"),
    ("runs", "Runs"),
    ("calls", "Calls"),
    ("failures", "Failures"),
    ("next", "What to run next"),
)


@dataclass(slots=True)
class View:
    """What the template gets of one experiment, beside its panorama."""

    p: Panorama
    prefix: str
    charts: dict[str, Any]
    fragments: list[tuple[str, str, str]] = field(default_factory=list)
    pages: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def rows(self) -> str:
        """The rows of the table of scores."""
        return "\n".join(row for _, row, _ in self.fragments)

    @property
    def details(self) -> str:
        """The details of the runs."""
        return "\n".join(details for *_, details in self.fragments)

    @property
    def calls(self) -> Calls:
        """What was paid."""
        return sum((effort.calls for effort in self.p.efforts), NO_CALLS)

    @property
    def coverage(self) -> list[tuple[str, tuple[int, ...]]]:
        """Judge by judge."""
        return list(zip(self.p.judges, self.p.coverage, strict=True))

    @property
    def groups(self) -> list[Any]:
        """The worst first; those without a score last."""
        return sorted(
            self.p.agreement.groups,
            key=lambda level: (level.score.value is None, level.score.value or 0.0),
        )

    @property
    def judges(self) -> list[Any]:
        """Figures and effort of each judge."""
        return list(zip(self.p.agreement.whole.judges, self.p.efforts, strict=True))

    @property
    def measures(self) -> list[tuple[str, Figure]]:
        """The figures of all judges together."""
        whole = self.p.agreement.whole
        return [
            ("Krippendorff's alpha, scores", whole.alpha_score),
            ("Krippendorff's alpha, verdicts", whole.alpha_passed),
            ("Fleiss' kappa", whole.fleiss),
            ("ICC(A,1)", whole.icc_one),
            ("ICC(A,k)", whole.icc_panel),
            ("Effective votes by scores", whole.votes_score),
            ("Effective votes by verdicts", whole.votes_passed),
        ]

    @property
    def matrix(self) -> list[tuple[str, list[tuple[str, int | None]]]]:
        """Every judge against every other."""
        return matrix(self.p.judges, self.p.agreement.whole.pairs)


def pages(
    shown: Sequence[tuple[Scan, Panorama]],
    file: Path,
    *,
    bound: int = BOUND,
    step: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of a report: its pages of runs, if there are any, then ``file`` itself.

    ``step`` is told how many of how many runs have been read.
    """
    total = sum(len(p.runs) for _, p in shown)
    views, done, size = [], 0, 0
    for place, (scan, p) in enumerate(shown, 1):
        view = View(p, f"e{place}", charts(p, f"e{place}"))
        views.append(view)
        for fragment in _fragments(view, scan, file):
            view.fragments.append(fragment)
            done += 1
            step(done, total)
        size += sum(len(part) for part in (view.rows, view.details))
        size += sum(len(chart.svg) for chart in view.charts.values())
    if size > bound * 0.8:  # the rest of the page, and letters of several bytes, need room, too
        for view in views:
            yield from _pages_of_runs(view, file, bound)
    title = "Judge panel: " + ", ".join(p.name for _, p in shown[:5])
    yield file, _page("report.html", title=title, views=views)


def _fragments(view: View, scan: Scan, file: Path) -> Iterator[tuple[str, str, str]]:
    macros: Any = _environment().get_template("macros.html").module
    link = functools.partial(_link, base=file.parent)
    for place, (line, slots) in enumerate(zip(view.p.runs, scan.by_run(), strict=True), 1):
        anchor = f"{view.prefix}-run-{place}"
        details = macros.run_details(line, run_details(scan, slots), anchor, link)
        yield line.group, macros.run_row(line, anchor, ""), details


def _pages_of_runs(view: View, file: Path, bound: int) -> Iterator[tuple[Path, bytes]]:
    """Move the runs to pages of one group each; a large group gets several."""
    part: list[tuple[str, str, str]] = []
    size = 0
    for fragment in [*sorted(view.fragments, key=lambda found: found[0]), None]:
        more = 0 if fragment is None else sum(len(text.encode()) for text in fragment[1:])
        ends = fragment is None or (part and fragment[0] != part[0][0])
        if part and (ends or size + more > bound * 0.8):
            path = file.with_name(f"{file.stem}-{view.prefix}-{len(view.pages) + 1:03d}.html")
            title = f"{view.p.name}: {part[0][0]}"
            view.pages.append((quote(path.name), part[0][0], len(part)))
            yield (
                path,
                _page(
                    "runs.html",
                    title=title,
                    back=quote(file.name),
                    judges=view.p.judges,
                    rows="\n".join(row for _, row, _ in part),
                    details="\n".join(details for *_, details in part),
                ),
            )
            part, size = [], 0
        if fragment is not None:
            part.append(fragment)
            size += more
    view.fragments = []


def _page(template: str, **values: Any) -> bytes:
    environment = _environment()
    style = environment.get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    text = environment.get_template(template).render(
        policy=policy,
        style=style,
        version=__version__,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        charts_drawn=available(),
        sections=SECTIONS,
        listed=LISTED,
        most=FAILURES,
        **values,
    )
    return text.encode("utf-8", "backslashreplace")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.PackageLoader("harness.report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        # The only way around escaping: for what the harness itself has drawn or rendered.
        "drawing": Markup,
        "line": safe_line,
        "figure": _figure,
        "short": short,
        "interval": _interval,
    }
    return environment


def _figure(value: object, digits: int = 2) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return number(float(value), digits) if known and isinstance(value, int | float) else "–"  # noqa: RUF001 - typeset


def _interval(found: Figure) -> str:
    if found.low is None or found.high is None:
        return found.why or found.note or ""
    return f"{found.low:.3f} to {found.high:.3f}"


def _link(path: Path, base: Path) -> str:
    """Return a relative address: never one with a scheme, whatever the path is called."""
    relative = os.path.relpath(path, os.path.realpath(base))
    return "/".join(quote(part) for part in ("./" + relative).split("/"))
