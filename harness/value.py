"""The base of small values that travel inside the package.

As a frozen dataclass, but made many times as fast: the class at import, its instances at
work. What is public is a dataclass.
"""

from __future__ import annotations

from msgspec import Struct


class Value(Struct, frozen=True):
    """Something immutable with named parts, equal to what has the same type and parts."""
