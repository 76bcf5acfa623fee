"""YAML as configurations are written: what is accepted, and what every refusal says."""

from __future__ import annotations

import importlib.util

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.yaml_text import YamlProblem, parse_yaml

BOMB = """\
a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("# only a comment", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-17", -17),
        ("+3", 3),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-2.5E-1", -0.25),
        ("1e-999", 0.0),
        # text, although older YAML read something else into it
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("00", "00"),
        ("012", "012"),
        ("0o7", "0o7"),
        ("0x1f", "0x1f"),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1:30:00", "1:30:00"),
        (".inf", ".inf"),
        ("-.inf", "-.inf"),
        (".nan", ".nan"),
        ("2026-01-20", "2026-01-20"),
        ("=", "="),
        ("1.2.3", "1.2.3"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("NO", "NO"),
    ],
)
def test_a_scalar_is_what_a_reader_takes_it_for(text: str, value: object) -> None:
    """Null, booleans, and decimal numbers as in YAML 1.2; everything else is text."""
    found = parse_yaml(text)
    assert found == value
    assert type(found) is type(value)


def test_collections_and_block_texts_are_read_as_usual() -> None:
    """Mappings, sequences, folded and literal texts need nothing special."""
    text = "a: [1, {b: x}]\nc:\n  - |\n    one\n    two\n  - >\n    three\n    four\n"
    assert parse_yaml(text) == {"a": [1, {"b": "x"}], "c": ["one\ntwo\n", "three four\n"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "uses an anchor or alias (line 1, column 4); write the value out"),
        ("a: *x", "uses an anchor or alias (line 1, column 4); write the value out"),
        ("- &x", "uses an anchor or alias (line 1, column 3); write the value out"),
        ("&x {a: 1}", "uses an anchor or alias (line 1, column 1); write the value out"),
        ("a: 1\n<<: {b: 2}", "uses a merge key (line 2, column 1); write the values out"),
        ('"<<": 1', "uses a merge key (line 1, column 1); write the values out"),
        ("a: 1\nb: 2\na: 3", "the key 'a' (line 3, column 1) stands there twice; keep one"),
        ("{a: 1, 'a': 1}", "the key 'a' (line 1, column 8) stands there twice; keep one"),
        (
            "x:\n  - b: 1\n    b: 2",
            "the key 'b' (line 3, column 5) stands there twice; keep one",
        ),
        ("1: a", "the key 1 (line 1, column 1) is not text; put it in quotes"),
        ("true: a", "the key True (line 1, column 1) is not text; put it in quotes"),
        ("~: a", "the key None (line 1, column 1) is not text; put it in quotes"),
        ("[a, b]: c", "the key ['a', 'b'] (line 1, column 1) is not text; put it in quotes"),
        ("[" * 33 + "]" * 33, "is nested more than 32 deep; flatten it"),
        ("{a: " * 33, "is nested more than 32 deep; flatten it"),
        ("- " * 100_000, "is nested more than 32 deep; flatten it"),
        ("a: 1e999", "the number 1e999 (line 1, column 4) is too large; write a smaller one"),
        ("- -1e999", "the number -1e999 (line 1, column 3) is too large; write a smaller one"),
        (
            f"a: {'9' * 5000}",
            "a number of 5,000 digits (line 1, column 4) is too large; write a smaller one",
        ),
        (
            "a: !!python/object/apply:x [ls]",
            "uses the tag !!python/object/apply:x (line 1, column 4); write the value without it",
        ),
        ("!!float .inf", "uses the tag !!float (line 1, column 1); write the value without it"),
        ("- !!set {a}", "uses the tag !!set (line 1, column 3); write the value without it"),
        ("- ! a", "uses the tag ! (line 1, column 3); write the value without it"),
        ("!mine {a: 1}", "uses the tag !mine (line 1, column 1); write the value without it"),
        (
            "a: 1\n---\nb: 2",
            "is not valid YAML: it holds two documents (line 2, column 1); correct it",
        ),
        (
            "a: b: c",
            "is not valid YAML: mapping values are not allowed in this context "
            "(line 1, column 5); correct it"
            if yaml.__with_libyaml__
            else "is not valid YAML: mapping values are not allowed here "
            "(line 1, column 5); correct it",
        ),
        (
            "a: \0",
            "is not valid YAML: control characters are not allowed (position 3); correct it"
            if yaml.__with_libyaml__
            else "is not valid YAML: special characters are not allowed (position 3); correct it",
        ),
        (
            "@a",
            "is not valid YAML: found character that cannot start any token "
            "(line 1, column 1); correct it"
            if yaml.__with_libyaml__
            else "is not valid YAML: found character '@' that cannot start any token "
            "(line 1, column 1); correct it",
        ),
    ],
)
def test_a_refusal_says_what_where_and_what_to_do(text: str, message: str) -> None:
    """Whatever is unsafe or ambiguous is refused before a value is made of it."""
    with pytest.raises(YamlProblem) as caught:
        parse_yaml(text)
    assert str(caught.value) == message


def test_nesting_of_32_levels_is_read() -> None:
    """The limit on depth lies just above what it allows."""
    value = parse_yaml("[" * 32 + "]" * 32)
    for _ in range(31):
        (value,) = value
    assert value == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "uses an anchor or alias (line 1, column 4); write the value out"),
        ("{a: 1, 'a': 1}", "the key 'a' (line 1, column 8) stands there twice; keep one"),
        ("!!float .inf", "uses the tag !!float (line 1, column 1); write the value without it"),
        ("- " * 1000, "is nested more than 32 deep; flatten it"),
        ("- 1e999", "the number 1e999 (line 1, column 3) is too large; write a smaller one"),
    ],
)
def test_without_libyaml_the_rules_are_the_same(
    monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    """PyYAML's own parser, where libyaml is not there, refuses the same."""
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    spec = importlib.util.find_spec("harness.yaml_text")
    assert spec is not None
    assert spec.loader is not None
    pure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pure)
    with pytest.raises(pure.YamlProblem) as caught:
        pure.parse_yaml(text)
    assert str(caught.value) == message
    assert pure.parse_yaml("{a: no, b: 012, c: 1e3, d: ~}") == {
        "a": "no",
        "b": "012",
        "c": 1000.0,
        "d": None,
    }


@given(
    st.text(alphabet="ab:-[]{}?,&*!|>'\"%@#\n \t019.e<", max_size=60) | st.text(max_size=40),
)
def test_no_text_is_more_than_a_value_or_a_problem(text: str) -> None:
    """Any text gives plain values with text for keys, or one error of ours."""
    try:
        value = parse_yaml(text)
    except YamlProblem:
        return
    stack = [value]
    while stack:
        top = stack.pop()
        assert top is None or isinstance(top, str | bool | int | float | list | dict)
        if isinstance(top, dict):
            assert all(isinstance(key, str) for key in top)
            stack += top.values()
        elif isinstance(top, list):
            stack += top
