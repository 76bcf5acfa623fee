"""Small experiments and fake judges for the tests of the stages below pytest."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.layouts import open_experiment
from harness.scan import Scan, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.judges import Question, Reply

RUBRIC = """\
categories:
  all:
    weight: 1.0
    scoring_type: points
    items:
      - {id: R1, check: The answer is there., points: 1.0}
grading:
  pass_threshold: 0.5
"""

VERDICT = {"score": 0.75, "passed": True, "reasoning": "fine"}

# One file per call in the ledger, whatever becomes of the call: that is the payment.
FAKE_PAID_JUDGE = """\
#!/bin/sh
ledger=$1 run=$2 slot=$3 seconds=$4
: >"$ledger/${run##*/}.$slot.$$"
cat >/dev/null
sleep "$seconds"
printf '{"score": 0.%s, "passed": true, "reasoning": "paid for %s"}' "${run##*/r}" "$slot"
"""


def write_experiment(
    root: Path,
    *,
    runs: Sequence[str] = ("a",),
    judges: Sequence[Mapping[str, Any]] = ({"name": "one", "kind": "command", "argv": ["true"]},),
    **keys: Any,
) -> Path:
    """Write a native experiment whose runs all answered something."""
    root.mkdir(parents=True, exist_ok=True)
    config = {"name": "small", "judges": [dict(judge) for judge in judges], **keys}
    (root / "experiment.yaml").write_text(json.dumps(config, indent=2))
    (root / "task.md").write_text("Answer.\n")
    (root / "rubric.yaml").write_text(RUBRIC)
    for name in runs:
        run = root / "runs" / name
        run.mkdir(parents=True)
        (run / "output.md").write_text(f"The answer of {name}.\n")
    return root


def script(path: Path, text: str) -> Path:
    """Write an executable file."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def shell_judge(body: str, name: str = "one") -> dict[str, Any]:
    """Return the configuration of a command judge that runs a few words of shell."""
    return {"name": name, "kind": "command", "argv": ["sh", "-c", body]}


def answer(**changes: Any) -> str:
    """Return shell that drains stdin and prints a verdict."""
    return f"cat >/dev/null; echo '{json.dumps({**VERDICT, **changes})}'"


def paid_experiment(
    root: Path, *, runs: int, judges: int = 2, seconds: float = 0.6
) -> tuple[Path, Path]:
    """Write an experiment whose judges leave a file per call in a ledger; return both."""
    ledger = root.parent / f"{root.name}-ledger"
    ledger.mkdir()
    judge = script(root.parent / f"{root.name}-judge.sh", FAKE_PAID_JUDGE)
    argv = [str(judge), str(ledger), "{run}", "{slot}", str(seconds)]
    panel = [{"name": f"j{n}", "kind": "command", "argv": argv} for n in range(1, judges + 1)]
    names = [f"r{n:03d}" for n in range(1, runs + 1)]
    return write_experiment(root, runs=names, judges=panel), ledger


def payments(ledger: Path) -> int:
    """Return how often the fake judge was called."""
    return sum(1 for _ in ledger.iterdir())


def scanned(root: Path) -> Scan:
    """Scan an experiment."""
    return scan(open_experiment(root))


def snapshot(root: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return everything below ``root`` with inode, mode, modification time, and content."""
    found = {}
    for path in [root, *root.rglob("*")]:
        state = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
        name = str(path.relative_to(root))
        found[name] = (state.st_ino, state.st_mode, state.st_mtime_ns, content)
    return found


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def children() -> list[int]:
    """Return the process ids of this process's children, zombies included."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


class FakeJudge:
    """Answers in-process; counts how often it was asked."""

    deterministic = False

    def __init__(self, answer: Callable[[Question], Reply | str] | None = None) -> None:
        self.asked: list[Question] = []
        self._answer = answer or (lambda _: json.dumps(VERDICT))

    def ask(self, question: Question) -> Reply | str:
        """Answer as told."""
        self.asked.append(question)
        return self._answer(question)
