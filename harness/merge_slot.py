"""One slot of a part into the same slot here: attempts, then the rest, the judgment last."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from harness import files
from harness.layouts.base import Damaged, Found
from harness.layouts.parts import claim_of, further_files, half_merged
from harness.ledger import INTENT
from harness.locks import claim, holder
from harness.merging import comparable, content, renumbered, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.layouts import Layout
    from harness.layouts.base import Nothing
    from harness.merging import Sides
    from harness.model import JudgeSpec, Judgment, Run


class SlotMerge:
    """One slot: ``run`` here, ``there`` the same run in the part."""

    def __init__(self, sides: Sides, run: Run, there: Run, judge: JudgeSpec) -> None:
        self._sides, self._run, self._there, self._judge = sides, run, there, judge
        self._name = f"{run.name}/{judge.slot}"
        self._root = sides.ours.experiment.root
        self._directory = sides.ours.slot_directory(run, judge)

    def run(self, *, agree: bool) -> None:
        """Merge the slot under its claim; ``agree``: whether the prompts of its run do."""
        sides = self._sides
        with contextlib.ExitStack() as stack:
            if sides.write:
                files.make_directory(self._directory, root=self._root)
                file = claim_of(sides.ours, self._run, self._judge)
                if stack.enter_context(claim(file)) is None:
                    sides.merged.problems.append(
                        f"{self._name}: is being judged by {holder(file)}; "
                        "merge again when that is over"
                    )
                    return
            numbers = self._attempts()
            theirs = sides.theirs.read_slot(self._there, self._judge)
            if isinstance(theirs, Damaged):
                sides.merged.problems.append(f"{self._name}: {theirs.why}; it is left there")
            wanted = isinstance(theirs, Found) and self._is_wanted(theirs.judgment, agree=agree)
            if sides.write:
                self._further()
            if wanted and isinstance(theirs, Found):
                self._take(theirs.judgment, numbers)

    # --- attempts ----------------------------------------------------------------------------

    def _attempts(self) -> dict[str, str]:
        """Take over the attempts that are not here yet; return the numbers here by those there.

        An attempt is known by its intent, which holds the moment and the place of asking.
        """
        sides = self._sides
        ours = sides.ours.attempts_directory(self._run, self._judge)
        theirs = sides.theirs.attempts_directory(self._there, self._judge)
        known = dict(_intents(ours, sides.ours))
        used = {int(name) for name in files.list_names(ours) if name.isdecimal()}
        numbers: dict[str, str] = {}
        for intent, name in _intents(theirs, sides.theirs):
            if intent in known:
                numbers[name] = known[intent]
                self._copy_missing(theirs / name, ours / known[intent])
                continue
            numbers[name] = name if int(name) not in used else f"{max(used) + 1:04d}"
            used.add(int(numbers[name]))
            sides.merged.attempts += 1
            if sides.write:
                self._copy_attempt(theirs / name, ours / numbers[name])
        return numbers

    def _copy_attempt(self, source: Path, target: Path) -> None:
        scratch = half_merged(self._sides.ours, self._run, self._judge)
        files.make_directory(target.parent, root=self._root)
        files.remove_tree(scratch)  # of a merge that was killed
        files.copy_tree(source, scratch, skip=_unusual)
        files.move(scratch, target)

    def _copy_missing(self, source: Path, target: Path) -> None:
        """Add the files of an attempt that came to be after it was copied."""
        if self._sides.write:
            for name in files.list_names(source):
                self._copy(source / name, target / name)

    def _copy(self, source: Path, target: Path) -> None:
        if files.is_plain(source) and not files.is_there(target):
            data = content(source, self._sides.theirs)
            if data is not None:
                files.commit_bytes(target, data, root=self._root, durable=False, replace=False)

    def _further(self) -> None:
        for path in further_files(self._sides.theirs, self._there, self._judge):
            self._copy(path, self._directory / path.name)

    # --- the judgment ------------------------------------------------------------------------

    def _is_wanted(self, theirs: Judgment, *, agree: bool) -> bool:
        """Decide whether the part's judgment is to be written here."""
        merged = self._sides.merged
        ours = self._present()
        if isinstance(ours, Damaged) and ours.unreadable:
            merged.problems.append(f"{self._name}: {ours.why}")
            return False
        if isinstance(ours, Found) and not self._is_newer(theirs, ours.judgment):
            return False
        if not agree:
            return False
        if self._is_from_another_prompt(theirs):
            merged.conflicts.append(
                f"{self._name}: the judgment in {self._sides.shown} was made from another prompt "
                f"than {self._sides.ours.frozen_prompt(self._run)}; it is left there"
            )
            return False
        merged.judgments.append(self._name)
        return self._sides.write

    def _present(self) -> Found | Nothing | Damaged:
        return self._sides.ours.read_slot(self._run, self._judge)

    def _is_newer(self, theirs: Judgment, ours: Judgment) -> bool:
        """Tell whether the part has replaced the judgment that is here; report a contradiction."""
        sides = self._sides
        mine, their = comparable(ours), comparable(theirs)
        if mine == their or their in replaced(sides.ours, self._run, self._judge):
            sides.merged.same += 1
            return False
        if mine in replaced(sides.theirs, self._there, self._judge):
            return True
        sides.merged.conflicts.append(
            f"{self._name}: {_said(ours)} here, {_said(theirs)} in {sides.shown}; "
            "the one here is kept"
        )
        return False

    def _is_from_another_prompt(self, theirs: Judgment) -> bool:
        made_from = theirs.provenance.get("prompt_sha256")
        layout = self._sides.ours
        prompt = content(layout.frozen_prompt(self._run), layout)
        if prompt is None or not isinstance(made_from, str):
            return False
        return made_from != hashlib.sha256(prompt).hexdigest()

    def _take(self, theirs: Judgment, numbers: dict[str, str]) -> None:
        """Write the judgment; what stood in its place is kept beside it or among the attempts."""
        path = self._sides.ours.judgment_file(self._run, self._judge)
        since = files.stamp(path)
        if since is not None and isinstance(self._present(), Damaged):
            files.set_aside(path)
            since = None
        data = renumbered(self._sides.theirs, self._there, self._judge, theirs, numbers)
        files.commit_bytes(path, data, root=self._root, replace=since is not None, since=since)


def _said(judgment: Judgment) -> str:
    return f"score {judgment.score:.3f} ({'passed' if judgment.passed else 'not passed'})"


def _intents(attempts: Path, layout: Layout) -> Iterator[tuple[bytes, str]]:
    for name in files.list_names(attempts):
        intent = content(attempts / name / INTENT, layout)
        if intent is not None and name.isdecimal():
            yield intent, name


def _unusual(directory: str, names: list[str]) -> set[str]:
    """Name what is no file and no directory of its own: links and the like are not copied."""
    paths = {name: f"{directory}/{name}" for name in names}
    return {
        name
        for name, path in paths.items()
        if files.is_link(path) or not (files.is_directory(path) or files.is_file(path))
    }
