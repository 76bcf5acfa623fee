"""Who judges a slot, and the judging itself, in any thread."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from harness import judges
from harness.attempt import attempt_slot
from harness.dispatch import capture, light
from harness.errors import ExperimentError
from harness.modes import Mode
from harness.plugin.records import Record, recording
from harness.reparse import reparse_slot

if TYPE_CHECKING:
    from pathlib import Path

    from harness.attempt import Asks
    from harness.judges import Judge
    from harness.model import Deferred, Judged, JudgeSpec, Outcome
    from harness.plugin.collect import SlotItem
    from harness.plugin.session import PanelSession


@dataclass(frozen=True, slots=True)
class Job:
    """A slot's judging: its judge, decided in the main thread, and what it printed."""

    item: SlotItem
    judge: Asks | None = None
    problem: Exception | None = None
    submitted: float = field(default_factory=time.monotonic)
    record: Record = field(default_factory=Record)


class Judging:
    """Makes jobs of slots, and does them. Only ``work`` is called from other threads."""

    def __init__(self, panel: PanelSession) -> None:
        self._panel = panel
        self._built: dict[tuple[Path, int], Judge | None] = {}

    def job(self, item: SlotItem) -> Job:
        """Decide who judges a slot; a hook that fails is the slot's own failure."""
        if self._panel.mode is Mode.REPARSE:
            return Job(item)
        try:
            return Job(item, self._judge_of(item))
        except Exception as error:  # noqa: BLE001 - a conftest's code may raise anything
            return Job(item, problem=error)

    def work_apart(self, job: Job) -> Outcome:
        """Judge a slot, its output kept apart from that of others at work."""
        with recording(job.record):
            return self.work(job)

    def work(self, job: Job) -> Outcome:
        """Judge a slot with one call at most; never raises for the judge."""
        outcome = capture(
            job.item.slot, lambda _: self._judge(job), pass_on=(pytest.exit.Exception,)
        )
        return light(outcome)

    def _judge(self, job: Job) -> Judged | Deferred:
        if job.problem is not None:
            raise job.problem
        if self._panel.mode is Mode.REPARSE:
            return reparse_slot(job.item.slot, layout=job.item.layout)
        return attempt_slot(
            job.item.slot,
            layout=job.item.layout,
            bench=self._panel.bench,
            judge=job.judge,
            patient=job.item.patient,
            asked=job.item.asked,
        )

    def _judge_of(self, item: SlotItem) -> Asks | None:
        """Return the judge of a slot; conftest files may replace it."""
        judge = self._configured(item)
        if item.ihook.pytest_harness_judge.get_hookimpls():
            replaced: Asks | None = item.ihook.pytest_harness_judge(slot=item.slot, judge=judge)
            if replaced is not None and not callable(getattr(replaced, "ask", None)):
                raise ExperimentError(
                    f"pytest_harness_judge returned a {type(replaced).__name__}, which has no "
                    "method ask; return a judge, or None to leave it as it is; nothing was paid"
                )
            if replaced is not None:
                return replaced
        return judge

    def _configured(self, item: SlotItem) -> Judge | None:
        """Build each judge of an experiment once; one that cannot be is explained by its slots."""
        spec: JudgeSpec = item.slot.judge
        key = (item.layout.experiment.root, spec.number)
        if key not in self._built:
            try:
                self._built[key] = judges.build(spec)
            except ExperimentError:
                self._built[key] = None
        return self._built[key]
