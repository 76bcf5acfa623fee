"""One at a time, in threads, or on several workers: the same session."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import harness

CONFTEST = """
import logging
import threading
import warnings

import pytest

from harness import JudgeError

REPLY = '{"score": 0.5, "passed": true, "reasoning": "fine"}'


class FakeJudge:
    def __init__(self, slot):
        self.slot = slot

    def ask(self, question):
        run = self.slot.run.name.rpartition("/")[2]
        print("asked about", run)
        if run == "fails":
            raise JudgeError("no answer today")
        if run == "breaks":
            raise RuntimeError("a bug in the judge")
        if run == "skips":
            pytest.skip("not in the mood")
        if run == "gibberish":
            return "I would rather not say"
        if run == "logs":
            logging.getLogger("judge").warning("logged about %s", run)
        if run == "warns":
            for _ in range(2):
                warnings.warn("warned about this", UserWarning)
        if run == "threads":
            thread = threading.Thread(target=print, args=("printed by another thread",))
            thread.start()
            thread.join()
        return REPLY


def pytest_harness_judge(slot, judge):
    return FakeJudge(slot)


def pytest_collection_modifyitems(items):
    marks = {
        "skipped": pytest.mark.skip(reason="by mark"),
        "skipif": pytest.mark.skipif(True, reason="by condition"),
        "xfailed": pytest.mark.xfail(reason="known", strict=False),
        "notrun": pytest.mark.xfail(run=False, reason="hopeless"),
    }
    for item in items:
        for name, mark in marks.items():
            if f"runs/{name}/" in item.nodeid:
                item.add_marker(mark)
"""

ORDINARY = """
import logging

import pytest


@pytest.fixture(scope="session")
def resource():
    print("session fixture up")
    return 1


def test_capsys(capsys, resource):
    print("hello")
    assert capsys.readouterr().out == "hello\\n"


def test_caplog(caplog):
    logging.getLogger("ordinary").warning("seen")
    assert caplog.messages == ["seen"]


@pytest.mark.parametrize("number", [1, 2])
def test_parametrized(number, tmp_path, resource):
    assert tmp_path.is_dir()
    assert number == 1, "two is wrong"
"""

SIBLING = """
def pytest_runtest_setup(item):
    raise RuntimeError("the conftest of a sibling directory was called")
"""

RUNS = [
    "plain",
    "fails",
    "breaks",
    "skips",
    "gibberish",
    "logs",
    "warns",
    "threads",
    "skipped",
    "skipif",
    "xfailed",
    "notrun",
]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a project with ordinary tests, an experiment of every kind of slot, and a sibling."""
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parents[1]))
    root = pytester.path
    experiment = root / "experiments" / "mixed"
    for run in RUNS:
        (experiment / "runs" / run).mkdir(parents=True)
        (experiment / "runs" / run / "output.md").write_text("an answer\n")
    (experiment / "experiment.yaml").write_text(
        "retries: 0\n"
        "judges:\n"
        "  - {name: one, kind: command, argv: [no-such-program]}\n"
        "  - {name: two, kind: command, argv: [no-such-program]}\n"
    )
    (experiment / "task.md").write_text("Do it.\n")
    (experiment / "rubric.yaml").write_text(
        "categories: {all: {weight: 1, items: [{id: A, check: it works, points: 1}]}}\n"
    )
    (experiment / "conftest.py").write_text(CONFTEST)
    (root / "tests").mkdir()
    (root / "tests" / "test_ordinary.py").write_text(ORDINARY)
    (root / "sibling").mkdir()
    (root / "sibling" / "conftest.py").write_text(SIBLING)
    pytester.makeini("[pytest]\njunit_logging = all\n")
    return pytester


def outcomes(project: pytest.Pytester, *options: str) -> dict[str, int]:
    """Judge a fresh copy and return the outcome counts; the XML is left in junit.xml."""
    for path in (project.path / "experiments" / "mixed" / "runs").glob("*/judge*"):
        remove(path)
    done = project.runpytest_subprocess(
        "-p", "harness.plugin", "--junitxml=junit.xml", "-p", "no:randomly", *options
    )
    return done.parseoutcomes()


def remove(path: Path) -> None:
    """Delete a file or a directory."""
    if path.is_dir():
        for child in path.iterdir():
            remove(child)
        path.rmdir()
    else:
        path.unlink()


def junit_cases(root: Path) -> dict[tuple[str, str], list[str]]:
    """Return what JUnit XML says of each test, without times and attempt names."""
    cases = {}
    for case in ET.parse(root / "junit.xml").iter("testcase"):  # noqa: S314 - our own file
        children = [
            (child.tag, _timeless(child.get("message")), _timeless(child.text), _properties(child))
            for child in case
        ]
        cases[case.get("classname", ""), case.get("name", "")] = sorted(map(str, children))
    return cases


def _properties(element: ET.Element) -> list[tuple[str | None, str | None]]:
    return [(child.get("name"), child.get("value")) for child in element.iter("property")]


def _timeless(text: str | None) -> str:
    text = re.sub(r"\[gw\d\] .*\n", "", text or "")  # pytest-xdist says which worker it was
    text = re.sub(r"session fixture up\n|/popen-gw\d", "", text)  # once per process; its tmp_path
    return re.sub(r"0x[0-9a-f]+|runpytest-\d+", "<varies>", text).strip()


def tree(root: Path) -> set[str]:
    """Return the names of the files of the experiment."""
    names = (str(path.relative_to(root)) for path in (root / "experiments").rglob("*"))
    return {name for name in names if "__pycache__" not in name}


@pytest.mark.parametrize(
    "options", [("--parallel", "6"), ("-n2", "--parallel", "6"), ("-n2",)], ids=" ".join
)
def test_a_session_in_threads_or_workers_equals_one_without(
    project: pytest.Pytester, options: tuple[str, ...]
) -> None:
    """Outcome counts, files, and every JUnit test case are the same."""
    sequential = outcomes(project)
    cases, files = junit_cases(project.path), tree(project.path)
    assert sequential == {
        "passed": 11,
        "failed": 7,
        "skipped": 6,
        "xfailed": 2,
        "xpassed": 2,
        "warnings": 2,
    }
    assert outcomes(project, *options) == sequential
    assert tree(project.path) == files
    found = junit_cases(project.path)
    assert set(found) == set(cases)
    for name, children in found.items():
        assert children == cases[name], name
