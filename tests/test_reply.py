"""Replies: the last valid object is the verdict, and nothing else ever is."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness import reply as reply_module
from harness.errors import RetryableError
from harness.reply import LENGTH_CAP, TAIL, ReplyError, Verdict, parse_reply

NO_OBJECT = "the reply has no JSON object with score, passed, reasoning"


def verdict(score: object = 0.5, **keys: object) -> str:
    """Return the JSON text of a verdict."""
    return json.dumps({"score": score, "passed": True, "reasoning": "fine", **keys})


def without(key: str) -> str:
    """Return the JSON text of a verdict that lacks a key."""
    value = json.loads(verdict())
    del value[key]
    return json.dumps(value)


FINE = Verdict(score=0.5, passed=True, reasoning="fine")

CATEGORY = '{"achieved": 3, "max": 3, "score": 1.0, "items": {}}'

# What a judge might call a category's verdict: it has every key that a reply needs.
TEMPTING = '{"score": 1.0, "passed": true, "reasoning": "all there"}'


@pytest.mark.parametrize(
    "text",
    [
        verdict(),
        f"\ufeff{verdict()}",
        f"\n\n  {verdict()}\n",
        f"```json\n{verdict()}\n```",
        f"```\n{verdict()}\n```",
        f"```json\n{json.dumps(json.loads(verdict()), indent=4)}\n```",
        f"Let me think.\n\nHere it is:\n```json\n{verdict()}\n```\nThat is all.",
        f"The verdict is {verdict()} as explained.",
        f"<answer>{verdict()}</answer>",
        f"[{verdict()}]",
        # a draft, then its correction
        f"{verdict(0.9)}\nWait, I need to look again.\n{verdict()}",
        f"```json\n{verdict(0.9)}\n```\nOn reflection:\n```json\n{verdict()}\n```",
        f"{verdict(0.1)}{verdict(0.2)}{verdict()}",
        # a correction that is no reply leaves the draft
        f"{verdict()} and a stray {{}}",
        f"{verdict()} {verdict(95)}",
        f"{verdict()} {verdict('0.9')}",
        f"{verdict()} {without('passed')}",
        f"{verdict()}\n{verdict()[:-5]}",
        # braces that open nothing
        f"The set {{x}} and f-strings like {{name}} are fine. {verdict()}",
        f"dict() or {{}} {verdict()}",
        f'print(f"{{"}}") {verdict()}',
        f'a stray {{" opens a text that never ends {verdict()}',
        f"```python\nconfig = {{'a': 1}}\n```\n{verdict()}",
        f"{{{{ template }}}} {verdict()}",
        # a quoted object that is no reply, before the answer or after it
        f'The rubric says {{"F1": {{"points": 1}}}}. {verdict()}',
        f'{verdict()} The rubric said {{"F1": {{"points": 1}}}}.',
        f'The agent wrote {{"score": 1.0}}. {verdict()}',
        f"{verdict()} For the record: {CATEGORY}",
        # a whole object inside a broken one is a piece of it
        f'{verdict()} {{"functional": {TEMPTING}, "quality": ',
        f'{verdict()} {{"a": [{TEMPTING}, oops',
        f'{verdict()} {{"reasoning": "it says "hi" there", "functional": {TEMPTING}}}',
        # prose that ends in a quoted word and a colon, with and without other objects before
        f'My "final verdict": {verdict()}',
        f'My "final verdict" : \n{verdict()}',
        f'{verdict(0.9)} On reflection, my "final verdict": {verdict()}',
        f'The verdict, "final": {verdict()}',
        f'The verdict, "final": {verdict()}, "and" I mean it.',
        f'The "scores": [{verdict()}]',
        f'{{"score": 0.9, "passed": yes}} My "final verdict": {verdict()}',
        f'{{"a": {{"b": oops}}}} So, "final": {verdict()}',
        f'{{"reasoning": "it says "hi" there"}} My "final verdict": {verdict()}',
        f'{{x}} "final": {verdict()}',
        # a draft that was cut off, then the verdict
        f'{{"score": 0.9, "passed": true, "reasoning": "I thi\n\nAgain: {verdict()}',
        f'{{"score": 0.9, "passed": true,\n\nAgain: {verdict()}',
        f'{{"score": 0.9, "functional": {TEMPTING}, oops}} {verdict()}',
        # whole objects behind the damage are pieces, wherever they stand in it
        f'{verdict()} {{"r": "it says "hi" there", "f": {TEMPTING}, "g": {TEMPTING}, "h": ',
        f'{verdict()} {{"r": "it says "hi" there", "f": [{TEMPTING}, {TEMPTING}]}}',
        f'{verdict()} {{"r": "it says "hi" there", "f": {{"g": {TEMPTING}}}}}',
        f'{verdict()} {{"a": 1, // a comment\n"functional": {TEMPTING}}}',
        f'{verdict()} {{"r": "use "}}" to close", "f": {TEMPTING}, "g": {TEMPTING}}}',
        # a comma too many, and what comes after that object
        f'{{"functional": {TEMPTING},}} My "verdict": {verdict()}',
        # unusual, and in order
        verdict(note="an unknown key", nested={"a": [1, {"b": None}]}),
        verdict(criteria_scores=None),
        verdict(token="not asked for"),
        json.dumps({"reasoning": "fine", "passed": True, "score": 0.5}),
        '{"score": 5e-1, "passed": true, "reasoning": "fine"}',
        '{"score": 0.5, "passed": true, "reasoning": "\\u0066ine"}',
    ],
)
def test_the_last_valid_object_is_the_verdict(text: str) -> None:
    """Bare, fenced, in prose, drafted and corrected: one verdict comes out."""
    assert parse_reply(text) == FINE


@pytest.mark.parametrize(
    "reasoning",
    [
        "braces } in { a } string {",
        'a quote " and a backslash \\',
        'JSON in JSON: {"score": 1.0, "passed": true, "reasoning": "no"}',
        "```json\n{}\n```",
        "raw\nline\tbreaks",
        "",
        "\ud800 a lone surrogate",
    ],
)
def test_what_stands_in_a_text_is_text(reasoning: str) -> None:
    """Braces, quotes, and whole objects inside a string are part of the string."""
    text = f"Thinking...\n{verdict(reasoning=reasoning)}\nDone."
    assert parse_reply(text).reasoning == reasoning


def test_raw_line_breaks_in_a_text_are_read() -> None:
    """Models write them though JSON forbids them, and they harm nobody."""
    found = parse_reply('{"score": 0.5, "passed": true, "reasoning": "one\n\ttwo"}')
    assert found.reasoning == "one\n\ttwo"


@pytest.mark.parametrize("key", ["criteria_scores", "categories"])
def test_criteria_come_under_either_name(key: str) -> None:
    """``categories`` is the other name of ``criteria_scores``; "N/A" is kept."""
    criteria = {"f": {"achieved": 1, "items": {"F1": {"achieved": "N/A", "max": "N/A"}}}}
    assert parse_reply(verdict(**{key: criteria})).criteria_scores == criteria


def test_of_both_names_the_first_counts() -> None:
    """``criteria_scores`` goes before ``categories``."""
    found = parse_reply(verdict(criteria_scores={"a": 1}, categories={"b": 2}))
    assert found.criteria_scores == {"a": 1}


@pytest.mark.parametrize(
    ("score", "wanted"), [(0, 0.0), (1, 1.0), (0.0, 0.0), (1.0, 1.0), (1e-9, 1e-9)]
)
def test_the_bounds_of_a_score_belong_to_it(score: float, wanted: float) -> None:
    """0 and 1 are scores, written either way."""
    found = parse_reply(verdict(score)).score
    assert found == wanted
    assert isinstance(found, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the reply is empty"),
        (" \n\t ", "the reply is empty"),
        ("I cannot grade this.", NO_OBJECT),
        ("not a success", NO_OBJECT),
        ("null", NO_OBJECT),
        ("0.9", NO_OBJECT),
        ("[]", NO_OBJECT),
        ("{}", NO_OBJECT),
        ('{"status": "ok"}', NO_OBJECT),
        (without("score"), NO_OBJECT),
        ('{"score": 0.9}', NO_OBJECT),
        ("score: 0.9\npassed: true\nreasoning: fine", NO_OBJECT),
        # a category is no reply, whole or as a piece of a broken one
        (CATEGORY, NO_OBJECT),
        (f'{{"score": 0.2, "passed": false, "categories": {{"f": {CATEGORY}', NO_OBJECT),
        (f'{{"functional": {TEMPTING}}}', NO_OBJECT),
        (f'{{"functional": {TEMPTING}', NO_OBJECT),
        (f'{{"categories": {{"f": {TEMPTING}, "g": {TEMPTING}, "h": {{"score": ', NO_OBJECT),
        (f'{{"reasoning": "it says "hi"", "f": {TEMPTING}, "g": {TEMPTING}}}', NO_OBJECT),
        (f'{{"verdict": {verdict()}}}', NO_OBJECT),
        # cut off
        (verdict()[:-1], NO_OBJECT),
        (verdict()[:20], NO_OBJECT),
        ("```json\n{", NO_OBJECT),
        ("{'score': 0.5, 'passed': True, 'reasoning': 'fine'}", NO_OBJECT),
        # wrong values
        (verdict(95), "the reply is invalid: score must be within 0..1, got 95"),
        (verdict(1.0000001), "the reply is invalid: score must be within 0..1, got 1.0000001"),
        (verdict(-0.1), "the reply is invalid: score must be within 0..1, got -0.1"),
        (verdict("0.9"), "the reply is invalid: score must be a number within 0..1, got '0.9'"),
        (verdict("N/A"), "the reply is invalid: score must be a number within 0..1, got 'N/A'"),
        (
            verdict("x" * 99),
            f"the reply is invalid: score must be a number within 0..1, got '{'x' * 36}...",
        ),
        (verdict(True), "the reply is invalid: score must be a number within 0..1, got True"),  # noqa: FBT003 - a value
        (verdict(None), "the reply is invalid: score must be a number within 0..1, got null"),
        (verdict([0.5]), "the reply is invalid: score must be a number within 0..1, got [0.5]"),
        (verdict({}), "the reply is invalid: score must be a number within 0..1, got {}"),
        (verdict(math.nan), "the reply is invalid: score must be finite, got nan"),
        (verdict(math.inf), "the reply is invalid: score must be finite, got inf"),
        (verdict(-math.inf), "the reply is invalid: score must be finite, got -inf"),
        (
            '{"score": 1e999, "passed": true, "reasoning": ""}',
            "the reply is invalid: score must be finite, got inf",
        ),
        (
            f'{{"score": {"9" * 5000}, "passed": true, "reasoning": ""}}',
            "the reply is invalid: score must be finite, got inf",
        ),
        (
            f'{{"score": {"9" * 399}, "passed": true, "reasoning": ""}}',
            "the reply is invalid: score must be within 0..1, got a huge number",
        ),
        (without("passed"), "the reply is invalid: passed is missing"),
        (without("reasoning"), "the reply is invalid: reasoning is missing"),
        (
            verdict(passed="false"),
            'the reply is invalid: passed must be true or false, got "false"',
        ),
        (verdict(passed=1), "the reply is invalid: passed must be true or false, got 1"),
        (verdict(passed=None), "the reply is invalid: passed must be true or false, got null"),
        (verdict(reasoning=None), "the reply is invalid: reasoning must be text, got null"),
        (verdict(reasoning=["a"]), 'the reply is invalid: reasoning must be text, got ["a"]'),
        (
            verdict(criteria_scores=[1]),
            "the reply is invalid: criteria_scores must be an object, got [1]",
        ),
        (
            verdict(categories="x" * 99),
            f'the reply is invalid: criteria_scores must be an object, got "{"x" * 36}...',
        ),
        (
            verdict(criteria_scores={"f": {"achieved": math.nan}}),
            "the reply is invalid: criteria_scores holds a number that is not finite",
        ),
        (
            '{"score": 1, "passed": true, "reasoning": "", "categories": {"f": 1e999}}',
            "the reply is invalid: criteria_scores holds a number that is not finite",
        ),
        (
            '{"score": 0.1, "score": 0.9, "passed": true, "reasoning": ""}',
            'the reply is invalid: the key "score" stands there twice',
        ),
        (
            '{"score": 1, "passed": true, "reasoning": "", "categories": [{"a": 1, "a": 2}]}',
            'the reply is invalid: the key "a" stands there twice',
        ),
        (
            verdict(criteria_scores=json.loads("[" * 40 + "]" * 40)),
            "the reply is invalid: it is nested too deeply",
        ),
        # of several that are wrong, the last is explained
        (f"{verdict(95)} {verdict(-1)}", "the reply is invalid: score must be within 0..1, got -1"),
    ],
)
def test_what_is_no_verdict_says_why(text: str, message: str) -> None:
    """Nothing is clamped, converted, or made up: the reply is invalid, and says of what."""
    with pytest.raises(ReplyError) as caught:
        parse_reply(text)
    assert str(caught.value) == message


def test_an_invalid_reply_may_be_asked_for_again() -> None:
    """The error is of the kind that allows a retry."""
    assert issubclass(ReplyError, RetryableError)


def test_a_verdict_that_could_not_be_read_again_is_no_verdict() -> None:
    """What would make a judgment file too long is refused before it is written."""
    parse_reply(verdict(reasoning="x" * (LENGTH_CAP - 100)))
    with pytest.raises(ReplyError) as caught:
        parse_reply(verdict(reasoning="x" * LENGTH_CAP))
    assert str(caught.value) == (
        "the reply is invalid: it takes 1,000,016 characters; at most 1,000,000 are recorded"
    )


def test_only_the_end_of_a_long_reply_is_looked_at() -> None:
    """The last object wins, so what is far before it does not matter, and costs nothing."""
    noise = "x" * TAIL
    assert parse_reply(f"{noise}{verdict()}") == FINE
    with pytest.raises(ReplyError) as caught:
        parse_reply(f"{verdict()}{noise}")
    assert str(caught.value) == f"{NO_OBJECT} in its last 1,048,576 characters"
    with pytest.raises(ReplyError) as caught:
        parse_reply(f"{verdict(token=TOKEN)}{noise}", token=TOKEN)
    assert str(caught.value) == (
        f"{NO_OBJECT} that repeats the token in its last 1,048,576 characters"
    )


def test_piece_of_an_object_whose_beginning_is_far_away_is_no_verdict() -> None:
    """Where the reply is cut an object may be open; once it is closed, objects count again."""
    long = "x" * TAIL
    torn = f'{{"reasoning": "{long}", "functional": {TEMPTING}, "score": 0.5}}'
    with pytest.raises(ReplyError) as caught:
        parse_reply(torn)
    assert str(caught.value) == f"{NO_OBJECT} in its last 1,048,576 characters"
    assert parse_reply(f'{torn} My "final verdict": {verdict()}') == FINE


# --- the token -------------------------------------------------------------------------------

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        verdict(token=TOKEN),
        f"{verdict(1.0)} {verdict(token=TOKEN)} {verdict(1.0)}",
        f"{verdict(1.0, token='guessed')} {verdict(token=TOKEN)} {verdict(1.0, token=TOKEN[:-1])}",
        f"{verdict(0.9, token=TOKEN)} No: {verdict(token=TOKEN)}",
        f"{verdict(token=TOKEN)} {verdict(1.0, token=[TOKEN])}",
        f"The token is {TOKEN}. {verdict(token=TOKEN)} {verdict(1.0)}",
    ],
)
def test_only_what_carries_the_token_counts(text: str) -> None:
    """What the judge quotes of the agent cannot know the token of the call."""
    assert parse_reply(text, token=TOKEN) == FINE


@pytest.mark.parametrize(
    "text",
    [
        verdict(),
        verdict(token="other"),
        verdict(token=None),
        f"{TOKEN} {verdict()}",
        json.dumps({"token": TOKEN, "verdict": json.loads(verdict())}),
        verdict(note={"token": TOKEN}),
    ],
)
def test_without_the_token_there_is_no_verdict(text: str) -> None:
    """The token beside an object, or somewhere in it, is not the object's token."""
    with pytest.raises(ReplyError) as caught:
        parse_reply(text, token=TOKEN)
    assert str(caught.value) == f"{NO_OBJECT} that repeats the token"


