"""The summary of an experiment in Markdown, for the page of a CI job; a pure function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.statistics.words import full, number, short
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.report.panorama import Panorama

LISTED = 20
"""Groups, runs, and failures that are listed, each."""

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|&~$@:^=\"']")


def plain(text: str, cap: int = 200) -> str:
    """Return text of others for one line of Markdown: nothing in it is markup, link, or HTML."""
    shown = _SPECIAL.sub(lambda match: f"&#{ord(match.group())};", safe_line(text, cap))
    return shown.replace("www.", "www&#46;")


def summary(shown: Panorama, remarks: Sequence[str] = ()) -> str:
    """Return coverage, consensus, agreement, failures, and the next command, within bounds.

    ``remarks``: what else is known of the session, a line each.
    """
    whole = shown.agreement.whole
    c = whole.coverage
    split = f"split verdicts in {len(shown.agreement.split)}"
    lines = [
        f"## Judge panel: {plain(shown.name)}",
        "",
        f"{c.judgments} of {c.slots} judgments, {c.full} of {c.runs} runs have all.",
        f"Mean score {plain(full(whole.score))}, pass rate {plain(full(whole.pass_rate))}.",
        f"Alpha of the scores {plain(full(whole.alpha_score))}, {split} of {c.judged} runs.",
        "",
        *_remarks(remarks),
        *_coverage(shown),
        *_groups(shown),
        *_runs(shown),
        *_failures(shown),
        f"Next: <code>{plain(shown.advice[0][0], 1000)}</code>, {plain(shown.advice[0][1])}.",
    ]
    return "\n".join(lines) + "\n"


def _remarks(remarks: Sequence[str]) -> list[str]:
    return [*(f"- {plain(text, 1000)}" for text in remarks), ""] if remarks else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _coverage(shown: Panorama) -> list[str]:
    rows = [
        [plain(judge), *map(str, counts)]
        for judge, counts in zip(shown.judges, shown.coverage, strict=True)
    ]
    return _table(["judge", *(status.value for status in shown.statuses)], rows)


def _groups(shown: Panorama) -> list[str]:
    if len(shown.agreement.groups) == 1:
        return []
    known = sorted(
        shown.agreement.groups,
        key=lambda level: (level.score.value is None, level.score.value or 0.0),
    )
    rows = [
        [
            plain(level.name),
            str(level.coverage.runs),
            plain(short(level.score)),
            plain(short(level.pass_rate)),
        ]
        for level in known[:LISTED]
    ]
    return [
        *_table(["group, worst first", "runs", "score", "pass rate"], rows),
        *_more(len(known), "groups"),
    ]


def _runs(shown: Panorama) -> list[str]:
    scored = [(line.joint.score, line) for line in shown.runs if line.joint.score is not None]
    known = [line for _, line in sorted(scored, key=lambda pair: pair[0])]
    rows = [
        [
            plain(line.name),
            number(line.joint.score),
            {True: "yes", False: "no", None: "undecided"}[line.joint.passed],
            number(line.joint.spread, 2),
            "disagree" if line.joint.disagreement else "",
        ]
        for line in known[:LISTED]
    ]
    if not rows:
        return []
    head = ["run, worst first", "score", "passed", "spread", "judges"]
    return [*_table(head, rows), *_more(len(known), "runs")]


def _failures(shown: Panorama) -> list[str]:
    rows = [
        [plain(identity, 500), plain(slot.judge.name), slot.status.value, plain(slot.why, 500)]
        for identity, slot in shown.failures[:LISTED]
    ]
    if not rows:
        return []
    head = ["slot without a judgment", "judge", "status", "why"]
    return [*_table(head, rows), *_more(len(shown.failures), "slots")]


def _more(count: int, what: str) -> list[str]:
    return [f"... and {count - LISTED} more {what}", ""] if count > LISTED else []
