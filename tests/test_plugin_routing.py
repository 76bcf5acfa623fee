"""Output, log records, and warnings of a slot stay with that slot."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.records import Record, recording
from harness.plugin.streams import routed_streams
from tests.plugin_project import FakePanel, slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

BOTH = pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])

WAIT = 60
"""Seconds after which a wait for another thread counts as for ever."""


say = print
"""What a judge does when it prints."""


class Meeting:
    """Has two judges do something at the same time, when they are in threads."""

    def __init__(self, options: tuple[str, ...], act: Callable[[str], None]) -> None:
        self.barrier = threading.Barrier(2 if options else 1)
        self.act = act

    def answer(self, slot: Any, _question: object) -> None:
        """Meet, act, and meet again, so that the other has acted, too."""
        self.barrier.wait(WAIT)
        self.act(slot.name)
        self.barrier.wait(WAIT)


def sections(panel: FakePanel) -> dict[str, dict[str, str]]:
    """Return the captured sections of each slot's call."""
    return {name: dict(panel.call(name).sections) for name in slots("a")}


@BOTH
@pytest.mark.parametrize("capture", ["fd", "sys", "tee-sys"])
def test_output_stands_in_the_slots_own_sections(
    project: Project, options: tuple[str, ...], capture: str
) -> None:
    """Two slots print at the same time; each report has its own lines and no others."""

    def act(name: str) -> None:
        say(f"out of {name}")
        say(f"err of {name}", file=sys.stderr)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    done = project.run(*options, f"--capture={capture}", panel=panel)
    assert done.exit == 0
    assert sections(panel) == {
        name: {
            "Captured stdout call": f"out of {name}\n",
            "Captured stderr call": f"err of {name}\n",
        }
        for name in slots("a")
    }
    if capture != "tee-sys":
        assert not any("out of" in text for text in [*done.lines, *done.errors])


@BOTH
def test_output_of_failed_slots_is_shown_with_them(
    project: Project, options: tuple[str, ...]
) -> None:
    """The section of a failed slot shows what its judge printed; that of a passed one does not."""

    def act(name: str) -> None:
        say(f"out of {name}")

    meeting = Meeting(options, act)

    def answer(slot: Any, question: object) -> str | None:
        meeting.answer(slot, question)
        return "no verdict" if slot.name == "runs/a/judge_02" else None

    project.experiment(runs=["a"], retries=0)
    done = project.run(*options, panel=FakePanel(answer))
    assert done.section("FAILURES") == [
        "_______________________________ runs/a/judge_02 ________________________________",
        (
            "the reply has no JSON object with score, passed, reasoning; it is kept in "
            "exp/runs/a/judge/judge_02/attempts/ATTEMPT/stdout"
        ),
        "----------------------------- Captured stdout call -----------------------------",
        "out of runs/a/judge_02",
    ]


@BOTH
def test_log_records_stand_in_the_slots_own_section(
    project: Project, options: tuple[str, ...]
) -> None:
    """Two slots log at the same time; each report has its own records, at the level asked for."""

    def act(name: str) -> None:
        logging.getLogger("judge").warning("warning of %s", name)
        logging.getLogger("judge").info("info of %s", name)
        logging.getLogger("judge").debug("debug of %s", name)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    arguments = (*options, "--log-level=INFO", "--log-format=%(levelname)s %(message)s")
    assert project.run(*arguments, panel=panel).exit == 0
    assert sections(panel) == {
        name: {"Captured log call": f"WARNING warning of {name}\nINFO info of {name}"}
        for name in slots("a")
    }


@BOTH
def test_log_levels_are_restored(project: Project, options: tuple[str, ...]) -> None:
    """The root logger has its handlers and its level back when the session ends."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.filters)
    project.experiment(runs=["a"])
    assert project.run(*options, "--log-level=DEBUG", panel=FakePanel()).exit == 0
    assert (root.level, root.handlers, root.filters) == before


@BOTH
def test_warnings_belong_to_their_slot(project: Project, options: tuple[str, ...]) -> None:
    """Two slots warn at the same time, at the same place; each warning has its slot's id."""

    def act(name: str) -> None:
        warnings.warn(f"warned by {name}", UserWarning, stacklevel=1)
        warnings.warn("warned by both", UserWarning, stacklevel=1)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    assert project.run(*options, panel=panel).exit == 0
    assert sorted(panel.warned) == [
        ("runs/a/judge_01", "warned by both"),
        ("runs/a/judge_01", "warned by runs/a/judge_01"),
        ("runs/a/judge_02", "warned by both"),
        ("runs/a/judge_02", "warned by runs/a/judge_02"),
    ]


