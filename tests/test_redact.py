"""Secrets are taken out of texts, and nothing else is."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.redact import Redactor, redact_error, redactor_of

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2-and-more"


@pytest.mark.parametrize(
    "name", ["MY_KEY", "api_key", "TOKEN", "GH_TOKEN_2", "CLIENT_SECRET", "DB_PASSWORD"]
)
def test_value_of_a_variable_whose_name_says_so_is_a_secret(name: str) -> None:
    """Wherever in the name, in either case."""
    assert Redactor({name: SECRET})(f"it is {SECRET}!") == "it is [redacted]!"


@pytest.mark.parametrize(
    ("name", "value"), [("MY_KEY", "short12"), ("MY_KEY", "  true   "), ("HOME", SECRET)]
)
def test_short_values_and_other_variables_are_no_secrets(name: str, value: str) -> None:
    """A word of a few letters would stand in every text."""
    text = f"it is {value.strip()}"
    assert Redactor({name: value})(text) is text


def test_path_of_a_key_is_no_secret(tmp_path: Path) -> None:
    """Messages name files, and a file's name opens nothing."""
    text = f"{tmp_path}/experiment.yaml: is empty"
    assert Redactor({"KEY_DIRECTORY": str(tmp_path)})(text) is text


@pytest.mark.parametrize(
    "key",
    [
        "sk-ant-api03-abcdefgh",
        "sk-proj-Abcdef0123456789",
        "sk-0123456789abcdef",
        "ghp_0123456789abcdefABCDEF",
        "gho_0123456789abcdefABCDEF",
        "github_pat_0123456789abcdefABCDEF",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv",
        "Bearer 0123456789abcdef",
        "bearer eyJhbGciOiJIUzI1NiJ9.e30.abc",
        "hf_0123456789abcdefABCDEF",
        "gsk_0123456789abcdefABCDEF",
        "npm_0123456789abcdefABCDEF",
        "glpat-0123456789abcdefABCD",
        "xoxb-0123456789-abcdefABCD",
        "xai-0123456789abcdefABCDEF",
        "ya29.a0123456789abcdefABCDEF",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_key_is_a_secret(key: str) -> None:
    """No variable need hold it."""
    assert Redactor({})(f"with {key}, said the judge") == "with [redacted], said the judge"


@pytest.mark.parametrize(
    "text",
    [
        "a task-oriented-and-risk-averse-agent",
        "sk-learn-based-classifier-of-texts",
        "the bearer of good news is welcome",
        "Bearer authentication-is-used-here",
        "AKIA is a prefix, ghp_ another",
        "weighted 0.5 by sk-1",
        "hf_hub, npm_config, xai-, xoxo, and -----BEGIN CERTIFICATE-----",
        "eyJ is how base64 of an object begins",
        "",
    ],
)
def test_words_are_left_alone(text: str) -> None:
    """The same object comes back, so that nothing is written for it."""
    assert Redactor({"A_KEY": SECRET})(text) is text


@pytest.mark.parametrize("value", ['say "hello" twice', "back\\slash-key", "h\u00e9llo-w\u00f6rld"])
def test_secret_is_found_as_other_formats_write_it(value: str) -> None:
    """JSON, Python, and addresses escape what a key may have in it."""
    redactor = Redactor({"ODD_KEY": value})
    for text in (json.dumps([value]), json.dumps([value], ensure_ascii=False), repr([value])):
        assert "[redacted]" in redactor(text)
        assert redactor(text)[:2] == text[:2]


def test_longer_secret_goes_first() -> None:
    """One that begins like another leaves no tail behind."""
    redactor = Redactor({"A_KEY": "12345678", "B_KEY": "12345678-more"})
    assert redactor("12345678-more") == "[redacted]"


@pytest.mark.parametrize("kept", [8, 12, len(SECRET) - 1])
def test_secret_that_was_cut_is_taken_out_of_a_shown_value(kept: int) -> None:
    """A traceback shows the beginning and the end of a long value; a shorter rest tells nothing."""
    redactor = Redactor({"A_KEY": SECRET})
    text = f"x = 'y {SECRET[:kept]}...{SECRET[-kept:]} z'"
    assert redactor.shown(text) == "x = 'y [redacted]...[redacted] z'"
    plain = f"x = '{SECRET[:7]}...'"
    assert redactor.shown(plain) == plain


def test_bytes_of_any_encoding_are_searched() -> None:
    """What is no UTF-8 stays as it was; the same object comes back where nothing is found."""
    redactor = Redactor({"A_KEY": SECRET})
    assert redactor.data(b"\xff" + SECRET.encode() + b"\xfe") == b"\xff[redacted]\xfe"
    plain = b"\xff\xfe"
    assert redactor.data(plain) is plain


def test_redactor_of_the_same_secrets_is_made_once() -> None:
    """Other variables do not matter."""
    first = redactor_of({"A_KEY": SECRET, "PATH": "/bin"})
    assert redactor_of({"A_KEY": SECRET, "PATH": "/usr/bin"}) is first


def test_error_its_notes_and_its_causes_are_cleaned() -> None:
    """A traceback shows all of them."""
    redactor = Redactor({"A_KEY": SECRET})
    cause = KeyError(SECRET, 3)
    error = ValueError(f"no {SECRET}")
    error.add_note(f"a note on {SECRET}")
    error.__cause__ = cause
    cause.__context__ = error
    redact_error(error, redactor)
    assert (str(error), error.__notes__, cause.args) == (
        "no [redacted]",
        ["a note on [redacted]"],
        ("[redacted]", 3),
    )


def test_error_is_cleaned_wherever_it_keeps_a_text() -> None:
    """In collections among its arguments, in attributes, and in the members of a group."""
    redactor = Redactor({"A_KEY": SECRET})
    plain = {"a": [1, ("b",)]}
    errors: list[Exception] = [
        RuntimeError({"key": [SECRET, 3]}, plain),
        subprocess.CalledProcessError(1, ["curl", "-H", SECRET], output=SECRET.encode()),
        FileNotFoundError(2, "No such file", f"/{SECRET}"),
    ]
    redact_error(ExceptionGroup(f"all of {SECRET}", errors), redactor)
    assert errors[0].args[1] is plain
    assert [str(error) for error in errors] == [
        "({'key': ['[redacted]', 3]}, {'a': [1, ('b',)]})",
        "Command '['curl', '-H', '[redacted]']' returned non-zero exit status 1.",
        "[Errno 2] No such file: '/[redacted]'",
    ]
    assert errors[1].output == b"[redacted]"  # type: ignore[attr-defined] # it has one
