"""What every judge said of every run, in figures: what the statistics are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run; in panel order what each judge said, None where it said nothing.

    ``score`` and ``passed`` are the consensus, None where there is none. ``people``
    are the verdicts and ``people_scores`` the scores of those persons who judged it.
    """

    run: str
    task: str
    group: str
    scores: tuple[float | None, ...]
    passes: tuple[bool | None, ...]
    score: float | None = None
    passed: bool | None = None
    blocked: bool = False
    people: tuple[bool, ...] = ()
    people_scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The rows of one experiment, in the order of the runs' names."""

    experiment: str
    judges: tuple[str, ...]
    rows: tuple[Row, ...]
