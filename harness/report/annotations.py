"""Annotations of a CI service, as commands on stdout; a pure function."""

from __future__ import annotations

from harness.text import safe_line

_ESCAPED = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_ESCAPED_IN_PROPERTIES = {**_ESCAPED, ":": "%3A", ",": "%2C"}


def annotation(*, file: str, title: str, text: str) -> str:
    """Return the command that shows an error at a file; no text can end it or start another."""
    properties = {"file": file, "title": title}
    shown = ",".join(
        f"{name}={_escape(safe_line(value), _ESCAPED_IN_PROPERTIES)}"
        for name, value in properties.items()
    )
    return f"::error {shown}::{_escape(safe_line(text, 1000), _ESCAPED)}"


def _escape(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(letter, letter) for letter in text)
