"""Annotations of a CI service, as commands on stdout; pure functions."""

from __future__ import annotations

import re

from harness.text import safe_line

_COMMAND = re.compile(r"^(\s*):(?=:)|##(?=\[)", re.MULTILINE)
"""Where GitHub's runner sees a command: ``::name`` at a line's start, ``##[name]`` anywhere."""

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


def defused(text: str) -> str:
    """Return text of others for a log of GitHub Actions: no line of it is a command."""
    return _COMMAND.sub(lambda match: f"{match[1]}\\:" if match[1] is not None else "#\\#", text)
