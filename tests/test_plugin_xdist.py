"""Slots on the workers of pytest-xdist: judged once, reported once, whoever dies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import harness

CONFTEST = """
import os
import pathlib
import threading
import time

LEDGER = pathlib.Path(os.environ["LEDGER"])
REPLY = '{"score": 0.5, "passed": true, "reasoning": "fine"}'


class FakeJudge:
    def __init__(self, slot):
        self.slot = slot

    def ask(self, question):
        name = self.slot.name.replace("/", "_")
        (LEDGER / f"{name}.{os.getpid()}.{threading.get_ident()}.{time.time_ns()}").touch()
        %s
        return REPLY


def pytest_harness_judge(slot, judge):
    return FakeJudge(slot)
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a directory in which every call of a judge leaves a file."""
    path = tmp_path / "ledger"
    path.mkdir()
    monkeypatch.setenv("LEDGER", str(path))
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parents[1]))
    return path


def make(root: Path, *, runs: int, body: str = "pass") -> Path:
    """Write an experiment of two fake judges whose ``ask`` runs ``body``."""
    experiment = root / "exp"
    for number in range(runs):
        run = experiment / "runs" / f"r{number:02d}"
        run.mkdir(parents=True)
        (run / "output.md").write_text("an answer\n")
    judges = [{"name": name, "kind": "command", "argv": ["none"]} for name in ("one", "two")]
    (experiment / "experiment.yaml").write_text(json.dumps({"judges": judges, "retries": 0}))
    (experiment / "task.md").write_text("Do it.\n")
    (experiment / "rubric.yaml").write_text(
        "categories: {all: {weight: 1, items: [{id: A, check: it works, points: 1}]}}\n"
    )
    (experiment / "conftest.py").write_text(CONFTEST % body)
    return experiment


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest in a process of its own."""
    return pytester.runpytest_subprocess(
        "-p", "harness.plugin", "-p", "no:hypothesispytest", "exp", *options, timeout=60
    )


def calls(ledger: Path) -> dict[str, int]:
    """Return how often each slot's judge was asked."""
    found: dict[str, int] = {}
    for path in ledger.iterdir():
        name = path.name.split(".")[0]
        found[name] = found.get(name, 0) + 1
    return found


def consensus_count(experiment: Path) -> int:
    """Return how many runs have a stored consensus of two judges."""
    results = (json.loads(path.read_text()) for path in experiment.glob("runs/*/judge/result.json"))
    return sum(result["judged"] == 2 for result in results)


def test_workers_share_the_slots_and_the_controller_settles(
    pytester: pytest.Pytester, ledger: Path
) -> None:
    """With -n 2 --parallel 3 each slot is judged once, and each run settled."""
    experiment = make(pytester.path, runs=10)
    done = run(pytester, "-n2", "--parallel", "3")
    done.assert_outcomes(passed=20)
    assert done.ret == 0
    assert "judges at work: 2 workers x 3 = 6" in done.outlines
    assert "judged 20, failed to judge 0, consensus regenerated 10" in done.outlines
    assert set(calls(ledger).values()) == {1}
    assert len(calls(ledger)) == 20
    assert consensus_count(experiment) == 10


@pytest.mark.usefixtures("ledger")
def test_every_lane_of_every_worker_is_used(pytester: pytest.Pytester) -> None:
    """Six judges on two workers stand at the same place at once, and never a seventh."""
    body = """
        (LEDGER / ("in." + name)).touch()
        deadline = time.time() + 20
        while not (LEDGER / "open").exists():
            inside = sum(path.name.startswith("in.") for path in LEDGER.iterdir())
            assert inside <= 6, inside
            if inside == 6:
                (LEDGER / "open").touch()
            assert time.time() < deadline, "six were never at work together"
            time.sleep(0.02)
        (LEDGER / ("in." + name)).rename(LEDGER / ("was." + name))
"""
    make(pytester.path, runs=6, body=body)
    done = run(pytester, "-n2", "--parallel", "3")
    done.assert_outcomes(passed=12)


