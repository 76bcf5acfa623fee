"""``experiment.yaml``: every error has its message; what is right becomes a panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import config, judges
from harness.config import default_spec, fingerprint, panel, read_keys
from harness.errors import ExperimentError
from harness.keys import ExperimentKeys

FILE = Path("/e/experiment.yaml")

JUDGE: dict[str, Any] = {"name": "one", "kind": "replay", "reply": "recorded.txt"}

COMMON = "name, kind, model, description, timeout, max_parallel, weight, env, price, require_token"


def spec_of(**keys: object) -> Any:
    """Return the judge that ``JUDGE`` makes with ``keys`` added."""
    return panel([{**JUDGE, **keys}], ExperimentKeys(), file=FILE)[0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "must be a mapping of keys, found nothing; correct it"),
        ([JUDGE], "must be a mapping of keys, found a list; correct it"),
        (
            {"judge": [JUDGE]},
            (
                "unknown key 'judge'; remove it or use one of: name, description, layout, task, "
                "rubric, runs, prompt, judges, consensus, score_from, require_token, retries"
            ),
        ),
        ({"name": 5}, "name: expected text, found a whole number; correct it"),
        (
            {"task": "/etc/passwd"},
            "task: '/etc/passwd' is no path below the experiment; correct it",
        ),
        ({"task": "../task.md"}, "task: '../task.md' is no path below the experiment; correct it"),
        (
            {"rubric": "a/../../b"},
            "rubric: 'a/../../b' is no path below the experiment; correct it",
        ),
        ({"runs": ""}, "runs: '' is no path below the experiment; correct it"),
        ({"prompt": "/p.j2"}, "prompt: '/p.j2' is no path below the experiment; correct it"),
        ({"judges": "one"}, "judges: expected a list, found text; correct it"),
        ({"judges": {"one": {}}}, "judges: expected a list, found a mapping; correct it"),
        ({"judges": ["one"]}, "judges[0]: expected a mapping, found text; correct it"),
        ({"judges": [JUDGE, None]}, "judges[1]: expected a mapping, found nothing; correct it"),
        ({"score_from": "both"}, "score_from: unknown value 'both'; use one of: declared, rubric"),
        (
            {"require_token": 1},
            "require_token: expected true or false, found a whole number; correct it",
        ),
        ({"retries": 2}, "retries: expected a whole number <= 1; correct it"),
        ({"retries": -1}, "retries: expected a whole number >= 0; correct it"),
        ({"consensus": None}, "consensus: expected a mapping, found nothing; correct it"),
        (
            {"consensus": {"rule": "mean"}},
            (
                "consensus: unknown key 'rule'; remove it or use one of: "
                "score, passed, threshold, trim, quorum"
            ),
        ),
        (
            {"consensus": {"score": "average"}},
            (
                "consensus.score: unknown value 'average'; "
                "use one of: mean, median, trimmed_mean, min, max"
            ),
        ),
        (
            {"consensus": {"passed": True}},
            "consensus.passed: expected text, found true or false; correct it",
        ),
        ({"consensus": {"trim": 0.5}}, "consensus.trim: expected a number < 0.5; correct it"),
        (
            {"consensus": {"quorum": 0}},
            "consensus.quorum: expected a whole number >= 1; correct it",
        ),
        (
            {"consensus": {"threshold": 60}},
            "consensus.threshold: expected a number <= 1.0; correct it",
        ),
    ],
)
def test_a_wrong_key_at_the_top_says_what_is_wrong(value: object, message: str) -> None:
    """File, key, defect, and the way out, for everything outside the list of judges."""
    with pytest.raises(ExperimentError) as caught:
        read_keys(value, FILE)
    assert str(caught.value) == f"/e/experiment.yaml: {message}"


KINDS = f"use one of: {', '.join(judges.names())}"

UNUSABLE = "is not usable; use up to 128 letters, digits and ._:/@+- and no leading '-'"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "judges: the panel is empty; list at least one judge"),
        ([{}], f"judges[0]: the key 'kind' is missing; {KINDS}"),
        ([{"name": "one"}], f"judges[0]: the key 'kind' is missing; {KINDS}"),
        ([{**JUDGE, "kind": "oracle"}], f"judges[0]: unknown kind 'oracle'; {KINDS}"),
        ([{**JUDGE, "kind": ["replay"]}], f"judges[0]: unknown kind ['replay']; {KINDS}"),
        (
            [JUDGE, {**JUDGE, "name": "two", "colour": "red"}],
            (
                "judges[1]: unknown key 'colour' for kind 'replay'; "
                f"remove it or use one of: reply, {COMMON}"
            ),
        ),
        (
            [{"name": "one", "kind": "checks", "argv": ["x"]}],
            f"judges[0]: unknown key 'argv' for kind 'checks'; remove it or use one of: {COMMON}",
        ),
        (
            [{"kind": "replay", "reply": "x"}],
            "judges[0]: the key 'name' is missing; name the judge",
        ),
        ([{**JUDGE, "name": ""}], "judges[0]: the key 'name' is missing; name the judge"),
        ([{**JUDGE, "name": 1}], "judges[0].name: expected text, found a whole number; correct it"),
        ([{**JUDGE, "name": "-one"}], f"judges[0].name: '-one' {UNUSABLE}"),
        ([{**JUDGE, "name": "a b"}], f"judges[0].name: 'a b' {UNUSABLE}"),
        ([{**JUDGE, "name": "a[b]"}], f"judges[0].name: 'a[b]' {UNUSABLE}"),
        ([{**JUDGE, "name": "a\n"}], f"judges[0].name: 'a\\n' {UNUSABLE}"),
        ([{**JUDGE, "name": "\x1b[2J"}], f"judges[0].name: '\\x1b[2J' {UNUSABLE}"),
        ([{**JUDGE, "name": "n" * 200}], f"judges[0].name: '{'n' * 128}' {UNUSABLE}"),
        ([{**JUDGE, "model": "--yes"}], f"judges[0].model: '--yes' {UNUSABLE}"),
        ([{**JUDGE, "model": ""}], f"judges[0].model: '' {UNUSABLE}"),
        (
            [JUDGE, {**JUDGE, "name": "two"}, JUDGE],
            "judges[2]: the name 'one' is taken by judges[0]; give each judge its own name",
        ),
        ([{"name": "one", "kind": "replay"}], "judges[0]: the key 'reply' is missing; add it"),
        ([{"name": "one", "kind": "command"}], "judges[0]: the key 'argv' is missing; add it"),
        (
            [{"name": "one", "kind": "command", "argv": "judge --fast"}],
            "judges[0].argv: expected a list, found text; correct it",
        ),
        (
            [{"name": "one", "kind": "python", "call": "module"}],
            (
                "judges[0]: call must name a module and a function in it, "
                "such as my_judges.style:grade; correct it"
            ),
        ),
        ([{**JUDGE, "timeout": 0}], "judges[0].timeout: expected a number > 0.0; correct it"),
        (
            [{**JUDGE, "timeout": "1h"}],
            "judges[0].timeout: expected a number, found text; correct it",
        ),
        (
            [{**JUDGE, "max_parallel": 0}],
            "judges[0].max_parallel: expected a whole number >= 1; correct it",
        ),
        (
            [{**JUDGE, "max_parallel": True}],
            "judges[0].max_parallel: expected a whole number, found true or false; correct it",
        ),
        ([{**JUDGE, "weight": -0.5}], "judges[0].weight: expected a number >= 0.0; correct it"),
        (
            [{**JUDGE, "weight": 0}, {**JUDGE, "name": "two", "weight": 0}],
            "judges: every weight is 0; give at least one judge a weight above 0",
        ),
        ([{**JUDGE, "env": "HOME"}], "judges[0].env: expected a list, found text; correct it"),
        (
            [{**JUDGE, "price": {"input": 3}}],
            "judges[0].price: a price has input and output, or call, or all three; correct it",
        ),
        (
            [{**JUDGE, "price": {"in": 3}}],
            "judges[0].price: unknown key 'in'; remove it or use one of: input, output, call",
        ),
        (
            [{**JUDGE, "require_token": "no"}],
            "judges[0].require_token: expected true or false, found text; correct it",
        ),
    ],
)
def test_a_wrong_judge_says_what_is_wrong(entries: list[dict[str, Any]], message: str) -> None:
    """File, place in the list, key, defect, and the way out."""
    with pytest.raises(ExperimentError) as caught:
        panel(entries, ExperimentKeys(), file=FILE)
    assert str(caught.value) == f"/e/experiment.yaml: {message}"


def test_a_judge_is_what_its_entry_says() -> None:
    """Every key arrives; the number is the place in the list."""
    entry = {
        **JUDGE,
        "model": "org/model:8b@1.2+x",
        "timeout": 60,
        "max_parallel": 2,
        "weight": 0.5,
        "env": ["API_KEY"],
        "price": {"input": 3, "output": 15},
        "require_token": True,
    }
    first, second = panel([{**JUDGE, "name": "first"}, entry], ExperimentKeys(), file=FILE)
    assert (first.number, first.slot, first.label) == (1, "judge_01", "01 first")
    assert (first.timeout, first.max_parallel, first.weight) == (1200.0, None, 1.0)
    assert (first.model, first.env, first.price, first.require_token) == (None, (), None, False)
    assert (second.number, second.slot, second.label) == (2, "judge_02", "02 one")
    assert (second.name, second.kind, second.model) == ("one", "replay", "org/model:8b@1.2+x")
    assert (second.timeout, second.max_parallel, second.weight) == (60.0, 2, 0.5)
    assert (second.env, second.price) == (("API_KEY",), {"input": 3.0, "output": 15.0})
    assert second.require_token
    assert second.settings.reply == "recorded.txt"


@pytest.mark.parametrize(
    ("own", "general", "wanted"),
    [
        (None, None, False),
        (None, True, True),
        (False, True, False),
        (True, False, True),
        (True, None, True),
    ],
)
def test_a_judge_s_own_word_on_the_token_goes_first(
    own: bool | None,  # noqa: FBT001 - a parameter of the test
    general: bool | None,  # noqa: FBT001 - the same
    wanted: bool,  # noqa: FBT001 - the same
) -> None:
    """The entry decides, else the experiment, else the kind."""
    entry = JUDGE if own is None else {**JUDGE, "require_token": own}
    (spec,) = panel([entry], ExperimentKeys(require_token=general), file=FILE)
    assert spec.require_token is wanted


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "another"},
        {"timeout": 5},
        {"max_parallel": 3},
        {"weight": 2},
        {"price": {"input": 1, "output": 2}},
        {"env": ["HOME"]},
    ],
)
def test_what_cannot_change_an_answer_is_not_in_the_fingerprint(keys: dict[str, Any]) -> None:
    """Names, limits, weights, prices, and the environment make no judgment stale."""
    assert spec_of(**keys).sha256 == spec_of().sha256


@pytest.mark.parametrize("keys", [{"model": "m"}, {"reply": "other.txt"}, {"require_token": True}])
def test_what_can_change_an_answer_is_in_the_fingerprint(keys: dict[str, Any]) -> None:
    """Kind, model, settings, and token make judgments stale."""
    assert spec_of(**keys).sha256 != spec_of().sha256


def test_of_a_program_only_its_name_is_in_the_fingerprint() -> None:
    """A judgment survives a move to a machine that keeps the program elsewhere."""

    def made(*argv: str) -> str:
        entry = {"name": "one", "kind": "command", "argv": list(argv)}
        return panel([entry], ExperimentKeys(), file=FILE)[0].sha256

    assert made("/usr/bin/judge", "-x") == made("/opt/bin/judge", "-x") == made("judge", "-x")
    assert made("judge", "-x") != made("judge", "-y")
    assert made("judge", "a/b") != made("judge", "c/b")


def test_the_fingerprint_is_the_same_on_every_machine() -> None:
    """A stored fingerprint means the same later: this one must never change unnoticed."""
    assert fingerprint("checks", None, judges.NoSettings(), require_token=False) == (
        "21de45def23b3c8d4bd43a6c105de8c8b96edad33fe2c01b9ea785f541176eff"
    )
    assert config.FINGERPRINT_VERSION == 1


def test_a_judge_that_nobody_configures_is_made_from_its_model() -> None:
    """Its kind need not be there: it is asked for when the slot is judged."""
    spec = default_spec("oracle", "m-1", 3, name="m", token=True)
    assert (spec.number, spec.name, spec.kind, spec.model) == (3, "m", "oracle", "m-1")
    assert spec.require_token
    assert spec.sha256 == fingerprint("oracle", "m-1", judges.NoSettings(), require_token=True)
