"""What is made of judgments: consensus files, agreement, and the page."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.experiments import write_experiment, write_judgments
from benchmarks.measure import Options, Table, new_directory, run, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN = """\
import sys, time
from pathlib import Path
from harness.layouts import open_experiment
from harness.scan import scan
root = Path(sys.argv[1])
scanned = scan(open_experiment(root))
"""

SETTLE = """\
from harness.settle import settle
began = time.perf_counter()
settled = settle(scanned)
print(time.perf_counter() - began, settled.regenerated)
"""

AGREEMENT = """\
from harness.agreement import agreement
from harness.gather import sheet_of
sheet = sheet_of(scanned)
began = time.perf_counter()
found = agreement(sheet)
print(time.perf_counter() - began, len(sheet.rows))
"""

PAGE = [sys.executable, "-m", "harness", "report", "e", "-o", "page.html"]

RUNS, JUDGMENTS, PAGED = 10_000, 100_000, 1_000
TARGETS = {"settle": 5.0, "agreement": 3.0, "page": 3.0}


def tables(options: Options) -> Iterator[Table]:
    """Measure the three."""
    rows = []
    measured = {
        "settle": (f"settling {round(RUNS * options.scale):,} changed runs", _settle),
        "agreement": (f"agreement over {round(JUDGMENTS * options.scale):,} judgments", _agree),
        "page": (f"the page of {round(PAGED * options.scale):,} runs, interpreter and all", _page),
    }
    for name, (what, measure) in measured.items():
        seconds = sorted(measure(options.scale) for _ in range(options.rounds))
        median = seconds[len(seconds) // 2]
        target = TARGETS[name] * options.scale
        rows.append((what, f"{median:.2f} s", f"{target:g} s", verdict(median, target)))
    note = "Judgments of three judges for each run; medians, each of an experiment of its own."
    yield Table("What is made of judgments", note, ("", "median", "at most", ""), tuple(rows))


def _with(runs: int, judges: int, measure: partial[float]) -> float:
    names = [{"name": f"j{n}", "kind": "command", "argv": ["true"]} for n in range(judges)]
    with new_directory() as temporary:
        place = Path(temporary)
        write_judgments(write_experiment(place / "e", names, runs, groups=20), judges)
        return measure(place)


def _code(code: str, place: Path) -> float:
    command = [sys.executable, "-c", BEGIN + code, str(place / "e")]
    return float(run(command, place).output.split()[0])


def _settle(scale: float) -> float:
    return _with(round(RUNS * scale), 3, partial(_code, SETTLE))


def _agree(scale: float) -> float:
    return _with(round(JUDGMENTS * scale) // 5, 5, partial(_code, AGREEMENT))


def _page(scale: float) -> float:
    return _with(round(PAGED * scale), 3, partial(_wall, PAGE))


def _wall(command: list[str], place: Path) -> float:
    return run(command, place).wall
