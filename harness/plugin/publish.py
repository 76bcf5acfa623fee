"""Where a session's findings go besides the terminal; imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTO, OFF = "auto", "off"


def add_options(parser: pytest.Parser) -> None:
    """Add the options and their ini twins."""
    group = parser.getgroup("judge panel")
    group.addoption(
        "--judge-report",
        dest="harness_report",
        metavar="FILE",
        default=None,
        help="write a page about the experiments of the session, in HTML",
    )
    group.addoption(
        "--judge-markdown",
        dest="harness_markdown",
        metavar="FILE",
        default=None,
        help="write a summary in Markdown (default: where GITHUB_STEP_SUMMARY says, if it is set)",
    )
    group.addoption(
        "--judge-annotations",
        dest="harness_annotations",
        choices=(AUTO, OFF),
        default=None,
        help="auto: annotate failed slots under GitHub Actions; off: never (default: auto)",
    )
    parser.addini("harness_report", "default of --judge-report", type="string", default="")
    parser.addini("harness_markdown", "default of --judge-markdown", type="string", default="")
    parser.addini(
        "harness_annotations", "default of --judge-annotations", type="string", default=AUTO
    )


class Outlets(NamedTuple):
    """What is wanted; ``append``: the summary goes behind what the file holds already."""

    report: Path | None
    markdown: Path | None
    append: bool
    annotations: bool


def outlets(config: pytest.Config, environment: Mapping[str, str]) -> Outlets:
    """Return what the command line, the configuration, and the CI service ask for."""
    markdown = _file(config, "harness_markdown")
    step = environment.get("GITHUB_STEP_SUMMARY")
    append = markdown is None and bool(step)
    return Outlets(
        report=_file(config, "harness_report"),
        markdown=Path(step) if append and step else markdown,
        append=append,
        annotations=annotate(config) == AUTO and environment.get("GITHUB_ACTIONS") == "true",
    )


def annotate(config: pytest.Config) -> str:
    """Return whether failed slots are annotated; anything unknown is a usage error."""
    given = config.getoption("harness_annotations") or config.getini("harness_annotations")
    if given not in (AUTO, OFF):
        raise pytest.UsageError("the ini option harness_annotations must be auto or off")
    return str(given)


def _file(config: pytest.Config, name: str) -> Path | None:
    """Return a file; a path of the configuration file is relative to it."""
    given = config.getoption(name)
    if given:
        return Path(config.invocation_params.dir, given)
    configured = config.getini(name)
    base = config.rootpath if config.inipath is None else config.inipath.parent
    return Path(base, configured) if configured else None
