"""The rubric: what a file may say, and what points are worth."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.criteria import Category, Criterion, Expectation, Rubric
from harness.errors import ExperimentError
from harness.rubric import load_rubric, rubric_score
from harness.scores import GRADES

if TYPE_CHECKING:
    from pathlib import Path

REAL_SHAPE = """\
# Five categories, as in real rubrics.
categories:
  functional:
    weight: 0.35
    scoring_type: "checklist"
    items:
      - id: F1
        check: "File hello.py exists"
        points: 1.0
      - id: F2
        check: "Its output is exact"
        points: 0.5
  quality:
    weight: 0.20
    scoring_type: "checklist"
    items:
      - id: Q1
        check: "Formatted"
        points: 1.0
        na_condition: "no formatter in the workspace"
      - id: Q2
        check: "No unused names"
        points: 1.0
  overall:
    weight: 0.20
    scoring_type: "subjective"
    items:
      - id: OQ1
        check: >
          Would a senior engineer
          approve this?
        points: 2.0

grading:
  pass_threshold: 0.70
  grade_scale:
    S: 1.00    # amazing
    A: 0.80
    B: 0.60
    C: 0.40
    D: 0.20
    F: 0.0
"""


def load(root: Path, text: str) -> Rubric:
    """Read ``text`` as a rubric file."""
    (root / "rubric.yaml").write_text(text, encoding="utf-8")
    return load_rubric(root / "rubric.yaml", root=root)


def item(text: str) -> str:
    """Return a rubric with one item that has ``text`` besides what it must have."""
    return f"categories: {{f: {{weight: 1, items: [{{id: a, check: b, points: 1{text}}}]}}}}\n"


def test_a_rubric_of_the_real_shape_is_read_whole(tmp_path: Path) -> None:
    """Categories, weights, points, conditions, threshold, and grades all arrive."""
    rubric = load(tmp_path, REAL_SHAPE)
    assert rubric.path == tmp_path / "rubric.yaml"
    assert rubric.text == REAL_SHAPE
    assert rubric.sha256 == hashlib.sha256(REAL_SHAPE.encode()).hexdigest()
    assert rubric.pass_threshold == 0.7
    assert rubric.grades == GRADES
    assert [(c.name, c.weight, c.scoring_type) for c in rubric.categories] == [
        ("functional", 0.35, "checklist"),
        ("quality", 0.2, "checklist"),
        ("overall", 0.2, "subjective"),
    ]
    assert rubric.categories[1].criteria == (
        Criterion(
            id="Q1", check="Formatted", points=1.0, na_condition="no formatter in the workspace"
        ),
        Criterion(id="Q2", check="No unused names", points=1.0),
    )
    assert rubric.categories[2].criteria[0].check == "Would a senior engineer approve this?\n"


def test_what_a_rubric_leaves_out_has_a_default(tmp_path: Path) -> None:
    """Threshold 0.6, the common grades, and a checklist, unless the file says otherwise."""
    rubric = load(tmp_path, item(""))
    assert rubric.pass_threshold == 0.6
    assert rubric.grades == GRADES
    assert rubric.categories[0].scoring_type == "checklist"


def test_a_rubric_may_have_grades_of_its_own(tmp_path: Path) -> None:
    """Only the grades that are given exist, with their own bounds."""
    rubric = load(tmp_path, item("") + "grading: {grade_scale: {A: 0.9, B: 0.5, F: 0}}")
    assert rubric.grades == {"A": 0.9, "B": 0.5, "F": 0.0}


@pytest.mark.parametrize(
    ("text", "run", "expect"),
    [
        ("", None, None),
        (", run: python hello.py", ("python", "hello.py"), Expectation()),
        (", run: \"sh -c 'a | b'\"", ("sh", "-c", "a | b"), Expectation()),
        (", run: [a, b c]", ("a", "b c"), Expectation()),
        (", run: x, expect: 3", ("x",), Expectation(exit_code=3)),
        (", run: x, expect: Hello", ("x",), Expectation(stdout="Hello")),
        (
            ", run: x, expect: {stdout: Hi, exit_code: 1}",
            ("x",),
            Expectation(exit_code=1, stdout="Hi"),
        ),
        (", run: x, expect: {contains: a}", ("x",), Expectation(contains=("a",))),
        (", run: x, expect: {contains: [a, b]}", ("x",), Expectation(contains=("a", "b"))),
        (", run: x, expect: {matches: '^a+$'}", ("x",), Expectation(matches="^a+$")),
        (", run: x, expect: {}", ("x",), Expectation()),
    ],
)
def test_an_item_may_say_how_it_is_checked(
    tmp_path: Path, text: str, run: tuple[str, ...] | None, expect: Expectation | None
) -> None:
    """A command is a list of words, no line for a shell; a bare value is short for a mapping."""
    (criterion,) = load(tmp_path, item(text)).categories[0].criteria
    assert (criterion.run, criterion.expect) == (run, expect)


ITEM = "categories.f.items[0]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a mapping of keys, found nothing; correct it"),
        (
            "categoires: {}",
            (
                "unknown key 'categoires'; remove it or use one of: "
                "categories, grading, name, description"
            ),
        ),
        ("name: x", "the key 'categories' is missing; add it"),
        ("categories: [f]", "categories: expected a mapping, found a list; correct it"),
        (
            "categories: {f: 1}",
            "categories.f: must be a mapping of keys, found a whole number; correct it",
        ),
        ("categories: {f: {weight: 1}}", "categories.f: the key 'items' is missing; add it"),
        ("categories: {f: {items: []}}", "categories.f: the key 'weight' is missing; add it"),
        (
            "categories: {f: {weight: -1, items: []}}",
            "categories.f.weight: expected a number >= 0.0; correct it",
        ),
        (
            "categories: {f: {weight: 1, items: [], maximum: 3}}",
            (
                "categories.f: unknown key 'maximum'; remove it or use one of: "
                "weight, items, scoring_type"
            ),
        ),
        ("categories: {}", "categories: no category has both a weight above 0 and items; add one"),
        (
            "categories: {f: {weight: 1, items: []}}",
            "categories: no category has both a weight above 0 and items; add one",
        ),
        (
            "categories: {f: {weight: 0, items: [{id: a, check: b, points: 1}]}}",
            "categories: no category has both a weight above 0 and items; add one",
        ),
        (
            "categories: {f: {weight: 1, items: [a]}}",
            f"{ITEM}: expected a mapping, found text; correct it",
        ),
        (
            "categories: {f: {weight: 1, items: [{id: a, points: 1}]}}",
            f"{ITEM}: the key 'check' is missing; add it",
        ),
        (
            "categories: {f: {weight: 1, items: [{id: a, check: b}]}}",
            f"{ITEM}: the key 'points' is missing; add it",
        ),
        (
            "categories: {f: {weight: 1, items: [{id: a, check: b, points: 0}]}}",
            f"{ITEM}.points: expected a number > 0.0; correct it",
        ),
        (
            "categories: {f: {weight: 1, items: [{id: 1, check: b, points: 1}]}}",
            f"{ITEM}.id: expected text, found a whole number; correct it",
        ),
        (
            item(", command: x"),
            (
                f"{ITEM}: unknown key 'command'; remove it or use one of: "
                "id, check, points, na_condition, run, expect, timeout"
            ),
        ),
        (
            (
                "categories:\n"
                "  f: {weight: 1, items: [{id: a, check: b, points: 1}]}\n"
                "  g: {weight: 1, items: [{id: a, check: c, points: 1}]}\n"
            ),
            "the item id 'a' stands there twice; give each item its own",
        ),
        (item(", expect: 0"), f"{ITEM}: expect needs a command; add run"),
        (item(", timeout: 5"), f"{ITEM}: timeout needs a command; add run"),
        (
            "categories: {f: {weight: 1, items: [{id: '', check: b, points: 1}]}}",
            "categories.f: an item's id is empty; name it",
        ),
        (
            item(", run: x, expect: 256"),
            f"{ITEM}.expect.exit_code: expected a whole number <= 255; correct it",
        ),
        (
            item(", run: x, expect: {exit_code: -65}"),
            f"{ITEM}.expect.exit_code: expected a whole number >= -64; correct it",
        ),
        *(
            (
                item(f", run: x, expect: {{{empty}}}"),
                f"{ITEM}.expect: an empty text is in everything; say what is expected",
            )
            for empty in ("contains: ''", "contains: [a, '']", "matches: ''")
        ),
        (
            item(', run: "a\\0b"'),
            f"{ITEM}.run: no command can hold a null byte; remove it",
        ),
        (
            item("") + "grading: {grade_scale: {S: 0.1, A: 0.9, F: 0}}",
            "grading.grade_scale: S (0.1) must be above A (0.9); correct one",
        ),
        (
            item("") + "grading: {grade_scale: {A: 0.2, F: 0.9}}",
            "grading.grade_scale: A (0.2) must be above F (0.9); correct one",
        ),
        *(
            (
                f"categories: {{f: {{weight: 1, items: [{{id: a, check: b, points: {odd}}}]}}}}",
                f"{ITEM}.points: expected a number, found text; correct it",
            )
            for odd in (".nan", ".inf", "NaN", "'1'")
        ),
        (
            "categories: {f: {weight: .nan, items: [{id: a, check: b, points: 1}]}}",
            "categories.f.weight: expected a number, found text; correct it",
        ),
        (item(", run: ''"), f"{ITEM}.run: the command is empty; remove it or fill it in"),
        (item(", run: []"), f"{ITEM}.run: the command is empty; remove it or fill it in"),
        (item(", run: ['']"), f"{ITEM}.run: the command is empty; remove it or fill it in"),
        (item(', run: "a \'b"'), f"{ITEM}.run: No closing quotation; mend the quotes"),
        (
            item(", run: 5"),
            f"{ITEM}.run: expected text or a list, found a whole number; correct it",
        ),
        (item(", run: x, timeout: 0"), f"{ITEM}.timeout: expected a number > 0.0; correct it"),
        (
            item(", run: x, expect: true"),
            (
                f"{ITEM}.expect: expected a whole number or text or a mapping, "
                "found true or false; correct it"
            ),
        ),
        (
            item(", run: x, expect: {code: 1}"),
            (
                f"{ITEM}.expect: unknown key 'code'; remove it or use one of: "
                "exit_code, stdout, contains, matches"
            ),
        ),
        (
            item(", run: x, expect: {matches: '('}"),
            (
                f"{ITEM}.expect.matches: no regular expression "
                "(missing ), unterminated subpattern at position 0); correct it"
            ),
        ),
        (
            item("") + "grading: {pass_threshold: 70}",
            "grading.pass_threshold: expected a number <= 1.0; correct it",
        ),
        (
            item("") + "grading: {threshold: 0.7}",
            (
                "grading: unknown key 'threshold'; remove it or use one of: "
                "pass_threshold, grade_scale"
            ),
        ),
        (
            item("") + "grading: {grade_scale: {E: 0.1, F: 0}}",
            "grading.grade_scale: unknown key 'E'; remove it or use one of: F, S, A, B, C, D",
        ),
        (
            item("") + "grading: {grade_scale: {A: 0.8}}",
            "grading.grade_scale: the key 'F' is missing; add it",
        ),
        (
            item("") + "grading: {grade_scale: {A: 80, F: 0}}",
            "grading.grade_scale.A: expected a number <= 1.0; correct it",
        ),
        (
            item("") + "grading: {grade_scale: letters}",
            "grading.grade_scale: must be a mapping of keys, found text; correct it",
        ),
        (
            "a: 1\na: 2",
            "the key 'a' (line 2, column 1) stands there twice; keep one",
        ),
    ],
)
def test_a_wrong_rubric_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    """File, key, defect, and the way out."""
    with pytest.raises(ExperimentError) as caught:
        load(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/rubric.yaml: {message}"


def test_a_rubric_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """A missing file has its own message."""
    with pytest.raises(ExperimentError) as caught:
        load_rubric(tmp_path / "rubric.yaml", root=tmp_path)
    assert str(caught.value) == f"{tmp_path}/rubric.yaml: there is no such file; create it"


# --- points ----------------------------------------------------------------------------------


def rubric_of(*categories: Category) -> Rubric:
    """Return a rubric in memory."""
    return Rubric(
        path=None,  # type: ignore[arg-type] # no test reads the file
        text="",
        sha256="",
        categories=categories,
        pass_threshold=0.6,
        grades=GRADES,
    )


def category(name: str, weight: float, **points: float) -> Category:
    """Return a category whose items have these points."""
    criteria = tuple(Criterion(id=key, check="", points=value) for key, value in points.items())
    return Category(name=name, weight=weight, scoring_type="checklist", criteria=criteria)


RUBRIC = rubric_of(category("f", 0.6, F1=1.0, F2=3.0), category("q", 0.4, Q1=2.0, Q2=1.0))


def given_points(**points: object) -> dict[str, Any]:
    """Return criteria scores for ``RUBRIC``: by item, its category found by the first letter."""
    made: dict[str, Any] = {"f": {"items": {}}, "q": {"items": {}}}
    for name, value in points.items():
        made[name[0].lower()]["items"][name] = {"achieved": value, "max": 1, "reason": ""}
    return made


@pytest.mark.parametrize(
    ("points", "score"),
    [
        ({"F1": 1, "F2": 3, "Q1": 2, "Q2": 1}, 1.0),
        ({"F1": 0, "F2": 0.0, "Q1": 0, "Q2": 0}, 0.0),
        ({"F1": 1, "F2": 0, "Q1": 2, "Q2": 1}, 0.6 / 4 + 0.4),
        # an item that does not apply counts neither way
        ({"F1": 1, "F2": 3, "Q1": 1, "Q2": "N/A"}, 0.6 + 0.4 / 2),
        # a category whose items all do not apply drops out with its weight
        ({"F1": 1, "F2": 0, "Q1": "N/A", "Q2": "N/A"}, 0.25),
        # nothing applies, so there is no score
        ({"F1": "N/A", "F2": "N/A", "Q1": "N/A", "Q2": "N/A"}, None),
        # nothing is guessed, clamped, or converted
        ({"F1": 1, "F2": 3, "Q1": 2}, None),
        ({"F1": 1, "F2": 4, "Q1": 2, "Q2": 1}, None),
        ({"F1": -1, "F2": 3, "Q1": 2, "Q2": 1}, None),
        ({"F1": "1", "F2": 3, "Q1": 2, "Q2": 1}, None),
        ({"F1": True, "F2": 3, "Q1": 2, "Q2": 1}, None),
        ({"F1": None, "F2": 3, "Q1": 2, "Q2": 1}, None),
        ({"F1": "n/a", "F2": 3, "Q1": 2, "Q2": 1}, None),
        ({"F1": math.nan, "F2": 3, "Q1": 2, "Q2": 1}, None),
        ({"F1": 10**400, "F2": 3, "Q1": 2, "Q2": 1}, None),
        # items that the rubric does not have count nothing
        ({"F1": 1, "F2": 3, "Q1": 2, "Q2": 1, "Q9": 100}, 1.0),
    ],
)
def test_points_determine_a_score_or_none(points: dict[str, object], score: float | None) -> None:
    """The score is the weighted share of the points that could be had, or there is none."""
    found = rubric_score(RUBRIC, given_points(**points))
    assert found == (None if score is None else pytest.approx(score, abs=1e-12))


@pytest.mark.parametrize(
    "criteria",
    [None, [], "f", 1, {}, {"f": None}, {"f": {}, "q": {}}, {"f": {"items": []}}, {"f": []}],
)
def test_another_shape_determines_no_score(criteria: object) -> None:
    """Whatever the criteria look like, nothing raises and nothing is made up."""
    assert rubric_score(RUBRIC, criteria) is None


def test_an_item_of_another_shape_determines_no_score() -> None:
    """A bare number in place of an item's object is not guessed at."""
    criteria = given_points(F1=1, F2=3, Q1=2, Q2=1)
    criteria["f"]["items"]["F1"] = 1
    assert rubric_score(RUBRIC, criteria) is None


