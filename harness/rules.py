"""From the keys below ``consensus`` to the rule that makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.consensus import Rule
from harness.errors import ExperimentError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.keys import ConsensusKeys


def native_rule(keys: ConsensusKeys, judges: int, *, file: Path) -> Rule:
    """Return the rule of a native experiment: verdicts and quorum count the whole panel."""
    _check(keys, judges, file)
    return Rule(
        score=keys.score,
        passed=keys.passed,
        threshold=keys.threshold,
        trim=keys.trim,
        quorum=judges // 2 + 1 if keys.quorum is None else keys.quorum,
    )


def scylla_rule(keys: ConsensusKeys, judges: int, *, file: Path) -> Rule:
    """Return the rule of a ProjectScylla experiment: one judgment is enough, a tie fails."""
    _check(keys, judges, file)
    return Rule(
        score=keys.score,
        passed=keys.passed,
        threshold=keys.threshold,
        trim=keys.trim,
        quorum=1 if keys.quorum is None else keys.quorum,
        whole_panel=False,
        quotes="first",
    )


def _check(keys: ConsensusKeys, judges: int, file: Path) -> None:
    if keys.quorum is not None and keys.quorum > judges:
        raise ExperimentError(
            f"{file}: consensus.quorum: {keys.quorum} judgments of {judges} judges cannot be "
            f"reached; use at most {judges}"
        )
    if (keys.passed == "threshold") != (keys.threshold is not None):
        raise ExperimentError(
            f"{file}: consensus: passed: threshold and the key threshold belong together; "
            "give both or neither"
        )
