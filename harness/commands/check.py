"""``check DIR``: everything that can be known to be wrong before anything is paid."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness import judges
from harness.commands.places import HELP, experiments, near, shown
from harness.commands.say import say
from harness.errors import HarnessError, SelectionError
from harness.freeze import prompt_text
from harness.layouts import open_experiment
from harness.programs import located
from harness.scan import scan
from harness.text import safe_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from harness.layouts import Layout
    from harness.model import JudgeSpec
    from harness.scan import Scan

LISTED = 20
"""Problems of runs that are listed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("directory", metavar="DIR", help=HELP)


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong; exit with 1 if anything is."""
    roots = list(experiments(arguments.directory))
    if not roots:
        raise SelectionError(f"{arguments.directory}: there is no experiment here or below")
    wrong = 0
    for root in roots:
        problems = list(_problems(root))
        wrong += len(problems)
        say(f"{shown(root)}: {_count(len(problems))}")
        for problem in problems[:LISTED]:
            say(f"  {safe_line(near(problem), 1000)}")
        if len(problems) > LISTED:
            say(f"  ... and {len(problems) - LISTED} more")
    return 1 if wrong else 0


def _count(problems: int) -> str:
    return {0: "ready to be judged", 1: "1 problem"}.get(problems, f"{problems} problems")


def _problems(root: Path) -> Iterator[str]:
    try:
        scanned = scan(open_experiment(root))
    except HarnessError as error:
        yield str(error)
        return
    for judge in scanned.layout.experiment.panel:
        why = _judge(scanned.layout, judge)
        if why is not None:
            yield f"judge {judge.label}: {why}"
    yield from _runs(scanned)


def _judge(layout: Layout, spec: JudgeSpec) -> str | None:
    """Return why no call of a judge could work, as far as that can be known for nothing."""
    unset = [name for name in spec.env if name not in os.environ]
    if unset:
        return f"the environment has no {', '.join(unset)}"
    try:
        judge = judges.build(spec)
        argv = getattr(spec.settings, "argv", None)
        if isinstance(argv, tuple) and argv and "{" not in argv[0]:
            located(argv[0], cwd=layout.experiment.root, env=os.environ, named_in="argv")
    except HarnessError as error:
        return str(error)
    # Kinds that need a key or a login can say so themselves.
    ask = getattr(judge, "preflight", None)
    why = ask(dict(os.environ)) if callable(ask) else None
    return str(why) if why else None


def _runs(scanned: Scan) -> Iterator[str]:
    for slots in scanned.by_run():
        run = slots[0].run
        if run.blocked is not None or run.problem is not None:
            yield f"{run.name}: {run.blocked or run.problem}"
            continue
        if scanned.layout.frozen_prompt(run) is None:
            try:
                prompt_text(scanned.layout, run)
            except HarnessError as error:
                yield f"{run.name}: {error}"
