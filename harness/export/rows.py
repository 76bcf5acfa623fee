"""From a scan to the rows of the three tables."""

from __future__ import annotations

import json
import math
import statistics
from typing import TYPE_CHECKING, Any

from harness.consensus import consensus
from harness.effort import seconds_of
from harness.export.columns import CRITERIA, JUDGMENTS, RUNS, Table
from harness.gather import judged_by_people
from harness.layouts.agent import agent_figures, agent_model
from harness.settle import judgments_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.export.columns import Cell
    from harness.model import Experiment, JudgeSpec, Judgment, Run, Slot
    from harness.scan import Scan

Row = dict[str, "Cell"]

OWN_COLUMN = ("tier", "subtest", "run", "agent_model")
"""Keys of a run's ``meta`` that are columns by themselves."""


def tables(
    scans: Sequence[Scan],
    node_id: Callable[[Experiment, str], str],
    *,
    step: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Table, ...]:
    """Return the tables runs, judgments, and criteria of some experiments together.

    ``step`` is told how many of how many runs are in them.
    """
    total = sum(1 for scan in scans for _ in scan.by_run())
    runs: list[Row] = []
    judgments: list[Row] = []
    criteria: list[Row] = []
    for scan in scans:
        model = agent_model(scan.layout)
        people = judged_by_people(scan)
        for slots in scan.by_run():
            run = slots[0].run
            head = _head(scan, run, model)
            step(len(runs) + 1, total)
            runs.append(
                {**head, "id": node_id(scan.layout.experiment, run.name), **_run(scan, slots)}
            )
            for judge, slot, judgment in _slots(scan, slots, people):
                name = f"{run.name}/{judge.slot}"
                identity = {**head, "id": node_id(scan.layout.experiment, name)}
                of_slot = {**identity, **_judge(judge)}
                judgments.append({**of_slot, **_slot(slot, judgment)})
                if slot is not None:
                    judgments[-1]["duration_seconds"] = seconds_of(scan.layout, slot)
                if judgment is not None:
                    criteria += [{**of_slot, **points} for points in criteria_of(judgment)]
    return (
        Table("runs", RUNS, runs),
        Table("judgments", JUDGMENTS, judgments),
        Table("criteria", CRITERIA, criteria),
    )


def _judge(judge: JudgeSpec) -> Row:
    return {
        "judge_number": judge.number,
        "judge": judge.name,
        "judge_kind": judge.kind,
        "judge_model": judge.model,
    }


def _head(scan: Scan, run: Run, model: str | None) -> Row:
    number = run.meta.get("run")
    return {
        "experiment": scan.layout.experiment.name,
        "agent_model": model or _text(run.meta.get("agent_model")),
        "tier": _text(run.meta.get("tier")),
        "subtest": _text(run.meta.get("subtest")),
        "run_number": number if isinstance(number, int) and not isinstance(number, bool) else None,
        "run": run.name,
        "task": run.task,
        "group": run.group,
    }


def _run(scan: Scan, slots: tuple[Slot, ...]) -> Row:
    layout, run = scan.layout, slots[0].run
    given = judgments_of(layout, slots)
    joint = consensus(
        given, layout.experiment.panel, layout.experiment.rule, grades=layout.grades(run)
    )
    free = {key: value for key, value in run.meta.items() if key not in OWN_COLUMN}
    rates = [rate for judgment in given.values() if (rate := impl_rate(judgment)) is not None]
    return {
        "score": joint.score,
        "impl_rate": statistics.median(rates) if rates else None,
        "passed": joint.passed,
        "grade": joint.grade,
        "complete": joint.complete,
        "judges": joint.judges,
        "judged": joint.judged,
        "votes_for": joint.votes_for,
        "votes_against": joint.votes_against,
        "spread": joint.spread,
        "disagreement": joint.disagreement,
        "rule": joint.rule,
        "blocked": run.blocked,
        **agent_figures(layout, run),
        "meta": json.dumps(free, sort_keys=True, default=str) if free else None,
    }


def _slots(
    scan: Scan, slots: tuple[Slot, ...], people: Mapping[int, Mapping[str, Judgment]]
) -> Iterator[tuple[JudgeSpec, Slot | None, Judgment | None]]:
    given = judgments_of(scan.layout, slots)
    for slot in slots:
        yield slot.judge, slot, given.get(slot.judge.number)
    for judge in scan.layout.experiment.people:
        judgment = people[judge.number].get(slots[0].run.name)
        if judgment is not None:
            yield judge, None, judgment


def _slot(slot: Slot | None, judgment: Judgment | None) -> Row:
    status: Row = {
        "status": "complete" if slot is None else slot.status.value,
        "why": None if slot is None else slot.why or None,
    }
    if judgment is None:
        return status
    made = judgment.provenance
    tokens = made.get("tokens")
    counts = tokens if isinstance(tokens, dict) else {}
    return {
        **status,
        "judge_score": judgment.score,
        "judge_impl_rate": impl_rate(judgment),
        "judge_passed": judgment.passed,
        "judge_grade": judgment.grade,
        "judge_is_valid": True,
        "judge_reasoning": judgment.reasoning,
        **{
            name: _text(made.get(name))
            for name in ("model_answered", "attempt", "started", "ended")
        },
        **{
            name: _number(made.get(name))
            for name in ("declared_score", "rubric_score", "duration_seconds", "cost_usd")
        },
        "input_tokens": _whole(counts.get("input_tokens", counts.get("input"))),
        "output_tokens": _whole(counts.get("output_tokens", counts.get("output"))),
    }


def impl_rate(judgment: Judgment) -> float | None:
    """Return the points that a judge gave, of those that it could give; weights play no part."""
    known = [row for row in criteria_of(judgment) if not row["not_applicable"]]
    achieved = [value for row in known if isinstance(value := row["achieved"], float)]
    possible = [value for row in known if isinstance(value := row["max"], float)]
    total = math.fsum(possible)
    if len(achieved) < len(known) or len(possible) < len(known) or total <= 0:
        return None
    return math.fsum(achieved) / total


def criteria_of(judgment: Judgment) -> Iterator[Row]:
    """Yield the points, the maximum, and the reason of each criterion that a judgment names."""
    scores = judgment.raw.get("criteria_scores")
    for category, entry in scores.items() if isinstance(scores, dict) else ():
        listed = entry.get("items") if isinstance(entry, dict) else None
        for criterion, points in listed.items() if isinstance(listed, dict) else ():
            if not isinstance(points, dict):
                continue
            yield {
                "category": category,
                "criterion": criterion,
                "achieved": _number(points.get("achieved")),
                "max": _number(points.get("max")),
                "not_applicable": points.get("achieved") == "N/A",
                "reason": _text(points.get("reason")),
            }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= 1e300 else None  # noqa: PLR2004 - more is no figure, and some integers are no float


def _whole(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
    return value if known else None
