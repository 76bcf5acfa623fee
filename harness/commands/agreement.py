"""``agreement DIR``: coverage, error bars, how far the judges agree, and what they cost."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from harness.agreement import agreement
from harness.calibration import calibration
from harness.commands.agreement_json import portable
from harness.commands.places import HELP, node_id, scans, shown
from harness.commands.say import say, say_json, tables
from harness.effort import efforts_of, slot_efforts
from harness.errors import SelectionError
from harness.gather import sheet_of
from harness.statistics.words import MARK, full, marked, number
from harness.steps import Steps
from harness.text import safe_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

    from harness.agreement import Agreement, Level
    from harness.calibration import Calibration
    from harness.effort import Effort, Took
    from harness.model import Experiment
    from harness.scan import Scan
    from harness.sheet import Sheet

PAIR = 36
"""Characters of two judges' names; pairs of longer ones have numbers."""

LISTED = 10
"""Runs and tasks that are listed; ``--json`` has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)
    parser.add_argument("--group", metavar="NAME", help="the figures of one group, or tier")
    parser.add_argument("--task", metavar="NAME", help="the figures of one task, or subtest")
    parser.add_argument("--json", action="store_true", help="for programs, with every level")


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of each experiment."""
    found: list[dict[str, Any]] = []
    shown = 0
    for scanned in scans(arguments.directory):
        sheet = _selected(sheet_of(scanned), arguments)
        if not sheet.rows and (arguments.group or arguments.task):
            continue
        shown += 1
        people = calibration(sheet)
        with Steps("agreement", "slots") as steps:
            took = slot_efforts(scanned, step=steps.step)
        if arguments.json:
            found.append(portable(scanned, agreement(sheet), people, took))
        else:
            made = agreement(sheet, tasks=LISTED)
            say("\n".join(_lines(scanned, sheet, made, people, took)))
    if not shown:
        raise SelectionError(_nowhere(arguments))
    if arguments.json:
        say_json({"experiments": found})
    return 0


def _selected(sheet: Sheet, arguments: argparse.Namespace) -> Sheet:
    rows = [
        row
        for row in sheet.rows
        if arguments.group in (None, row.group) and arguments.task in (None, row.task)
    ]
    return dataclasses.replace(sheet, rows=tuple(rows))


def _nowhere(arguments: argparse.Namespace) -> str:
    wanted = {"group": arguments.group, "task": arguments.task}
    named = " and ".join(f"{kind} {name!r}" for kind, name in wanted.items() if name is not None)
    return f"{arguments.directory}: no run has the {named}; --json lists the names"


def _lines(
    scanned: Scan,
    sheet: Sheet,
    made: Agreement,
    people: Calibration | None,
    took: Mapping[str, Sequence[Took]],
) -> list[str]:
    experiment = scanned.layout.experiment
    lines = [f"{safe_line(made.experiment)} ({shown(experiment.root)})"]
    lines += _whole(made.whole)
    runs = [row.run for row in sheet.rows]
    lines += _judges(made.whole)
    lines += _efforts(made.whole, efforts_of(scanned, took, runs))
    lines += _pairs(made.whole)
    tasks = len({row.task for row in sheet.rows})
    if len(made.groups) > 1:
        lines += _levels("group", made.groups[:LISTED], len(made.groups))
    if tasks > 1:
        lines += _levels("task", made.tasks, tasks)
    lines += _runs(experiment, made)
    lines += _people(people) if people is not None else []
    words = [word for line in lines for word in line.split()]
    if any(word.endswith(f"]{MARK}") for word in words):
        lines.append(f"  {MARK} few runs or tasks: the interval says little; --json has the notes")
    if "-" in words:
        lines.append("  a dash is a figure that is undefined or unknown")
    return lines


def _whole(level: Level) -> list[str]:
    c = level.coverage
    blocked = f", {c.blocked} runs blocked" if c.blocked else ""
    there = f"{c.judgments} of {c.slots} judgments, {c.full} of {c.runs} runs have all"
    scores, verdicts = full(level.votes_score, 2), full(level.votes_passed, 2)
    return [
        f"  coverage         {there}, {c.joint} a consensus{blocked}",
        f"  score            {full(level.score)}",
        f"  pass rate        {full(level.pass_rate)}",
        f"  alpha, scores    {full(level.alpha_score)}",
        f"  alpha, verdicts  {full(level.alpha_passed)}",
        f"  Fleiss' kappa    {full(level.fleiss)}",
        f"  ICC(A,1)         {full(level.icc_one)}",
        f"  ICC(A,k)         {full(level.icc_panel)}",
        f"  effective votes  {scores} by scores,",
        f"                   {verdicts} by verdicts",
    ]


