"""The keys of the files that people write: ``experiment.yaml`` and ``run.yaml``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from harness.typed import Count, NotNegative, Positive, Share, Unit


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD: ``input`` and ``output`` per million tokens, ``call`` for each call."""

    input: NotNegative | None = None
    output: NotNegative | None = None
    call: NotNegative | None = None

    def __post_init__(self) -> None:
        if (self.input is None) != (self.output is None) or self.known == {}:
            raise ValueError("a price has input and output, or call, or all three")

    @property
    def known(self) -> dict[str, float]:
        """Return the figures that are given."""
        return {k: v for k, v in msgspec.structs.asdict(self).items() if v is not None}


class JudgeKeys(msgspec.Struct, frozen=True):
    """The keys that every kind of judge knows."""

    name: str | None = None
    kind: str | None = None
    model: str | None = None
    description: str | None = None
    timeout: Positive = 1200.0
    max_parallel: Count | None = None
    weight: NotNegative = 1.0
    env: tuple[str, ...] = ()
    price: Price | None = None
    require_token: bool | None = None


class ConsensusKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys below ``consensus``."""

    score: Literal["mean", "median", "trimmed_mean", "min", "max"] = "mean"
    passed: Literal["majority", "unanimous", "any", "threshold"] = "majority"
    threshold: Unit | None = None
    trim: Share = 0.2
    quorum: Count | None = None


class ExperimentKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The top level of ``experiment.yaml``."""

    name: str | None = None
    description: str | None = None
    layout: str | None = None
    task: str = "task.md"
    rubric: str = "rubric.yaml"
    runs: str = "runs/*"
    prompt: str | None = None
    judges: tuple[dict[str, Any], ...] | None = None
    consensus: ConsensusKeys = ConsensusKeys()
    score_from: Literal["declared", "rubric"] | None = None
    require_token: bool | None = None
    retries: Annotated[int, msgspec.Meta(ge=0, le=1)] = 1


class RunKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a run's ``run.yaml``."""

    task: str | None = None
    group: str | None = None
    meta: dict[str, Any] = {}
