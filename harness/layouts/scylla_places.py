"""Where the parts of a ProjectScylla experiment lie: enough to tell whether one is there.

The layout itself is imported when the first such experiment is opened.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness import files

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "config/experiment.json"

PARTS = ("", "completed", "in_progress")
"""Where tiers lie; a run that lies in two of them is read from the first."""

RUN = re.compile(r"run_(\d+)")


def config_of(directory: Path) -> Path | None:
    """Return ``config/experiment.json`` if it is there."""
    path = directory / CONFIG
    return path if files.is_there(path) else None
