"""Files that are made from judgments: what each must hold, and how it is brought up to date."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness import files
from harness.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.consensus import Consensus
    from harness.model import JudgeSpec, Judgment


class ConsensusFiles(Value, frozen=True):
    """The derived files of one run: the keys each must have; and what could not be done."""

    wanted: Mapping[Path, Mapping[str, Any]]
    problems: tuple[str, ...] = ()


class Derived(Value, frozen=True):
    """A file that must be made anew: all of its keys, or its text."""

    path: Path
    content: Mapping[str, Any] | str


def result_of(
    result: Consensus, judgments: Mapping[int, Judgment], panel: Sequence[JudgeSpec]
) -> dict[str, Any]:
    """Return what ``result.json`` holds; ``docs/experiment-format.md`` has its keys."""
    names = {judge.number: judge.name for judge in panel}
    return {
        "score": result.score,
        "passed": result.passed,
        "grade": result.grade,
        "reasoning": result.reasoning,
        "complete": result.complete,
        "judges": result.judges,
        "judged": result.judged,
        "votes": {"for": result.votes_for, "against": result.votes_against},
        "tie": result.tie,
        "spread": result.spread,
        "disagreement": result.disagreement,
        "quoted": None if result.quoted is None else names[result.quoted],
        "rule": result.rule,
        "scores": {names[number]: judgments[number].score for number in sorted(judgments)},
    }


def differs(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether any key of ``wanted`` has another value, or another type, in ``stored``."""
    return any(key not in stored or not same(stored[key], wanted[key]) for key in wanted)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values look alike in a JSON file, whatever the order of their keys."""
    if type(one) is type(other):  # most of a consensus is plain
        if isinstance(one, _PLAIN):
            return bool(one == other)
        if isinstance(one, float) and one == other != 0.0:
            return True
        if isinstance(one, dict) and one.keys() == other.keys():
            return all(same(value, other[key]) for key, value in one.items())
    return _exact(one) == _exact(other)


_PLAIN = (str, int, type(None))
"""What is alike exactly if it is equal and of one type; 0.0 is equal to -0.0."""


def _exact(value: Any) -> str:
    """Return a text that is equal only for what a JSON file shows alike: 1 is not 1.0."""
    return json.dumps(value, sort_keys=True)


def is_current(path: Path, wanted: Mapping[str, Any], *, root: Path) -> bool:
    """Tell whether a derived file has every key of ``wanted`` with that very value."""
    match files.read_json(path, root=root):
        case files.Ok(stored):
            return not differs(stored, wanted)
        case _:
            return False


def update_derived(path: Path, wanted: Mapping[str, Any], *, root: Path) -> str | None:
    """Set the keys of ``wanted`` in a derived JSON file, its other keys untouched.

    What stands there but is no JSON object is set aside first: the file can be made
    again from the judgments; what is returned says so. Other keys that somebody adds
    meanwhile are kept as well.
    """
    note = None
    for last in (False, False, True):
        since = files.stamp(path)
        keys = dict(wanted)
        match files.read_json(path, root=root):
            case files.Ok(stored):
                keys = {**stored, **wanted}
            case files.Invalid(why) | files.Unreadable(why):
                if (kept := files.set_aside(path)) is not None:
                    note = f"{path}: {why}; set aside as {kept.name}"
                since = None
            case files.Missing():
                pass
        try:
            files.commit_json(path, keys, root=root, durable=False, since=since)
        except files.EditedError:  # somebody edits it: their keys go in, too
            if last:
                raise
        else:
            break
    return note
