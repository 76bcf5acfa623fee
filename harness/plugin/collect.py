"""Experiments as collectors, slots as items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import (
    ReprEntryNative,
    ReprExceptionInfo,
    ReprFileLocation,
    ReprTraceback,
)

from harness.dispatch import explain
from harness.errors import ExperimentError, HarnessError
from harness.layouts import config_of
from harness.model import Deferred, Failed, Judged, Raised
from harness.plugin import panel_session
from harness.text import safe_line, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _pytest._code.code import TerminalRepr

    from harness.layouts import Layout
    from harness.model import Outcome, Slot


class ExperimentDirectory(pytest.Directory):
    """An experiment's directory: collects its configuration file, never its results.

    The results hold other people's ``conftest.py`` and ``test_*.py``.
    """

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Collect the configuration file, through a node for its directory if it has one."""
        config_file = config_of(self.path)
        if config_file is None:
            raise self.CollectError(
                f"{self.path}: looks like an experiment, but has no experiment.yaml and no "
                "config/experiment.json; create one of them"
            )
        if config_file.parent != self.path:
            yield ConfigDirectory.from_parent(self, path=config_file.parent)
            return
        yield from self.ihook.pytest_collect_file(file_path=config_file, parent=self)


class ConfigDirectory(pytest.Directory):
    """The directory between a ProjectScylla experiment and its configuration file."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Collect the configuration file."""
        path = self.path / "experiment.json"
        yield from self.ihook.pytest_collect_file(file_path=path, parent=self)


def experiment_file(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of an experiment's slots if ``path`` is its configuration file."""
    for root in (path.parent, path.parent.parent):
        if config_of(root) == path:
            node: ExperimentFile = ExperimentFile.from_parent(parent, path=path)
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
            raise self.CollectError(safe_text(str(error))) from None
        self.add_marker("slot")
        for slot in slots:
            item: SlotItem = SlotItem.from_parent(
                self, name=slot.name, slot=slot, layout=scanned.layout
            )
            yield item

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """Show what is wrong with the experiment in one message."""
        if isinstance(excinfo.value, self.CollectError):
            return str(excinfo.value.args[0])
        return super().repr_failure(excinfo)


class SlotItem(pytest.Item):
    """A slot that is to be judged. It passes when its judgment is on disk."""

    # pytest-run-parallel warns about items without a function unless they say this.
    _parallel_custom_item = True

    def __init__(self, *, slot: Slot, layout: Layout, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slot = slot
        self.layout = layout
        self.outcome: Outcome | None = None
        self.measured: tuple[float, float, float] | None = None
        self.add_marker(slot.status.value)
        judge, run = slot.judge, slot.run
        words = {judge.name, judge.model, judge.slot, slot.status.value, run.task, run.group}
        self.extra_keyword_matches.update(word for word in words | run.words if word)

    def runtest(self) -> None:
        """Replay what became of the slot; judge it now if that was not done ahead."""
        outcome, self.outcome = self.outcome, None
        if outcome is None:
            outcome = panel_session(self.config).judge(self)
        else:  # judged ahead: the replay takes no time, but the judging did
            began, seconds = outcome.started, outcome.seconds
            self.measured = (began, began + seconds, seconds)
        panel_session(self.config).count(outcome)
        match outcome:
            case Judged(judgment=judgment):
                self.user_properties.append(("score", judgment.score))
                self.user_properties.append(("passed", judgment.passed))
            case Failed(error=error) | Raised(error=error):
                raise error
            case Deferred(reason=reason):
                raise pytest.skip.Exception(safe_line(reason), _use_item_location=True)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place and the headline; the line is a number, or a skip mark is an error."""
        return self.path, 0, self.name

    def repr_failure(  # type: ignore[override] # the base class takes a style as well
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """Show a failed slot in one line; an error that nobody foresaw keeps its traceback."""
        error = excinfo.value
        if not isinstance(error, HarnessError):
            return super().repr_failure(excinfo)
        # Paths as they can be typed from here.
        message = safe_text(explain(error)).replace(f"{self.config.rootpath}/", "")
        # The shape that pytest's summary, JUnit XML, and pytest-xdist all know.
        crash = ReprFileLocation(path=str(self.path), lineno=1, message=message)
        entry = ReprEntryNative([f"{message}\n"])
        return ReprExceptionInfo(
            reprcrash=crash, reprtraceback=ReprTraceback([entry], None, style="native")
        )


def slot_items(items: Iterable[pytest.Item]) -> Iterator[SlotItem]:
    """Yield the slots among ``items``."""
    return (item for item in items if isinstance(item, SlotItem))
