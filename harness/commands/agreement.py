"""``agreement DIR``: coverage, error bars, how far the judges agree, and what they cost."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from harness.agreement import agreement
from harness.calibration import calibration
from harness.commands.places import HELP, node_id, scans, shown
from harness.commands.say import say, say_json, table
from harness.gather import efforts, sheet_of
from harness.statistics.words import full, number, short
from harness.text import safe_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from harness.agreement import Agreement, Level
    from harness.calibration import Calibration
    from harness.gather import Effort
    from harness.model import Experiment
    from harness.scan import Scan

LISTED = 10
"""Runs and tasks that are listed; ``--json`` has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)
    parser.add_argument("--json", action="store_true", help="for programs, with every task")


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of each experiment."""
    found: list[dict[str, Any]] = []
    for scanned in scans(arguments.directory):
        sheet = sheet_of(scanned)
        made, people, took = agreement(sheet), calibration(sheet), efforts(scanned)
        if arguments.json:
            found.append(_portable(scanned, made, people, took))
        else:
            say("\n".join(_lines(scanned, made, people, took)))
    if arguments.json:
        say_json({"experiments": found})
    return 0


def _portable(
    scanned: Scan, made: Agreement, people: Calibration | None, took: Sequence[Effort]
) -> dict[str, Any]:
    experiment = scanned.layout.experiment
    return {
        **dataclasses.asdict(made),
        "path": shown(experiment.root),
        "split": [node_id(experiment, run) for run in made.split],
        "disputed": [
            {"id": node_id(experiment, run), "spread": spread} for run, spread in made.disputed
        ],
        "effort": [dataclasses.asdict(effort) for effort in took],
        "calibration": None if people is None else dataclasses.asdict(people),
    }


def _lines(
    scanned: Scan, made: Agreement, people: Calibration | None, took: Sequence[Effort]
) -> list[str]:
    experiment = scanned.layout.experiment
    lines = [f"{safe_line(made.experiment)} ({shown(experiment.root)})"]
    lines += _whole(made.whole)
    lines += _judges(made.whole, took)
    lines += _pairs(made.whole)
    if len(made.groups) > 1:
        lines += _levels("group", made.groups)
    if len(made.tasks) > 1:
        lines += _levels("task", made.tasks)
    lines += _runs(experiment, made)
    lines += _people(people) if people is not None else []
    dashes = any(word == "-" for line in lines for word in line.split())
    return [*lines, "  a dash is a figure that is undefined or unknown"] if dashes else lines


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
        f"  effective votes  {scores} by scores, {verdicts} by verdicts",
    ]


def _judges(level: Level, took: Sequence[Effort]) -> list[str]:
    head = ["  judge", "n", "score", "severity", "pass rate", "same verdict", "correlation"]
    head += ["calls", "wasted", "retries", "USD", "median s"]
    rows = [
        [
            f"  {safe_line(judge.judge, 40)}",
            str(judge.score.n),
            short(judge.score),
            short(judge.severity),
            short(judge.pass_rate),
            number(judge.same_verdict.value),
            number(judge.correlation.value),
            str(effort.calls.paid),
            str(effort.calls.wasted),
            str(effort.retries),
            number(effort.calls.cost_usd, 4),
            number(effort.median_seconds, 1),
        ]
        for judge, effort in zip(level.judges, took, strict=True)
    ]
    return table(head, rows)


def _pairs(level: Level) -> list[str]:
    head = ["  pair", "n", "Spearman", "Pearson", "mean |difference|", "Cohen's kappa"]
    rows = [
        [
            f"  {safe_line(pair.first, 40)}, {safe_line(pair.second, 40)}",
            str(pair.difference.n),
            *(
                number(figure.value)
                for figure in (pair.spearman, pair.pearson, pair.difference, pair.kappa)
            ),
        ]
        for pair in level.pairs
    ]
    return table(head, rows) if rows else []


def _levels(kind: str, levels: Sequence[Level]) -> list[str]:
    head = [f"  {kind}", "runs", "judgments", "score", "pass rate", "alpha, scores"]
    rows = [
        [
            f"  {safe_line(level.name, 60)}",
            str(level.coverage.runs),
            f"{level.coverage.judgments}/{level.coverage.slots}",
            short(level.score),
            short(level.pass_rate),
            short(level.alpha_score),
        ]
        for level in levels[:LISTED]
    ]
    lines = table(head, rows)
    if len(levels) > LISTED:
        lines.append(f"  ... and {len(levels) - LISTED} more {kind}s; --json has all")
    return lines


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
                short(figure)
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
        *table(head, rows),
        f"  judges with independent errors: {full(people.independent, 2)}",
    ]
