"""A project on disk, its pytest sessions in this process, and judges that the test drives.

PYTEST_DONT_REWRITE: test modules import this before pytest registers it as their plugin.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness import Judge, Question, Slot

WIDTH = 80
"""Columns of the sessions' terminal."""

REPLY = '{"score": 0.5, "passed": true, "reasoning": "fine"}'

CHECKOUT = Path(harness.__file__).parents[1]

# A session in this process forgets what it imported when it ends; a second one would
# then have two classes of one name. What is imported before stays.
for name in (
    "jinja2",
    "msgspec",
    "yaml",
    *(module.name for module in pkgutil.walk_packages(harness.__path__, "harness.")),
):
    if not name.endswith("_child"):  # a program, not a module
        importlib.import_module(name)


class FakeJudge:
    """One slot's judge: what it answers is the test's ``answer``."""

    def __init__(self, panel: FakePanel, slot: Slot) -> None:
        self.panel = panel
        self.slot = slot

    def ask(self, question: Question) -> str:
        """Count, and answer."""
        panel = self.panel
        with panel.lock:
            panel.asked.append(self.slot.name)
            panel.threads.append(threading.current_thread().name)
            panel.at_work += 1
            panel.peak = max(panel.peak, panel.at_work)
        try:
            return panel.answer(self.slot, question) or REPLY
        finally:
            with panel.lock:
                panel.at_work -= 1
                panel.answered.append(self.slot.name)


class FakePanel:
    """A plugin of the session under test: supplies every judge, keeps every report.

    ``answer`` gets the slot and the question; None from it is a good reply.
    """

    def __init__(self, answer: Callable[[Slot, Question], str | None] | None = None) -> None:
        self.answer = answer or (lambda _slot, _question: None)
        self.lock = threading.Lock()  # protects the counters from the judges' threads
        self.started: list[str] = []  # in the order in which the main thread starts them
        self.asked: list[str] = []
        self.answered: list[str] = []
        self.threads: list[str] = []
        self.at_work = 0
        self.peak = 0
        self.reports: list[pytest.TestReport] = []
        self.warned: list[tuple[str, str]] = []
        self.items: list[pytest.Item] = []

    def pytest_harness_judge(self, slot: Slot, judge: Judge | None) -> FakeJudge:
        """Take the place of the configured judge."""
        del judge
        self.started.append(slot.name)
        return FakeJudge(self, slot)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the report."""
        self.reports.append(report)

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        """Keep the warning."""
        self.warned.append((nodeid.rpartition("::")[2], str(warning_message.message)))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the selected items."""
        self.items = list(session.items)

    def call(self, slot: str) -> pytest.TestReport:
        """Return the report of a slot's call phase."""
        found = [r for r in self.reports if r.nodeid.endswith(f"::{slot}") and r.when == "call"]
        assert len(found) == 1, f"{slot} was reported {len(found)} times"
        return found[0]


class Ran:
    """One finished session: its exit status and what it printed, times made alike."""

    def __init__(self, result: pytest.RunResult) -> None:
        self.result = result
        self.exit = int(result.ret)
        self.lines = said(result.outlines)
        self.errors = [alike(line) for line in result.errlines]

    @property
    def body(self) -> list[str]:
        """Return the lines after the header, from what was collected on, without empty ones."""
        start = next((i for i, line in enumerate(self.lines) if line.startswith("collected ")), -1)
        return [line for line in self.lines[start + 1 :] if line]

    @property
    def progress(self) -> list[str]:
        """Return the lines of finished slots, sorted by slot when they came in any order."""
        return [line for line in self.lines if re.match(r"\[\d+/\d+\] ", line)]

    @property
    def problem(self) -> list[str]:
        """Return what a usage error says."""
        return [line for line in self.errors if line]

    def section(self, title: str) -> list[str]:
        """Return the lines of one section of the terminal, its title left out."""
        rule = re.compile(r"=+ (.*) =+")
        found: list[str] | None = None
        for line in self.lines:
            match = rule.fullmatch(line)
            if match:
                if found is not None:
                    break
                found = [] if match[1] == title else None
            elif found is not None and line:
                found.append(line)
        assert found is not None, f"there is no section {title!r}"
        return found


def said(lines: Iterable[str]) -> list[str]:
    """Return what a session printed, made alike.

    pytest names plugins only if installed, and a session the time only if it took some.
    """
    return [alike(line) for line in lines if not line.startswith(("plugins: ", "time: "))]


