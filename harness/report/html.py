"""One page of a report, as a file that needs nothing else.

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
from harness.report.charts import available
from harness.report.matrix import matrix
from harness.statistics.words import number, short
from harness.text import safe_line

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Calls
    from harness.report.details import RunDetails
    from harness.report.panorama import Panorama, RunLine
    from harness.statistics.figure import Figure

LISTED = 100
"""Groups that are listed."""

WIDEST = 20
"""Judges up to which there is a matrix of all pairs."""

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
class Fragment:
    """A run of a report: its row, its details as HTML, and the page that has them."""

    line: RunLine
    anchor: str
    details: str
    href: str = ""


@dataclass(slots=True)
class View:
    """What the templates get of one experiment, beside its panorama.

    ``pages`` has the name, the title, and the number of runs of each page of runs;
    ``scores``: whether the table of scores has room on the page of the experiment.
    """

    p: Panorama
    prefix: str
    charts: dict[str, Any]
    fragments: list[Fragment] = field(default_factory=list)
    pages: list[tuple[str, str, int]] = field(default_factory=list)
    scores: bool = True

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


def page(template: str, **values: Any) -> bytes:
    """Return a page, with the policy that allows its style sheet and nothing else."""
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
        back=values.pop("back", None),
        listed=LISTED,
        widest=WIDEST,
        most=FAILURES,
        **values,
    )
    return text.encode("utf-8", "backslashreplace")


def fragment(line: RunLine, details: RunDetails, anchor: str, *, base: Path) -> Fragment:
    """Render the details of one run, with links as they are from the directory ``base``."""
    macros: Any = _environment().get_template("macros.html").module
    link = functools.partial(_link, base=base)
    return Fragment(line, anchor, str(macros.run_details(line, details, anchor, link)))


def _link(path: Path, base: Path) -> str:
    """Return a relative address: never one with a scheme, whatever the path is called."""
    relative = os.path.relpath(path, os.path.realpath(base))
    return "/".join(quote(part) for part in ("./" + relative).split("/"))


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
        "stacked": _stacked,
        "interval": _interval,
    }
    return environment


def _figure(value: object, digits: int = 2) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return number(float(value), digits) if known and isinstance(value, int | float) else "–"  # noqa: RUF001 - typeset


def _stacked(found: Figure) -> str:
    """Return a value and its interval for a narrow column: a line may break between them."""
    return short(found).replace(", ", ",\u00a0")


def _interval(found: Figure) -> str:
    if found.low is None or found.high is None:
        return found.why or found.note or ""
    return f"{found.low:.3f} to {found.high:.3f}"
