"""Text that an agent or a judge wrote, made harmless for people's eyes."""

from __future__ import annotations

import re

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

_COMMAND = re.compile(r"^(\s*):(?=:)|##(?=\[)", re.MULTILINE)
"""Where GitHub's runner sees a command: ``::name`` at a line's start, ``##[name]`` anywhere."""

LENGTH_CAP = 4096
"""Characters that are shown of one text."""


def safe_text(text: str, cap: int = LENGTH_CAP) -> str:
    """Make control and direction characters visible and bound the length.

    Line breaks and tabs stay; nothing that could steer a terminal does.
    """
    if len(text) > cap:
        text = f"{text[:cap]} [...]"
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def safe_line(text: str, cap: int = 300) -> str:
    """Do the same for one line: white space, line breaks included, becomes single spaces."""
    return safe_text(" ".join(text.split()), cap)


def defused(text: str) -> str:
    """Return text of others for a log of GitHub Actions: no line of it is a command."""
    return _COMMAND.sub(lambda match: f"{match[1]}\\:" if match[1] is not None else "#\\#", text)
