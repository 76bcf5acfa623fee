"""Ctrl-C and SIGTERM: prompt, no judge left, what is done is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import harness
from harness.plugin.signals import OneInterrupt, sigterm_ends_session

JUDGE = """
import os
import pathlib
import sys
import time

ledger = pathlib.Path(sys.argv[1])
name = os.environ["HARNESS_SLOT"].replace("/", "_")
(ledger / f"{name}.{os.getpid()}").touch()
if name != "runs_r00_judge_01":
    time.sleep(300)
print('{"score": 0.5, "passed": true, "reasoning": "fine"}')
"""


def test_a_session_beside_the_main_thread_leaves_signals_alone() -> None:
    """Python lets no other thread handle them, and the session runs all the same."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    inside: list[object] = []

    def run() -> None:
        interrupt = OneInterrupt()
        interrupt.begin()
        with sigterm_ends_session():
            inside.append((signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)))
        interrupt.end()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert inside == [before]


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Make an experiment of six slots; the first judge answers, the others hang."""
    root = tmp_path / "exp"
    for number in range(6):
        run = root / "runs" / f"r{number:02d}"
        run.mkdir(parents=True)
        (run / "output.md").write_text("an answer\n")
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    argv = [sys.executable, "{experiment}/judge.py", str(ledger)]
    judges = [{"name": "one", "kind": "command", "argv": argv}]
    config = {"judges": judges, "consensus": {"quorum": 1}}
    (root / "experiment.yaml").write_text(json.dumps(config))
    (root / "judge.py").write_text(JUDGE)
    (root / "task.md").write_text("Do it.\n")
    (root / "rubric.yaml").write_text(
        "categories: {all: {weight: 1, items: [{id: A, check: it works, points: 1}]}}\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return root


def wait_for(condition: object, what: str) -> None:
    """Wait until ``condition()`` holds; the limit only ends a test that has failed."""
    assert callable(condition)
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def pids(experiment: Path) -> list[int]:
    """Return the processes of the judges that were started."""
    return [int(path.suffix[1:]) for path in (experiment.parent / "ledger").iterdir()]


def alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


START = """
import signal
import sys

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background jobs
sys.exit(pytest.main())
"""


def session(experiment: Path, *options: str) -> subprocess.Popen[str]:
    """Start pytest in a process group of its own."""
    argv = [sys.executable, "-c", START, "-p", "harness.plugin", "-p", "no:hypothesispytest"]
    environment = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}
    return subprocess.Popen(
        [*argv, "exp", "--junitxml=junit.xml", *options],
        cwd=experiment.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


CASES = [
    pytest.param(number, options, at_work, whole_group, id=f"{name} {' '.join(options)} {to}")
    for number, name in ((signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM"))
    for options, at_work in ((("--parallel", "3"), 3), (("-n2", "--parallel", "2"), 4), ((), 1))
    for whole_group, to in ((False, "alone"), (True, "group"))
    if whole_group or options
]


@pytest.mark.parametrize(("number", "options", "at_work", "whole_group"), CASES)
def test_a_signal_ends_the_judges_and_keeps_what_is_done(
    experiment: Path,
    number: signal.Signals,
    options: tuple[str, ...],
    at_work: int,
    whole_group: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """No process is left, no judge starts afterwards, consensus and JUnit are written."""
    first = experiment / "runs" / "r00" / "judge"
    with session(experiment, *options) as process:
        wait_for((first / "judge_01" / "judgment.json").exists, "nothing was judged")
        wait_for(lambda: len(pids(experiment)) == 1 + at_work, "the lanes were never full")
        if whole_group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == (2 if number == signal.SIGINT else 143), output
    assert len(pids(experiment)) == 1 + at_work
    wait_for(lambda: not any(map(alive, pids(experiment))), "a judge was left")
    assert json.loads((first / "result.json").read_text())["score"] == 0.5
    assert (experiment.parent / "junit.xml").read_text().count("<testcase classname") == 1
    lines = output.splitlines()
    assert "judged 1, failed to judge 0, consensus regenerated 1" in lines
    calls = "1 call" if at_work == 1 else f"{at_work} calls"
    assert f"stopped {calls} in flight; their slots are as they were" in lines
    assert f"calls: 1 paid, 0 adopted, 0 lost, 0 wasted, {at_work} interrupted" in lines


def test_what_was_interrupted_is_missing_and_judged_next_time(experiment: Path) -> None:
    """An interrupted attempt leaves its slot as it was."""
    with session(experiment, "--parallel", "3") as process:
        wait_for(lambda: len(pids(experiment)) == 4, "the lanes were never full")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "harness.plugin", "exp", "--dry-run"],
        cwd=experiment.parent,
        env={**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "exp: 6 slots: 5 missing, 1 complete" in listed.stdout.splitlines()


@pytest.mark.parametrize(
    ("options", "at_work"), [(("--parallel", "3"), 3), (("-n2", "--parallel", "2"), 4)]
)
def test_further_interrupts_are_no_worse(
    experiment: Path, options: tuple[str, ...], at_work: int
) -> None:
    """Whenever they come, the session ends as after the first one, and no judge is left."""
    with session(experiment, *options) as process:
        wait_for(lambda: len(pids(experiment)) == 1 + at_work, "the lanes were never full")
        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        output = process.stdout.read()
    assert process.returncode == 2, output
    assert (experiment / "runs" / "r00" / "judge" / "result.json").exists(), output
    assert (experiment.parent / "junit.xml").exists(), output
    wait_for(lambda: not any(map(alive, pids(experiment))), "a judge was left")