def warns_twice(_name: str) -> None:
    """Give the same warning twice, from this module."""
    for _ in range(2):
        warnings.warn("warned by both", UserWarning, stacklevel=1)


@BOTH
@pytest.mark.parametrize("action", ["default", "once", "module"])
def test_a_filter_that_shows_a_warning_once_holds_for_each_slot(
    project: Project, options: tuple[str, ...], action: str
) -> None:
    """As for tests, every slot shows it once."""
    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, warns_twice).answer)
    assert project.run(*options, "-W", action, panel=panel).exit == 0
    assert sorted(panel.warned) == [(name, "warned by both") for name in slots("a")]


@BOTH
def test_a_filter_that_shows_every_warning_holds(
    project: Project, options: tuple[str, ...]
) -> None:
    """With ``-W always`` a warning is shown as often as it is given."""
    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, warns_twice).answer)
    assert project.run(*options, "-W", "always", panel=panel).exit == 0
    expected = [(name, "warned by both") for name in slots("a") for _ in range(2)]
    assert sorted(panel.warned) == expected


@BOTH
@pytest.mark.parametrize(
    ("module", "times"), [(__name__, 1), (f"{__name__}.other", 2), ("elsewhere", 2)]
)
def test_a_filter_for_a_module_holds_for_that_module(
    project: Project, options: tuple[str, ...], module: str, times: int
) -> None:
    """Warnings of other modules are shown as often as they are given."""
    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, warns_twice).answer)
    filters = ("-W", "always", "-W", f"once::UserWarning:{module}")
    assert project.run(*options, *filters, panel=panel).exit == 0
    expected = [(name, "warned by both") for name in slots("a") for _ in range(times)]
    assert sorted(panel.warned) == expected


@BOTH
def test_a_file_that_is_no_module_is_known_by_its_name(
    project: Project, options: tuple[str, ...]
) -> None:
    """As Python itself calls the module of generated code."""

    def act(_name: str) -> None:
        for _ in range(2):
            warnings.warn_explicit("warned by both", UserWarning, "made/up.py", 1)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    filters = ("-W", "always", "-W", "once::UserWarning:made/up")
    assert project.run(*options, *filters, panel=panel).exit == 0
    assert sorted(panel.warned) == [(name, "warned by both") for name in slots("a")]


def test_a_warning_of_no_slot_is_the_sessions(project: Project) -> None:
    """What a plugin warns of in the main thread while judges are at work is reported."""

    class Warns:
        """Warns once, of a report."""

        def pytest_runtest_logfinish(self, nodeid: str) -> None:
            """Warn."""
            if nodeid.endswith("judge_01"):
                warnings.warn("warned by a plugin", UserWarning, stacklevel=1)

    project.experiment(runs=["a"])
    panel = FakePanel()
    assert project.run("--parallel", "2", panel=panel, plugins=[Warns()]).exit == 0
    assert panel.warned == [("", "warned by a plugin")]


@BOTH
def test_warnings_can_be_errors(project: Project, options: tuple[str, ...]) -> None:
    """With ``-W error`` the slot whose judge warns fails, and no other."""

    def act(name: str) -> None:
        if name == "runs/a/judge_01":
            warnings.warn("careful", UserWarning, stacklevel=1)

    project.experiment(runs=["a"], retries=0)
    panel = FakePanel(act_of(act))
    done = project.run(*options, "-W", "error", "--tb=no", panel=panel)
    assert done.exit == 1
    (failed,) = [text for text in done.progress if "FAIL" in text]
    assert failed.endswith("UserWarning: careful")
    assert "runs/a/judge_01" in failed


def act_of(act: Callable[[str], None]) -> Callable[[Any, object], None]:
    """Return an answer that does something first."""

    def answer(slot: Any, _question: object) -> None:
        act(slot.name)

    return answer


@BOTH
def test_warnings_can_be_ignored(project: Project, options: tuple[str, ...]) -> None:
    """The ini file's filters hold for judges."""

    def act(name: str) -> None:
        warnings.warn(f"deprecated by {name}", DeprecationWarning, stacklevel=1)
        warnings.warn(f"warned by {name}", UserWarning, stacklevel=1)

    project.experiment(runs=["a"], judges=1)
    project.pytester.makeini("[pytest]\nfilterwarnings = ignore:deprecated\n")
    panel = FakePanel(act_of(act))
    assert project.run(*options, panel=panel).exit == 0
    assert panel.warned == [("runs/a/judge_01", "warned by runs/a/judge_01")]