@pytest.mark.usefixtures("ledger")
def test_a_worker_that_dies_costs_the_slot_that_killed_it(pytester: pytest.Pytester) -> None:
    """The culprit is named; every other slot is judged and reported once."""
    body = "os._exit(7) if self.slot.name == 'runs/r03/judge_02' else time.sleep(0.05)"
    experiment = make(pytester.path, runs=10, body=body)
    done = run(pytester, "-n2", "--parallel", "3", "-rA")
    done.assert_outcomes(passed=19, failed=1)
    assert done.ret == 1
    reported = [line for line in done.outlines if line.startswith("PASSED")]
    assert len(reported) == len(set(reported)) == 19
    [failed] = [line for line in done.outlines if line.startswith("FAILED")]
    assert failed.startswith("FAILED exp/experiment.yaml::runs/r03/judge_02")
    assert len(list(experiment.glob("runs/*/judge/judge_*/judgment.json"))) == 19
    assert "judged 19, failed to judge 1, consensus regenerated 10" in done.outlines


@pytest.mark.usefixtures("ledger")
def test_a_worker_that_dies_once_costs_nothing(pytester: pytest.Pytester) -> None:
    """A crash that does not come back fails no slot."""
    body = """
        if self.slot.name == "runs/r01/judge_01" and calls == 1:
            os._exit(7)
        time.sleep(0.05)
""".replace("calls", "len(list(LEDGER.glob(name + '.*')))")
    make(pytester.path, runs=6, body=body)
    run(pytester, "-n2", "--parallel", "3").assert_outcomes(passed=12)


def test_a_judgment_that_appears_meanwhile_changes_no_collection(
    pytester: pytest.Pytester, ledger: Path
) -> None:
    """Workers collect what the controller saw; what was judged since costs nothing."""
    experiment = make(pytester.path, runs=4)
    slot = experiment / "runs" / "r00" / "judge" / "judge_01"
    judgment = json.dumps({"score": 0.25, "passed": False, "reasoning": "mine", "grade": "D"})
    with (experiment / "conftest.py").open("a") as stream:
        stream.write(
            "\n\ndef pytest_collectstart(collector):\n"
            "    if os.environ.get('PYTEST_XDIST_WORKER') == 'gw1':\n"
            f"        slot = pathlib.Path({str(slot)!r})\n"
            "        slot.mkdir(parents=True, exist_ok=True)\n"
            f"        (slot / 'judgment.json').write_text({judgment!r})\n"
        )
    done = run(pytester, "-n2", "--parallel", "2")
    done.assert_outcomes(passed=8)
    assert "runs_r00_judge_01" not in calls(ledger)
    assert json.loads((slot / "judgment.json").read_text())["score"] == 0.25


def test_maxfail_starts_nothing_that_waits(pytester: pytest.Pytester, ledger: Path) -> None:
    """With -x the workers finish what is at work, and no more."""
    body = """
        if self.slot.name == "runs/r00/judge_01":
            raise RuntimeError("at once")
        time.sleep(0.6)
"""
    experiment = make(pytester.path, runs=30, body=body)
    done = run(pytester, "-n2", "--parallel", "2", "-x")
    asked = calls(ledger)
    assert len(asked) <= 8, asked
    assert len(list(experiment.glob("runs/*/judge/judge_*/judgment.json"))) == len(asked) - 1
    assert done.ret in (1, 2)


def test_a_disk_that_refuses_slots_in_a_row_is_a_failure_of_the_session(
    pytester: pytest.Pytester, ledger: Path
) -> None:
    """Not an interrupt: the exit status is 1, and the reason stands where pytest stops."""
    experiment = make(pytester.path, runs=30)
    (experiment / "conftest.py").write_text(
        f"{CONFTEST % 'pass'}\nfrom harness import disk\ndisk.ROOM = 1 << 62\n"
    )
    done = run(pytester, "-n2", "--parallel", "2")
    assert (done.ret, calls(ledger)) == (1, {})
    (stop,) = [line for line in done.outlines if line.startswith("!")]
    assert stop.startswith("! stopped: the disk refused 3 slots in a row, at last "), stop
    assert stop.endswith("; nothing was paid; mend that and run the same command again !")


def test_dist_each_is_refused(pytester: pytest.Pytester, ledger: Path) -> None:
    """Every worker would judge every slot."""
    make(pytester.path, runs=1)
    done = run(pytester, "-n2", "--dist", "each")
    assert done.ret == 4
    assert (
        "ERROR: --dist each would have every worker judge every slot; use --dist load"
        in done.errlines
    )
    assert calls(ledger) == {}


