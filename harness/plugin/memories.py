"""What sessions remember of large experiments that are finished, in pytest's cache."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from harness.layouts import open_experiment
from harness.layouts.native import NativeLayout
from harness.memory import Memory
from harness.modes import Mode
from harness.plugin import changes
from harness.plugin.progress import steps
from harness.scan import Scan, scan

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from harness.layouts import Layout
    from harness.settle import Settled

MANY = 1000
"""Slots from which on an experiment is worth remembering; fewer are read in no time."""


class Memories:
    """The memories of a session, one for each experiment.

    Sessions that replace judgments have none, and neither have the workers of pytest-xdist,
    nor sessions without pytest's cache (``-p no:cacheprovider``).
    """

    def __init__(self, config: pytest.Config, mode: Mode) -> None:
        self._config = config
        apart = hasattr(config, "workerinput") or mode is not Mode.JUDGE
        self._cache = None if apart else getattr(config, "cache", None)
        self._of: dict[Layout, Memory] = {}

    def scan(self, root: Path) -> Scan:
        """Scan an experiment; what an earlier session knew of it is not read again."""
        with steps(self._config, "scan") as told:
            layout = open_experiment(root)
            # Layouts of other packages read runs in their own way.
            if self._cache is None or type(layout) is not NativeLayout:
                return scan(layout, step=told.step)
            text = self._cache.get(_key(layout), "")
            memory = self._of[layout] = Memory(layout, text if isinstance(text, str) else "")
            return scan(layout, step=told.step, memory=memory)

    def finish(self, mode: Mode, scanned: Scan) -> Settled:
        """Make the derived files follow the judgments, and remember which runs are finished."""
        settled = changes.finish(mode, scanned)
        memory = self._of.get(scanned.layout)
        if self._cache is not None and memory is not None and len(scanned.slots) >= MANY:
            text = memory.to_keep(scanned, settled)
            # A cache that cannot be written is a warning of pytest's, and those may be errors.
            with contextlib.suppress(Warning):
                if text is not None:
                    self._cache.set(_key(scanned.layout), text)
        return settled


def _key(layout: Layout) -> str:
    root = str(layout.experiment.root).encode("utf-8", "surrogateescape")
    return f"harness/finished/{hashlib.sha256(root).hexdigest()[:16]}"
