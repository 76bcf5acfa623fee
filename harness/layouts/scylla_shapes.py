"""The shape of ProjectScylla's files above its runs; pure functions of what lies below them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.layouts import scylla_levels as levels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.model import Run

    Keys = dict[str, Any]

REPORT = "report.json"


@dataclass(slots=True)
class Subtest:
    """One subtest: where it lies, and its runs in order, each with its file's keys."""

    directory: Path
    runs: list[tuple[Run, Keys]] = field(default_factory=list)

    @property
    def entries(self) -> list[Keys]:
        """The files of its runs."""
        return [keys for _, keys in self.runs]


@dataclass(slots=True)
class Tier:
    """One tier: where it lies, its subtests by name, and the file that has them all."""

    directory: Path
    subtests: dict[str, Subtest] = field(default_factory=dict)
    result: Keys = field(default_factory=dict)


def subtest_report(subtest: Subtest, judged: Keys) -> Keys:
    """Return what a subtest's report takes from judgments."""
    figures = {key: value for key, value in judged.items() if key != "std_dev_score"}
    return {
        "summary": {
            "total_runs": len(subtest.runs),
            "passed": sum(keys["judge_passed"] for _, keys in subtest.runs),
            **figures,
            "std_dev": judged["std_dev_score"],
        },
        "children": [
            {
                "run_number": keys["run_number"],
                "score": keys["judge_score"],
                "passed": keys["judge_passed"],
                "report": f"./{run.path.name}/{REPORT}",
            }
            for run, keys in subtest.runs
        ],
    }


def tier_result(name: str, tier: Tier, stored: Keys) -> tuple[Keys, levels.Selection]:
    """Return a tier's file, made from its runs; and which subtest it selects."""
    known = mappings(stored.get("subtest_results"))
    subtests: Keys = {}
    for id_ in dict.fromkeys([*known, *tier.subtests]):
        before = known.get(id_, {})
        if id_ in tier.subtests:
            subtests[id_] = _subtest_result(name, id_, tier.subtests[id_], before)
        elif {"median_score", "mean_score", "pass_rate", "consistency"} <= before.keys():
            subtests[id_] = dict(before)  # its runs are elsewhere; what they gave still holds
    selection = levels.select_best(subtests)
    for id_, found in subtests.items():
        was = found.get("selected_as_best") is True
        found["selected_as_best"] = id_ == selection.best
        if id_ == selection.best:
            found["selection_reason"] = selection.reason
        elif was or "selection_reason" not in found:
            found["selection_reason"] = ""
    runs = [keys for subtest in tier.subtests.values() for keys in subtest.entries]
    totals = {
        "tier_id": name,
        "inherited_from": None,
        "total_cost": sum(found.get("total_cost", 0.0) for found in subtests.values()),
        "total_duration": levels.duration(runs),
        "token_stats": levels.tokens(found.get("token_stats") for found in subtests.values()),
    }
    best = {
        "subtest_results": subtests,
        "best_subtest": selection.best,
        "best_subtest_score": selection.score,
        "tiebreaker_needed": selection.close,
        "cost_of_pass": levels.cost_of_pass(subtests[selection.best]),
    }
    return {**totals, **stored, **best}, selection


def _subtest_result(tier: str, id_: str, subtest: Subtest, before: Keys) -> Keys:
    entries = subtest.entries
    return {
        "subtest_id": id_,
        "tier_id": tier,
        "rate_limit_info": None,
        **levels.measured_figures(entries),
        **before,
        "runs": by_id(before.get("runs"), entries, "run_number"),
        **levels.judged_figures(entries),
    }


def tier_report(result: Keys) -> Keys:
    """Return what a tier's report takes from judgments."""
    best, score = result["best_subtest"], result["best_subtest_score"]
    subtests = result["subtest_results"]
    return {
        "summary": {
            "total_subtests": len(subtests),
            "best_subtest": best,
            "best_score": score,
            "tiebreaker_needed": result["tiebreaker_needed"],
        },
        "best": {"subtest": best, "score": score, "report": f"./{best}/{REPORT}"},
        "children": [
            {
                "id": id_,
                "score": found["median_score"],
                "pass_rate": found["pass_rate"],
                "cost": found.get("total_cost"),
                "selected": found["selected_as_best"],
                "report": f"./{id_}/{REPORT}",
            }
            for id_, found in subtests.items()
        ],
    }


def experiment_result(stored: Keys, tiers: Mapping[str, Keys]) -> Keys:
    """Return the experiment's file; tiers that are not on disk stay as they are stored."""
    known = mappings(stored.get("tier_results"))
    results = {**known, **{name: {**known.get(name, {}), **new} for name, new in tiers.items()}}
    best, cost = levels.frontier(results)
    lasted = sum(found.get("total_duration", 0.0) for found in results.values())
    totals = {
        "total_cost": sum(found.get("total_cost", 0.0) for found in results.values()),
        "total_duration_seconds": lasted,
        "token_stats": levels.tokens(found.get("token_stats") for found in results.values()),
    }
    frontier = {
        "best_overall_tier": best,
        "best_overall_subtest": None if best is None else results[best].get("best_subtest"),
        "frontier_cop": cost,
        "frontier_cop_tier": best,
    }
    return {**totals, **stored, "tier_results": results, **frontier}


def experiment_report(result: Keys) -> Keys:
    """Return what the experiment's report takes from judgments."""
    best, subtest = result["best_overall_tier"], result["best_overall_subtest"]
    cost = result["frontier_cop"]
    return {
        "summary": {
            "total_tiers": len(result["tier_results"]),
            "best_tier": best,
            "best_subtest": subtest,
            "frontier_cop": cost if math.isfinite(cost) else None,
        },
        "best": {"tier": best, "subtest": subtest, "report": best and f"./{best}/{REPORT}"},
        "children": [
            {
                "tier": name,
                "best_subtest": found.get("best_subtest"),
                "best_score": found.get("best_subtest_score"),
                "cost": found.get("total_cost"),
                "report": f"./{name}/{REPORT}",
            }
            for name, found in result["tier_results"].items()
        ],
    }


def comparison(results: Mapping[str, Keys]) -> Keys:
    """Return the file that compares the tiers."""
    return {
        name: {
            "best_subtest": found.get("best_subtest"),
            "best_score": found.get("best_subtest_score"),
            "total_cost": found.get("total_cost"),
            "tiebreaker_needed": found.get("tiebreaker_needed"),
        }
        for name, found in results.items()
    }


def mappings(value: Any) -> dict[str, Keys]:
    """Return the entries of a mapping that are mappings themselves."""
    entries = value.items() if isinstance(value, dict) else ()
    return {key: entry for key, entry in entries if isinstance(entry, dict)}


def by_id(stored: Any, wanted: Sequence[Keys], id_: str) -> list[Keys]:
    """Lay entries over the stored ones with the same id, in the stored order."""
    listed = [e for e in stored if isinstance(e, dict)] if isinstance(stored, list) else []
    known = {str(entry.get(id_)): entry for entry in listed}
    new = {str(entry[id_]): {**known.get(str(entry[id_]), {}), **entry} for entry in wanted}
    order = [key for key in known if key in new]
    return [new[key] for key in [*order, *(key for key in new if key not in known)]]
