"""The summary in Markdown: within bounds, and nothing of others in it is markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from harness.report.annotations import annotation
from harness.report.markdown import plain, summary
from harness.report.write import look_at
from tests.pages import PAYLOADS, judged
from tests.workshop import scanned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


ONE = "no interval: one run says nothing of others"
ALONE = "one run: there is no other to compare it with"


def test_the_summary_has_coverage_runs_failures_and_the_next_command(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """The whole of a summary of an experiment with a failed and a missing slot."""
    root = make_experiment(tmp_path / "exp", runs=["a", "b"], name="demo")
    judged(root, "a", 1, 0.9)
    judged(root, "a", 2, 0.4)
    (root / "runs" / "b" / "judge" / "judge_01").mkdir(parents=True)
    (root / "runs" / "b" / "judge" / "judge_01" / "judgment.json").write_text("{}")
    made = look_at(scanned(root), lambda _, name: f"exp::{name}", lambda path: path.name)
    why = f"{root}/runs/b/judge/judge_01/judgment.json: not a judgment (score is missing)"
    assert summary(made).splitlines() == [
        "## Judge panel: demo",
        "",
        "2 of 4 judgments, 1 of 2 runs have all.",
        f"Mean score {plain(f'0.650 ({ONE})')}, pass rate {plain(f'0.000 ({ONE})')}.",
        f"Alpha of the scores {plain(f'undefined ({ALONE})')}, split verdicts in 1 of 1 runs.",
        "",
        "| judge | complete | missing | failed |",
        "|---|---|---|---|",
        "| judge-a | 1 | 0 | 1 |",
        "| judge-b | 1 | 1 | 0 |",
        "",
        "| run, worst first | score | passed | spread | judges |",
        "|---|---|---|---|---|",
        "| runs/a | 0.650 | undecided | 0.50 | disagree |",
        "",
        "| slot without a judgment | judge | status | why |",
        "|---|---|---|---|",
        f"| exp&#58;&#58;runs/b/judge&#95;01 | judge-a | failed | {plain(why, 500)} |",
        "",
        "Next: <code>pytest exp</code>, judges what is open&#58; 1 missing, 1 failed.",
    ]


def test_remarks_stand_above_the_tables(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """One item of a list each, and no markup."""
    root = make_experiment(tmp_path / "exp", runs=["a"], name="demo")
    made = look_at(scanned(root), lambda _, name: f"exp::{name}", lambda path: path.name)
    lines = summary(made, ["gate: <b>", "2 slots"]).splitlines()
    assert lines[5:10] == [
        "",
        "- gate&#58; &#60;b&#62;",
        "- 2 slots",
        "",
        "| judge | complete | missing | failed |",
    ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_others_is_no_markup(payload: str) -> None:
    """What could begin a tag, a link, a table cell, or emphasis is written as an entity."""
    shown = plain(payload, 1000)
    assert "\n" not in shown
    assert not set(re.sub(r"&#\d+;", "", shown)) & set("<>|[]`*_\\\"'()&!#")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fine", "::error file=exp/experiment.yaml,title=t::fine"),
        (
            "a\n::set-env name=x::y",
            "::error file=exp/experiment.yaml,title=t::a ::set-env name=x::y",
        ),
        ("100%0A::warning::x", "::error file=exp/experiment.yaml,title=t::100%250A::warning::x"),
        ("\x1b[31mred", "::error file=exp/experiment.yaml,title=t::\\x1b[31mred"),
    ],
)
def test_an_annotation_is_one_line_that_no_text_can_end(text: str, shown: str) -> None:
    """A failure's message starts no command of its own."""
    assert annotation(file="exp/experiment.yaml", title="t", text=text) == shown


def test_properties_of_an_annotation_cannot_be_added() -> None:
    """Commas and colons of a title are escaped, since they would end it."""
    assert annotation(file="f", title="a,line=1::b", text="x") == (
        "::error file=f,title=a%2Cline=1%3A%3Ab::x"
    )
