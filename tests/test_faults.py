"""Killed sessions, killed judges, full disks: nothing is lost, paid twice, or torn."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.launch import timeout_program
from harness.process import OUTPUT_CAP
from tests.crashes import (
    CHECKOUT,
    assert_consensus_is_fresh,
    assert_exactly_paid,
    assert_no_torn_file,
    crash_loop,
    finish,
    kills,
    session,
    session_environment,
)
from tests.workshop import (
    answer,
    paid_experiment,
    payments,
    script,
    shell_judge,
    write_experiment,
)

if TYPE_CHECKING:
    from collections.abc import Callable

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what another process does; fail if it never happens."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(f"waited {seconds:g} s for something that did not happen")


def end(child: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> str:
    """Send a signal to a session and return what it had printed."""
    child.send_signal(number)
    shown, _ = child.communicate(timeout=60)
    return shown.decode()


# --- crash loops -------------------------------------------------------------------------------


@pytest.mark.slow
def test_session_killed_at_random_moments_pays_every_slot_once(tmp_path: Path) -> None:
    """Five hundred SIGKILLs: no judgment lost, no call paid twice, no file torn."""
    crash_loop(tmp_path, kills(500), seed=1)


@pytest.mark.slow
def test_three_sessions_at_once_killed_at_random_moments_pay_every_slot_once(
    tmp_path: Path,
) -> None:
    """Three hundred SIGKILLs of sessions on the same experiment at the same time."""
    crash_loop(tmp_path, kills(300), sessions=3, seed=2)


@pytest.mark.slow
def test_controller_of_two_workers_killed_at_random_moments_pays_every_slot_once(
    tmp_path: Path,
) -> None:
    """A hundred SIGKILLs of the controller of pytest-xdist, whose workers outlive it."""
    crash_loop(tmp_path, kills(100), "-n", "2", seed=3, life=(0.6, 2.2))


def test_killed_session_is_carried_on_without_paying_again(tmp_path: Path) -> None:
    """One SIGKILL with judges in flight: their answers are adopted, and it is said."""
    root, ledger = paid_experiment(tmp_path / "e", runs=4, judges=1)
    child = session(root)
    wait_until(lambda: payments(ledger) == 4)
    end(child)
    assert_no_torn_file(root)
    finish(root)
    assert assert_exactly_paid(root, ledger) == 4
    kept = json.loads((root / "runs/r001/judge/judge_01/judgment.json").read_text())
    assert (kept["score"], kept["reasoning"]) == (0.001, "paid for judge_01")


def test_two_sessions_at_once_pay_every_slot_once(tmp_path: Path) -> None:
    """A slot that is busy elsewhere costs nothing; its session ends with 75 and says who has it."""
    ledger, go = tmp_path / "ledger", tmp_path / "go"
    ledger.mkdir()
    body = f": >{ledger}/$$; while [ ! -e {go} ]; do sleep 0.05; done; {answer()}"
    root = write_experiment(tmp_path / "e", runs=("a", "b", "c"), judges=[shell_judge(body)])
    first = session(root)
    wait_until(lambda: payments(ledger) == 3)
    second = session(root, "-rs")
    shown = second.communicate(timeout=60)[0].decode()
    assert second.returncode == 75, shown
    # pytest puts slots together whose claims are of the same second
    busy = rf"SKIPPED \[(\d)\] e/experiment.yaml:1: being judged by \S+:{first.pid} since \S+ UTC\n"
    assert sum(map(int, re.findall(busy, shown))) == 3, shown
    go.touch()
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert assert_exactly_paid(root, ledger) == 0


# --- judges that die, run away, or are told to end ------------------------------------------------

DRAFTER = """\
#!/bin/sh
# answers with a draft, then with its correction; its first call never gets that far
calls=$1
cat >/dev/null
echo '{"score": 1.0, "passed": true, "reasoning": "draft"}'
if [ ! -e "$calls" ]; then
    echo $$ >"$calls.new" && mv "$calls.new" "$calls"
    sleep 60
fi
echo '{"score": 0.25, "passed": false, "reasoning": "correction"}'
"""


def drafting_experiment(tmp_path: Path, timeout: float = 1200.0) -> tuple[Path, Path]:
    """Write an experiment whose judge drafts; return it and the file with the judge's pid."""
    judge = script(tmp_path / "judge.sh", DRAFTER)
    argv = [str(judge), str(tmp_path / "first")]
    entry = {"name": "one", "kind": "command", "argv": argv, "timeout": timeout}
    return write_experiment(tmp_path / "e", judges=[entry]), tmp_path / "first"