def test_weights_need_not_add_up() -> None:
    """The weights are shares of their own sum."""
    rubric = rubric_of(category("f", 3.0, F1=1.0), category("q", 1.0, Q1=1.0))
    assert rubric_score(rubric, given_points(F1=1, Q1=0)) == 0.75


def test_a_category_without_weight_is_not_looked_at() -> None:
    """What cannot count cannot spoil the score either."""
    rubric = rubric_of(category("f", 1.0, F1=2.0), category("q", 0.0, Q1=1.0))
    assert rubric_score(rubric, {"f": {"items": {"F1": {"achieved": 1}}}}) == 0.5


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e9),
            st.lists(st.tuples(st.floats(1e-9, 1e9), st.floats(0, 1) | st.none()), max_size=4),
        ),
        max_size=4,
    )
)
def test_a_score_lies_between_0_and_1(
    made: list[tuple[float, list[tuple[float, float | None]]]],
) -> None:
    """Any weights and any points in range give a score in range, or none."""
    categories, criteria = [], {}
    for number, (weight, items) in enumerate(made):
        points = {f"i{number}_{n}": most for n, (most, _) in enumerate(items)}
        categories.append(category(f"c{number}", weight, **points))
        shares = [share for _, share in items]
        criteria[f"c{number}"] = {
            "items": {
                key: {"achieved": "N/A" if share is None else share * most}
                for (key, most), share in zip(points.items(), shares, strict=True)
            }
        }
    score = rubric_score(rubric_of(*categories), criteria)
    assert score is None or 0.0 <= score <= 1.0
