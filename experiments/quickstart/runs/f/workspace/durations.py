"""Parse and print durations like '1h 30m'."""

import re
import sys

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def parse(text):
    """Convert a duration to seconds."""
    parts = re.findall(r"(\d+\.?\d*)\s*([wdhms])", text.lower())
    if not parts:
        raise ValueError(f"invalid duration: {text!r}")
    units = [unit for _, unit in parts]
    if len(set(units)) != len(units):
        raise ValueError(f"duplicate unit in {text!r}")
    return int(sum(float(number) * UNITS[unit] for number, unit in parts))


def humanize(seconds):
    """Convert seconds to a duration."""
    if seconds < 0:
        raise ValueError("seconds must not be negative")
    parts = []
    for unit, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def main():
    """Command line interface."""
    if len(sys.argv) < 3:
        print("usage: durations.py parse|format|sum VALUE...", file=sys.stderr)
        return 3
    command, values = sys.argv[1], sys.argv[2:]
    try:
        if command == "parse":
            print(parse(values[0]))
        elif command == "format":
            print(humanize(int(values[0])))
        elif command == "sum":
            print(humanize(sum(parse(value) for value in values)))
        else:
            raise ValueError(f"unknown command: {command}")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