def test_an_object_with_the_token_is_still_checked() -> None:
    """The token makes no score valid."""
    with pytest.raises(ReplyError) as caught:
        parse_reply(verdict(95, token=TOKEN), token=TOKEN)
    assert str(caught.value) == "the reply is invalid: score must be within 0..1, got 95"


# --- hostile text ----------------------------------------------------------------------------


class CountingDecoder:
    """Passes on to the real decoder and counts the characters that it may have looked at."""

    def __init__(self) -> None:
        self._real = reply_module._DECODER
        self.starts = 0
        self.work = 0

    def raw_decode(self, text: str, at: int) -> tuple[Any, int]:
        """Decode, and count."""
        self.starts += 1
        try:
            value, end = self._real.raw_decode(text, at)
        except json.JSONDecodeError as error:
            self.work += (len(text) if "Unterminated" in error.msg else error.pos) - at
            raise
        self.work += end - at
        return value, end


SIZE = 300_000

HOSTILE = {
    "only braces": "{" * SIZE,
    "braces and quotes": '{"' * (SIZE // 2),
    "keys without an end": '{"a":' * (SIZE // 5),
    "keys without a value": '{"a":x' * (SIZE // 6),
    "escaped quotes": '{"\\"' * (SIZE // 4),
    "spaces": ("{" + " " * 99) * (SIZE // 100),
    "arrays": '{"a":[' * (SIZE // 6),
    "a long array that is cut off, in many objects": '{"a":[' * 200 + "1," * (SIZE // 2),
    "a text that is cut off, in many objects": '{"a":' * 300 + '"' + "x" * SIZE,
    "a long key, many times": ('{"' + "k" * 990 + '":') * (SIZE // 1000),
    "numbers": '{"a":1' * (SIZE // 6),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_bounded_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However braces are nested, no more than a fixed multiple of the text is looked at."""
    text = HOSTILE[name]
    decoder = CountingDecoder()
    monkeypatch.setattr(reply_module, "_DECODER", decoder)
    monkeypatch.setattr(reply_module, "WORK_CAP", 1_000_000)
    with pytest.raises(ReplyError):
        parse_reply(text)
    budget = 1_000_000 + 20 * len(text)
    assert decoder.work + 100 * decoder.starts <= budget + len(text) + 100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("only braces", "the reply is invalid: it is full of braces that open no JSON object"),
        ("keys without an end", "the reply is invalid: it is nested too deeply"),
        ("keys without a value", NO_OBJECT),
    ],
)
def test_hostile_text_hides_no_verdict_and_makes_none(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft before hostile text does not become the verdict when the search has to end."""
    monkeypatch.setattr(reply_module, "WORK_CAP", 1_000_000)
    with pytest.raises(ReplyError) as caught:
        parse_reply(HOSTILE[name])
    assert str(caught.value) == message
    if message != NO_OBJECT:
        with pytest.raises(ReplyError):
            parse_reply(f"{verdict()} {HOSTILE[name]} {verdict(0.4)}")


def test_a_broken_object_does_not_count_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder's error message is not made for every brace: it would read all text before."""
    seen: list[json.JSONDecodeError] = []

    class Spy(CountingDecoder):
        def raw_decode(self, text: str, at: int) -> tuple[Any, int]:
            try:
                return super().raw_decode(text, at)
            except json.JSONDecodeError as error:
                seen.append(error)
                raise

    monkeypatch.setattr(reply_module, "_DECODER", Spy())
    assert parse_reply("line\n" * 10 + "{x}" + verdict()) == FINE
    assert [error.lineno for error in seen] == [1]


# --- laws ------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["score", "passed", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.fixed_dictionaries(
    {},
    optional={
        "score": st.floats(0, 1) | values,
        "passed": st.booleans() | values,
        "reasoning": st.text(max_size=10) | values,
        "criteria_scores": values,
        "token": st.sampled_from([TOKEN, "other"]) | values,
    },
)
prose = st.text(alphabet='ab {}[]"\\:,`\n', max_size=20)


def is_valid(value: Any, token: str | None) -> bool:
    """Say independently of the parser whether an object is a verdict."""
    score, criteria = value.get("score"), value.get("criteria_scores")
    return (
        (token is None or value.get("token") == token)
        and isinstance(score, int | float)
        and not isinstance(score, bool)
        and 0 <= score <= 1
        and isinstance(value.get("passed"), bool)
        and isinstance(value.get("reasoning"), str)
        and (criteria is None or isinstance(criteria, dict))
        and "Infinity" not in json.dumps(criteria)
        and "NaN" not in json.dumps(criteria)
    )


@given(st.lists(objects, max_size=4), st.sampled_from([None, TOKEN]))
@example([{"score": 0.5, "passed": True, "reasoning": ""}], TOKEN)
def test_the_last_valid_object_wins(made: list[dict[str, Any]], token: str | None) -> None:
    """Whatever objects a reply holds, its verdict is the last one that satisfies the schema."""
    text = "First.\n" + "\n\nWait.\n".join(json.dumps(value) for value in made)
    valid = [value for value in made if is_valid(value, token)]
    if not valid:
        with pytest.raises(ReplyError):
            parse_reply(text, token=token)
        return
    found = parse_reply(text, token=token)
    last = valid[-1]
    assert (found.score, found.passed, found.reasoning) == (
        last["score"],
        last["passed"],
        last["reasoning"],
    )
    assert found.criteria_scores == last.get("criteria_scores")


verdicts = st.builds(verdict, st.floats(0, 1), note=values)
words = st.text(alphabet='ab ,.:"\n', max_size=20)


@given(st.lists(verdicts | words, max_size=5).map("".join), words, verdicts)
def test_no_prose_before_the_last_verdict_hides_it(before: str, prose: str, last: str) -> None:
    """Quoted words, commas, and colons are prose where no damaged object is."""
    assert parse_reply(before + prose + last) == parse_reply(last)


@given(verdicts, st.data())
def test_no_piece_of_a_torn_object_is_the_verdict(inner: str, draw: st.DataObject) -> None:
    """Wherever an object of verdicts is torn, none of them becomes the verdict of the reply."""
    whole = f'{{"score": 0.1, "a": {inner}, "b": [{inner}, {inner}], "c": {{"d": {inner}}}}}'
    torn = whole[: draw.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(ReplyError):
        parse_reply(torn)


TEMPTATION = json.loads(TEMPTING)
REPORT = {
    "score": 0.2,
    "passed": False,
    "reasoning": 'some text, "quoted", and more',
    "categories": {"f": TEMPTATION, "g": [TEMPTATION, TEMPTATION], "h": {"i": TEMPTATION}},
}


@given(
    st.sampled_from([None, 2]),
    st.integers(0, 1000),
    st.integers(0, 1),
    st.sampled_from(["", '"', "}", "{", ",", "[", ":", " // hm\n", " oops "]),
)
def test_no_piece_of_a_damaged_object_is_the_verdict(
    indent: int | None, place: int, removed: int, added: str
) -> None:
    """Whatever is removed from an object or put into it, it gives its own verdict or none."""
    whole = json.dumps(REPORT, indent=indent)
    damaged = whole[:place] + added + whole[place + removed :]
    try:
        found = parse_reply(damaged)
    except ReplyError:
        found = None
    assert found is None or found.score != 1.0
    # and what comes after it counts
    assert parse_reply(f"{damaged}\n\nAgain, in full:\n{verdict()}") == FINE


@given(st.lists(objects.map(json.dumps) | prose, max_size=6), st.text(max_size=10))
def test_no_object_without_the_token_is_the_verdict(parts: list[str], token: str) -> None:
    """Whatever stands in a reply, what it quotes cannot become the verdict."""
    text = "".join(parts)
    try:
        parse_reply(text, token=f"call-{token}")
    except ReplyError:
        return
    pytest.fail(f"a verdict without the token was taken from {text!r}")


@given(st.text() | st.lists(objects.map(json.dumps) | prose, max_size=6).map("".join))
@example("{" * 5000)
@example('{"a":' * 5000)
def test_every_text_is_a_verdict_or_a_reply_error(text: str) -> None:
    """Nothing but ``ReplyError`` is raised, and a verdict can always be written."""
    try:
        found = parse_reply(text)
    except ReplyError:
        return
    assert 0.0 <= found.score <= 1.0
    json.dumps([found.score, found.reasoning, found.criteria_scores], indent=2, allow_nan=False)
