"""ProjectScylla's files above a run's consensus, made from what its runs say now.

Each file keeps the keys, and the measurements, that do not follow from judgments.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness import files
from harness.layouts import scylla_levels as levels
from harness.layouts.derived import Derived, same
from harness.layouts.scylla_page import marked
from harness.layouts.scylla_places import CONFIG
from harness.layouts.scylla_shapes import (
    REPORT,
    Subtest,
    Tier,
    by_id,
    comparison,
    experiment_report,
    experiment_result,
    mappings,
    subtest_report,
    tier_report,
    tier_result,
)
from harness.layouts.scylla_text import patched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.model import Run

    Keys = dict[str, Any]

CAP = 256 * 1024 * 1024
"""Bytes; the file of an experiment repeats those of all its runs."""

RESULT = "result.json"
TEXT = "report.md"
SUMMARY = "summary.md"


class Reports:
    """The files of one experiment; ``problems`` gets messages about those not readable."""

    def __init__(self, root: Path, problems: list[str]) -> None:
        self._root = root
        self._problems = problems
        self._config = self._read(root / CONFIG) or {}

    def made(
        self, runs: Sequence[Run], files_of_runs: Mapping[Path, Mapping[str, Any]]
    ) -> Iterator[Derived]:
        """Yield every file that must change, from the runs upwards.

        ``files_of_runs`` has the keys that the runs' own files will hold.
        """
        tiers = self._tiers(runs, files_of_runs)
        for tier in tiers.values():
            for subtest in tier.subtests.values():
                yield from self._guarded(subtest.directory, self._subtest(subtest))
        for name, tier in tiers.items():
            yield from self._guarded(tier.directory, self._tier(name, tier))
        made = {name: tier for name, tier in tiers.items() if tier.result}
        if made:
            yield from self._guarded(self._root, self._experiment(made))

    def _guarded(self, place: Path, made: Iterator[Derived]) -> Iterator[Derived]:
        """Go on with the other files where one has entries that nobody can make sense of."""
        try:
            yield from made
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            self._problems.append(
                f"{place}: its reports are left as they are, one of them is odd ({why})"
            )

    def _tiers(
        self, runs: Sequence[Run], files_of_runs: Mapping[Path, Mapping[str, Any]]
    ) -> dict[str, Tier]:
        tiers: dict[str, Tier] = {}
        for run in runs:
            path = run.path / "run_result.json"
            stored = self._read(path, then="the reports leave the run out")
            if stored is None:
                continue
            keys = {**stored, **files_of_runs.get(path, {})}
            if not levels.usable(keys):
                continue
            place = run.path.parent
            tier = tiers.setdefault(run.meta["tier"], Tier(place.parent))
            subtest = tier.subtests.setdefault(run.meta["subtest"], Subtest(place))
            subtest.runs.append((run, {"run_number": run.meta["run"], **keys}))
        return tiers

    # --- the levels --------------------------------------------------------------------------

    def _subtest(self, subtest: Subtest) -> Iterator[Derived]:
        for run, keys in subtest.runs:
            yield from self._run(run, keys)
        runs = subtest.entries
        judged, measured = levels.judged_figures(runs), levels.measured_figures(runs)
        meta = subtest.runs[0][0].meta
        absent = {
            "subtest_id": meta["subtest"],
            "tier_id": meta["tier"],
            "summary": {"total_cost": measured["total_cost"]},
            "token_stats": measured["token_stats"],
        }
        wanted = subtest_report(subtest, judged)
        yield from self._json(subtest.directory / REPORT, wanted, absent, ids="run_number")
        yield from self._text(subtest.directory / TEXT, "subtest", judged, runs)

    def _run(self, run: Run, keys: Keys) -> Iterator[Derived]:
        wanted = {
            "run_number": keys["run_number"],
            "score": keys["judge_score"],
            "grade": keys["judge_grade"],
            "passed": keys["judge_passed"],
        }
        absent: Keys = {key: keys[key] for key in ("cost_usd", "duration_seconds") if key in keys}
        yield from self._json(run.path / REPORT, wanted, absent)
        yield from self._text(run.path / TEXT, "run", keys, keys.get("judges") or ())

    def _tier(self, name: str, tier: Tier) -> Iterator[Derived]:
        path = tier.directory / RESULT
        found = self._read(path)
        stored = self._copy_of(name) if found is None else found
        tier.result, selection = tier_result(name, tier, stored)
        yield from self._changed(path, found or {}, tier.result)
        wanted = tier_report(tier.result)
        totals = {key: tier.result[key] for key in ("total_cost", "total_duration")}
        absent = {"tier": name, "summary": totals, "token_stats": tier.result["token_stats"]}
        yield from self._json(tier.directory / REPORT, wanted, absent, ids="id")
        yield from self._json(tier.directory / "best_subtest.json", selection.file, {})
        subtests = tier.result["subtest_results"]
        yield from self._text(tier.directory / TEXT, "tier", wanted, subtests)
        yield from self._text(tier.directory / SUMMARY, "summary", {}, {"": tier.result})

    def _copy_of(self, tier: str) -> Keys:
        """Return what the experiment's file has of a tier whose own file is gone."""
        match files.read_json(self._root / RESULT, root=self._root, cap=CAP, finite=False):
            case files.Ok(value):
                return mappings(value.get("tier_results")).get(tier, {})
            case _:
                return {}

    def _experiment(self, tiers: Mapping[str, Tier]) -> Iterator[Derived]:
        path = self._root / RESULT
        stored = self._read(path) or {}
        new = experiment_result(stored, {name: tier.result for name, tier in tiers.items()})
        new = {"config": self._config, **new}
        yield from self._changed(path, stored, new)
        results = new["tier_results"]
        wanted = experiment_report(new)
        absent = {
            "experiment_id": self._config.get("experiment_id"),
            "summary": {
                "total_cost": new["total_cost"],
                "total_duration": new["total_duration_seconds"],
            },
            "token_stats": new["token_stats"],
        }
        yield from self._json(self._root / REPORT, wanted, absent, ids="tier")
        yield from self._json(self._root / "tier_comparison.json", comparison(results), {})
        yield from self._text(self._root / TEXT, "experiment", wanted["summary"], results)
        yield from self._text(self._root / SUMMARY, "summary", {}, results)

    # --- files -------------------------------------------------------------------------------

    def _read(self, path: Path, *, then: str = "it is kept beside the new one") -> Keys | None:
        match files.read_json(path, root=self._root, cap=CAP, finite=False):
            case files.Ok(value):
                return dict(value)
            case files.Missing():
                return None
            case files.Invalid(why) | files.Unreadable(why):
                if not any(problem.startswith(f"{path}: ") for problem in self._problems):
                    self._problems.append(f"{path}: {why}; {then}")
                return None

    def _json(
        self, path: Path, wanted: Keys, absent: Keys, *, ids: str | None = None
    ) -> Iterator[Derived]:
        """Yield a file whose keys are not those wanted; ``absent`` ones are only added."""
        stored = self._read(path) or {}
        new = _merged(_merged(absent, stored), wanted)
        if ids is not None:
            new["children"] = by_id(stored.get("children"), wanted["children"], ids)
        yield from self._changed(path, stored, new)

    @staticmethod
    def _changed(path: Path, stored: Keys, new: Keys) -> Iterator[Derived]:
        if same(stored, new):
            return
        if path.name == REPORT:
            new["generated_at"] = _now()
        yield Derived(path, _in_order(stored, new))

    def _text(self, path: Path, kind: str, keys: Any, parts: Any) -> Iterator[Derived]:
        """Yield a page whose figures are not those of ``keys`` and ``parts``."""
        match files.read_text(path, root=self._root):
            case files.Ok(text):
                new = patched(text, kind, keys, parts)
                if new != text:
                    yield Derived(path, marked(new, "**Generated**", _now()))


def _merged(below: Keys, above: Keys) -> Keys:
    """Lay ``above`` over ``below``; their summaries key by key."""
    new = {**below, **above}
    for key in ("summary", "best"):
        if isinstance(below.get(key), dict) and isinstance(above.get(key), dict):
            new[key] = {**below[key], **above[key]}
    return new


def _in_order(stored: Any, new: Any) -> Any:
    """Return ``new`` with its keys in the order of ``stored``, so that people see what changed."""
    if not isinstance(stored, dict) or not isinstance(new, dict):
        return new
    order = [*(key for key in stored if key in new), *(key for key in new if key not in stored)]
    return {key: _in_order(stored.get(key), new[key]) for key in order}


def _now() -> str:
    return datetime.now(UTC).isoformat()
