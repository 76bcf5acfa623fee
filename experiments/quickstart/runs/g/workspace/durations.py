"""Durations such as ``1h 30m``."""

import re
import sys
from decimal import Decimal

SIZES = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([wdhms])\s*", re.ASCII | re.IGNORECASE)


def parse(text):
    """Return the seconds of a duration, or raise ValueError."""
    position, limit, total = 0, None, Decimal(0)
    while position < len(text) or limit is None:
        match = PART.match(text, position)
        if match is None:
            raise ValueError(f"no duration: {text!r}")
        size = SIZES[match[2].lower()]
        if limit is not None and size >= limit:
            raise ValueError(f"units out of order: {text!r}")
        total += Decimal(match[1]) * size
        position, limit = match.end(), size
    if total % 1:
        raise ValueError(f"no whole seconds: {text!r}")
    return int(total)


def humanize(seconds):
    """Return the text for a number of seconds."""
    raise NotImplementedError


if __name__ == "__main__":
    if sys.argv[1:2] != ["parse"] or len(sys.argv) != 3:
        sys.exit("only 'parse TEXT' works so far")
    try:
        print(parse(sys.argv[2]))
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
