"""The JSON Schema of a reply: strict, complete, and never too long for a command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.criteria import Category, Criterion, Rubric
from harness.judges.schema import LENGTH_CAP, reply_schema
from harness.reply import parse_reply
from harness.rubric import rubric_score
from harness.scores import GRADES

if TYPE_CHECKING:
    from collections.abc import Iterator


def rubric(items: int = 2) -> Rubric:
    """Return a rubric of one category, whose last item may not apply."""
    criteria = [Criterion(id=f"R{n}", check="c", points=2.0) for n in range(1, items)]
    last = Criterion(id=f"R{items}", check="c", points=1.0, na_condition="no tests")
    category = Category(
        name="all", weight=1.0, scoring_type="checklist", criteria=(*criteria, last)
    )
    return Rubric(
        path=Path("rubric.yaml"),
        text="",
        sha256="",
        categories=(category,),
        pass_threshold=0.6,
        grades=GRADES,
    )


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema of an object inside a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)


def test_every_object_requires_all_of_its_keys_and_allows_no_other() -> None:
    """As the strictest of the providers want it."""
    found = list(objects(reply_schema(rubric(), token=True)))
    assert len(found) == 6
    for schema in found:
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False


def test_reasons_come_before_the_points_and_the_token_only_if_wanted() -> None:
    """A model that writes its reasons first reasons first."""
    assert reply_schema(rubric())["required"] == ["reasoning", "criteria_scores", "score", "passed"]
    assert reply_schema(None, token=True)["required"] == ["reasoning", "score", "passed", "token"]


def test_item_that_may_not_apply_may_say_so_and_no_other() -> None:
    """Points are bounded by what the rubric gives."""
    items = reply_schema(rubric())["properties"]["criteria_scores"]["properties"]["all"]
    points = {
        name: item["properties"]["achieved"]
        for name, item in items["properties"]["items"]["properties"].items()
    }
    assert points == {
        "R1": {"type": "number", "minimum": 0, "maximum": 2.0},
        "R2": {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1.0},
                {"type": "string", "enum": ["N/A"]},
            ]
        },
    }


def test_reply_that_keeps_to_the_schema_is_valid_and_determines_the_score() -> None:
    """What a judge is made to fill in is what the harness reads."""
    items = {
        "R1": {"reason": "half", "achieved": 1, "max": 2},
        "R2": {"reason": "none", "achieved": "N/A", "max": 1},
    }
    category = {"items": items, "achieved": 1, "max": 2, "score": 0.5}
    reply = {
        "reasoning": "ok",
        "criteria_scores": {"all": category},
        "score": 0.5,
        "passed": True,
        "token": "t",
    }
    schema = reply_schema(rubric(), token=True)
    assert list(reply) == schema["required"]
    verdict = parse_reply(json.dumps(reply), token="t")
    assert rubric_score(rubric(), verdict.criteria_scores) == 0.5


def test_rubric_that_is_too_long_is_left_out() -> None:
    """The prompt has it; a command line has an end."""
    schema = reply_schema(rubric(1000))
    assert "criteria_scores" not in schema["properties"]
    assert len(json.dumps(schema)) < LENGTH_CAP
