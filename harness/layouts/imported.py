"""An experiment made of runs that another tool recorded."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from harness import files
from harness.errors import SelectionError
from harness.text import safe_text
from harness.yaml_text import YamlProblem, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.foreign.record import Record

META_CAP = 65_536
"""Characters of a run's keys; longer ones would make every scan slow."""

APART = "meta.json"
"""Where a run's meta lies if ``run.yaml`` cannot hold it."""

EXPERIMENT = """\
# Made from {source}: {count}. What is still to be decided: who judges, and by which rubric.
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
    taken: dict[str, str] = {}
    # All of them before the first is written: an id that is there twice leaves nothing behind.
    runs = [
        _free(f"runs/{places[record.task]}" if several else "runs", record.id, taken)
        for record in records
    ]
    for done, (place, record) in enumerate(zip(runs, records, strict=True), 1):
        _write_run(root, place, record)
        step(done, len(records))
    for task, place in places.items():
        _put(root, f"runs/{place}/task.md" if several else "task.md", f"{task.rstrip()}\n")
    _put(root, "rubric.yaml", RUBRIC)
    text = EXPERIMENT.format(
        source=_one_line(source),
        count="1 run" if len(records) == 1 else f"{len(records)} runs",
        name=json.dumps(_one_line(root.resolve().name)),
        runs="runs/*/*" if several else "runs/*",
    )
    _put(root, "experiment.yaml", text)


def _write_run(root: Path, place: str, record: Record) -> None:
    _put(root, f"{place}/output.md", record.output)
    known = {key: value for key, value in record.meta.items() if key != "id"}
    keys: dict[str, Any] = {"meta": {"id": record.id, **known}}
    if record.group:
        keys["group"] = _one_line(record.group)
    text = _yaml(keys)
    if text is None:
        _put(root, f"{place}/{APART}", f"{json.dumps(keys['meta'], indent=2)}\n")
        text = _yaml({**keys, "meta": {"id": record.id[:1000], "file": APART}})
    _put(root, f"{place}/run.yaml", text or "")
    if record.workspace is not None:
        files.copy_tree(record.workspace, root / place / "workspace", skip=lambda _d, _n: set())


def _yaml(keys: dict[str, Any]) -> str | None:
    """Return keys as the YAML that is also JSON; None for what YAML cannot hold, or is long."""
    text = json.dumps(_printable(keys), indent=2, ensure_ascii=False)
    if len(text) > META_CAP:
        return None
    try:
        parse_yaml(text)
    except YamlProblem:
        return None
    return f"{text}\n"


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return safe_text(value, 1_000_000)
    if isinstance(value, dict):
        return {safe_text(str(key)): _printable(inner) for key, inner in value.items()}
    return [_printable(inner) for inner in value] if isinstance(value, list) else value


def _free(above: str, identity: str, taken: dict[str, str]) -> str:
    """Return where a run goes: its id where that can be a name, else one that is like it."""
    name = re.sub(r"[^\w.-]+", "-", identity, flags=re.ASCII).strip("-.")[:80]
    if name != identity or f"{above}/{name}".lower() in taken or not name:
        digest = hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:8]
        if identity == taken.get(f"{above}/{name}".lower()):
            raise SelectionError(f"the id {identity!r} is there twice; ids must be unique")
        name = f"{name or 'run'}-{digest}"
    if f"{above}/{name}".lower() in taken:
        raise SelectionError(f"the id {identity!r} is there twice; ids must be unique")
    taken[f"{above}/{name}".lower()] = identity
    return f"{above}/{name}"


def _put(root: Path, name: str, text: str) -> None:
    path = root / name
    files.make_directory(path.parent, root=root)
    files.commit_bytes(path, text.encode("utf-8", "replace"), root=root, durable=False)


def _one_line(text: str) -> str:
    return " ".join(safe_text(text, 200).split())
