"""Duration parsing for the on-call tool."""

import argparse
import re
import sys
from decimal import Decimal

_SECONDS_PER_UNIT = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([wdhms])\s*", re.IGNORECASE)


def parse(text):
    """Parse a duration into seconds."""
    position = 0
    last = None
    total = Decimal(0)
    while position < len(text):
        match = _PART.match(text, position)
        if not match:
            raise ValueError(f"cannot read {text[position:]!r}")
        size = UNITS[match.group(2).lower()]
        if last is not None and size >= last:
            raise ValueError(f"{match.group(2)} must come earlier")
        total += Decimal(match.group(1)) * size
        last = size
        position = match.end()
    if last is None:
        raise ValueError("empty duration")
    if total != int(total):
        raise ValueError("not a whole number of seconds")
    return int(total)


def humanize(seconds):
    """Write seconds as a duration."""
    if seconds < 0:
        raise ValueError("negative duration")
    parts = []
    for name, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts) if parts else "0s"


def main():
    """Entry point."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("parse").add_argument("text")
    commands.add_parser("format").add_argument("seconds", type=int)
    commands.add_parser("sum").add_argument("texts", nargs="+")
    options = parser.parse_args()
    try:
        if options.command == "parse":
            print(parse(options.text))
        elif options.command == "format":
            print(humanize(options.seconds))
        else:
            print(humanize(sum(parse(text) for text in options.texts)))
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
