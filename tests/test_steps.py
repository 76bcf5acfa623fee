"""Progress of long work: when it is shown, and that nothing of it stays."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from harness import steps


class Terminal(io.StringIO):
    """A stream of a kind that people look at."""

    def isatty(self) -> bool:
        """Tell so."""
        return True


@pytest.mark.parametrize(
    ("stream", "term", "shown"),
    [
        (
            Terminal(),
            "xterm",
            "\rreport: 2 of 9 runs\x1b[K\rreport: 4 of 9 runs\x1b[K\r\x1b[K",
        ),
        (Terminal(), "dumb", ""),
        (io.StringIO(), "xterm", ""),
    ],
    ids=["terminal", "dumb terminal", "file"],
)
def test_long_work_says_how_far_it_is(
    stream: io.StringIO, term: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From two seconds on, at most once a second, to a terminal alone; in the end it is gone."""
    clock = [100.0]
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(steps, "time", SimpleNamespace(monotonic=lambda: clock[-1]))
    with steps.Steps("report", "runs", stream) as told:
        for done, moment in enumerate((101.9, 102.0, 102.5, 103.0), 1):
            clock.append(moment)
            told.step(done, 9)
    assert stream.getvalue() == shown


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither while it goes on nor at its end."""
    with steps.Steps("scan", "runs") as told:
        told.step(1)
    assert capsys.readouterr().err == ""
