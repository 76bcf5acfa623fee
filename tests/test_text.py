"""What others wrote, made harmless for a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.text import LENGTH_CAP, defused, safe_line, safe_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("a\rb", "a\\rb"),
        ("a\0b", "a\\x00b"),
        ("\x7f\x9b31m", "\\x7f\\x9b31m"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2066a\u2069\u061c\u200f", "\\u2066a\\u2069\\u061c\\u200f"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_steers_a_terminal_becomes_visible(text: str, shown: str) -> None:
    """Control and direction characters are shown by their numbers; the rest stays."""
    assert safe_text(text) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    """The beginning is shown, and that there is more."""
    assert safe_text("abcdef", 4) == "abcd [...]"
    assert safe_text("abcd", 4) == "abcd"
    assert safe_text("x" * (LENGTH_CAP + 1)) == "x" * LENGTH_CAP + " [...]"


def test_a_line_is_one_line() -> None:
    """White space of any kind becomes single spaces."""
    assert safe_line(" a\r\n\tb\u2028c\x1b ") == "a b c\\x1b"
    assert safe_line("x" * 301) == "x" * 300 + " [...]"


@given(st.text(st.characters()))
def test_no_text_steers_a_terminal(text: str) -> None:
    """Nothing is left of categories that control, and everything can be printed."""
    shown = safe_text(text)
    kinds = {unicodedata.category(char) for char in shown.replace("\n", "").replace("\t", "")}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert "\n" not in safe_line(text)
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", "\\::error::x"),
        ("a\n \t::add-mask::x\nb", "a\n \t\\::add-mask::x\nb"),
        ("say ##[error]x", "say #\\#[error]x"),
        ("C::d ## [x] # a:b:", "C::d ## [x] # a:b:"),
    ],
)
def test_no_line_of_others_is_a_command(text: str, shown: str) -> None:
    """Neither in the form of today nor in that of old runners."""
    assert defused(text) == shown