def in_threads(act: Callable[[str], None], depth: int = 2) -> Callable[[str], None]:
    """Return an action that is done in a thread of a thread."""

    def acted(name: str) -> None:
        inner = act if depth == 1 else in_threads(act, depth - 1)
        thread = threading.Thread(target=inner, args=(name,))
        thread.start()
        thread.join()

    return acted


@BOTH
def test_threads_that_a_judge_starts_belong_to_its_slot(
    project: Project, options: tuple[str, ...]
) -> None:
    """Output, records, and warnings of threads, and of their threads, are the slot's."""

    def act(name: str) -> None:
        say(f"out of {name}")
        logging.getLogger("judge").warning("logged by %s", name)
        warnings.warn(f"warned by {name}", UserWarning, stacklevel=1)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, in_threads(act)).answer)
    assert project.run(*options, "--log-format=%(message)s", panel=panel).exit == 0
    assert sections(panel) == {
        name: {
            "Captured stdout call": f"out of {name}\n",
            "Captured log call": f"logged by {name}",
        }
        for name in slots("a")
    }
    assert sorted(panel.warned) == [(name, f"warned by {name}") for name in slots("a")]


def test_executors_of_a_judge_belong_to_its_slot(project: Project) -> None:
    """So do the threads of a pool that the judge makes."""
    from concurrent.futures import ThreadPoolExecutor

    def act(name: str) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(say, [f"first of {name}"]))

    project.experiment(runs=["a"])
    options = ("--parallel", "2")
    panel = FakePanel(Meeting(options, act).answer)
    assert project.run(*options, panel=panel).exit == 0
    assert sections(panel) == {
        name: {"Captured stdout call": f"first of {name}\n"} for name in slots("a")
    }


@BOTH
def test_without_capture_output_comes_as_it_is_printed(
    project: Project, options: tuple[str, ...]
) -> None:
    """With ``-s`` nothing is kept and everything is seen."""

    def act(name: str) -> None:
        say(f"<out of {name}>")

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    done = project.run(*options, "-s", panel=panel)
    text = "\n".join(done.lines)
    assert [f"<out of {name}>" in text for name in slots("a")] == [True, True]
    assert sections(panel) == {name: {} for name in slots("a")}


@BOTH
def test_live_logs_are_printed(project: Project, options: tuple[str, ...]) -> None:
    """With ``log_cli`` each record is printed once, and stands in its slot's section."""

    def act(name: str) -> None:
        logging.getLogger("judge").warning("logged by %s", name)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    arguments = (*options, "-o", "log_cli=true", "--log-cli-format=%(message)s")
    done = project.run(*arguments, panel=panel)
    assert done.exit == 0
    for name in slots("a"):
        assert [text for text in done.lines if f"logged by {name}" in text] == [f"logged by {name}"]
        assert "Captured log call" in sections(panel)[name]


@BOTH
def test_a_log_file_has_every_record_once(project: Project, options: tuple[str, ...]) -> None:
    """``--log-file`` gets the records of judges in threads, too."""

    def act(name: str) -> None:
        logging.getLogger("judge").warning("logged by %s", name)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    arguments = (*options, "--log-file=session.log", "--log-file-format=%(message)s")
    assert project.run(*arguments, panel=panel).exit == 0
    text = (project.path / "session.log").read_text(encoding="utf-8")
    assert sorted(text.split("\n")) == ["", *(f"logged by {name}" for name in slots("a"))]


@BOTH
def test_hooks_that_print_do_so_in_their_phase(project: Project, options: tuple[str, ...]) -> None:
    """A conftest's set-up and tear-down hooks print into the slot's own sections."""
    root = project.experiment(runs=["a"])
    (root / "conftest.py").write_text(
        "def pytest_runtest_setup(item): print('up', item.name)\n"
        "def pytest_runtest_teardown(item): print('down', item.name)\n",
        encoding="utf-8",
    )
    panel = FakePanel(Meeting(options, lambda name: say("out of", name)).answer)
    assert project.run(*options, panel=panel).exit == 0
    for name in slots("a"):
        last = [r for r in panel.reports if r.nodeid.endswith(name) and r.when == "teardown"]
        assert dict(last[0].sections) == {
            "Captured stdout setup": f"up {name}\n",
            "Captured stdout call": f"out of {name}\n",
            "Captured stdout teardown": f"down {name}\n",
        }


