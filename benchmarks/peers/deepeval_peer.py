"""deepeval: ``evaluate`` with a metric of our own; ``max_concurrent`` lanes."""

import os

os.environ.update(DEEPEVAL_TELEMETRY_OPT_OUT="YES", DEEPEVAL_UPDATE_WARNING_OPT_OUT="YES")

from deepeval import evaluate  # type: ignore[import-not-found,unused-ignore]
from deepeval.evaluate import (  # type: ignore[import-not-found,unused-ignore]
    AsyncConfig,
    CacheConfig,
    DisplayConfig,
)
from deepeval.metrics import BaseMetric  # type: ignore[import-not-found,unused-ignore]
from deepeval.test_case import LLMTestCase  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers.calls import LANES, SLOTS, ask, ask_async


class AskJudge(BaseMetric):  # type: ignore[misc,unused-ignore]
    """Scores a test case by what the judge says of it."""

    threshold = 0.1
    async_mode = True

    def measure(self, test_case: LLMTestCase) -> float:
        """Ask the judge."""
        return self._keep(ask(SLOTS[int(test_case.input)]))

    async def a_measure(self, test_case: LLMTestCase, *_: object, **__: object) -> float:
        """Do the same in the loop."""
        return self._keep(await ask_async(SLOTS[int(test_case.input)]))

    def _keep(self, score: float) -> float:
        self.score, self.success, self.reason = score, True, "as the judge says"
        return score

    def is_successful(self) -> bool:
        """Say whether the score was good enough."""
        return bool(self.success)

    @property
    def __name__(self) -> str:
        return "judge"


result = evaluate(
    test_cases=[LLMTestCase(input=str(n), actual_output="An answer.") for n in range(len(SLOTS))],
    metrics=[AskJudge()],
    async_config=AsyncConfig(run_async=True, max_concurrent=LANES, throttle_value=0),
    cache_config=CacheConfig(write_cache=False, use_cache=False),
    display_config=DisplayConfig(show_indicator=False, print_results=False),
)
if len(result.test_results) != len(SLOTS):
    raise SystemExit("results are missing")
