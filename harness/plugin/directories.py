"""The directories of experiments as collectors.

pytest makes a node of every directory beside the one that it is asked to collect. So this
module is imported by sessions without an experiment, too, and imports nothing by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest._code.code import TerminalRepr


class ExperimentDirectory(pytest.Directory):
    """An experiment's directory: collects its configuration file, never its results.

    The results hold other people's ``conftest.py`` and ``test_*.py``.
    """

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Collect the configuration file, through a node for its directory if it has one."""
        from harness.layouts import config_of
        from harness.plugin import panel_session

        config_file = config_of(self.path)
        if config_file is None:
            panel_session(self.config).broken += 1
            raise self.CollectError(
                f"{self.path}: looks like an experiment, but has no experiment.yaml and no "
                "config/experiment.json; create one of them"
            )
        if config_file.parent != self.path:
            yield ConfigDirectory.from_parent(self, path=config_file.parent)
            return
        yield from self.ihook.pytest_collect_file(file_path=config_file, parent=self)

    def repr_failure(  # type: ignore[override] # the base class takes a style as well
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """Show what is wrong with the experiment in one message."""
        from harness.plugin.collect import repr_collect_error

        return repr_collect_error(self, excinfo) or super().repr_failure(excinfo)


class ConfigDirectory(pytest.Directory):
    """The directory between a ProjectScylla experiment and its configuration file."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Collect the configuration file."""
        path = self.path / "experiment.json"
        yield from self.ihook.pytest_collect_file(file_path=path, parent=self)
