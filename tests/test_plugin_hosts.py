"""Workers on other machines: separate processes behind sockets, with directories of their own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from execnet.script import socketserver

from harness.plugin.hosts import reached
from tests.test_plugin_xdist import calls, consensus_count, ledger, make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["ledger"]  # a fixture


class Server:
    """One machine: execnet's socket server in a process of its own, in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", socketserver.__file__, "127.0.0.1:0"],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"\('127.0.0.1', (\d+)\)", self.process.stdout.readline())
        assert found is not None
        self.port = int(found[1])

    def tx(self, directory: str | Path = ".") -> str:
        """Return the option that has a worker run there."""
        return f"--tx=socket=127.0.0.1:{self.port}//chdir={directory}"

    def end(self) -> None:
        """Kill the machine, and the worker with it."""
        self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()


proxies = pytest.mark.skipif(
    tuple(map(int, version("pytest-xdist").split(".")[:2])) < (3, 7),
    reason="this pytest-xdist has no option --px",
)


@pytest.fixture
def start() -> Iterator[Callable[[Path], Server]]:
    """Return what starts a machine; all are ended with the test."""
    with contextlib.ExitStack() as stack:

        def begin(directory: Path) -> Server:
            server = Server(directory)
            stack.callback(server.end)
            return server

        yield begin


@pytest.fixture
def views(tmp_path: Path) -> tuple[Path, Path]:
    """Return two directories in which other machines see the project: one through a link."""
    mounted, other = tmp_path / "mounted", tmp_path / "other" / "root"
    mounted.symlink_to(tmp_path / "project", target_is_directory=True)
    other.mkdir(parents=True)
    (other / "exp").symlink_to(tmp_path / "project" / "exp", target_is_directory=True)
    (other / "pytest.ini").write_text("[pytest]\n")  # a root directory of its own
    (tmp_path / "project").mkdir()
    return mounted, other


