"""The formulas, on the standard library alone; ``docs/statistics.md`` has their sources.

Every one is a pure function, takes what is missing as None, and returns a ``Figure``:
a number, or the reason why there is none. No input makes one raise or warn.
"""
