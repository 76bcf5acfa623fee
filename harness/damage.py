"""What of a text belongs to damaged JSON objects: their pieces are no objects of their own."""

from __future__ import annotations

import re

LOOK_BACK = 300
"""Characters before an object in which its key is looked for."""

_STRING = r'"(?:[^"\\]|\\.)*+"'
_BEGUN = re.compile(rf"\{{\s*{_STRING}\s*:", re.DOTALL)
_BEFORE = re.compile(r'(?:"\s*:[\s\[]*|\}\s*,)\Z')
_MEMBER = re.compile(rf"[{{,]\s*{_STRING}\s*:[\s\[]*\Z", re.DOTALL)
_BEHIND = re.compile(rf"\s*[]}}]|\s*,\s*(?:[{{\[]|{_STRING}\s*:)", re.DOTALL)


class Damage:
    """What of a text belongs to objects that were begun and are not whole.

    An object was begun where a brace, a key, and a colon stand. A whole object is a piece
    of a damaged one if the decoder had read it before it met the damage. Behind the damage
    it is told by its neighbours: before a piece stands a key and a colon, or its
    neighbour in a list; behind it the next member or element, or a closing bracket. As
    long as the damaged object is open, by the count of its braces, one of the two makes a
    piece. Should that count be wrong, for a brace in a text, it still takes both; so a
    quoted word and a colon in the prose before a verdict make no piece of it. A text that
    was cut off in front may begin in the middle of an object: then one is ``already_open``.
    """

    def __init__(self, text: str, *, already_open: int) -> None:
        self._text = text
        self._read_to = 0
        self._open = already_open
        self._counted_to = 0

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
        return end <= self._read_to or self._has_neighbours(at, end)

    def _count(self, to: int) -> None:
        # of str, because the text's own count is switched off; no brace opens in between
        closed = str.count(self._text, "}", self._counted_to, to)
        self._open = max(0, self._open - closed)
        self._counted_to = to

    def _has_neighbours(self, at: int, end: int) -> bool:
        before = self._text[max(0, at - LOOK_BACK) : at].rstrip()
        preceded = before.endswith((":", "[", ",")) and _BEFORE.search(before)
        if self._open:
            return bool(preceded or _BEHIND.match(self._text, end))
        return bool(preceded and _MEMBER.search(before) and _BEHIND.match(self._text, end))
