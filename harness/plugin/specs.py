"""What ``--tx`` and ``-n`` of pytest-xdist ask for; imports that only if they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from execnet import XSpec


def worker_specs(config: pytest.Config) -> list[XSpec]:
    """Return one specification for each worker: ``2*popen`` means two."""
    if not config.getoption("tx", None):
        return []
    from execnet import XSpec

    return [XSpec(text) for given in config.getoption("tx") for text in _repeated(given)]


def _repeated(given: str) -> list[str]:
    """Return a specification as often as it says; the name of xdist's own way changes."""
    times, star, text = given.partition("*")
    return [text] * int(times) if star and times.isdecimal() else [given]


def is_elsewhere(spec: XSpec) -> bool:
    """Tell whether a worker may see other directories than this process."""
    return bool(not spec.popen or spec.chdir or spec.via)
