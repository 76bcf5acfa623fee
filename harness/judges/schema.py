"""The JSON Schema of a reply, for judges that can be made to keep to one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.criteria import Category, Criterion, Rubric

LENGTH_CAP = 60_000
"""Characters of a schema; a longer one fits into no command line and leaves the criteria out."""


def reply_schema(rubric: Rubric | None, *, token: bool = False) -> dict[str, Any]:
    """Return the schema of a reply to a prompt with this rubric.

    Every object lists all of its keys, requires them, and allows no other, as the strictest
    of the providers want it; so the criteria are there only if the rubric names them.
    The reasons come before the points: a model reasons as it writes.
    """
    criteria = None if rubric is None else {c.name: _category(c) for c in rubric.categories}
    schema = _reply(criteria, token=token)
    if criteria is not None and len(json.dumps(schema)) > LENGTH_CAP:
        return _reply(None, token=token)
    return schema


def _reply(criteria: dict[str, Any] | None, *, token: bool) -> dict[str, Any]:
    keys: dict[str, Any] = {"reasoning": {"type": "string"}}
    if criteria:
        keys["criteria_scores"] = _object(criteria)
    keys["score"] = {"type": "number", "minimum": 0, "maximum": 1}
    keys["passed"] = {"type": "boolean"}
    if token:
        keys["token"] = {"type": "string"}
    return _object(keys)


def _category(category: Category) -> dict[str, Any]:
    return _object(
        {
            "items": _object({c.id: _criterion(c) for c in category.criteria}),
            "achieved": {"type": "number"},
            "max": {"type": "number"},
            "score": {"anyOf": [{"type": "number"}, _NOT_APPLICABLE]},
        }
    )


def _criterion(criterion: Criterion) -> dict[str, Any]:
    points: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": criterion.points}
    if criterion.na_condition is not None:
        points = {"anyOf": [points, _NOT_APPLICABLE]}
    return _object({"reason": {"type": "string"}, "achieved": points, "max": {"type": "number"}})


_NOT_APPLICABLE = {"type": "string", "enum": ["N/A"]}


def _object(keys: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": keys,
        "required": list(keys),
        "additionalProperties": False,
    }
