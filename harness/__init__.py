"""A pytest-native harness for panels of LLM judges.

The names below are the whole public interface. They are loaded when they are first
used, so that a pytest session without an experiment pays for none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Agreement": "harness.agreement",
    "Calls": "harness.model",
    "Comparison": "harness.comparison",
    "Consensus": "harness.consensus",
    "Exchange": "harness.exchange",
    "Experiment": "harness.model",
    "ExperimentError": "harness.errors",
    "Figure": "harness.statistics.figure",
    "Finished": "harness.process",
    "HarnessError": "harness.errors",
    "Judge": "harness.judges",
    "JudgeError": "harness.errors",
    "JudgeSpec": "harness.model",
    "Judgment": "harness.model",
    "Layout": "harness.layouts.base",
    "NativeLayout": "harness.layouts.native",
    "NotStartedError": "harness.errors",
    "Question": "harness.judges",
    "Reply": "harness.judges",
    "RetryableError": "harness.errors",
    "Rubric": "harness.criteria",
    "Rule": "harness.consensus",
    "Run": "harness.model",
    "SelectionError": "harness.errors",
    "Slot": "harness.model",
    "SlotStatus": "harness.model",
    "Statistics": "harness.counting",
    "ThrottledError": "harness.errors",
    "TransientError": "harness.errors",
    "UnreachableError": "harness.errors",
    "UnusableJudgeError": "harness.errors",
    "UsageLimitError": "harness.errors",
    "compare_experiments": "harness.measure",
    "judge_experiment": "harness.pipeline",
    "measure_agreement": "harness.measure",
}

__all__ = [  # noqa: PLE0604 - names of _HOMES, which a type checker sees below
    "__version__",
    *_HOMES,
]

if TYPE_CHECKING:  # they see these names only, so that a misspelt one is an error
    from harness.agreement import Agreement as Agreement
    from harness.comparison import Comparison as Comparison
    from harness.consensus import Consensus as Consensus
    from harness.consensus import Rule as Rule
    from harness.counting import Statistics as Statistics
    from harness.criteria import Rubric as Rubric
    from harness.errors import ExperimentError as ExperimentError
    from harness.errors import HarnessError as HarnessError
    from harness.errors import JudgeError as JudgeError
    from harness.errors import NotStartedError as NotStartedError
    from harness.errors import RetryableError as RetryableError
    from harness.errors import SelectionError as SelectionError
    from harness.errors import ThrottledError as ThrottledError
    from harness.errors import TransientError as TransientError
    from harness.errors import UnreachableError as UnreachableError
    from harness.errors import UnusableJudgeError as UnusableJudgeError
    from harness.errors import UsageLimitError as UsageLimitError
    from harness.exchange import Exchange as Exchange
    from harness.judges import Judge as Judge
    from harness.judges import Question as Question
    from harness.judges import Reply as Reply
    from harness.layouts.base import Layout as Layout
    from harness.layouts.native import NativeLayout as NativeLayout
    from harness.measure import compare_experiments as compare_experiments
    from harness.measure import measure_agreement as measure_agreement
    from harness.model import Calls as Calls
    from harness.model import Experiment as Experiment
    from harness.model import JudgeSpec as JudgeSpec
    from harness.model import Judgment as Judgment
    from harness.model import Run as Run
    from harness.model import Slot as Slot
    from harness.model import SlotStatus as SlotStatus
    from harness.pipeline import judge_experiment as judge_experiment
    from harness.process import Finished as Finished
    from harness.statistics.figure import Figure as Figure
else:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