def _judges(level: Level) -> list[str]:
    head = ["  judge", "n", "score", "severity", "pass rate", "same verdict", "correlation"]
    rows = [
        [
            f"  {safe_line(judge.judge, 40)}",
            str(judge.score.n),
            marked(judge.score),
            marked(judge.severity),
            marked(judge.pass_rate),
            number(judge.same_verdict.value),
            number(judge.correlation.value),
        ]
        for judge in level.judges
    ]
    return tables(head, rows)


def _efforts(level: Level, took: Sequence[Effort]) -> list[str]:
    head = ["  judge", "calls", "wasted", "retries", "USD", "median s"]
    rows = [
        [
            f"  {safe_line(judge.judge, 40)}",
            str(effort.calls.paid),
            str(effort.calls.wasted),
            str(effort.retries),
            number(effort.calls.cost_usd, 4),
            number(effort.median_seconds, 1),
        ]
        for judge, effort in zip(level.judges, took, strict=True)
    ]
    return tables(head, rows)


def _pairs(level: Level) -> list[str]:
    head = ["  pair", "n", "Spearman", "Pearson", "mean |difference|", "Cohen's kappa"]
    names = [safe_line(judge.judge, 40) for judge in level.judges]
    first = [f"{safe_line(p.first, 40)}, {safe_line(p.second, 40)}" for p in level.pairs]
    legend = []
    if max(map(len, first), default=0) > PAIR:
        numbers = {judge.judge: number for number, judge in enumerate(level.judges, 1)}
        first = [f"{numbers[p.first]}, {numbers[p.second]}" for p in level.pairs]
        legend = [f"    {number} is {name}" for number, name in enumerate(names, 1)]
    rows = [
        [
            f"  {label}",
            str(pair.difference.n),
            *(
                marked(figure)
                for figure in (pair.spearman, pair.pearson, pair.difference, pair.kappa)
            ),
        ]
        for label, pair in zip(first, level.pairs, strict=True)
    ]
    return [*tables(head, rows), *legend] if rows else []


def _levels(kind: str, levels: Sequence[Level], total: int) -> list[str]:
    head = [f"  {kind}", "runs", "judgments", "score", "pass rate", "alpha, scores"]
    rows = [
        [
            f"  {safe_line(level.name, 60)}",
            str(level.coverage.runs),
            f"{level.coverage.judgments}/{level.coverage.slots}",
            marked(level.score),
            marked(level.pass_rate),
            marked(level.alpha_score),
        ]
        for level in levels
    ]
    more = f"and {total - len(levels)} more {kind}s; " if total > len(levels) else ""
    return [*tables(head, rows), f"  ... {more}--{kind} NAME has all figures of one, --json of all"]


def _runs(experiment: Experiment, made: Agreement) -> Iterable[str]:
    yield f"  split verdicts: {len(made.split)} of {made.whole.coverage.judged} runs"
    for run in made.split[:LISTED]:
        yield f"    {node_id(experiment, run)}"
    if len(made.split) > LISTED:
        yield f"    ... and {len(made.split) - LISTED} more; --json has all"
    if made.disputed:
        yield "  most disputed, highest score minus lowest:"
    for run, spread in made.disputed:
        yield f"    {spread:.3f} {node_id(experiment, run)}"


def _people(people: Calibration) -> list[str]:
    head = ["  against people", "sensitivity", "specificity", "pass rate", "corrected", "bias"]
    rows = [
        [
            f"  {safe_line(judge.judge, 40)}",
            *(
                marked(figure)
                for figure in (
                    judge.sensitivity,
                    judge.specificity,
                    judge.pass_rate,
                    judge.corrected,
                    judge.bias,
                )
            ),
        ]
        for judge in people.judges
    ]
    return [
        f"  people judged {people.labelled} runs and passed {people.passed}",
        *tables(head, rows),
        f"  judges with independent errors: {full(people.independent, 2)}",
    ]
