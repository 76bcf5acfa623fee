"""How full the lanes of a session were."""

from __future__ import annotations

import pytest

from harness.report.calls import Call
from harness.report.timeline import Timeline, timeline


def call(started: float, ended: float) -> Call:
    """Return a call that was at work in between."""
    return Call(slot="s", judge="j", started=started, ended=ended, outcome="judged")


def test_no_calls_are_an_empty_timeline() -> None:
    """Without calls there is no session, no lane, and no speed-up."""
    assert timeline([]) == Timeline()
    assert timeline([]).speed_up is None


def test_each_call_has_the_lowest_lane_that_is_free() -> None:
    """A lane holds one call at a time, and a call that starts as another ends takes its lane."""
    made = timeline([call(0, 4), call(0, 1), call(1, 2), call(1, 3), call(3, 4)])
    assert made.lanes == (0, 1, 1, 2, 1)
    assert made.peak == 3


def test_the_speed_up_is_busy_time_through_wall_time() -> None:
    """Two calls of ten seconds side by side took ten seconds in place of twenty."""
    made = timeline([call(100, 110), call(100, 110)])
    assert (made.seconds, made.busy, made.speed_up) == (10.0, 20.0, 2.0)


def test_the_number_at_work_follows_every_start_and_end() -> None:
    """An end at the moment of a start comes first, so no more are counted than were at work."""
    made = timeline([call(10, 12), call(12, 13)])
    assert list(made.steps) == [(0, 1), (2, 0), (2, 1), (3, 0)]
    assert made.peak == 1


def test_calls_before_a_pause_belong_to_an_earlier_session() -> None:
    """Only what came after the last pause is laid out; the rest is counted."""
    made = timeline([call(0, 5), call(1, 2), call(100, 103)], idle=60)
    assert (made.calls, made.earlier) == ((call(100, 103),), 2)


def test_a_long_call_is_no_pause() -> None:
    """While a call is at work the session goes on, however long nothing else starts."""
    assert timeline([call(0, 1000), call(900, 901)], idle=60).earlier == 0


@pytest.mark.parametrize("moments", [[(5.0, 5.0)], [(5.0, 5.0), (5.0, 5.0)]])
def test_calls_of_no_time_have_no_speed_up(moments: list[tuple[float, float]]) -> None:
    """Nothing is divided by a session of no length."""
    assert timeline([call(*moment) for moment in moments]).speed_up is None
