"""The prompt of a run: rendered once, frozen, and shared by all of its judges."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from harness import files
from harness.errors import ExperimentError
from harness.layouts.base import Damaged, Found
from harness.ledger import INTENT
from harness.locks import locked
from harness.model import SlotStatus
from harness.prompt import PromptParts, render_prompt
from harness.staleness import MADE_FROM, rubric_changed, rubric_marks
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.layouts import Layout
    from harness.model import Run, Slot


class FrozenPrompt(Value, frozen=True, kw_only=True):
    """The prompt's file and text, and the hashes of what it was made from.

    ``rubric`` has those of the rubric by their names in ``MADE_FROM``.
    """

    path: Path
    text: str
    sha256: str
    rubric: Mapping[str, str | None]
    inputs_sha256: str | None

    @property
    def rubric_sha256(self) -> str | None:
        """The hash of the rubric's text."""
        return self.rubric["rubric_sha256"]


def frozen_prompt(layout: Layout, slot: Slot) -> FrozenPrompt:
    """Return the prompt of the slot's run, frozen now if that was not done before.

    While the run has a valid judgment, its prompt stays, whatever changed since;
    only a stale slot that is judged anew gets a new one. The old prompt is kept.
    """
    run = slot.run
    files.make_directory(layout.judge_directory(run), root=layout.experiment.root)
    with locked(layout.settle_lock(run)):
        path = layout.frozen_prompt(run)
        if path is not None:
            frozen = _read(layout, run, path)
            if not _outdated(frozen, run) or not _may_refreeze(layout, slot, frozen):
                return frozen
            files.set_aside(path, as_="old")
        elif slot.status is not SlotStatus.STALE:
            _check_not_lost(layout, run)
        return _freeze(layout, run)


def _check_not_lost(layout: Layout, run: Run) -> None:
    """Refuse to make up a prompt for a run that had one: its judges must be asked the same."""
    made = [
        judge.slot
        for judge in layout.experiment.panel
        if isinstance(found := layout.read_slot(run, judge), Found)
        # other tools, and people, say of no prompt that they judged from it
        and isinstance(found.judgment.provenance.get("prompt_sha256"), str)
    ]
    if made:
        raise ExperimentError(
            f"{layout.prompt_file(run)}: is gone, but the judgments of {', '.join(made)} were "
            "made from it; restore it, or delete them to have the run judged from a new one"
        )


def prompt_text(layout: Layout, run: Run) -> str:
    """Return what a run's judges would be asked if its prompt were frozen now; writes nothing."""
    texts = layout.prompt_parts(run)
    boundary = secrets.token_hex(12)
    while any(boundary in text for text in texts.values()):
        boundary = secrets.token_hex(12)
    text = render_prompt(
        PromptParts(**texts, run=run.name),
        boundary=boundary,
        template=_template(layout),
        source=str(layout.experiment.prompt_template),
    )
    if not text.strip():
        raise ExperimentError(
            f"{layout.experiment.prompt_template}: gives an empty prompt; "
            "write down what the judges are asked"
        )
    return text


def _freeze(layout: Layout, run: Run) -> FrozenPrompt:
    text = prompt_text(layout, run)
    path = layout.prompt_file(run)
    root = layout.experiment.root
    # Durable: a judgment survives a power cut, and so must what it was made from. That is
    # once per run, not per slot.
    with contextlib.suppress(FileExistsError):  # a person was faster: that prompt holds
        files.commit_bytes(path, text.encode("utf-8", "replace"), root=root, replace=False)
    return _read(layout, run, path, fresh=True)


def _template(layout: Layout) -> str | None:
    path = layout.experiment.prompt_template
    if path is None:
        return None
    match files.read_text(path, root=layout.experiment.root):
        case files.Ok(text):
            return str(text)
        case files.Missing():
            raise ExperimentError(f"{path}: there is no such file; create it or remove prompt")
        case files.Invalid(why) | files.Unreadable(why):
            raise ExperimentError(f"{path}: {why}; replace it by a text file")


def _read(layout: Layout, run: Run, path: Path, *, fresh: bool = False) -> FrozenPrompt:
    match files.read_bytes(path, root=layout.experiment.root):
        case files.Ok(data) if data.strip():
            pass
        case files.Ok() | files.Missing():
            raise ExperimentError(f"{path}: is empty; delete it or restore the prompt")
        case files.Invalid(why) | files.Unreadable(why):
            raise ExperimentError(f"{path}: {why}; delete it or restore the prompt")
    sha256 = hashlib.sha256(data).hexdigest()
    made_from = None if fresh else _made_from(layout, run, sha256)
    return FrozenPrompt(
        path=path,
        text=data.decode("utf-8-sig", "replace"),
        sha256=sha256,
        rubric=(
            rubric_marks(run.rubric)
            if made_from is None
            else {key: made_from.get(key) for key in MADE_FROM}
        ),
        inputs_sha256=run.inputs_sha256 if made_from is None else made_from.get("inputs_sha256"),
    )


def _made_from(layout: Layout, run: Run, sha256: str) -> Mapping[str, Any] | None:
    """Find out from what a frozen prompt was made: judgments and attempts have it on record."""
    for record in _records(layout, run):
        if record.get("prompt_sha256") == sha256:
            return record
    return None


def _records(layout: Layout, run: Run) -> Iterator[Mapping[str, Any]]:
    for judge in layout.experiment.panel:
        found = layout.read_slot(run, judge)
        if isinstance(found, Found):
            yield found.judgment.provenance
    for judge in layout.experiment.panel:
        attempts = layout.attempts_directory(run, judge)
        for name in reversed(files.list_names(attempts)):
            match files.read_json(attempts / name / INTENT, root=layout.experiment.root):
                case files.Ok(intent):
                    yield intent


def _outdated(frozen: FrozenPrompt, run: Run) -> bool:
    if run.rubric is not None and rubric_changed(frozen.rubric, run.rubric):
        return True
    return frozen.inputs_sha256 != run.inputs_sha256


def _may_refreeze(layout: Layout, slot: Slot, frozen: FrozenPrompt) -> bool:
    if slot.status is SlotStatus.STALE:
        assert slot.judgment is not None, "a stale slot has one"  # noqa: S101 - narrows the type
        return slot.judgment.provenance.get("prompt_sha256") == frozen.sha256
    found = [layout.read_slot(slot.run, judge) for judge in layout.experiment.panel]
    return not any(isinstance(f, Found) or (isinstance(f, Damaged) and f.unreadable) for f in found)
