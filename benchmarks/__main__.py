"""Measure the targets, and print a table for each.

    python -m benchmarks                       # everything, some 40 minutes
    python -m benchmarks pool mix --rounds 3   # some parts
    python -m benchmarks --scale 0.1           # a tenth of the work, to see that it runs
    python -m benchmarks --peers venv/bin/python --promptfoo node_modules/.bin/promptfoo

Every part measures its subjects in turn, a round to warm up is thrown away, and the figures
are medians over the rounds. Peers are looked for in the environment of the interpreter
``--peers`` and are listed as not installed where they are not.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
from pathlib import Path

from benchmarks.measure import Options, machine

PARTS = {
    "pool": "the same calls through a bare pool, this project, and its peers",
    "startup": "what the plugin costs a session without an experiment, and one that collects",
    "mix": "judges that take as long as real ones do; two processes in place of one",
    "slots": "what a slot costs the process that judges, in time and memory",
    "kills": "what is paid when sessions are killed and run again",
    "limits": "servers that refuse what is too much",
    "disk": "scanning what is on disk, and a session with nothing to do",
    "derived": "consensus files, agreement, and the page of many runs",
}

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = "; ".join(f"{name}: {what}" for name, what in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{parts} (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the work (default: 1)")
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--promptfoo", default=shutil.which("promptfoo"), help="its program")
    parser.add_argument("--into", type=Path, help="page whose figures are to be replaced")
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; choose from {', '.join(PARTS)}")
    options = Options(given.rounds, given.scale, given.peers, given.promptfoo)
    texts = [f"{machine()}; medians of {given.rounds} rounds; {given.scale:g} of the work.\n"]
    print(texts[0], flush=True)
    for part in given.parts or PARTS:
        for table in importlib.import_module(f"benchmarks.{part}").tables(options):
            texts.append(table.text())
            print(texts[-1], flush=True)
    if given.into is not None:
        put(given.into, "\n".join(texts))


def put(page: Path, text: str) -> None:
    """Replace the figures of a page; its other text stays."""
    before, _, rest = page.read_text(encoding="utf-8").partition(f"{BEGIN}\n")
    _, _, after = rest.partition(f"{END}\n")
    if not after:
        raise SystemExit(f"{page}: has no {BEGIN} ... {END}")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