@linux
@pytest.mark.parametrize("victim", ["judge", "group"])
def test_draft_of_a_killed_judge_is_never_recorded(tmp_path: Path, victim: str) -> None:
    """Killed between draft and correction while pytest is dead: asked again, the draft is void."""
    root, first = drafting_experiment(tmp_path)
    child = session(root)
    wait_until(first.exists)
    end(child)
    pid = int(first.read_text())
    if victim == "judge":
        os.kill(pid, signal.SIGKILL)
    else:
        os.killpg(os.getpgid(pid), signal.SIGKILL)
    slot = root / "runs/a/judge/judge_01"
    wait_until(lambda: not _held(slot / ".claim"))
    finish(root)
    assert json.loads((slot / "judgment.json").read_text())["reasoning"] == "correction"
    ends = [json.loads(p.read_text()) for p in sorted(slot.glob("attempts/*/exit.json"))]
    assert [end["outcome"] for end in ends] == ["failed" if victim == "judge" else "lost", "judged"]


@linux
def test_deadline_holds_when_pytest_is_dead_and_the_draft_is_void(tmp_path: Path) -> None:
    """A judge whose session was killed ends at its own deadline; what it had said is no answer."""
    root, first = drafting_experiment(tmp_path, timeout=1.5)
    child = session(root)
    wait_until(first.exists)
    end(child)
    slot = root / "runs/a/judge/judge_01"
    assert _held(slot / ".claim")
    wait_until(lambda: not _held(slot / ".claim"))
    assert not _alive(int(first.read_text()))
    finish(root)
    assert json.loads((slot / "judgment.json").read_text())["reasoning"] == "correction"


@linux
def test_output_cap_holds_when_pytest_is_dead(tmp_path: Path) -> None:
    """A judge that writes without end is stopped by the kernel whoever is left to look."""
    body = f"echo >{tmp_path}/up; sleep 0.6; exec cat /dev/zero"
    root = write_experiment(tmp_path / "e", judges=[shell_judge(body)])
    child = session(root)
    wait_until((tmp_path / "up").exists)
    end(child)
    slot = root / "runs/a/judge/judge_01"
    wait_until(lambda: not _held(slot / ".claim"))
    (stdout,) = slot.glob("attempts/*/stdout")
    assert stdout.stat().st_size == OUTPUT_CAP


@linux
def test_what_a_judge_leaves_behind_does_not_hold_the_claim_when_pytest_is_dead(
    tmp_path: Path,
) -> None:
    """A background process of the judge is ended with it, so the slot is free to be adopted."""
    body = f"sleep 600 & echo $! >{tmp_path}/pid; sleep 0.6; {answer()}"
    root = write_experiment(tmp_path / "e", judges=[shell_judge(body)])
    child = session(root)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    end(child)
    slot = root / "runs/a/judge/judge_01"
    wait_until(lambda: not _held(slot / ".claim"))
    assert not _alive(int((tmp_path / "pid").read_text()))
    finish(root)
    (end_of,) = slot.glob("attempts/*/exit.json")
    assert json.loads(end_of.read_text())["adopted"] is True


def test_interrupt_ends_the_judges_in_flight(tmp_path: Path) -> None:
    """Ctrl-C stops spending: nothing runs on, and no call is made afterwards."""
    root, ledger = paid_experiment(tmp_path / "e", runs=8, judges=1, seconds=60)
    child = session(root)
    wait_until(lambda: payments(ledger) == 4)
    end(child, signal.SIGINT)
    assert child.returncode == 2
    assert payments(ledger) == 4
    claims = root.glob("runs/*/judge/judge_01/.claim")
    assert not any(_held(path) for path in claims)


def _held(path: Path) -> bool:
    from harness.locks import claim

    if not path.exists():
        return False
    with claim(path) as fd:
        return fd is None


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- many judges ----------------------------------------------------------------------------------

