"""Experiments as collectors, slots as items."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import (
    ReprEntryNative,
    ReprExceptionInfo,
    ReprFileLocation,
    ReprTraceback,
    Traceback,
)

from harness import dispatch
from harness.calling import NOT_ASKED
from harness.dispatch import explain
from harness.errors import ExperimentError, HarnessError, Terminated
from harness.layouts import config_of
from harness.model import Deferred, Failed, Judged, Raised
from harness.plugin import panel_session, snapshot
from harness.text import safe_line, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _pytest._code.code import TerminalRepr

    from harness.layouts import Layout
    from harness.model import Outcome, Slot
    from harness.plugin.records import Record
    from harness.plugin.routing import LeanHooks


CAPTURE = dispatch.__file__
"""Where a traceback enters a judge's work."""


def experiment_file(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of an experiment's slots if ``path`` is its configuration file."""
    for root in (path.parent, path.parent.parent):
        if config_of(root) == path:
            found = snapshot.find(parent.config, root)
            text = None if found is None else found[1].get("id")
            if text is None and not path.is_relative_to(parent.config.rootpath):
                # pytest would leave the path out of the ids: they could not be pasted back.
                text = os.path.relpath(path, parent.config.rootpath)
            given: Any = {} if text is None else {"nodeid": _id(text)}
            node: ExperimentFile = ExperimentFile.from_parent(parent, path=path, **given)
            node.root = root
            return node
    return None


class ExperimentFile(pytest.File):
    """An experiment's configuration file: collects the slots that are to be judged."""

    root: Path

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Scan the experiment and make an item of every selected slot that needs work."""
        panel = panel_session(self.config)
        try:
            scanned, slots = panel.open(self.root)
        except ExperimentError as error:
            panel.broken += 1
            raise self.CollectError(str(error)) from None
        self.add_marker("slot")
        for slot in slots:
            item: SlotItem = SlotItem.from_parent(
                self, name=slot.name, slot=slot, layout=scanned.layout
            )
            yield item

    def repr_failure(  # type: ignore[override] # as in SlotItem
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """Show what is wrong with the experiment in one message."""
        return repr_collect_error(self, excinfo) or super().repr_failure(excinfo)


class SlotItem(pytest.Item):
    """A slot that is to be judged. It passes when its judgment is on disk."""

    # pytest-run-parallel warns about items without a function unless they say this.
    _parallel_custom_item = True

    def __init__(self, *, slot: Slot, layout: Layout, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slot = slot
        self.layout = layout
        self.outcome: Outcome | None = None
        self.record: Record | None = None
        self.lean: LeanHooks | None = None
        self.became: Outcome | None = None
        self.patient = False
        self.asked = NOT_ASKED
        self.measured: tuple[float, float, float] | None = None
        self.add_marker(slot.status.value)
        judge, run = slot.judge, slot.run
        words = {judge.name, judge.model, judge.slot, slot.status.value, run.task, run.group}
        self.extra_keyword_matches.update(word for word in words | run.words if word)

    @property
    def ihook(self) -> Any:
        """The hooks for this slot; fewer while other slots are judged in threads."""
        return self.lean or super().ihook

    def runtest(self) -> None:
        """Replay what became of the slot; judge it now if that was not done ahead."""
        outcome, self.outcome = self.outcome, None
        panel = panel_session(self.config)
        if outcome is None:
            self.measured = None
            outcome = self.became = panel.admission.judge(self)
        else:  # judged ahead: the replay takes no time, but the judging did
            began, seconds = outcome.started, outcome.seconds
            self.measured = (began, began + seconds, seconds)
        if self.record is not None:
            panel.routing.replay(self, self.record)
            self.record = None
        match outcome:
            case Judged(judgment=judgment):
                self.user_properties.append(("score", judgment.score))
                self.user_properties.append(("passed", judgment.passed))
            case Failed(error=error):
                raise error
            case Raised(error=error):
                if isinstance(error, KeyboardInterrupt | Terminated):
                    panel.stopped += 1  # its judge was ended on the way out
                raise error
            case Deferred(reason=reason):
                raise pytest.skip.Exception(safe_line(reason), _use_item_location=True)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place and the headline; the line is a number, or a skip mark is an error."""
        return self.path, 0, self.name

    def _traceback_filter(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Traceback:
        """Leave pytest's and our own frames out: what is of interest is the judge's code."""
        package = str(Path(__file__).parents[1])
        paths = [str(entry.path) for entry in excinfo.traceback]
        start = next((i for i, path in enumerate(paths) if path == CAPTURE), 0)
        kept = [
            entry
            for entry, path in zip(excinfo.traceback[start:], paths[start:], strict=True)
            if not path.startswith(package)
        ]
        return Traceback(kept) if start and kept else excinfo.traceback

    def repr_failure(  # type: ignore[override] # the base class takes a style as well
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """Show a failed slot in one line; an error that nobody foresaw keeps its traceback."""
        error = excinfo.value
        if not isinstance(error, HarnessError):
            return super().repr_failure(excinfo)
        return one_message(explain(error), self)


def _id(text: str) -> object:
    try:
        from _pytest.nodeid import NodeId
    except ImportError:  # before pytest 9.2 an id is text
        return text
    return NodeId(path=text)


def repr_collect_error(
    node: pytest.Collector, excinfo: pytest.ExceptionInfo[BaseException]
) -> TerminalRepr | None:
    """Return what is wrong with an experiment in one message; None for other errors."""
    if isinstance(excinfo.value, node.CollectError):
        return one_message(str(excinfo.value.args[0]), node)
    return None


def one_message(text: str, node: pytest.Item | pytest.Collector) -> TerminalRepr:
    """Return ``text`` in the shape that pytest's summary, JUnit XML, and pytest-xdist know.

    Paths are shortened to what can be typed from the root directory.
    """
    message = safe_text(text).replace(f"{node.config.rootpath}/", "")
    return ReprExceptionInfo(
        reprcrash=ReprFileLocation(path=str(node.path), lineno=1, message=message),
        reprtraceback=ReprTraceback([ReprEntryNative([f"{message}\n"])], None, style="native"),
    )


def slot_items(items: Iterable[pytest.Item]) -> Iterator[SlotItem]:
    """Yield the slots among ``items``."""
    return (item for item in items if isinstance(item, SlotItem))
