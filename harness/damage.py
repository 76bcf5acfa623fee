"""What of a text belongs to damaged JSON objects: their pieces are no objects of their own."""

from __future__ import annotations

import re

LOOK_BACK = 300
"""Characters before an object in which its key is looked for."""

_STRING = r'"(?:[^"\\]|\\.)*+"'
_BEGUN = re.compile(rf"\{{\s*{_STRING}\s*:", re.DOTALL)
_KEY = re.compile(r'"\s*:[\s\[]*\Z')
_MEMBER = re.compile(rf"[{{,]\s*{_STRING}\s*:[\s\[]*\Z", re.DOTALL)
_NEXT = re.compile(rf"\s*[]}}]|\s*,\s*{_STRING}\s*:", re.DOTALL)


class Damage:
    """What of a text belongs to objects that were begun and are not whole.

    An object was begun where a brace, a key, and a colon stand. A whole object is a piece
    of a damaged one if the decoder had read it before it met the damage. Behind the damage
    it is a piece if it follows a key and a colon, or stands in the list that does, and the
    damaged object is still open there, by the count of its braces. Should that count be
    wrong, for a brace in a text, it is still a piece if a brace or a comma is before its
    key, and the next key or a closing bracket behind it. So a quoted word and a colon in
    the prose before a verdict make no piece of it. A text that was cut off in front may
    begin in the middle of an object: then one is ``already_open``.
    """

    def __init__(self, text: str, *, already_open: int) -> None:
        self._text = text
        self._read_to = 0
        self._open = already_open
        self._counted_to = 0
        self._piece_to = -1

    def begins(self, at: int, damaged_at: int) -> None:
        """Note that the brace at ``at`` opens no whole object."""
        self._read_to = max(self._read_to, damaged_at)
        self._count(at)
        if self._open or _BEGUN.match(self._text, at):
            self._open += 1

    def has_piece(self, at: int, end: int) -> bool:
        """Tell whether the whole object from ``at`` to ``end`` is a piece of a damaged one."""
        self._count(at)
        self._counted_to = end
        if end > self._read_to and not self._is_value(at, end):
            return False
        self._piece_to = end
        return True

    def _count(self, to: int) -> None:
        # of str, because the text's own count is switched off; no brace opens in between
        closed = str.count(self._text, "}", self._counted_to, to)
        self._open = max(0, self._open - closed)
        self._counted_to = to

    def _is_value(self, at: int, end: int) -> bool:
        before = self._text[max(0, at - LOOK_BACK) : at].rstrip()
        if before.endswith(",") and 0 <= self._piece_to <= at:
            return self._text[self._piece_to : at].strip() == ","
        if not before.endswith((":", "[")) or not _KEY.search(before):
            return False
        return self._open > 0 or bool(_MEMBER.search(before) and _NEXT.match(self._text, end))
