"""``--judge-shard I/N``: the part of the runs that one of several jobs judges.

The shard of a run depends on the names of its experiment and of itself, and on nothing
else: not on what is judged already, nor on which other runs there are. So jobs that know
nothing of each other agree, and a job that is run again has the same runs. All slots of a
run are in one shard, because all judges of a run are asked with one prompt, which the first
of them freezes. The price is that shards are equal only on average, and that with few runs
some may be empty.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pytest

    from harness.model import Slot
    from harness.scan import Scan

DEST = "harness_judge_shard"


class Shard(NamedTuple):
    """The ``number``-th part ``of`` so many; numbers begin with 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, experiment: str, run: str) -> bool:
        """Tell whether the shard has a run of an experiment, both given by name."""
        import hashlib  # by sessions without a shard, too, this module is imported

        digest = hashlib.sha256(f"{experiment}\0{run}".encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:8]) % self.of == self.number - 1


def add_option(group: pytest.OptionGroup) -> None:
    """Add it; it has no twin in the configuration file, because each job has its own."""
    group.addoption(
        "--judge-shard",
        dest=DEST,
        metavar="I/N",
        type=_shard,
        default=None,
        help="only the I-th of N parts of the runs, for jobs that share no disk; "
        "python -m harness merge puts their results together",
    )


def of(config: pytest.Config) -> Shard | None:
    """Return the session's part; None for all runs."""
    shard: Shard | None = config.getoption(DEST)
    return shard


def own(config: pytest.Config, experiment: str, slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    """Return those of an experiment's slots that are in the session's part."""
    shard = of(config)
    return slots if shard is None else tuple(s for s in slots if shard.has(experiment, s.run.name))


def line(config: pytest.Config, scanned: Scan) -> list[str]:
    """Say how many runs of an experiment the session's part has."""
    shard = of(config)
    if shard is None:
        return []
    runs = [slots[0].run.name for slots in scanned.by_run()]
    count = sum(shard.has(scanned.layout.experiment.name, run) for run in runs)
    return [f"  shard {shard}: {count} of {len(runs)} runs"]


def _shard(text: str) -> Shard:
    first, _, second = text.partition("/")
    if first.isascii() and first.isdigit() and second.isascii() and second.isdigit():
        number, count = int(first), int(second)
        if 1 <= number <= count:
            return Shard(number, count)
    raise argparse.ArgumentTypeError(f"must be I/N with 1 <= I <= N, such as 2/8, got {text!r}")
