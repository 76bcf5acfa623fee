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
    from xdist.workermanage import parse_tx_spec_config

    return [XSpec(text) for text in parse_tx_spec_config(config)]


def is_elsewhere(spec: XSpec) -> bool:
    """Tell whether a worker may see other directories than this process."""
    return bool(not spec.popen or spec.chdir or spec.via)
