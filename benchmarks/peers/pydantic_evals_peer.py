"""pydantic-evals: a dataset whose evaluator asks the judge; ``max_concurrency`` lanes."""

import asyncio
from dataclasses import dataclass

from pydantic_evals import Case, Dataset  # type: ignore[import-not-found,unused-ignore]
from pydantic_evals.evaluators import (  # type: ignore[import-not-found,unused-ignore]
    Evaluator,
    EvaluatorContext,
)

from benchmarks.peers.calls import LANES, SLOTS, ask_async


@dataclass
class AskJudge(Evaluator):  # type: ignore[misc,unused-ignore]
    """Scores a case by what the judge says of it."""

    async def evaluate(self, ctx: EvaluatorContext) -> float:
        """Ask the judge of the case."""
        return await ask_async(SLOTS[ctx.inputs])


async def answer(number: int) -> str:
    """Stand for the agent, whose answer is there already."""
    return f"Answer {number}."


cases = [Case(name=f"slot-{number}", inputs=number) for number in range(len(SLOTS))]
dataset = Dataset(name="slots", cases=cases, evaluators=[AskJudge()])
report = asyncio.run(dataset.evaluate(answer, max_concurrency=LANES, progress=False))
if len(report.cases) != len(SLOTS) or not all(case.scores for case in report.cases):
    raise SystemExit("scores are missing")
