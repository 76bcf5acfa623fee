"""What can be known to be wrong with judges before anything is paid."""

from __future__ import annotations

import resource
from collections import Counter
from typing import TYPE_CHECKING

from harness import files, judges
from harness.errors import HarnessError
from harness.programs import located

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.model import JudgeSpec

DESCRIPTORS = 3
"""Open files that a call takes on the average while it is at work: its claim, a connection, and
for a moment those of a program that starts."""

SPARE_DESCRIPTORS = 64
"""Open files of everything else: pytest, its plugins, libraries."""

MEMINFO = "/proc/meminfo"


def unusable(spec: JudgeSpec, root: Path, environment: Mapping[str, str]) -> str | None:
    """Return why no call of a judge can work, as far as that can be known for nothing.

    ``root`` is the experiment's. Kinds that need a key, a login, or an endpoint say so
    themselves (``preflight``).
    """
    unset = [name for name in spec.env if name not in environment]
    if unset:
        return f"the environment has no {', '.join(unset)}; set it or remove it from env"
    try:
        judge = judges.build(spec)
        argv = getattr(spec.settings, "argv", None)
        if isinstance(argv, tuple) and argv and "{" not in argv[0]:
            located(argv[0], cwd=root, env=environment, named_in="argv")
    except HarnessError as error:
        return str(error)
    ask = getattr(judge, "preflight", None)
    why = ask(environment) if callable(ask) else None
    return str(why) if why else None


def too_many(specs: Iterable[JudgeSpec], parallel: int, *, available: int | None) -> Iterator[str]:
    """Say what this machine has too little of for ``parallel`` calls at work at a time.

    ``specs``: the judge of each slot that waits. ``available``: MiB of memory; None: unknown.
    """
    counted = Counter((spec.number, spec.name, spec.kind, spec.max_parallel) for spec in specs)
    lanes = min(parallel, counted.total())
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and lanes * DESCRIPTORS + SPARE_DESCRIPTORS > soft:
        fits = max(1, (soft - SPARE_DESCRIPTORS) // DESCRIPTORS)
        yield (
            f"{lanes} calls at a time may need {lanes * DESCRIPTORS + SPARE_DESCRIPTORS} open "
            f"files, but only {soft} are allowed; raise that with ulimit -n, or use "
            f"--parallel {fits}"
        )
    sizes = sorted(
        (
            judges.memory_of(kind)
            for (_, _, kind, most), slots in counted.items()
            for _ in range(min(slots, most or slots, lanes))
        ),
        reverse=True,
    )[:lanes]
    if available is None or sum(sizes) <= available:
        return
    fits = max(1, sum(1 for n in range(1, len(sizes) + 1) if sum(sizes[:n]) <= available))
    yield (
        f"{lanes} calls at a time need about {sum(sizes)} MiB of memory for the judges' "
        f"programs, but only {available} MiB are available; use --parallel {fits}"
    )


def available_memory() -> int | None:
    """Return the MiB that programs can take without swapping; None where Linux does not say."""
    match files.read_text(MEMINFO, root="/proc"):
        case files.Ok(text):
            for line in text.splitlines():
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) // 1024
    return None
