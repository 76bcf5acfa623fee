"""What runs inside this process ends with the session, and nothing begins after that."""

from __future__ import annotations

import threading

import pytest

from harness.ending import Endings
from harness.errors import Interrupted, JudgeError


def test_everything_at_work_is_ended_and_fails_as_interrupted() -> None:
    """Whatever it raises then; what has ended before is left alone."""
    endings, ended = Endings(), threading.Event()
    with endings.attended(ended.set):
        pass
    raised: list[BaseException] = []
    inside = threading.Event()

    def call() -> None:
        try:
            with endings.attended(ended.set):
                inside.set()
                ended.wait(30)
                raise JudgeError("the connection was lost")  # noqa: TRY301 - as a call does
        except BaseException as error:  # noqa: BLE001 - it is what the test looks at
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert inside.wait(30)
    assert not ended.is_set()
    assert endings.end_all() == 1
    thread.join(30)
    assert [type(error) for error in raised] == [Interrupted]
    assert endings.end_all() == 0


def test_block_that_has_succeeded_when_the_session_ends_is_left_alone() -> None:
    """Its answer is whole and paid for."""
    endings = Endings()
    with endings.attended(lambda: None):
        assert endings.end_all() == 1


def test_nothing_begins_once_the_session_has_ended() -> None:
    """Not even the first instruction of it."""
    endings = Endings()
    endings.end_all()
    with pytest.raises(Interrupted), endings.attended(lambda: None):
        raise AssertionError("it began")


def test_error_of_a_block_is_its_own_while_the_session_goes_on() -> None:
    """Interruptions are the only errors that are replaced."""
    with pytest.raises(JudgeError, match=r"^own$"), Endings().attended(lambda: None):
        raise JudgeError("own")
