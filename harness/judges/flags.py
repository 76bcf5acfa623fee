"""Flags that a configuration may add to a program's command line, and those that it may not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LETTER = re.compile(r"-[A-Za-z]")


def forbid(args: tuple[str, ...], *flags: str) -> None:
    """Refuse flags that would undo what keeps a judge apart; ``ValueError`` names the first.

    However they are written: some programs take ``--allowedTools`` for ``--allowed-tools``, and
    ``-sVALUE`` for ``-s VALUE``.
    """
    refused = {_plain(flag) for flag in flags}
    for arg in args:
        name = arg.partition("=")[0]
        if _plain(name) in refused or (_LETTER.match(arg) and arg[:2] in refused):
            raise ValueError(
                f"{name} is not for judges: they have no tools, no settings of others, and an "
                "output that can be read"
            )
        if _LETTER.match(arg) and len(arg) > len("-x"):
            raise ValueError(
                f"{arg} is more than one flag, or a flag and its value: give them one by one"
            )


def values(args: tuple[str, ...], *flags: str) -> Iterator[str]:
    """Yield what is given to any of these flags, as the next argument or behind ``=``."""
    for number, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if name in flags:
            yield value if equals else "".join(args[number + 1 : number + 2])


def _plain(name: str) -> str:
    return _CAMEL.sub("-", name).lower() if name.startswith("--") else name
