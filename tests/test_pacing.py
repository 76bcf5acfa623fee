"""How fast a judge is called, found out from what its provider refuses; on a fake clock."""

from __future__ import annotations

import pytest

from harness.pacing import BELOW, COOL_DOWN, CUT, GROWTH, START, Pace
from tests.clocks import Model, SlidingWindow, TokenBucket, simulate

ALWAYS = 1e9


def pace(*, soft: bool = True, share: int = 1) -> Pace:
    """Return a pace without chance."""
    return Pace(soft=soft, share=share, chance=lambda: 0.0)


def refuse(one: Pace, now: float, retry_after: float | None = None, at_work: int = 1) -> None:
    """Start a call and have it refused at once."""
    one.started(now)
    one.throttled(now, started=now, at_work=at_work, retry_after=retry_after)


def test_a_program_of_ones_own_starts_at_full_speed() -> None:
    """A judge that is nobody's service has no limit to be found out."""
    one = pace(soft=False)
    for number in range(1000):
        assert one.opens(5.0, number) == 5.0
        one.started(5.0)


def test_a_service_is_approached_step_by_step() -> None:
    """A few calls start at once, each further one a moment later, none later than in seconds."""
    one = pace()
    starts = []
    now = 10.0
    for number in range(64):
        opens = one.opens(now, number)
        assert opens is not None
        now = opens
        one.started(now)
        starts.append(now)
    assert starts[:START] == [10.0] * START
    assert starts[START:] == sorted(starts[START:])
    assert starts[START] > 10.0
    assert [starts[START + 7] - 10.0, starts[START + 31] - 10.0] == [0.5, 1.0]
    assert starts[-1] < 11.4


def test_workers_beside_each_other_share_the_first_calls() -> None:
    """Two processes start one call each, not two."""
    one = pace(share=2)
    assert one.opens(0.0, 0) == 0.0
    one.started(0.0)
    later = one.opens(0.0, 1)
    assert later is not None
    assert later > 0.0


def test_nothing_starts_before_the_time_that_the_provider_asks_for() -> None:
    """A refusal with a time holds all calls until then."""
    one = pace()
    refuse(one, 20.0, retry_after=7.5)
    assert one.not_before == 27.5
    assert one.opens(21.0, 0) == 27.5


def test_refusals_without_a_time_wait_longer_each_time() -> None:
    """One second at most, then two, then four, to a minute."""
    one, now, waits = pace(), 0.0, []
    for _ in range(9):
        refuse(one, now)
        waits.append(one.not_before - now)
        now = one.not_before + 0.001
    assert waits == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0])


def test_the_pace_after_the_first_refusal_is_what_was_accepted_before() -> None:
    """Ten calls of a second were taken: the next ones are a tenth of a second apart."""
    one = pace()
    for number in range(10):
        one.started(number * 0.05)
    refuse(one, 0.5, retry_after=1.0, at_work=11)
    assert one.rate is not None
    assert one.rate == pytest.approx(BELOW * 10)
    first = one.opens(1.6, 0)
    assert first == 1.6
    one.started(1.6)
    second = one.opens(1.6, 1)
    assert second is not None
    assert second - 1.6 == pytest.approx(1 / one.rate, rel=0.11)


def test_refusals_of_calls_already_on_their_way_cut_nothing_again() -> None:
    """Each is only taken off what was accepted before the first of them."""
    one = pace()
    for _ in range(10):
        one.started(0.0)
    for _ in range(5):
        one.throttled(0.1, started=0.0, at_work=10, retry_after=1.0)
    assert one.rate == pytest.approx(BELOW * 5)
    one.throttled(0.2, started=0.0, at_work=5, retry_after=1.0)
    assert one.rate == pytest.approx(BELOW * 4)
    assert one.not_before == 1.2


