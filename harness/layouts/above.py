"""What runs share: files in a run's directory, or in the nearest one above it that has them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.errors import ExperimentError
from harness.rubric import load_rubric

if TYPE_CHECKING:
    from harness.criteria import Rubric


class Above:
    """Finds and reads such files, each once, up to the experiment's directory ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = str(root)
        self._texts: dict[Path, str | None] = {}
        self._rubrics: dict[Path, Rubric | ExperimentError] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        self._paths: dict[str, Path] = {}
        self._hashes: dict[str, bytes] = {}

    def find(self, path: str | Path, name: str) -> Path | None:
        """Find ``name`` in the directory ``path`` or the nearest above it."""
        found = self._nearest(str(path), name)
        if found is not None and found not in self._paths:
            self._paths[found] = Path(found)
        return None if found is None else self._paths[found]

    def _nearest(self, directory: str, name: str) -> str | None:
        if files.is_there(file := f"{directory}/{name}"):
            return file
        if directory == self._top:
            return None
        # What lies above the runs is looked for once, not for each of them.
        above = directory.rpartition("/")[0] or "/"
        key = (above, name)
        if key not in self._found:
            self._found[key] = self._nearest(above, name)
        return self._found[key]

    def rubric(self, file: Path) -> Rubric:
        """Return the rubric in a file; ``ExperimentError`` if it is none."""
        if file not in self._rubrics:
            try:
                self._rubrics[file] = load_rubric(file, root=self._root)
            except ExperimentError as error:
                self._rubrics[file] = error
        found = self._rubrics[file]
        if isinstance(found, ExperimentError):
            raise found
        return found

    def text(self, path: Path) -> str | None:
        """Return the text of a file; None if it is not there."""
        if path not in self._texts:
            match files.read_text(path, root=self._root):
                case files.Ok(text):
                    self._texts[path] = text
                case files.Missing():
                    self._texts[path] = None
                case files.Invalid(why) | files.Unreadable(why):
                    raise ExperimentError(f"{path}: {why}; replace it by a text file")
        return self._texts[path]

    def hash_of(self, shared: str) -> bytes:
        """Hash a text that many runs have."""
        if shared not in self._hashes:
            self._hashes[shared] = hashlib.sha256(shared.encode()).digest()
        return self._hashes[shared]