@BOTH
def test_the_streams_are_whole_files(project: Project, options: tuple[str, ...]) -> None:
    """A judge may ask for the encoding, flush, write lines, and write any character."""

    def act(_name: str) -> None:
        assert sys.stdout.encoding.lower() == "utf-8"
        assert not sys.stdout.isatty()
        sys.stdout.writelines(["one\n", "two\n"])
        sys.stdout.flush()
        say("größe", file=sys.stdout, flush=True)

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    assert project.run(*options, panel=panel).exit == 0
    assert sections(panel) == {
        name: {"Captured stdout call": "one\ntwo\ngröße\n"} for name in slots("a")
    }


@BOTH
def test_bytes_stand_in_the_slots_own_section(project: Project, options: tuple[str, ...]) -> None:
    """What a judge writes to the stream's buffer is the slot's, too."""

    def act(name: str) -> None:
        sys.stdout.buffer.write(f"bytes of {name}\n".encode())
        sys.stdout.flush()

    project.experiment(runs=["a"])
    panel = FakePanel(Meeting(options, act).answer)
    assert project.run(*options, panel=panel).exit == 0
    assert sections(panel) == {
        name: {"Captured stdout call": f"bytes of {name}\n"} for name in slots("a")
    }


def test_a_stand_in_outlives_the_stream_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collected after the real stream was closed, it neither flushes nor closes it again."""
    real = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", real)
    with routed_streams(tee=False):
        stand_in = sys.stdout
    real.close()
    stand_in.close()


def test_streams_of_slots_keep_what_other_threads_write_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Text and bytes of a slot stay in its record; with ``tee`` they are printed, too."""
    real = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stdout", real)
    for tee in (False, True):
        with routed_streams(tee=tee):
            say("of nobody")
            with recording(Record()) as record:
                say("of a slot")
                sys.stdout.buffer.write(b"bytes\xff\n")
                sys.stdout.buffer.flush()
            sys.stdout.buffer.write(b"of nobody\n")
        assert record.stdout.getvalue() == "of a slot\nbytes\ufffd\n"
    once = "of nobody\nof nobody\n"
    real.seek(0)
    assert real.read() == f"{once}of nobody\nof a slot\nbytes\ufffd\nof nobody\n"


def test_streams_of_slots_are_as_real_as_those_they_stand_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They may be written to, and have the descriptor that a child process would inherit."""
    with (tmp_path / "out").open("w", encoding="utf-8") as real:
        monkeypatch.setattr(sys, "stdout", real)
        with routed_streams(tee=False), recording(Record()):
            streams: list[Any] = [sys.stdout, sys.stdout.buffer]
            assert [stream.writable() for stream in streams] == [True, True]
            assert [stream.fileno() for stream in streams] == [real.fileno()] * 2
            assert not sys.stdout.isatty()


@BOTH
def test_the_streams_are_restored(project: Project, options: tuple[str, ...]) -> None:
    """After the session the process has its own streams, warnings, and threads again."""
    before = (sys.stdout, sys.stderr, warnings.showwarning, threading.Thread.start)
    project.experiment(runs=["a"], retries=0)
    panel = FakePanel(lambda _slot, _question: "no verdict")
    assert project.run(*options, panel=panel).exit == 1
    after = (sys.stdout, sys.stderr, warnings.showwarning, threading.Thread.start)
    assert after == before


@BOTH
def test_a_judge_sees_no_test_of_pytests(project: Project, options: tuple[str, ...]) -> None:
    """Its environment names its own slot, not an item that pytest happens to report."""
    seen = {}

    def answer(slot: Any, question: Any) -> None:
        seen[slot.name] = (question.env["HARNESS_SLOT"], "PYTEST_CURRENT_TEST" in question.env)

    project.experiment(runs=["a"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_CURRENT_TEST", "of this session")
        assert project.run(*options, panel=FakePanel(answer)).exit == 0
    assert seen == {name: (name, False) for name in slots("a")}
    assert "HARNESS_SLOT" not in os.environ


@BOTH
def test_an_uncaught_error_in_a_judges_thread_is_a_warning_of_its_slot(
    project: Project, options: tuple[str, ...]
) -> None:
    """As in pytest, it is reported; and it is not another slot's that is reported first."""
    broke, reported = threading.Event(), threading.Event()

    def answer(slot: Any, _question: object) -> None:
        if slot.name == "runs/a/judge_01":
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
            broke.set()
            assert not options or reported.wait(WAIT)
        else:
            assert broke.wait(WAIT)

    class Reports:
        """Lets the first slot end when the second has its report."""

        def pytest_runtest_logfinish(self) -> None:
            """Say so."""
            reported.set()

    project.experiment(runs=["a"])
    panel = FakePanel(answer)
    assert project.run(*options, panel=panel, plugins=[Reports()]).exit == 0
    assert [name for name, _ in panel.warned] == ["runs/a/judge_01"]