@pytest.mark.usefixtures("ledger")
def test_an_unknown_slot_is_a_usage_error_before_any_worker_starts(
    pytester: pytest.Pytester,
) -> None:
    """An id that names no slot is refused as it is without workers."""
    make(pytester.path, runs=1)
    done = pytester.runpytest_subprocess(
        "-p", "harness.plugin", "-n2", "exp/experiment.yaml::runs/r00/judge_09"
    )
    assert done.ret == 4
    assert (
        "ERROR: no slot exp/experiment.yaml::runs/r00/judge_09; "
        "list them with: pytest exp --dry-run -v" in done.errlines
    )


def test_a_node_id_selects_one_slot_over_all_workers(
    pytester: pytest.Pytester, ledger: Path
) -> None:
    """What the command line selects is shipped with the snapshot."""
    make(pytester.path, runs=3)
    done = pytester.runpytest_subprocess(
        "-p", "harness.plugin", "-n2", "--parallel", "2", "exp/experiment.yaml::runs/r01/judge_02"
    )
    done.assert_outcomes(passed=1)
    assert calls(ledger) == {"runs_r01_judge_02": 1}


@pytest.mark.usefixtures("ledger")
def test_a_finished_experiment_exits_0_with_workers(pytester: pytest.Pytester) -> None:
    """The second session says that nothing is left to judge."""
    make(pytester.path, runs=2)
    run(pytester, "--parallel", "4").assert_outcomes(passed=4)
    done = run(pytester, "-n2", "--parallel", "2")
    assert "nothing left to judge" in done.outlines
    assert done.ret == 0


def test_workers_judge_one_shard(pytester: pytest.Pytester, ledger: Path) -> None:
    """The controller decides what is in it."""
    make(pytester.path, runs=6)
    parts = [run(pytester, "-n2", "--parallel=2", f"--judge-shard={n}/2") for n in (1, 2)]
    assert [part.ret for part in parts] == [0, 0]
    sizes = [part.parseoutcomes()["passed"] for part in parts]
    assert sum(sizes) == 12
    assert all(
        f"  shard {n}/2: {size // 2} of 6 runs" in parts[n - 1].outlines
        for n, size in enumerate(sizes, 1)
    )
    assert set(calls(ledger).values()) == {1}


def test_a_judge_parked_in_one_worker_is_parked_in_all(
    pytester: pytest.Pytester, ledger: Path
) -> None:
    """No worker asks after one has heard of a usage limit; the other judge goes on."""
    body = """
        if name.endswith("judge_01"):
            from harness.errors import UsageLimitError
            raise UsageLimitError("limit reached", until=time.time() + 3600)
        time.sleep(0.05)
    """
    make(pytester.path, runs=20, body=body)
    done = run(pytester, "-n2", "--parallel", "2")
    assert done.ret == 75
    asked = calls(ledger)
    assert sum(name.endswith("judge_02") for name in asked) == 20
    assert sum(count for name, count in asked.items() if name.endswith("judge_01")) <= 4
    assert "judged 20, failed to judge 0, deferred 20, consensus regenerated 20" in done.outlines
    assert "deferred 20 slots: one is not asked: limit reached until " in done.stdout.str()


def test_slots_that_must_wait_hold_up_no_lane_of_a_worker(
    pytester: pytest.Pytester, ledger: Path
) -> None:
    """While one judge is throttled, every slot of the other is judged."""
    body = """
        others = len({path.name.split(".")[0] for path in LEDGER.glob("*judge_02.*")})
        if name.endswith("judge_01") and others < 30:
            from harness.errors import ThrottledError
            raise ThrottledError("slow down", retry_after=0.2)
    """
    make(pytester.path, runs=30, body=body)
    done = run(pytester, "-n2", "--parallel", "2")
    assert done.ret == 0
    assert "judged 60, failed to judge 0, consensus regenerated 30" in done.outlines
    asked = calls(ledger)
    assert all(count == 1 for name, count in asked.items() if name.endswith("judge_02"))


def test_a_budget_holds_for_all_workers(pytester: pytest.Pytester, ledger: Path) -> None:
    """Each worker has its share: together they start no call beyond the limit."""
    experiment = make(pytester.path, runs=12)
    config = json.loads((experiment / "experiment.yaml").read_text())
    for judge in config["judges"]:
        judge["price"] = {"call": 0.25}
    (experiment / "experiment.yaml").write_text(json.dumps(config))
    done = run(pytester, "-n2", "--parallel", "2", "--judge-max-cost", "2")
    assert done.ret == 75
    assert sum(calls(ledger).values()) == 8
