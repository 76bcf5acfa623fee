"""The hook that the plugin offers to ``conftest.py`` files and other plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.judges import Judge
    from harness.model import Slot


@pytest.hookspec(firstresult=True)
def pytest_harness_judge(slot: Slot, judge: Judge | None) -> Any:
    """Supply or wrap the judge of a slot.

    Return an object with a method ``ask(question)`` that returns the reply (text, or a
    ``harness.Reply``) or raises ``harness.JudgeError``; None leaves the judge as it is.
    ``judge`` is the configured judge, None if its kind is not there. Called in the
    main thread before the slot is judged; ``ask`` is called in a worker thread. In a
    ``conftest.py`` it holds for the experiments below that directory.
    """
