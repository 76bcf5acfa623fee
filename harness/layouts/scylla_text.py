"""ProjectScylla's pages for people: the figures that follow from judgments, put up to date.

A page is patched, not made: its cells are found by section, row, and column, and all
else that stands on it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.layouts.scylla_levels import duration
from harness.layouts.scylla_page import marked, section, set_cells, set_rows, set_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

STAR = "★"
GRADES = "SABCDF"


def patched(text: str, kind: str, keys: Mapping[str, Any], parts: Any) -> str:
    """Return a page with the figures of ``keys`` and ``parts``, which depend on its ``kind``."""
    return _PAGES[kind](text, keys, parts)


def _run(text: str, run: Mapping[str, Any], judges: Sequence[Mapping[str, Any]]) -> str:
    passed = run["judge_passed"]
    score, grade = f"{run['judge_score']:.3f}", str(run["judge_grade"])
    status = "✓ PASS" if passed else "✗ FAIL"
    text = set_rows(text, "## Summary", {"Score": score, "Grade": grade, "Status": status})
    figures = {"Score": score, "Grade": grade, "Passed": _tick(passed)}
    text = set_rows(text, "## Judge Evaluation (Consensus)", figures)
    text = _judges(text, judges)
    alone = "## Judge Evaluation"
    text = set_rows(text, alone, figures)
    return _reasoning(text, alone, _line(run.get("judge_reasoning") or ""))


def _tick(passed: object) -> str:
    return "✅" if passed is True else "❌"


def _judges(text: str, judges: Sequence[Mapping[str, Any]]) -> str:
    """Write the part with a section for each judge anew, if the page has one."""
    lines = text.split("\n")
    span = section(lines, "### Individual Judges")
    if span is None or not judges:
        return text
    made = [""]
    for judge in judges:
        number = judge.get("judge_number", 0)
        made += [
            f"#### Judge {number}: {_line(judge.get('model'))}",
            "",
            "| Metric | Value |",
            "|--------|-------|",
            f"| Score | {judge['score']:.3f} |" if "score" in judge else "| Score | N/A |",
            f"| Passed | {_tick(judge.get('passed'))} |",
            f"| Grade | {_line(judge.get('grade'))} |",
            "",
            f"**Reasoning:** {_line(judge.get('reasoning') or 'No reasoning provided')}",
            "",
            f"- [View judgment](./judge/judge_{number:02d}/judgment.json)",
            "",
        ]
    lines[span.start : span.stop] = made
    return "\n".join(lines)


def _reasoning(text: str, heading: str, reasoning: str) -> str:
    """Replace the reasoning in a section: all up to the link below it."""
    lines = text.split("\n")
    span = section(lines, heading)
    if span is None:
        return text
    starts = [n for n in span if lines[n].startswith("**Reasoning:**")]
    ends = [n for n in span if lines[n].startswith("- [View")]
    if not starts or not ends or ends[-1] < starts[0]:
        return text
    lines[starts[0] : ends[-1]] = [f"**Reasoning:** {reasoning}", ""]
    return "\n".join(lines)


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _subtest(text: str, figures: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> str:
    summary = {
        "Total Runs": str(len(runs)),
        "Passed": str(sum(run["judge_passed"] for run in runs)),
        "Pass Rate": f"{figures['pass_rate']:.1%}",
        "Mean Score": f"{figures['mean_score']:.3f}",
        "Median Score": f"{figures['median_score']:.3f}",
        "Std Dev": f"{figures['std_dev_score']:.3f}",
        "Consistency": f"{figures['consistency']:.3f}",
    }
    text = set_rows(text, "## Summary", summary)
    best = max(runs, key=lambda run: run["judge_score"])
    cells = {
        f"{run['run_number']:02d}": {
            "Run": f"{run['run_number']:02d}{STAR if run is best else ''}",
            "Score": f"{run['judge_score']:.2f}",
            "Grade": str(run["judge_grade"]),
            "Pass": "✓" if run["judge_passed"] else "✗",
        }
        for run in runs
    }
    text = set_table(text, "## Runs Overview", lambda first: cells.get(first.rstrip(STAR), {}))
    counts = figures["grade_distribution"] or {}
    listed = ", ".join(f"{grade}={counts[grade]}" for grade in GRADES if grade in counts)
    extremes = f"{figures['min_grade']} - {figures['max_grade']}"
    text = marked(text, "**Distribution**", listed)
    text = marked(text, "**Modal Grade**", str(figures["modal_grade"]))
    return marked(text, "**Grade Range**", extremes)


def _tier(text: str, report: Mapping[str, Any], subtests: Mapping[str, Any]) -> str:
    summary = report["summary"]
    figures = {
        "Best Subtest": str(summary["best_subtest"]),
        "Best Score": f"{summary['best_score']:.3f}",
        "Tiebreaker Needed": "Yes" if summary["tiebreaker_needed"] else "No",
    }
    text = set_rows(text, "## Summary", figures)
    cells = {
        name: {
            "Score": f"{found['median_score']:.2f}",
            "Pass": f"{found['pass_rate']:.0%}",
            "Best": STAR if found["selected_as_best"] else "",
        }
        for name, found in subtests.items()
    }
    return set_table(text, "## Subtests Overview", lambda first: cells.get(first, {}))


def _summary(text: str, _: Mapping[str, Any], tiers: Mapping[str, Any]) -> str:
    """Patch the table of subtests, which a tier and an experiment have."""
    found: dict[tuple[str, ...], dict[str, str]] = {
        (tier, name): {
            "Best Score": f"{max(run['judge_score'] for run in subtest['runs']):.2f}",
            "Pass Rate": f"{subtest['pass_rate']:.1%}",
        }
        for tier, result in tiers.items()
        for name, subtest in result["subtest_results"].items()
        if subtest.get("runs")
    }

    def row(cells: list[str]) -> Mapping[str, str]:
        return found.get(tuple(cells[:2])) or found.get(("", cells[0])) or {}

    lines = text.split("\n")
    set_cells(lines, range(len(lines)), row)
    return "\n".join(lines)


def _experiment(text: str, summary: Mapping[str, Any], tiers: Mapping[str, Any]) -> str:
    cost = summary["frontier_cop"]
    text = marked(text, "- **Best Tier**", str(summary["best_tier"] or "N/A"))
    text = marked(text, "- **Best Sub-test**", str(summary["best_subtest"] or "N/A"))
    text = marked(text, "- **Frontier CoP**", "N/A" if cost is None else f"${cost:.4f}")
    best = {
        name: (tier, tier["subtest_results"][tier["best_subtest"]])
        for name, tier in tiers.items()
        if tier.get("best_subtest") in tier.get("subtest_results", {})
    }
    costs = {
        name: {
            "CoP": f"${tier['total_cost'] / found['pass_rate']:.2f}"
            if found["pass_rate"]
            else "N/A"
        }
        for name, (tier, found) in best.items()
    }
    text = set_table(text, "## Tier Summary", lambda first: costs.get(first, {}))
    cells = {
        name: {
            "Best": str(tier["best_subtest"]),
            "Score": f"{tier['best_subtest_score']:.2f}",
            "Pass": f"{found['pass_rate']:.0%}",
            "Cost": f"${found['total_cost']:.2f}",
            "Duration": f"{duration(found['runs']):.1f}s",
        }
        for name, (tier, found) in best.items()
    }
    return set_table(text, "## Best Subtest per Tier", lambda first: cells.get(first, {}))


_PAGES: Mapping[str, Callable[[str, Any, Any], str]] = {
    "run": _run,
    "subtest": _subtest,
    "tier": _tier,
    "summary": _summary,
    "experiment": _experiment,
}
