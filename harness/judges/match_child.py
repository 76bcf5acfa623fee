"""The child process that looks for a regular expression: imports nothing of the harness.

Usage: match_child.py PATTERN, the pattern in Python's ``unicode_escape``, the text on stdin.

Exit status 0: it was found; 10: it was not. A process of its own, because a search can
take for ever, holds the interpreter lock while it does, and cannot be ended otherwise.
"""

from __future__ import annotations

import re
import sys

NOT_FOUND = 10


def main(pattern: str) -> int:
    """Search and return the exit status."""
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    wanted = pattern.encode("ascii").decode("unicode_escape")
    return 0 if re.search(wanted, text) else NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