def test_a_guess_is_not_made_smaller_by_the_rest_of_its_burst() -> None:
    """Where nothing was measured there is nothing to take a refused call off."""
    one = pace()
    for number in range(3):
        one.started(number * 0.01)
    one.throttled(0.05, started=0.02, at_work=3, retry_after=1.0)
    rate = one.rate
    one.throttled(0.05, started=0.01, at_work=2, retry_after=1.0)
    assert one.rate == rate


def test_calls_of_one_burst_do_not_count_as_accepted() -> None:
    """In whatever order a burst is refused, what is left is what was accepted."""
    one = pace()
    for number in range(10):
        one.started(number * 0.05)
    for number in range(5):
        one.started(0.5 + number * 0.0004)
    for number in (4, 0, 1, 2, 3):  # the last of the burst is heard first
        at = 0.5 + number * 0.0004
        one.throttled(0.52, started=at, at_work=15, retry_after=1.0)
    assert one.rate == pytest.approx(BELOW * 10)


def test_calls_at_work_are_cut_when_a_slower_pace_does_not_help() -> None:
    """A provider that counts calls at work is asked fewer at a time from the third cut on."""
    one, now = pace(), 0.0
    for _ in range(12):
        one.started(now)
    for _ in range(3):
        assert one.limit is None
        refuse(one, now, retry_after=2.0, at_work=11)
        now = one.not_before + 0.1
    refuse(one, now, retry_after=2.0, at_work=11)
    assert one.limit == 8.0
    assert one.opens(ALWAYS, 8) is None
    assert one.opens(ALWAYS, 7) == ALWAYS


def test_it_grows_only_after_a_quiet_time_and_enough_calls() -> None:
    """Nothing grows in the cool-down; then a tenth at a time."""
    one = pace()
    for number in range(10):
        one.started(number * 0.1)
    refuse(one, 1.0, retry_after=1.0)
    rate = one.rate
    assert rate is not None
    for _ in range(50):
        one.answered(2.0 + COOL_DOWN - 0.5, 1)
    assert one.rate == rate
    one.answered(2.0 + COOL_DOWN + 0.5, 1)
    assert one.rate == pytest.approx(rate * GROWTH)


def test_a_second_refusal_makes_it_slower_in_any_case() -> None:
    """However much was accepted since, the pace is cut."""
    one = pace()
    for number in range(10):
        one.started(number * 0.1)
    refuse(one, 1.0, retry_after=1.0)
    rate = one.rate
    assert rate is not None
    for number in range(1, 200):
        one.started(2.0 + number * 0.1)
    refuse(one, 22.0, retry_after=1.0)
    assert one.rate == pytest.approx(CUT * rate)


@pytest.mark.parametrize("seconds", [(0.04, 0.06), (0.15, 0.25), (0.4, 0.6)])
@pytest.mark.parametrize("lanes", [6, 10, 32])
def test_sixty_calls_at_ten_a_second_are_hardly_refused_and_take_hardly_longer(
    lanes: int, seconds: tuple[float, float]
) -> None:
    """At most nine refusals, and 1.15 of the ideal six seconds, whatever the lanes."""
    for server in (SlidingWindow(10), TokenBucket(10, 10)):
        model = Model(server, 60, seconds)
        simulate([model], lanes=lanes)
        assert model.refused <= 9
        assert model.ended <= 1.15 * 6 + seconds[1]


@pytest.mark.parametrize("capacity", [1.0, 4.0])
@pytest.mark.parametrize("lanes", [32, 128])
def test_three_models_of_different_limits_do_not_hold_each_other_up(
    lanes: int, capacity: float
) -> None:
    """Limits of 4, 0.8, and 0.15 a second: few refusals, and the fast one ends early."""
    models = [Model(TokenBucket(rate, capacity), 200, (6.0, 20.0)) for rate in (4.0, 0.8, 0.15)]
    simulate(models, lanes=lanes)
    assert sum(model.refused for model in models) <= 0.15 * 600
    alone = max(200 / 4.0, 200 * 13.0 / lanes)
    assert models[0].ended <= 2.5 * alone
    assert models[2].ended <= 1.4 * 200 / 0.15
