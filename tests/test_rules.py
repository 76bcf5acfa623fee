"""The rule of a consensus, as each layout reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.consensus import Rule
from harness.errors import ExperimentError
from harness.keys import ConsensusKeys
from harness.rules import native_rule, scylla_rule

FILE = Path("/e/experiment.yaml")


@pytest.mark.parametrize(("judges", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4)])
def test_natively_more_than_half_of_the_panel_must_answer(judges: int, quorum: int) -> None:
    """Unless the quorum is configured, it is the majority of all judges."""
    assert native_rule(ConsensusKeys(), judges, file=FILE) == Rule(quorum=quorum, whole_panel=True)


def test_in_projectscylla_one_judgment_is_enough_and_a_tie_fails() -> None:
    """Its rule counts the judgments that are there and quotes the first of them."""
    expected = Rule(quorum=1, whole_panel=False, quotes="first")
    assert scylla_rule(ConsensusKeys(), 3, file=FILE) == expected


@pytest.mark.parametrize("rule", [native_rule, scylla_rule])
def test_every_key_arrives(rule: Any) -> None:
    """What is configured holds in both layouts."""
    keys = ConsensusKeys(
        score="trimmed_mean", passed="threshold", threshold=0.7, trim=0.3, quorum=2
    )
    made = rule(keys, 3, file=FILE)
    assert (made.score, made.passed, made.threshold) == ("trimmed_mean", "threshold", 0.7)
    assert (made.trim, made.quorum) == (0.3, 2)


@pytest.mark.parametrize("rule", [native_rule, scylla_rule])
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            ConsensusKeys(quorum=4),
            "consensus.quorum: 4 judgments of 3 judges cannot be reached; use at most 3",
        ),
        (
            ConsensusKeys(passed="threshold"),
            (
                "consensus: passed: threshold and the key threshold belong together; "
                "give both or neither"
            ),
        ),
        (
            ConsensusKeys(threshold=0.6),
            (
                "consensus: passed: threshold and the key threshold belong together; "
                "give both or neither"
            ),
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    rule: Any, keys: ConsensusKeys, message: str
) -> None:
    """A quorum out of reach and half a threshold are errors in both layouts."""
    with pytest.raises(ExperimentError) as caught:
        rule(keys, 3, file=FILE)
    assert str(caught.value) == f"/e/experiment.yaml: {message}"
