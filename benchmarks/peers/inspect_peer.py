"""inspect_ai: a task whose scorer asks the judge through ``subprocess``; LANES samples."""

import os

from inspect_ai import Task, eval  # type: ignore[import-not-found,unused-ignore]  # noqa: A004 - its name
from inspect_ai.dataset import Sample  # type: ignore[import-not-found,unused-ignore]
from inspect_ai.scorer import (  # type: ignore[import-not-found,unused-ignore]
    Score,
    Scorer,
    Target,
    mean,
    scorer,
)
from inspect_ai.solver import (  # type: ignore[import-not-found,unused-ignore]
    Generate,
    Solver,
    TaskState,
    solver,
)
from inspect_ai.util import subprocess  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers.calls import LANES, PROMPT, SLOTS
from benchmarks.peers.calls import score as score_of


@solver  # type: ignore[untyped-decorator,unused-ignore]
def answered() -> Solver:
    """Stand for the agent, whose answer is there already."""

    async def solve(state: TaskState, _: Generate) -> TaskState:
        state.output.completion = "An answer."
        return state

    return solve


@scorer(metrics=[mean()])  # type: ignore[untyped-decorator,unused-ignore]
def judge() -> Scorer:
    """Score a sample by what the judge says of it."""

    async def score(state: TaskState, _: Target) -> Score:
        done = await subprocess(SLOTS[int(state.input_text)], input=PROMPT)
        if not done.success:
            raise RuntimeError(done.stderr)
        return Score(value=score_of(done.stdout.encode()))

    return score


samples = [Sample(input=str(number), target="") for number in range(len(SLOTS))]
(log,) = eval(
    Task(dataset=samples, solver=answered(), scorer=judge()),
    model="mockllm/model",
    max_samples=LANES,
    max_subprocesses=LANES,
    log_dir=os.environ["BENCHMARK_LOGS"],
    display="none",
)
if log.status != "success":
    raise SystemExit(log.status)
