"""The values that travel from a directory to a report; all of them frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.consensus import Rule
    from harness.criteria import Rubric


class SlotStatus(StrEnum):
    """What the disk says of a slot."""

    COMPLETE = "complete"
    MISSING = "missing"
    FAILED = "failed"
    STALE = "stale"
    BLOCKED = "blocked"


WORK = (SlotStatus.MISSING, SlotStatus.FAILED)
"""The statuses that are judged unless the user selects others."""

JUDGEABLE = (*WORK, SlotStatus.STALE)
"""The statuses that can be judged at all; the others are only listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """One configured judge of a panel; ``number`` is its place, from 1.

    ``remote``: it calls somebody's service, which may refuse.
    """

    number: int
    name: str
    kind: str
    model: str | None = None
    timeout: float = 1200.0
    max_parallel: int | None = None
    weight: float = 1.0
    env: tuple[str, ...] = ()
    price: Mapping[str, float] | None = None
    require_token: bool = False
    remote: bool = False
    settings: Any = None
    sha256: str = ""

    @property
    def slot(self) -> str:
        """The name of this judge's slot in every run."""
        return f"judge_{self.number:02d}"

    @property
    def label(self) -> str:
        """Number and name, for people."""
        return f"{self.number:02d} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished answer under judgment.

    ``name`` is its path as it stands in node ids. ``blocked`` says why there is
    nothing to judge, ``problem`` what the experiment's author must mend before it can
    be judged; ``unread``: for that its task and rubric are not known either. The hashes
    cover what its prompt is made of. ``scoring``: a rubric that points are counted by
    where it is no part of that.
    """

    name: str
    path: Path
    task: str = ""
    group: str = ""
    blocked: str | None = None
    problem: str | None = None
    unread: bool = False
    rubric: Rubric | None = None
    scoring: Rubric | None = None
    inputs_sha256: str | None = None
    words: frozenset[str] = frozenset()
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scored_by(self) -> Rubric | None:
        """The rubric by which the points of a reply are counted."""
        return self.rubric or self.scoring


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """The valid, recorded answer of one judge about one run.

    ``raw`` is the whole object on disk, provenance and unknown keys included.
    """

    score: float
    passed: bool
    grade: str
    reasoning: str
    raw: Mapping[str, Any]

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where the judgment came from; empty in files of other tools."""
        found = self.raw.get("provenance")
        return found if isinstance(found, dict) else {}

    @property
    def differs(self) -> bool:
        """Whether the declared score is not the one that the points of the reply give."""
        return self.provenance.get("scores_differ") is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The place where one judge owes one judgment on one run.

    ``again``: it is asked about although it is complete; never adopted, and its judgment
    is replaced only by a valid one.
    """

    run: Run
    judge: JudgeSpec
    status: SlotStatus
    why: str = ""
    judgment: Judgment | None = None
    again: bool = False

    @property
    def name(self) -> str:
        """The slot's name within its experiment: ``runs/a/judge_02``."""
        return f"{self.run.name}/{self.judge.slot}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A directory of runs, the panel that judges them, and the rules.

    ``people`` have slots, too, but are no members of the panel: they are never asked,
    and their judgments enter no consensus.
    """

    name: str
    root: Path
    config_file: Path
    panel: tuple[JudgeSpec, ...]
    rule: Rule
    retries: int = 1
    score_from: str = "rubric"
    prompt_template: Path | None = None
    people: tuple[JudgeSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What was paid for: ``paid`` calls were made, ``adopted`` ones had been made before.

    ``lost``: calls of sessions that died, whose end nobody recorded. ``wasted``: calls
    that ended without a judgment. ``refused``: calls that the provider would not take at
    that moment; they cost nothing. ``cost_usd`` is the sum of the known costs of the
    paid and the adopted calls; None if none is known.
    """

    paid: int = 0
    adopted: int = 0
    lost: int = 0
    wasted: int = 0
    refused: int = 0
    cost_usd: float | None = None

    def __add__(self, other: Calls) -> Calls:
        known = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Calls(
            paid=self.paid + other.paid,
            adopted=self.adopted + other.adopted,
            lost=self.lost + other.lost,
            wasted=self.wasted + other.wasted,
            refused=self.refused + other.refused,
            cost_usd=math.fsum(known) if known else None,
        )


NO_CALLS = Calls()

ADOPTED = "adopted"
"""The note of an outcome whose judgment was paid for by an earlier session."""

UNCHANGED = "unchanged"
"""The note of an outcome whose reply, read again, gave the judgment that there was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """What all outcomes have: when work on the slot began, its seconds, and what was paid."""

    slot: Slot
    started: float
    seconds: float
    calls: Calls = NO_CALLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(_Ended):
    """The slot has a valid judgment on disk.

    ``changed``: how reading its reply again changed it.
    """

    judgment: Judgment
    notes: tuple[str, ...] = ()
    changed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Ended):
    """The slot was tried and has no valid judgment; ``error`` says why."""

    error: Exception
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred(_Ended):
    """Nothing became of the slot in this session; a later one may judge it.

    Nothing was paid, unless an earlier call of the session was no use: ``calls``.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised(_Ended):
    """The judge raised what is not about the slot; it is raised again in the main thread."""

    error: BaseException


Outcome = Judged | Failed | Deferred | Raised
