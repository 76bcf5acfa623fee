"""Secrets are taken out of every text before it is shown or kept.

What counts as one: the values of the environment's variables whose name says so, unless
that is a path, and whatever looks like the keys of the usual providers.
"""

from __future__ import annotations

import functools
import json
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

REDACTED = "[redacted]"

LEAST = 8
"""Characters of a value from which on it is a secret: a shorter one is a word like any other."""

DOTS = "..."

_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)

# Each begins with a literal, so that a text without any is done with quickly. A hyphenated word
# is no key: those have digits.
_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-ant-[A-Za-z0-9_-]{8,}"
    r"|sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{16,}"
    r"|github_pat_[A-Za-z0-9_]{16,}"
    r"|AKIA[0-9A-Z]{12,}"
    r"|AIza[A-Za-z0-9_-]{30,}"
    r"|(?:hf|gsk|npm)_[A-Za-z0-9]{20,}"
    r"|(?:glpat|xox[abeprs])-[A-Za-z0-9-]{16,}"
    r"|xai-[A-Za-z0-9]{20,}"
    r"|ya29\.[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?:[Bb]earer|BEARER)[ \t]+(?=[A-Za-z._~+/=-]*\d)[A-Za-z0-9._~+/=-]{16,}"
    r")",
    re.DOTALL,
)
_HINTS = (
    "-----BEGIN ",
    "eyJ",
    "glpat-",
    "gsk_",
    "hf_",
    "npm_",
    "xai-",
    "xox",
    "ya29.",
    "sk-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "AKIA",
    "AIza",
    "earer",
    "EARER",
)


class Redactor:
    """Takes the secrets of one environment, and what looks like one, out of texts."""

    __slots__ = ("_forms", "_values")

    def __init__(self, environment: Mapping[str, str]) -> None:
        secrets = {
            form
            for name, value in environment.items()
            if _NAME.search(name) and not _is_path(value)
            for part in (value.strip(), *value.split("\n"))  # of many lines, each is shown alone
            if len(part.strip()) >= LEAST
            for form in _forms(part.strip())
        }
        # The longest first: one secret may be the beginning of another.
        self._forms = sorted(secrets, key=lambda form: (-len(form), form))
        values = "|".join(map(re.escape, self._forms))
        self._values = re.compile(values) if values else None

    def __call__(self, text: str) -> str:
        """Return ``text`` without secrets; the very same object if it has none."""
        if self._values is not None:
            text = self._values.sub(REDACTED, text)
        return _KEYS.sub(REDACTED, text) if _may_hold_key(text) else text

    def shown(self, text: str) -> str:
        """Do the same for a text that shows values, and cuts long ones with dots in the middle."""
        text = self(text)
        if DOTS not in text:
            return text
        for form in self._forms:
            for length in range(len(form) - 1, LEAST - 1, -1):
                text = text.replace(f"{form[:length]}{DOTS}", f"{REDACTED}{DOTS}")
                text = text.replace(f"{DOTS}{form[-length:]}", f"{DOTS}{REDACTED}")
        return text

    def data(self, content: bytes) -> bytes:
        """Do the same for bytes, whatever their encoding; the same object if nothing was found."""
        text = content.decode("utf-8", "surrogateescape")
        clean = self(text)
        return content if clean == text else clean.encode("utf-8", "surrogateescape")


def _may_hold_key(text: str) -> bool:
    for hint in _HINTS:  # noqa: SIM110 - a generator costs more than the search, for every text
        if hint in text:
            return True
    return False


def _is_path(value: str) -> bool:
    """Tell where a key is kept (``..._KEY_FILE``) from the key."""
    return value.startswith("/") and "\0" not in value and os.path.exists(value)  # noqa: PTH110 - text, not a path yet


def _forms(value: str) -> set[str]:
    """Return how a value may be written: as it is, in JSON, in Python, in an address."""
    ascii_only, plain = json.dumps(value), json.dumps(value, ensure_ascii=False)
    return {value, ascii_only[1:-1], plain[1:-1], repr(value)[1:-1], quote(value, safe="")}


@functools.lru_cache(maxsize=8)
def _cached(secrets: tuple[tuple[str, str], ...]) -> Redactor:
    return Redactor(dict(secrets))


def redactor_of(environment: Mapping[str, str]) -> Redactor:
    """Return the redactor of an environment; the same one while its secrets are the same."""
    return _cached(tuple(sorted((n, v) for n, v in environment.items() if _NAME.search(n))))


def redact_error(error: BaseException, redactor: Redactor) -> None:
    """Take secrets out of an error: its arguments, attributes, and notes, and its causes."""
    seen: set[int] = set()
    open_errors: list[BaseException | None] = [error]
    while open_errors:
        current = open_errors.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        args = tuple(_in_depth(a, redactor) for a in current.args)
        if args != current.args:
            current.args = args
        for name in (*vars(current), *(("filename",) if isinstance(current, OSError) else ())):
            value = getattr(current, name)
            clean = _in_depth(value, redactor)
            if clean is not value:
                setattr(current, name, clean)
        open_errors += [current.__cause__, current.__context__]
        open_errors += current.exceptions if isinstance(current, BaseExceptionGroup) else ()


def _in_depth(value: Any, redactor: Redactor) -> Any:
    """Return a value of built-in types without secrets; the same object if it has none."""
    if isinstance(value, str):
        return redactor(value)
    if isinstance(value, bytes):
        return redactor.data(value)
    if type(value) is dict:
        copy: Any = {key: _in_depth(inner, redactor) for key, inner in value.items()}
    elif type(value) in (list, tuple):
        copy = type(value)(_in_depth(inner, redactor) for inner in value)
    else:
        return value
    return value if copy == value else copy
