"""The options that bound money and waiting, and their ini twins; imports nothing heavy."""

from __future__ import annotations

import argparse
import math
import re
from typing import Any

import pytest

DURATION = "a time such as 45s, 30m, 2h, or 1h30m"
MONEY = "an amount of USD above 0"

# Compiled when a time is given: this module is imported by every session.
_DURATION = r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?"


def add_options(parser: pytest.Parser) -> None:
    """Add the options and their ini twins."""
    group = parser.getgroup("judge panel")
    group.addoption(
        "--judge-max-cost",
        dest="harness_max_cost",
        metavar="USD",
        type=_option(money, MONEY),
        default=None,
        help="start no call that would make the session cost more than USD; the rest is deferred",
    )
    group.addoption(
        "--judge-wait",
        dest="harness_wait",
        metavar="TIME",
        type=_option(duration, DURATION),
        default=None,
        help="wait so long for judges whose usage limit is reached (45s, 30m, 2h) instead of "
        "deferring their slots at once",
    )
    parser.addini("harness_max_cost", "default of --judge-max-cost", type="float", default=None)
    parser.addini("harness_wait", "default of --judge-wait", type="string", default="")


def _option(parse: Any, must: str) -> Any:
    def convert(text: str) -> float:
        value: float | None = parse(text)
        if value is None:
            raise argparse.ArgumentTypeError(f"must be {must}, got {text!r}")
        return value

    return convert


def money(text: str) -> float | None:
    """Return an amount of USD; None if the text is none above 0."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def duration(text: str) -> float | None:
    """Return seconds; None if the text is no time. A number alone is seconds."""
    found = re.fullmatch(_DURATION, text.strip())
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def max_cost(config: pytest.Config) -> float | None:
    """Return how much a session may cost, in USD; None if nobody said."""
    return _value(config, "harness_max_cost", money, MONEY)


def wait(config: pytest.Config) -> float:
    """Return how many seconds a session waits for judges that are parked."""
    return _value(config, "harness_wait", duration, DURATION) or 0.0


def check(config: pytest.Config) -> None:
    """Refuse ini values that make no sense, as a usage error."""
    max_cost(config)
    wait(config)


def _value(config: pytest.Config, name: str, parse: Any, must: str) -> float | None:
    given = config.getoption(name)
    if given is not None:
        return float(given)
    try:
        configured = config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:  # which, depends on the version
        # An empty value takes back what a project sets: "could not convert string to float: ''".
        configured = None if str(error).endswith(": ''") else math.nan
    if configured in (None, ""):
        return None
    value: float | None = parse(str(configured))
    if value is None:
        raise pytest.UsageError(f"the ini option {name} must be {must}")
    return value
