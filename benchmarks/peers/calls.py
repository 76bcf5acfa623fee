"""What every peer is given: the command of each judge call, and what a good reply is."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

LANES = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else 1
SLOTS: list[list[str]] = json.loads(os.environ.get("BENCHMARK_CALLS", "[]"))
"""The command of each call."""

PROMPT = b"Answer.\n"


def ask(argv: list[str]) -> float:
    """Call a judge; return its score."""
    done = subprocess.run(argv, input=PROMPT, capture_output=True, check=True)
    return score(done.stdout)


async def ask_async(argv: list[str]) -> float:
    """Do the same in a loop."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    output, _ = await child.communicate(PROMPT)
    if child.returncode != 0:
        raise RuntimeError(f"the judge ended with {child.returncode}")
    return score(output)


def score(output: bytes) -> float:
    """Read a reply."""
    return float(json.loads(output)["score"])