@pytest.fixture
def project(views: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the project's directory as the session sees it, and go there."""
    path = views[0].parent / "project"
    monkeypatch.chdir(path)
    return path


def run(pytester: pytest.Pytester, *options: str, at: str = "exp") -> pytest.RunResult:
    """Run the session in the current directory."""
    plugins = ("-p", "harness.plugin", "-p", "no:hypothesispytest", "-p", "no:cacheprovider")
    arguments = [sys.executable, "-m", "pytest", *plugins, at, "-d", *options]
    return pytester.run(*arguments, timeout=100)


def judgments(experiment: Path) -> int:
    """Return how many slots have a judgment."""
    return len(list(experiment.glob("runs/*/judge/judge_*/judgment.json")))


def marks(experiment: Path) -> list[Path]:
    """Return what sessions put into the experiment and should have taken away."""
    return list(experiment.glob(".session-*"))


def test_a_single_machine_is_one_worker(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """The header counts in grammar, too."""
    make(project, runs=1)
    done = run(pytester, start(views[0]).tx(), "--parallel", "6")
    done.assert_outcomes(passed=2)
    assert "judges at work: 1 worker x 6 = 6" in done.outlines
    assert len(calls(ledger)) == 2


def test_machines_with_other_paths_share_the_slots(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """Each slot is judged once, whatever path and root directory a machine sees it at."""
    experiment = make(project, runs=6, body="time.sleep(0.1)")
    first, second = start(views[0].parent), start(views[1])
    done = run(pytester, first.tx(views[0]), second.tx(), "--parallel", "2")
    done.assert_outcomes(passed=12)
    assert done.ret == 0
    assert "judges at work: 2 workers x 2 = 4" in done.outlines
    assert "judged 12, failed to judge 0, consensus regenerated 6" in done.outlines
    assert "[12/12]" in "".join(done.outlines)
    assert set(calls(ledger).values()) == {1}
    assert len(calls(ledger)) == 12
    assert len({path.name.split(".")[1] for path in ledger.iterdir()}) == 2, "both were at work"
    assert consensus_count(experiment) == 6
    assert marks(experiment) == []
    assert not (views[1] / "_pytest").exists(), "nothing is copied to the machines"


@pytest.mark.parametrize("tail", [False, True], ids=["at once", "at the end"])
def test_a_machine_that_disappears_costs_only_its_calls_in_flight(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
    *,
    tail: bool,
) -> None:
    """Those that are left judge its slots, even if they had nothing more to do."""
    wanted = "runs/r03/judge_02" if tail else "runs/r00/judge_01"
    body = f"""
        if self.slot.name == "{wanted}" and not (LEDGER.parent / "killed").exists():
            done = lambda: len(list(LEDGER.parent.glob("project/exp/runs/*/judge/*/*.json")))
            while {tail} and done() < 7:
                time.sleep(0.05)
            (LEDGER.parent / "killed").touch()
            os.kill(os.getpid(), 9)
        time.sleep(0.2)
"""
    experiment = make(project, runs=4, body=body)
    first, second = start(views[0]), start(views[1])
    done = run(pytester, first.tx(), second.tx(), "--parallel", "2")
    done.assert_outcomes(passed=8)
    assert done.ret == 0
    gone = [line for line in done.outlines if "is not replaced" in line]
    assert len(gone) == 1
    assert re.fullmatch(
        r"gw\d is not replaced: --tx socket=127.0.0.1:\d+//chdir=.: "
        r"cannot be reached \(Connection (refused|reset by peer)\)",
        gone[0],
    )
    asked = calls(ledger)
    assert len(asked) == 8
    assert sum(asked.values()) <= 8 + 2, asked
    assert judgments(experiment) == 8
    assert consensus_count(experiment) == 4


def test_without_a_machine_left_the_session_ends_and_says_so(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """What was judged is kept, and the same command goes on from there."""
    body = """
        if self.slot.name == "runs/r01/judge_01" and not (LEDGER.parent / "killed").exists():
            (LEDGER.parent / "killed").touch()
            os.kill(os.getpid(), 9)
"""
    experiment = make(project, runs=3, body=body)
    done = run(pytester, start(views[0]).tx())
    assert done.ret == 2
    assert any("no worker is left; run the same command again" in x for x in done.outlines)
    assert judgments(experiment) == 2
    again = run(pytester, start(views[1]).tx())
    again.assert_outcomes(passed=4)
    assert sum(calls(ledger).values()) == 6 + 1


def test_a_worker_that_cannot_start_is_left_out(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """It is not started for ever; the others do the work."""
    make(project, runs=2)
    (views[1] / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    broken = start(views[1])
    done = run(pytester, broken.tx(), start(views[0]).tx(), "--parallel", "2")
    done.assert_outcomes(passed=4)
    assert "gw0 is not replaced: it ended before it had collected anything" in done.outlines
    assert len(calls(ledger)) == 4
    alone = run(pytester, broken.tx())
    assert alone.ret == 2
    assert any("no worker is left" in line for line in alone.outlines)


def test_a_machine_is_reached_through_ssh(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fake ssh runs what it is given on this machine."""
    make(project, runs=2)
    programs = project.parent / "bin"
    programs.mkdir()
    (programs / "ssh").write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    tx = f"--tx=ssh=far//chdir={views[1]}//python={sys.executable}"
    done = run(pytester, tx, "--parallel", "2")
    done.assert_outcomes(passed=4)
    assert len(calls(ledger)) == 4


def test_a_copy_is_refused_before_anything_is_paid(
    pytester: pytest.Pytester, ledger: Path, project: Path, start: Callable[[Path], Server]
) -> None:
    """Judgments that are made from a copy would stay where nobody looks for them."""
    experiment = make(project, runs=1)
    shutil.copytree(project, project.parent / "copy")
    done = run(pytester, start(project.parent / "copy").tx(), start(project).tx())
    assert done.ret == 1
    copy = project.parent / "copy" / "exp"
    message = (
        "exp: is a copy, or another experiment than the session was started for: its judgments "
        "would stay on this machine; have all machines share one directory (chdir=), or use "
        "--judge-shard and python -m harness merge"
    )
    assert message in done.outlines
    assert calls(ledger) == {}
    assert marks(copy) == marks(experiment) == []


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "with another"])
@pytest.mark.parametrize("at", ["exp", ""], ids=["argument", "no argument"])
def test_a_directory_without_the_experiment_is_a_usage_error(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
    *,
    alone: bool,
    at: str,
) -> None:
    """One line says which machine, what is missing where, and how to name the right one."""
    experiment = make(project, runs=2)
    wrong = views[1].parent
    others = () if alone else (start(views[0]).tx(),)
    done = run(pytester, start(wrong).tx("nowhere"), *others, at=at or "-q")
    assert done.ret == 4
    what = "no exp" if at else "no experiment"
    assert [line for line in done.errlines if line] == [
        (
            f"ERROR: gw0 on {socket.gethostname()}: there is {what} in {wrong}/nowhere; name the "
            "directory in which that machine sees the project, as in "
            "--tx ...//chdir=/shared/project"
        )
    ]
    assert calls(ledger) == {}
    assert marks(experiment) == []


def test_names_of_modules_are_no_paths(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With ``--pyargs`` an argument that is no file of a machine may be there all the same."""
    make(project, runs=2)
    (project / "test_of_module.py").write_text("def test_it(): pass\n")
    monkeypatch.setenv("PYTHONPATH", str(project), prepend=os.pathsep)
    done = run(pytester, f"--tx=popen//chdir={project}", "--pyargs", "test_of_module")
    assert done.ret == 0
    assert sum(calls(ledger).values()) == judgments(project / "exp") == 4


def test_what_cannot_be_reached_is_a_usage_error(
    pytester: pytest.Pytester, ledger: Path, project: Path
) -> None:
    """One line says which machine, and why."""
    experiment = make(project, runs=1)
    done = run(pytester, "--tx=socket=127.0.0.1:1//chdir=.")
    assert done.ret == 4
    assert [line for line in done.errlines if line] == [
        "ERROR: --tx socket=127.0.0.1:1//chdir=.: cannot be reached (Connection refused)"
    ]
    assert calls(ledger) == {}
    assert marks(experiment) == []


@proxies
def test_a_proxy_that_cannot_be_reached_is_a_usage_error(
    pytester: pytest.Pytester, ledger: Path, project: Path
) -> None:
    """It is named as it was given."""
    experiment = make(project, runs=1)
    proxied = run(pytester, "--px=id=far//socket=127.0.0.1:1", "--tx=popen//via=far")
    assert proxied.ret == 4
    assert [line for line in proxied.errlines if line] == [
        "ERROR: --px id=far//socket=127.0.0.1:1: cannot be reached (Connection refused)"
    ]
    assert calls(ledger) == {}
    assert marks(experiment) == []


def test_a_machine_needs_a_directory_and_gets_no_copies(
    pytester: pytest.Pytester, ledger: Path, project: Path
) -> None:
    """Both are refused before any machine is called."""
    make(project, runs=1)
    done = run(pytester, "--tx=ssh=far.invalid", "--rsyncdir=exp", "-Wignore")
    assert done.ret == 4
    assert [line for line in done.errlines if line] == [
        (
            "ERROR: --tx ssh=far.invalid: say where the project lies on that machine, as in "
            "--tx ssh=far.invalid//chdir=/shared/project"
        ),
        (
            "ERROR: --rsyncdir would have workers judge copies of the experiments, where their "
            "judgments would stay; use a directory that all machines share (chdir=), or "
            "--judge-shard and python -m harness merge"
        ),
    ]
    assert calls(ledger) == {}


def test_several_workers_of_one_specification_are_counted(
    pytester: pytest.Pytester, ledger: Path, project: Path
) -> None:
    """``2*popen`` is two workers."""
    make(project, runs=2)
    done = run(pytester, "--tx=2*popen", "--parallel", "2")
    done.assert_outcomes(passed=4)
    assert "judges at work: 2 workers x 2 = 4" in done.outlines
    assert set(calls(ledger).values()) == {1}


@proxies
def test_several_workers_behind_one_socket(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """A proxy starts fresh processes on its machine."""
    make(project, runs=3)
    server = start(views[1])
    proxy = f"--px=id=far//socket=127.0.0.1:{server.port}"
    done = run(pytester, proxy, "--tx=2*popen//via=far", "--parallel", "2")
    done.assert_outcomes(passed=6)
    assert "judges at work: 2 workers x 2 = 4" in done.outlines
    assert len(calls(ledger)) == 6


@proxies
def test_a_proxy_that_disappears_costs_only_its_calls_in_flight(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """The others judge the slots of its workers, and the session ends as any other."""
    server = start(views[1])
    body = f"""
        if self.slot.name == "runs/r00/judge_01" and not (LEDGER.parent / "killed").exists():
            (LEDGER.parent / "killed").touch()
            os.kill({server.process.pid}, 9)
        time.sleep(0.3)
"""
    experiment = make(project, runs=4, body=body)
    proxy = f"--px=id=far//socket=127.0.0.1:{server.port}"
    done = run(pytester, proxy, "--tx=popen//via=far", start(views[0]).tx(), "--parallel", "2")
    done.assert_outcomes(passed=8)
    assert done.ret == 0
    (gone,) = [line for line in done.outlines if "is not replaced" in line]
    assert re.fullmatch(
        r"gw0 is not replaced: --tx popen//via=far: cannot be reached "
        r"\((connection already closed: <Gateway id='far' .*>|cannot send \(already closed\?\))\)",
        gone,
    )
    assert sum(calls(ledger).values()) <= 8 + 2
    assert [line for line in done.errlines if line] == []
    assert judgments(experiment) == 8
    assert consensus_count(experiment) == 4


def test_slots_of_a_judge_that_is_parked_are_deferred_on_every_machine(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """The machines do not wait for each other then, and the session ends with 75."""
    body = """
        if name.endswith("judge_01"):
            from harness.errors import UsageLimitError
            raise UsageLimitError("limit reached", until=time.time() + 3600)
"""
    make(project, runs=6, body=body)
    done = run(pytester, start(views[0]).tx(), start(views[1]).tx(), "--parallel", "2")
    assert done.ret == 75
    assert "judged 6, failed to judge 0, deferred 6, consensus regenerated 6" in done.outlines
    assert len(calls(ledger)) <= 6 + 4


def test_maxfail_holds_over_machines(
    pytester: pytest.Pytester,
    ledger: Path,
    project: Path,
    views: tuple[Path, Path],
    start: Callable[[Path], Server],
) -> None:
    """After the failure that ends the session nothing that waits is started."""
    body = """
        if self.slot.name == "runs/r00/judge_01":
            raise RuntimeError("at once")
        time.sleep(0.6)
"""
    make(project, runs=20, body=body)
    done = run(pytester, start(views[0]).tx(), start(views[1]).tx(), "--parallel", "2", "-x")
    assert done.ret == 2
    assert len(calls(ledger)) <= 8


def test_ctrl_c_ends_the_judges_of_all_machines(
    ledger: Path, project: Path, views: tuple[Path, Path], start: Callable[[Path], Server]
) -> None:
    """The session exits with 2, and no judge is left at work."""
    experiment = make(project, runs=4)
    (experiment / "conftest.py").unlink()
    script = f"touch {ledger}/$$; exec sleep 100"
    judges = [{"name": "slow", "kind": "command", "argv": ["sh", "-c", script]}]
    (experiment / "experiment.yaml").write_text(json.dumps({"judges": judges}))
    first, second = start(views[0]), start(views[1])
    arguments = ["-p", "harness.plugin", "exp", "-d", first.tx(), second.tx(), "--parallel=2"]
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(list(ledger.iterdir())) < 4:
        assert time.monotonic() < deadline, "four were never at work together"
        time.sleep(0.05)
    session.send_signal(signal.SIGINT)
    printed, _ = session.communicate(timeout=60)
    assert session.returncode == 2, printed
    deadline = time.monotonic() + 20
    for path in ledger.iterdir():
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.kill(int(path.name), 0)
                time.sleep(0.05)
            raise AssertionError(f"the judge {path.name} is still at work\n{printed}")
    assert marks(experiment) == []


@pytest.mark.parametrize("proxies", [[], None])
def test_a_refusal_that_no_proxy_explains_stays_what_it_is(proxies: list[str] | None) -> None:
    """It is no mistake of the command line."""
    config: Any = SimpleNamespace(getoption=lambda _name, _default: proxies)
    with pytest.raises(ConnectionError, match=r"^of another kind$"), reached(config):
        raise ConnectionError("of another kind")
