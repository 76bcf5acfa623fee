"""What a worker of pytest-xdist makes of the controller's commands, and what it tells it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.collect import SlotItem
from harness.plugin.feed import DROP, MESSAGE, PARK, STOP, SUSPECT, WorkerFeed, find_feed

if TYPE_CHECKING:
    from collections.abc import Callable


class WorkerInteractor:
    """The part of pytest-xdist's class of this name that a feed touches."""

    def __init__(self) -> None:
        self.channel = self
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.item_index: int | None = None
        self.tell: Callable[[tuple[str, dict[str, Any]] | None], None] = lambda _: None

    def setcallback(self, callback: Callable[..., None], endmarker: object) -> None:
        """Keep what takes the commands, as a channel of execnet does."""
        assert endmarker is None
        self.tell = callback

    def sendevent(self, name: str, **arguments: Any) -> None:
        """Keep what the controller is told."""
        self.sent.append((name, arguments))


class Attached:
    """A feed for a worker of four items: two ordinary tests, then two slots."""

    def __init__(self) -> None:
        self.controller = WorkerInteractor()
        slots = [SlotItem.__new__(SlotItem) for _ in range(2)]
        self.items: list[Any] = [SimpleNamespace(), SimpleNamespace(), *slots]
        session: Any = SimpleNamespace(items=self.items)
        self.feed = WorkerFeed(self.controller, session)
        self.woken = 0
        self.feed.attach(self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def tell(self, name: str, **arguments: Any) -> None:
        """Give a command as the controller does."""
        self.controller.tell((name, arguments))

    def waiting(self) -> list[int]:
        """Take all that is to be run."""
        found = []
        while self.feed.peek() is not None:
            found.append(self.feed.pop())
        return found


@pytest.fixture
def attached() -> Attached:
    """Return a feed that receives commands."""
    return Attached()


def test_items_are_run_in_the_order_in_which_they_come(attached: Attached) -> None:
    """Each command wakes the loop, which may have nothing to do."""
    attached.tell("runtests", indices=[2, 0])
    attached.tell("runtests", indices=[3])
    assert (attached.woken, attached.waiting(), attached.feed.peek()) == (2, [2, 0, 3], None)


def test_a_worker_that_runs_everything_runs_every_item(attached: Attached) -> None:
    """As the scheduler of ``--dist each`` asks for."""
    attached.tell("runtests_all")
    assert attached.waiting() == [0, 1, 2, 3]


def test_an_item_that_is_put_back_is_the_next_again(attached: Attached) -> None:
    """Nothing is lost that could not be run yet."""
    attached.tell("runtests", indices=[1, 2])
    attached.feed.put_back(attached.feed.pop())
    assert attached.waiting() == [1, 2]


def test_items_that_wait_are_given_back_to_be_run_elsewhere(attached: Attached) -> None:
    """The controller is told which, and they are not run here."""
    attached.tell("runtests", indices=[0, 1, 2, 3])
    attached.tell("steal", indices=[1, 3])
    assert attached.controller.sent == [("unscheduled", {"indices": [1, 3]})]
    assert attached.waiting() == [0, 2]


def test_nothing_is_given_back_if_a_part_is_at_work_already(attached: Attached) -> None:
    """An item that two workers ran would be paid for twice."""
    attached.tell("runtests", indices=[0, 1, 2])
    attached.feed.pop()
    attached.tell("steal", indices=[0, 2])
    assert attached.controller.sent == [("unscheduled", {"indices": []})]
    assert attached.waiting() == [1, 2]


def test_a_stopped_worker_is_no_orphan(attached: Attached) -> None:
    """A channel that is closed after the word to stop says nothing new."""
    attached.tell(STOP)
    attached.controller.tell(None)
    feed = attached.feed
    assert (feed.stopped, feed.shutdown, feed.orphaned) == (True, False, False)


def test_a_worker_whose_controller_is_gone_is_an_orphan(attached: Attached) -> None:
    """A channel that is closed without a word means that nobody is there any more."""
    attached.controller.tell(None)
    assert (attached.feed.orphaned, attached.woken) == (True, 1)


def test_what_is_dropped_is_not_run_and_nothing_follows(attached: Attached) -> None:
    """``--maxfail`` is reached: what waits is forgotten, and the worker may end."""
    attached.tell("runtests", indices=[2, 3])
    attached.tell(DROP)
    feed = attached.feed
    assert (feed.peek(), feed.dropped, feed.shutdown, feed.stopped) == (None, True, True, False)


def test_judges_that_were_parked_elsewhere_are_news_once(attached: Attached) -> None:
    """In the order in which they were heard of."""
    attached.tell(PARK, judge="one", until=1.0)
    attached.tell(PARK, judge="two", until=2.0)
    assert list(attached.feed.news()) == [
        {"judge": "one", "until": 1.0},
        {"judge": "two", "until": 2.0},
    ]
    assert list(attached.feed.news()) == []


def test_a_judge_that_was_parked_here_is_told_to_the_controller(attached: Attached) -> None:
    """It passes the word on to the other workers."""
    attached.feed.parked({"judge": "one", "until": 1.0})
    told = {"indices": {"judge": "one", "until": 1.0}}
    assert attached.controller.sent == [(MESSAGE, told)]


def test_a_slot_under_suspicion_waits_for_the_judge_that_may_live(attached: Attached) -> None:
    """An ordinary test has no judge to wait for."""
    for index in (0, 2):
        attached.tell(SUSPECT, index=index)
    assert [getattr(item, "patient", None) for item in attached.items] == [None, None, True, None]


def test_more_is_asked_for_once_until_something_comes(attached: Attached) -> None:
    """And not at all when the controller has said that nothing will come."""
    asked: tuple[str, dict[str, Any]] = (MESSAGE, {"indices": []})
    for _ in range(2):
        attached.feed.ask_for_more()
    assert attached.controller.sent == [asked]
    attached.tell("runtests", indices=[2])
    attached.feed.ask_for_more()
    assert attached.controller.sent == [asked, asked]
    attached.tell("runtests", indices=[3])
    attached.tell("shutdown")
    attached.feed.ask_for_more()
    assert attached.controller.sent == [asked, asked]


def test_the_controller_knows_which_item_the_reports_are_about(attached: Attached) -> None:
    """And hears when its protocol has run, and how long that took."""
    attached.feed.begin(2)
    attached.feed.complete(2, 0.5)
    assert attached.controller.item_index == 2
    done = ("runtest_protocol_complete", {"item_index": 2, "duration": 0.5})
    assert attached.controller.sent == [done]


def session_beside(*plugins: object) -> Any:
    """Return the part of a session that tells which plugins there are."""
    manager = SimpleNamespace(get_plugins=lambda: list(plugins))
    return SimpleNamespace(config=SimpleNamespace(pluginmanager=manager), items=[])


def test_the_feed_is_that_of_pytest_xdists_own_worker() -> None:
    """Commands reach it through the worker's channel."""
    worker = WorkerInteractor()
    feed = find_feed(session_beside(object(), worker))
    assert feed is not None
    feed.attach(lambda: None)
    worker.tell(("shutdown", {}))
    assert feed.shutdown


@pytest.mark.parametrize("known", [True, False], ids=["without a channel", "not there"])
def test_an_unknown_pytest_xdist_judges_one_slot_at_a_time(known: bool) -> None:  # noqa: FBT001 - a table
    """It is said, so that nobody wonders why it takes long."""
    worker = WorkerInteractor()
    del worker.channel
    with pytest.warns(pytest.PytestWarning) as caught:
        assert find_feed(session_beside(*([worker] if known else [object()]))) is None
    (warning,) = caught
    assert str(warning.message) == (
        "pytest-judge-panel does not know this version of pytest-xdist: each worker judges one "
        "slot at a time"
    )