MANY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
import harness
from tests.workshop import children, descriptors
before = descriptors(), children()
statistics = harness.judge_experiment(sys.argv[1], parallel=int(sys.argv[2]))
after = descriptors(), children()
# not ru_maxrss, which begins with the peak of the process that this one was forked from
(usage,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(statistics.judged, sorted(set(statistics.failures.values())), before == after, usage)
"""


def judge_many(root: Path, parallel: int) -> tuple[str, int]:
    """Judge an experiment in a process of its own; return what it saw and its peak memory."""
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(root), str(parallel)],
        capture_output=True,
        text=True,
        check=True,
        env=session_environment(),
        cwd=CHECKOUT,
    )
    seen, _, usage = done.stdout.strip().rpartition(" ")
    return seen, int(usage)


@linux
def test_256_judges_at_once_fit_under_1024_descriptors(tmp_path: Path) -> None:
    """All of them are in flight together, none fails, nothing is left open, memory stays small."""
    # every judge waits until all have been started
    body = (
        f"cat >/dev/null; : >{tmp_path}/up/$$; "
        f"while [ $(ls {tmp_path}/up | wc -l) -lt 256 ]; do sleep 1; done; {answer()}"
    )
    (tmp_path / "up").mkdir()
    names = [f"r{n:03d}" for n in range(256)]
    root = write_experiment(tmp_path / "e", runs=names, judges=[shell_judge(body)])
    seen, kilobytes = judge_many(root, 256)
    assert seen == "256 [] True"
    assert kilobytes < 128 * 1024


@linux
@pytest.mark.slow
def test_a_thousand_judges_leave_nothing_behind(tmp_path: Path) -> None:
    """No zombie and no descriptor more than before after 1,000 judges of which each third fails."""
    bodies = [answer(), answer(), "exit 1"]
    panel = [shell_judge(body, f"j{n}") for n, body in enumerate([*bodies, *bodies[:1]])]
    names = [f"r{n:03d}" for n in range(250)]
    root = write_experiment(tmp_path / "e", runs=names, judges=panel)
    seen, _ = judge_many(root, 16)
    assert seen == "750 ['the judge ended with exit status 1'] True"


@linux
def test_100_megabytes_of_output_stop_at_the_cap(tmp_path: Path) -> None:
    """The judge is stopped, told of in one line, and its output never goes through memory."""
    body = "cat >/dev/null; head -c 100000000 /dev/zero"
    root = write_experiment(tmp_path / "e", judges=[shell_judge(body)])
    seen, kilobytes = judge_many(root, 1)
    (stdout,) = root.glob("runs/a/judge/judge_01/attempts/*/stdout")
    why = f"the judge wrote more than 10 MiB and was ended; what it wrote is kept in {stdout}"
    assert seen == f"0 {[why]} True"
    assert stdout.stat().st_size == OUTPUT_CAP
    assert kilobytes < 96 * 1024


# --- crash points ---------------------------------------------------------------------------------

TRACED = (
    "openat,write,pwrite64,fsync,rename,link,unlink,mkdir,ftruncate,close,flock,vfork,clone,clone3"
)


@linux
@pytest.mark.slow
@pytest.mark.skipif(
    subprocess.run(
        ["sh", "-c", "strace -e inject=stat:signal=KILL true"], capture_output=True, check=False
    ).returncode
    != 0,
    reason="needs strace with permission to trace",
)
def test_sigkill_at_every_system_call_of_a_slot_loses_nothing(tmp_path: Path) -> None:
    """Killed at each call that writes, locks, or launches, a slot is paid once and torn never."""
    program = script(tmp_path / "one.py", textwrap.dedent(TRACE_PROGRAM))
    points = crash_points(tmp_path, program)
    assert len(points) > 30
    chosen = points if "HARNESS_KILLS" not in os.environ else points[:: max(1, 5000 // kills(5000))]
    for number, (call, at) in enumerate(chosen):
        root, ledger = paid_experiment(tmp_path / f"p{number}", runs=1, judges=1, seconds=0)
        done = strace(program, root, f"--inject={call}:signal=KILL:when={at}", tmp_path / "log")
        assert done.returncode != 0, (call, at)
        assert_no_torn_file(root)
        held = partial(_held, root / "runs/r001/judge/judge_01/.claim")
        wait_until(lambda: not held())  # noqa: B023 - called before the next round
        again = subprocess.run(
            [sys.executable, str(program), str(root)],
            env=session_environment(),
            check=False,
            cwd=CHECKOUT,
        )
        assert again.returncode == 0, (call, at)
        assert payments(ledger) == 1, (call, at)
        assert_no_torn_file(root)
        assert_consensus_is_fresh(root)


TRACE_PROGRAM = """\
import os, sys
import harness.asking, harness.judges.command, harness.layouts, harness.pipeline, harness.settle
from harness.launch import timeout_program
timeout_program()
try:
    os.stat("/here-it-begins")
except FileNotFoundError:
    pass
statistics = harness.judge_experiment(sys.argv[1])
sys.exit(0 if len(statistics.consensus) == 1 else 1)
"""


def strace(program: Path, root: Path, option: str, log: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the program under strace; only its own calls are traced, not those of the judge."""
    return subprocess.run(
        [
            "strace",
            "-qq",
            "-o",
            str(log),
            f"--trace={TRACED},stat,newfstatat",
            option,
            sys.executable,
            str(program),
            str(root),
        ],
        env={**session_environment(), "PYTHONHASHSEED": "0"},
        check=False,
        cwd=CHECKOUT,
        capture_output=True,
    )


def crash_points(tmp_path: Path, program: Path) -> list[tuple[str, int]]:
    """Return every traced call after the beginning, as its name and how many there were of it."""
    root, _ = paid_experiment(tmp_path / "probe", runs=1, judges=1, seconds=0)
    done = strace(program, root, "--signal=none", tmp_path / "log")
    assert done.returncode == 0, done.stderr
    seen: dict[str, int] = {}
    points: list[tuple[str, int]] = []
    begun = False
    for line in (tmp_path / "log").read_text().splitlines():
        name = line.partition("(")[0]
        begun = begun or "here-it-begins" in line
        seen[name] = seen.get(name, 0) + 1
        if begun and name in TRACED.split(","):
            points.append((name, seen[name]))
    return points


def test_timeout_of_coreutils_is_used_where_it_is_installed() -> None:
    """These tests exercise the launcher that the machine has, and say which."""
    found = timeout_program()
    assert found is None or Path(found).name == "timeout"
