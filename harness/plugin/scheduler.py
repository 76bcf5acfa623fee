"""How slots are dealt out to workers that judge several at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdist.scheduler.load import LoadScheduling

from harness.plugin.feed import SUSPECT

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    import pytest


class SlotScheduling(LoadScheduling):  # type: ignore[misc] # pytest-xdist has no types for us
    """Keeps ``lanes`` items at work on each node, and as few as possible waiting there.

    When a node dies with several items at work nobody knows which one did it: they
    become suspects and run one at a time, alone on the node that replaces it, or on another
    one if its host is gone, so that a second crash names the culprit. No item is lost, and
    none of those in ``reported`` runs again. A node that has only items of ``kept`` is kept
    to the end, because it may have to take over those of a host that disappears.
    """

    def __init__(
        self,
        config: pytest.Config,
        log: Any,
        *,
        lanes: int,
        kept: Container[str] = (),
        reported: Container[str] = (),
        on_park: Callable[[Any, dict[str, Any]], object] = lambda *_: None,
    ) -> None:
        super().__init__(config, log)
        self._on_park = on_park
        self._more: dict[Any, int] = {}
        self.collection: list[str] | None
        self._lanes = lanes
        self._suspects: list[int] = []
        self._solo: Any = None
        self._alone: int | None = None
        self._kept = kept
        self._reported = reported

    @property
    def tests_finished(self) -> bool:
        """Whether every item has run."""
        return self.collection_is_completed and not self.has_pending

    @property
    def has_pending(self) -> bool:
        """Whether an item is waiting or at work."""
        return bool(self._suspects) or super().has_pending

    def add_node(self, node: Any) -> None:
        """Take a node in; while there are suspects the new one is theirs."""
        super().add_node(node)
        if self._suspects and self._solo is None:
            self._solo = node

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Check that a node that comes later has collected the same items."""
        if self.collection is not None and list(collection) != list(self.collection):
            raise RuntimeError(f"{node.gateway.id} collected other items than the first worker")
        super().add_node_collection(node, collection)

    def schedule(self) -> None:
        """Deal out the first items, the same number to each node; later, fill up all nodes."""
        if self.collection is None:
            if not self._check_nodes_have_same_collection():
                self.log("**Different tests collected, aborting run**")
                return
            self.collection = next(iter(self.node2collection.values()))
            self.pending[:] = range(len(self.collection))
            share = -(-len(self.pending) // max(1, len(self.nodes)))
            for node in self.nodes:
                self._send_tests(node, min(share, self._depth()))
        for node in self.nodes:
            self.check_schedule(node)

    def check_schedule(self, node: Any, duration: float = 0) -> None:  # noqa: ARG002 - xdist's signature
        """Fill a node up, or tell it that nothing will come any more."""
        if node.shutting_down:
            return
        at_work = self.node2pending[node]
        if node is self._solo:
            if self._suspects and self._is_free(node):
                index = self._alone = self._suspects.pop(0)
                at_work.append(index)
                node.sendcommand(SUSPECT, index=index)
                node.send_runtest_some([index])
            if self._suspects or not self._is_free(node):
                return
            self._solo = None
        missing = self._depth() + self._more.get(node, 0) - len(at_work)
        if self.pending and missing > 0:
            self._send_tests(node, missing)
        if not (self.pending or self._suspects or self._is_kept(node)):
            node.shutdown()

    def _is_free(self, node: Any) -> bool:
        """Tell whether nothing is at work on a node, but for slots that wait for their judge."""
        at_work = self.node2pending[node]
        return not at_work or (node in self._more and self._alone not in at_work)

    def _is_kept(self, node: Any) -> bool:
        """Tell whether a node need not be told that nothing will come; at the end it is.

        One whose slots wait for their judges needs to know, to report that they were not asked.
        """
        known = self.collection or ()
        only_slots = all(known[i] in self._kept for i in self.node2pending[node])
        return bool(self._kept) and only_slots and node not in self._more

    def remove_pending_tests_from_node(self, node: Any, indices: Any) -> None:
        """Hear a worker: a judge was parked there, or lanes are free although slots wait.

        Those that wait do so for judges that may not be asked now; it gets others beside.
        """
        if isinstance(indices, dict):
            self._on_park(node, indices)
        elif node in self.node2pending:
            self._more[node] = self._more.get(node, 0) + self._lanes
            if node is self._solo:
                self._alone = None  # it waits, too
            self.check_schedule(node)

    def _depth(self) -> int:
        """Return how many items a node holds: its lanes, and a few to hide the way to it."""
        share = len(self.pending) // (2 * max(1, len(self.node2pending)))
        return self._lanes + max(1, min(self._lanes, share))

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Take an item off a node; others wake up when the last suspect is cleared."""
        super().mark_test_complete(node, item_index, duration)
        if not self.pending and not self._suspects:
            for other in self.nodes:
                self.check_schedule(other)

    def take_over(self) -> bool:
        """Have a node that is left run the suspects of one that is not replaced, if one can."""
        if self._suspects and self._solo is None:
            self._solo = next((node for node in self.nodes if not node.shutting_down), None)
            if self._solo is None:
                return False
            self.check_schedule(self._solo)
        return True

    def remove_node(self, node: Any) -> str | None:
        """Take a dead node out; return the item that killed it: one that was at work alone."""
        known = self.collection or ()
        # Between its report and the word that it is complete a slot may lose its worker, too.
        at_work = [i for i in self.node2pending.pop(node) if known[i] not in self._reported]
        alone = node is self._solo and at_work == [self._alone]
        if node is self._solo:
            self._solo = None
        if not at_work:
            return None
        if alone:
            return str(known[at_work[0]])
        # Of a node whose slots waited for their judges any may have been at work.
        suspects = len(at_work) if self._more.pop(node, 0) else self._lanes
        self._suspects.extend(at_work[:suspects])
        self.pending[:0] = at_work[suspects:]
        for other in self.nodes:
            self.check_schedule(other)
        return None
