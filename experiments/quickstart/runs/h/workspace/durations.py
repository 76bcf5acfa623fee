#!/usr/bin/env python3
import argparse
import os
import re
import sys
from decimal import Decimal, InvalidOperation

UNITS = [("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]


def fail(message):
    print("durations: " + message, file=sys.stderr)
    sys.exit(3)


def parse(text):
    rest = text.strip().lower()
    total = Decimal(0)
    found = False
    for unit, size in UNITS:
        match = re.match(r"([0-9]+(\.[0-9]+)?)\s*" + unit + r"\s*", rest)
        if match:
            try:
                total += Decimal(match.group(1)) * size
            except InvalidOperation:
                pass
            rest = rest[match.end():]
            found = True
    if rest or not found:
        fail("cannot read " + repr(text))
    if total % 1:
        fail("no full seconds: " + repr(text))
    print(int(total))


def seconds_of(text):
    rest = text.strip().lower()
    total = Decimal(0)
    found = False
    for unit, size in UNITS:
        match = re.match(r"([0-9]+(\.[0-9]+)?)\s*" + unit + r"\s*", rest)
        if match:
            total += Decimal(match.group(1)) * size
            rest = rest[match.end():]
            found = True
    if rest or not found or total % 1:
        fail("cannot read " + repr(text))
    return int(total)


def humanize(seconds):
    if seconds < 0:
        fail("below zero")
    words = []
    for unit, size in UNITS:
        if seconds >= size:
            words.append(str(seconds // size) + unit)
            seconds %= size
    print(" ".join(words) or "0s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["parse", "format", "sum"])
    parser.add_argument("values", nargs="+")
    options = parser.parse_args()
    if options.command == "parse":
        parse(options.values[0])
    elif options.command == "format":
        try:
            humanize(int(options.values[0]))
        except ValueError:
            fail("not a number")
    else:
        humanize(sum(seconds_of(value) for value in options.values))


main()
