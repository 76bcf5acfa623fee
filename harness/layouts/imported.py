"""An experiment made of runs that another tool recorded."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from harness import files
from harness.errors import SelectionError
from harness.text import safe_text
from harness.yaml_text import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.foreign.record import Record

EXPERIMENT = """\
# Made from {source}: {count} runs. What is still to be decided: who judges, and by which rubric.
name: {name}
task: task.md
rubric: rubric.yaml
runs: {runs}
judges:
  # A program that reads the prompt from stdin and writes its reply to stdout; put yours here.
  - {{name: first, kind: command, argv: [my-judge]}}
consensus: {{score: mean, passed: majority}}
"""

RUBRIC = """\
# What is asked of every answer; edit it.
categories:
  answer:
    weight: 1
    items:
      - {id: correct, check: The answer does what the task asks., points: 3}
      - {id: complete, check: Nothing that the task asks for is left out., points: 2}
      - {id: clear, check: The answer can be understood as it is., points: 1}
grading:
  pass_threshold: 0.7
"""


def write_imported(
    root: Path,
    records: Sequence[Record],
    *,
    source: str,
    step: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write the experiment; runs of one task lie side by side, below a directory of that task."""
    tasks = list(dict.fromkeys(record.task for record in records))
    several = len(tasks) > 1
    places = {
        task: f"task-{number:0{len(str(len(tasks)))}d}" for number, task in enumerate(tasks, 1)
    }
    taken: set[str] = set()
    for done, record in enumerate(records, 1):
        above = f"runs/{places[record.task]}" if several else "runs"
        place = _free(above, record.id, taken)
        _write_run(root, place, record)
        step(done, len(records))
    for task, place in places.items():
        _put(root, f"runs/{place}/task.md" if several else "task.md", f"{task.rstrip()}\n")
    _put(root, "rubric.yaml", RUBRIC)
    text = EXPERIMENT.format(
        source=_one_line(source),
        count=len(records),
        name=json.dumps(_one_line(root.resolve().name)),
        runs="runs/*/*" if several else "runs/*",
    )
    _put(root, "experiment.yaml", text)


def _write_run(root: Path, place: str, record: Record) -> None:
    _put(root, f"{place}/output.md", record.output)
    keys: dict[str, Any] = {"meta": {"id": record.id, **record.meta}}
    if record.group:
        keys["group"] = _one_line(record.group)
    _put(root, f"{place}/run.yaml", _yaml(keys))
    if record.workspace is not None:
        files.copy_tree(record.workspace, root / place / "workspace", skip=lambda _d, _n: set())


def _yaml(keys: dict[str, Any]) -> str:
    """Return keys as the YAML that is also JSON; what YAML cannot hold is kept as one text."""
    text = json.dumps(_printable(keys), indent=2, ensure_ascii=False)
    try:
        parse_yaml(text)
    except ValueError:
        kept = {"id": str(keys["meta"]["id"]), "as_json": json.dumps(keys["meta"])}
        text = json.dumps(_printable({**keys, "meta": kept}), indent=2, ensure_ascii=False)
    return f"{text}\n"


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return safe_text(value, 1_000_000)
    if isinstance(value, dict):
        return {safe_text(str(key)): _printable(inner) for key, inner in value.items()}
    return [_printable(inner) for inner in value] if isinstance(value, list) else value


def _free(above: str, identity: str, taken: set[str]) -> str:
    """Return where a run goes: its id where that can be a name, else one that is like it."""
    name = re.sub(r"[^\w.-]+", "-", identity, flags=re.ASCII).strip("-.")[:80]
    if name != identity or f"{above}/{name}".lower() in taken or not name:
        name = (
            f"{name or 'run'}-{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()[:8]}"
        )
    if f"{above}/{name}".lower() in taken:
        raise SelectionError(f"the id {identity!r} is there twice; ids must be unique")
    taken.add(f"{above}/{name}".lower())
    return f"{above}/{name}"


def _put(root: Path, name: str, text: str) -> None:
    path = root / name
    files.make_directory(path.parent, root=root)
    files.commit_bytes(path, text.encode("utf-8", "replace"), root=root, durable=False)


def _one_line(text: str) -> str:
    return " ".join(safe_text(text, 200).split())