def alike(line: str) -> str:
    """Return a line with its times and random names replaced."""
    if last := re.fullmatch(r"=+ (.*) in [\d.]+s(?: \([\d:]+\))? =+", line):
        title = f" {last[1]} in 0.00s "
        rule = "=" * ((WIDTH - len(title)) // 2)
        line = f"{rule}{title}{rule}".ljust(WIDTH, "=")  # as pytest centres it
    line = re.sub(r"\b\d+\.\d\ds\b", "0.00s", line)
    line = re.sub(r"\b\d+s elapsed", "0s elapsed", line)
    line = re.sub(r"\bETA \d+s", "ETA 0s", line)
    line = re.sub(r"attempts/\d{4}\b", "attempts/ATTEMPT", line)
    return re.sub(r"\d{8}T[\w.-]+", "ATTEMPT", line)


def mark_run(root: Path, run: str) -> None:
    """Mark the slots of a run, so that they are judged by themselves."""
    (root / "conftest.py").write_text(
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        f"    [i.add_marker(pytest.mark.xfail) for i in items if 'runs/{run}/' in i.name]\n",
        encoding="utf-8",
    )


class Project:
    """A directory with experiments; ``run`` starts pytest in it, in this process."""

    def __init__(self, pytester: pytest.Pytester, make_experiment: Callable[..., Path]) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self._make = make_experiment

    def experiment(self, place: str = "exp", **keys: Any) -> Path:
        """Write a native experiment in the project."""
        return self._make(self.path / place, **keys)

    def mixed(self, name: str = "exp") -> Path:
        """Write an experiment of one judge with a run of each status, named after it."""
        runs = dict.fromkeys(["complete", "failed", "missing", "stale"], "It is done.\n")
        root = self.experiment(name, runs={**runs, "blocked": None}, judges=1)
        self.judgment(root / "runs" / "complete")
        self.judgment(root / "runs" / "stale", provenance={"inputs_sha256": "of another output"})
        self.judgment(root / "runs" / "failed", text="")
        return root

    def judgment(self, run: Path, number: int = 1, *, text: str | None = None, **keys: Any) -> Path:
        """Write a slot's judgment, or the text that stands in its place."""
        path = run / "judge" / f"judge_{number:02d}" / "judgment.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        made = {"score": 0.5, "passed": True, "grade": "C", "reasoning": "fine", **keys}
        path.write_text(json.dumps(made) if text is None else text, encoding="utf-8")
        return path

    def run(
        self, *options: str | Path, panel: FakePanel | None = None, plugins: Iterable[object] = ()
    ) -> Ran:
        """Run a session in this process."""
        plugins = [*plugins] if panel is None else [panel, *plugins]
        args = ["-p", "harness.plugin", *options]
        with warnings.catch_warnings():
            warnings.resetwarnings()  # ours make every warning an error
            inside = self.pytester.runpytest_inprocess
            return Ran(inside(*args, plugins=plugins, no_reraise_ctrlc=True))

    def ids(self, *options: str | Path) -> list[str]:
        """Return the node ids that a session would run."""
        done = self.run("--collect-only", "-q", *options)
        return [line for line in done.lines if "::" in line]

    def snapshot(self) -> dict[str, tuple[int, bytes | None]]:
        """Return every path below the project with its time and content."""
        return {
            str(path.relative_to(self.path)): (
                path.lstat().st_mtime_ns,
                path.read_bytes() if path.is_file() else None,
            )
            for path in sorted(self.path.rglob("*"))
            if "__pycache__" not in path.parts and ".pytest_cache" not in path.parts
        }


def slots(*runs: str, judges: int = 2) -> list[str]:
    """Return the names of the slots of runs below ``runs/``."""
    return [f"runs/{run}/judge_{n:02d}" for run in runs for n in range(1, judges + 1)]


def line(done: int, total: int, name: str, verdict: str = "OK", why: str = "") -> str:
    """Return the line of a finished slot, times made alike."""
    eta = ", ETA 0s" if 3 <= done < total else ""
    reason = f": {why}" if why else ""
    return (
        f"[{done}/{total}] {name} -> {verdict} ({total - done} remaining, 0s elapsed){eta}{reason}"
    )


@pytest.fixture
def project(
    pytester: pytest.Pytester,
    make_experiment: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Project:
    """Return an empty project with an ini file; only our plugin and pytest's own are loaded."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for name in ("PYTEST_ADDOPTS", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    # Durability is the concern of other tests, and half of a slot's cost here.
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    pytester.makeini("[pytest]\n")
    return Project(pytester, make_experiment)
