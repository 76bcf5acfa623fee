"""How slots are dealt out to workers on other machines, one of which disappears."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugin.scheduler import SlotScheduling

SLOTS = [f"e.yaml::r{number}" for number in range(8)]
LANES = 2


class FakeConfig:
    """The part of pytest's config that a scheduler reads."""

    def getoption(self, name: str) -> object:
        """Return how many workers there are; nothing else is set."""
        return ["2*popen"] if name == "tx" else None

    getvalue = getoption


class FakeNode:
    """A worker that only keeps what it was told."""

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="gw")
        self.shutting_down = False
        self.sent: list[int] = []
        self.suspects: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        """Keep what is to be run."""
        self.sent += indices

    def sendcommand(self, _name: str, *, index: int) -> None:
        """Keep who is a suspect."""
        self.suspects.append(index)

    def shutdown(self) -> None:
        """Remember that nothing more will come."""
        self.shutting_down = True


@pytest.fixture
def dealt() -> tuple[SlotScheduling, FakeNode, FakeNode]:
    """Return a scheduler that has dealt slots out to two workers on other machines."""
    config: Any = FakeConfig()
    scheduling = SlotScheduling(config, None, lanes=LANES, kept=set(SLOTS))
    nodes = FakeNode(), FakeNode()
    for node in nodes:
        scheduling.add_node(node)
        scheduling.add_node_collection(node, SLOTS)
    scheduling.schedule()
    return (scheduling, *nodes)


def finish(scheduling: SlotScheduling, node: FakeNode) -> None:
    """Have a worker finish all it has been given, one after the other."""
    while scheduling.node2pending[node]:
        scheduling.mark_test_complete(node, scheduling.node2pending[node][0])


def test_a_worker_with_nothing_to_do_is_kept_for_those_that_disappear(
    dealt: tuple[SlotScheduling, FakeNode, FakeNode],
) -> None:
    """It takes the slots over one at a time; at the end every slot has run."""
    scheduling, gone, left = dealt
    lost = list(gone.sent)
    finish(scheduling, left)
    assert not left.shutting_down
    assert scheduling.remove_node(gone) is None
    assert scheduling.take_over()
    finish(scheduling, left)
    assert left.suspects == lost[:LANES]
    assert sorted(left.sent) == list(range(len(SLOTS)))
    assert scheduling.tests_finished


def test_a_slot_whose_worker_dies_after_its_report_is_not_run_again() -> None:
    """Its judgment is on disk, and its result was shown; the others are run."""
    config: Any = FakeConfig()
    reported: set[str] = set()
    scheduling = SlotScheduling(config, None, lanes=LANES, kept=set(SLOTS), reported=reported)
    gone, left = FakeNode(), FakeNode()
    for node in (gone, left):
        scheduling.add_node(node)
        scheduling.add_node_collection(node, SLOTS)
    scheduling.schedule()
    lost = list(gone.sent)
    finish(scheduling, left)
    reported.add(SLOTS[lost[0]])
    before = len(left.sent)
    assert scheduling.remove_node(gone) is None
    assert scheduling.take_over()
    finish(scheduling, left)
    assert sorted(left.sent[before:]) == sorted(lost[1:])
    assert scheduling.tests_finished


def test_a_worker_that_comes_later_must_have_collected_the_same(
    dealt: tuple[SlotScheduling, FakeNode, FakeNode],
) -> None:
    """Its items are known by their numbers only."""
    scheduling, *_ = dealt
    late = FakeNode()
    scheduling.add_node(late)
    with pytest.raises(RuntimeError, match=r"^gw collected other items than the first worker$"):
        scheduling.add_node_collection(late, SLOTS[1:])


def test_a_worker_that_dies_with_a_suspect_names_it(
    dealt: tuple[SlotScheduling, FakeNode, FakeNode],
) -> None:
    """Only what was at work alone is to blame."""
    scheduling, gone, left = dealt
    scheduling.remove_node(gone)
    scheduling.take_over()
    while not left.suspects:
        scheduling.mark_test_complete(left, scheduling.node2pending[left][0])
    assert scheduling.remove_node(left) == SLOTS[left.suspects[0]]


def test_a_single_slot_is_not_to_blame_before_it_was_alone(
    dealt: tuple[SlotScheduling, FakeNode, FakeNode],
) -> None:
    """Its machine may just be gone."""
    scheduling, gone, left = dealt
    while len(scheduling.node2pending[gone]) > 1 or scheduling.pending:
        scheduling.mark_test_complete(gone, scheduling.node2pending[gone][0])
    assert scheduling.remove_node(gone) is None
    assert scheduling.take_over()
    finish(scheduling, left)
    assert scheduling.tests_finished


def test_without_another_worker_nobody_takes_over(
    dealt: tuple[SlotScheduling, FakeNode, FakeNode],
) -> None:
    """The session has to end."""
    scheduling, gone, left = dealt
    left.shutting_down = True
    scheduling.remove_node(gone)
    assert not scheduling.take_over()


def test_a_worker_whose_slots_wait_for_their_judge_takes_over_beside_them(
    dealt: tuple[SlotScheduling, FakeNode, FakeNode],
) -> None:
    """It hears in the end that nothing will come, to report those that nobody was asked about."""
    scheduling, gone, left = dealt
    scheduling.remove_node(gone)
    scheduling.take_over()
    assert left.suspects == []
    waiting = list(scheduling.node2pending[left])
    scheduling.remove_pending_tests_from_node(left, None)
    for number in range(1, LANES + 1):
        assert len(left.suspects) == number
        scheduling.mark_test_complete(left, left.suspects[-1])
    while rest := [index for index in scheduling.node2pending[left] if index not in waiting]:
        scheduling.mark_test_complete(left, rest[0])
    assert scheduling.node2pending[left] == waiting
    assert left.shutting_down


def test_a_suspect_that_waits_for_its_judge_holds_up_nobody(
    dealt: tuple[SlotScheduling, FakeNode, FakeNode],
) -> None:
    """The next suspect runs beside it."""
    scheduling, gone, left = dealt
    scheduling.remove_node(gone)
    scheduling.take_over()
    while not left.suspects:
        scheduling.mark_test_complete(left, scheduling.node2pending[left][0])
    scheduling.remove_pending_tests_from_node(left, None)
    assert len(left.suspects) == 2
