"""One thread at a time keeps the interpreter busy, and none waits for one that waits."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from harness import turns
from harness.turns import ASIDE, back_in_turn, in_turn

WAIT = 30.0
THREADS = 8


class Peak:
    """Counts how many threads are in a block at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread go on without its turn, however busy the machine is."""
    monkeypatch.setattr(turns, "PATIENCE", WAIT)


@pytest.mark.usefixtures("patient")
def test_one_thread_at_a_time_is_in_its_turn() -> None:
    """Eight threads are alone in their turns and all at once beside them."""
    busy, back, beside = Peak(), Peak(), threading.Barrier(THREADS)

    def work() -> None:
        with in_turn():
            for _ in range(20):
                with busy:
                    time.sleep(0)  # where others would come in
            with ASIDE:
                beside.wait(WAIT)
                with back_in_turn(), back:
                    time.sleep(0)
                beside.wait(WAIT)
            with busy:
                pass

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(work) for _ in range(THREADS)]:
            future.result(WAIT)
    assert (busy.most, back.most) == (1, 1)


@pytest.mark.usefixtures("patient")
def test_blocks_within_blocks_change_nothing() -> None:
    """A wait within a wait takes no turn when it ends, and a turn within a turn gives none up."""
    waits, other = threading.Event(), threading.Event()

    def nested() -> None:
        with in_turn():
            with in_turn(), back_in_turn():
                pass
            with ASIDE:
                with ASIDE:
                    pass
                waits.set()  # still without a turn: the other one gets it
                assert other.wait(WAIT)

    def second() -> None:
        assert waits.wait(WAIT)
        with in_turn():
            other.set()

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(nested), pool.submit(second)]:
            future.result(WAIT)


@pytest.mark.usefixtures("patient")
def test_a_block_that_fails_gives_its_turn_back() -> None:
    """An error in a turn, or beside it, leaves the turn to others."""
    with pytest.raises(ZeroDivisionError), in_turn():
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), in_turn(), ASIDE:
        raise ZeroDivisionError
    assert not turns._TURN._lock.locked()


def test_who_waits_in_its_turn_holds_nobody_up() -> None:
    """Threads whose turn does not come go on without it, so no lock can end in a deadlock."""
    begun, all_there = threading.Event(), threading.Barrier(THREADS)

    def stuck() -> None:
        with in_turn():
            begun.set()
            all_there.wait(WAIT)  # for those that wait for this one

    def other() -> None:
        assert begun.wait(WAIT)
        with in_turn(), ASIDE:
            all_there.wait(WAIT)

    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(stuck), *(pool.submit(other) for _ in range(THREADS - 1))]
        for future in futures:
            future.result(WAIT)


@pytest.mark.usefixtures("patient")
def test_a_thread_that_takes_no_turns_waits_for_none() -> None:
    """Outside of a turn both blocks do nothing, while another thread has the turn."""
    with ThreadPoolExecutor(1) as pool, in_turn():

        def unconcerned() -> None:
            with ASIDE, back_in_turn():
                pass
            with back_in_turn():
                pass

        pool.submit(unconcerned).result(WAIT)


def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Replace both clocks of the turns; the test moves them on."""
    now = SimpleNamespace(wall=100.0, busy=0.0)
    times = SimpleNamespace(monotonic=lambda: now.wall, thread_time=lambda: now.busy)
    monkeypatch.setattr(turns, "time", times)
    return now


@pytest.mark.parametrize(("busy", "taken"), [(0.015, False), (0.03, True)])
def test_turns_that_mostly_wait_are_not_taken_for_a_while(
    monkeypatch: pytest.MonkeyPatch, busy: float, *, taken: bool
) -> None:
    """Each of many turns waits for a slow disk: one after the other they would add up."""
    now = clock(monkeypatch)
    turn = turns._Turn()
    for _ in range(3):
        assert turn.take()
        now.wall, now.busy = now.wall + 0.05, now.busy + busy / 3
        turn.give()
    assert turn.take() is taken
    if not taken:
        now.wall += 1.0
        assert turn.take()  # it may have been for a moment only


def test_nobody_waits_for_a_turn_for_longer_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it changes hands meanwhile."""
    now = clock(monkeypatch)
    turn = turns._Turn()
    waited = []

    def acquire(timeout: float) -> bool:
        waited.append(timeout)
        now.wall += timeout
        turn._given += 1
        return False

    turn._lock = SimpleNamespace(acquire=acquire)  # type: ignore[assignment] # never given
    assert not turn.take()
    assert 1.0 <= sum(waited) < 1.2


def test_an_interpreter_without_one_lock_takes_no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its threads do not hinder each other."""
    monkeypatch.setattr("sys._is_gil_enabled", lambda: False, raising=False)
    assert not turns._Turn().take()


def test_an_interrupt_while_waiting_for_a_turn_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread takes no turns afterwards, where it took none before."""
    taken: list[bool] = []

    def take() -> bool:
        taken.append(True)
        raise KeyboardInterrupt

    monkeypatch.setattr(turns._TURN, "take", take)
    with pytest.raises(KeyboardInterrupt), in_turn():
        pass
    with ASIDE, back_in_turn():
        pass
    assert taken == [True]
