"""Durations such as ``1h 30m``: parse them, add them up, and print them."""

import re
import sys
from fractions import Fraction

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}

NUMBER = r"(\d+(?:\.\d+)?)"
DURATION = re.compile(
    r"\s*" + "".join(rf"(?:{NUMBER}\s*{unit}\s*)?" for unit in UNITS),
    re.IGNORECASE | re.ASCII,
)


def parse(text):
    """Return the number of seconds; ValueError if ``text`` is no duration."""
    match = DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"not a duration: {text!r}")
    amounts = zip(match.groups(), UNITS.values(), strict=True)
    total = sum(Fraction(amount) * size for amount, size in amounts if amount)
    if total.denominator != 1:
        raise ValueError(f"not a whole number of seconds: {text!r}")
    return int(total)


def humanize(seconds):
    """Return the text for a number of seconds; ValueError if it is below zero."""
    if seconds < 0:
        raise ValueError(f"a duration cannot be negative: {seconds}")
    parts = []
    for unit, size in UNITS.items():
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return " ".join(parts) or "0s"


def main(arguments):
    """Run the program and return its exit status."""
    try:
        match arguments:
            case ["parse", text]:
                print(parse(text))
            case ["format", seconds]:
                print(humanize(int(seconds)))
            case ["sum", *texts]:
                print(humanize(sum(map(parse, texts))))
            case _:
                raise ValueError("usage: durations.py parse TEXT | format SECONDS | sum TEXT...")
    except ValueError as error:
        print(f"durations: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
