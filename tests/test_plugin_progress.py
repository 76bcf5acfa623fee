"""What stands on the terminal's last line while judges work, and what is said in a pause."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.terminal import TerminalReporter

from harness.plugin.progress import Progress
from harness.steps import ERASE

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_000_000.0


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no time pass."""
    stopped = SimpleNamespace(
        monotonic=lambda: NOW, time=lambda: NOW, strftime=time.strftime, gmtime=time.gmtime
    )
    monkeypatch.setattr("harness.plugin.progress.time", stopped)


class Screen:
    """A progress that writes to a terminal of 60 columns; ``take`` returns what it wrote."""

    def __init__(self, config: pytest.Config, *, verbosity: int = 0, there: bool = True) -> None:
        self._file = io.StringIO()
        reporter = TerminalReporter(config, file=self._file)
        reporter._screen_width = 60
        manager = SimpleNamespace(get_plugin=lambda _: reporter if there else None)
        fake: Any = SimpleNamespace(pluginmanager=manager, get_verbosity=lambda: verbosity)
        self.reporter: Any = reporter
        self.progress = Progress(fake)

    def take(self) -> str:
        """Return what was written since the last call."""
        text = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return text


@pytest.fixture
def screen(pytestconfig: pytest.Config) -> Callable[..., Screen]:
    """Return a factory of terminals."""
    return lambda **keys: Screen(pytestconfig, **keys)


def test_the_last_line_says_what_is_running_and_for_how_long(
    screen: Callable[..., Screen],
) -> None:
    """The slot that began first is named, in as many columns as there are."""
    shown = screen()
    shown.progress.running([("runs/b/judge_01", NOW - 3), ("runs/a/judge_02", NOW - 61)])
    assert shown.take() == f"\r2 running, longest runs/a/judge_02 61s{ERASE}"
    shown.progress.running([("runs/" + "long/" * 20, NOW - 1)])
    assert shown.take() == f"\r{('1 running, longest runs/' + 'long/' * 20)[:59]}{ERASE}"


def test_the_last_line_is_taken_away_once(screen: Callable[..., Screen]) -> None:
    """What is printed next stands where it stood; if nothing stood there, nothing is written."""
    shown = screen()
    shown.progress.erase()
    assert shown.take() == ""
    shown.progress.running([("runs/a/judge_01", NOW)])
    shown.take()
    shown.progress.erase()
    assert shown.take() == f"\r{ERASE}"
    shown.progress.erase()
    assert shown.take() == ""


@pytest.mark.parametrize(
    ("keys", "running"),
    [({}, []), ({"verbosity": 1}, [("a", NOW)]), ({"there": False}, [("a", NOW)])],
    ids=["nothing runs", "another verbosity", "no terminal"],
)
def test_the_last_line_is_left_alone(
    screen: Callable[..., Screen], keys: dict[str, Any], running: list[tuple[str, float]]
) -> None:
    """Where nothing runs, and where pytest's own lines stand as they are."""
    shown = screen(**keys)
    shown.progress.running(running)
    shown.progress.pausing(60)
    shown.progress.erase()
    assert "running" not in shown.take()


@pytest.mark.parametrize(
    ("isatty", "keys", "tick"),
    [(True, {}, 1.0), (False, {}, None), (True, {"there": False}, None)],
)
def test_only_a_person_is_shown_the_time_that_passes(
    screen: Callable[..., Screen], *, isatty: bool, keys: dict[str, Any], tick: float | None
) -> None:
    """A log has no use for a line that is written again every second."""
    shown = screen(**keys)
    shown.reporter.isatty = isatty
    assert shown.progress.tick == tick


def test_a_long_pause_is_told_once_with_its_end(screen: Callable[..., Screen]) -> None:
    """What was on the last line goes away; a short pause, or the same one, says nothing."""
    shown = screen()
    shown.progress.pausing(4.9)
    assert shown.take() == ""
    shown.progress.running([("runs/a/judge_01", NOW)])
    shown.take()
    shown.progress.pausing(60)
    told = "every judge that is left has to wait; going on at {} UTC\n"
    assert shown.take() == f"\r{ERASE}{told.format('13:47:40')}"
    shown.progress.pausing(63)
    assert shown.take() == ""
    shown.progress.pausing(66)
    assert shown.take() == told.format("13:47:46")
