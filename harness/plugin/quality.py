"""What the panel must find for a session to be green; off unless asked for.

Imports nothing heavy: its options are part of every session.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from harness.plugin import options

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from _pytest.terminal import TerminalReporter

    from harness.bounds import Bounds
    from harness.comparison import Point
    from harness.plugin.session import PanelSession

EXIT_DEFERRED = 75
"""Nothing failed, but slots were deferred: run the same command again later (EX_TEMPFAIL)."""

LOOKED_AT = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, EXIT_DEFERRED)
"""Exit statuses of sessions that came to their end; of others nothing is asked."""


class Option(NamedTuple):
    """One option with a bound, its ini twin, and its field of ``Bounds``."""

    name: str
    metavar: str
    field: str
    least: float
    help: str

    @property
    def ini(self) -> str:
        """The name in the configuration file, and of the parsed option."""
        return "harness_" + self.name.removeprefix("--judge-").replace("-", "_")

    @property
    def range(self) -> str:
        """What it may be, for people."""
        return f"a number from {self.least:g} to 1"


OPTIONS = (
    Option(
        "--judge-fail-under",
        "SCORE",
        "score",
        0.0,
        "exit with 1 if the mean consensus score of an experiment is below SCORE",
    ),
    Option(
        "--judge-min-pass-rate",
        "R",
        "pass_rate",
        0.0,
        "exit with 1 if the panel passes a smaller share than R of the runs with a consensus",
    ),
    Option(
        "--judge-min-agreement",
        "A",
        "agreement",
        -1.0,
        "exit with 1 if Krippendorff's alpha of the scores is below A",
    ),
    Option(
        "--judge-min-judged",
        "C",
        "judged",
        0.0,
        "exit with 1 if a smaller share than C of the slots has a judgment",
    ),
    Option(
        "--judge-max-regression",
        "D",
        "regression",
        0.0,
        "exit with 1 if the mean score is lower by more than D than that of --judge-baseline",
    ),
)


def add_options(parser: pytest.Parser) -> None:
    """Add the options and their ini twins."""
    group = parser.getgroup("judge panel")
    for option in OPTIONS:
        group.addoption(
            option.name,
            dest=option.ini,
            metavar=option.metavar,
            type=_number(option),
            default=None,
            help=option.help,
        )
        parser.addini(option.ini, f"default of {option.name}", type="float", default=None)
    group.addoption(
        "--judge-baseline",
        dest="harness_baseline",
        metavar="FILE",
        default=None,
        help="what --judge-max-regression compares with; written by python -m harness baseline",
    )
    parser.addini("harness_baseline", "default of --judge-baseline", type="string", default="")


def _number(option: Option) -> Any:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not option.least <= value <= 1.0:
            raise argparse.ArgumentTypeError(f"must be {option.range}, got {text!r}")
        return value

    return parse


def watch(config: pytest.Config) -> None:
    """Have the figures looked at when the session ends, if a bound was given; not in a worker.

    A bound or a baseline that makes no sense is a usage error before anything is paid.
    """
    if hasattr(config, "workerinput"):
        return
    bounds = _bounds(config)
    if config.getoption("harness_baseline") and (bounds is None or bounds.regression is None):
        raise pytest.UsageError(
            "--judge-baseline needs --judge-max-regression D: how far the mean score may fall"
        )
    if bounds is not None:
        config.stash[GATES] = QualityGates(bounds, _baseline(config, bounds))


def _bounds(config: pytest.Config) -> Bounds | None:
    values = {option.field: _value(config, option) for option in OPTIONS}
    if all(value is None for value in values.values()):
        return None
    from harness.bounds import Bounds

    return Bounds(**values)


def _value(config: pytest.Config, option: Option) -> float | None:
    given = config.getoption(option.ini)
    if given is not None:
        return float(given)
    try:
        value = config.getini(option.ini)
    except (TypeError, ValueError, pytest.UsageError):  # which, depends on pytest's version
        value = math.nan
    if value is not None and not option.least <= value <= 1.0:
        raise pytest.UsageError(f"the ini option {option.ini} must be {option.range}")
    return None if value is None else float(value)


def _baseline(config: pytest.Config, bounds: Bounds) -> Mapping[str, Sequence[Point]] | None:
    """Read the baseline; a path of the configuration file is relative to it."""
    given = config.getoption("harness_baseline")
    base = config.invocation_params.dir
    if given is None:
        given = config.getini("harness_baseline")
        base = config.rootpath if config.inipath is None else config.inipath.parent
    if bounds.regression is None:
        return None
    if not given:
        raise pytest.UsageError(
            "--judge-max-regression needs --judge-baseline FILE; write one with: "
            "python -m harness baseline DIR -o FILE"
        )
    from harness.baseline import read_baseline
    from harness.errors import SelectionError

    try:
        return read_baseline(Path(base) / given)
    except SelectionError as error:
        raise pytest.UsageError(f"--judge-baseline: {error}") from None


class QualityGates:
    """Looks at every experiment of the session once its runs are settled."""

    def __init__(self, bounds: Bounds, baseline: Mapping[str, Sequence[Point]] | None) -> None:
        self._bounds = bounds
        self._baseline = baseline
        self._lines: list[str] = []
        self.unmet: dict[Path, list[str]] = {}  # by the experiment's directory

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Decide, after the consensus was written and before anything is summed up."""
        done = yield
        panel: PanelSession | None = session.config.pluginmanager.get_plugin("harness-session")
        looking = options.only_looks(session.config)
        if panel is not None and session.exitstatus in LOOKED_AT and not looking:
            self._look(panel)
            self._lines = [line for lines in self.unmet.values() for line in lines]
            if self._lines:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return done

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print a line for each gate that does not hold, below the panel's tables."""
        from harness.text import safe_line

        lines, self._lines = self._lines, []
        for line in lines:
            terminalreporter.write_line(f"gate: {safe_line(line)}", red=True)

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Print them where older versions of pytest call for no summary (``--no-summary``)."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self._lines:
            self.pytest_terminal_summary(reporter)

    def _look(self, panel: PanelSession) -> None:
        from harness.bounds import unmet
        from harness.errors import HarnessError
        from harness.gather import sheet_of

        tried = {name for _, name in panel.tally.judged | panel.tally.failed}
        for root, scanned in sorted(panel.scans.items()):
            try:
                found = unmet(sheet_of(scanned, judged=tried), self._bounds, self._baseline)
                self.unmet[root] = list(found)
            except HarnessError as error:  # what nobody can read nobody can vouch for
                name = scanned.layout.experiment.name
                self.unmet[root] = [f"{name}: cannot be measured ({error})"]


GATES = pytest.StashKey[QualityGates]()
"""The gates of a session, until it has met an experiment: then they are a plugin of it."""
