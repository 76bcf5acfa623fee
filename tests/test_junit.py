"""JUnit XML from disk: the cases of a session, without one."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

from harness.junit import junit_xml
from harness.layouts import open_experiment
from harness.scan import scan
from tests.conftest import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("tests.plugin_project",)


def suites(root: Path) -> ET.Element:
    """Return the parsed document of one experiment."""
    made = junit_xml([scan(open_experiment(root))], lambda _, name: f"dir/experiment.yaml::{name}")
    return ET.fromstring(made)  # noqa: S314 - made here


def put(root: Path, run: str, text: str) -> None:
    """Write the judgment of a run's first slot."""
    write(root / "runs" / run / "judge" / "judge_01" / "judgment.json", text)


def test_every_slot_is_a_case_with_its_status(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """Judged ones passed, whatever they say; failed ones fail; the others are skipped."""
    runs = {**dict.fromkeys(["complete", "failed", "missing"], "Done.\n"), "blocked": None}
    root = make_experiment(tmp_path / "exp", runs=runs, judges=1)
    made = {"duration_seconds": 2.5, "cost_usd": 0.25, "tokens": {"input_tokens": 7}}
    judgment = {"score": 0.25, "passed": False, "provenance": made}
    put(root, "complete", json.dumps(judgment))
    put(root, "failed", "no <json> & no \x00 control \x1b[31m")
    (suite,) = suites(root)
    assert suite.attrib == {
        "name": "exp",
        "errors": "0",
        "failures": "1",
        "skipped": "2",
        "tests": "4",
        "time": "2.500",
    }
    cases = {case.attrib["name"]: case for case in suite}
    assert cases["runs/complete/judge_01"].attrib == {
        "classname": "dir.experiment.yaml",
        "name": "runs/complete/judge_01",
        "time": "2.500",
    }
    properties = cases["runs/complete/judge_01"].findall("properties/property")
    assert {p.attrib["name"]: p.attrib["value"] for p in properties} == {
        "status": "complete",
        "judge": "judge-a",
        "score": "0.25",
        "passed": "False",
        "cost_usd": "0.25",
        "tokens_input_tokens": "7",
    }
    path = root.resolve() / "runs" / "failed" / "judge" / "judge_01" / "judgment.json"
    why = f"{path}: not a judgment (is not JSON (Expecting value, line 1 column 1))"
    failure = cases["runs/failed/judge_01"].find("failure")
    assert failure is not None
    assert (failure.attrib, failure.text) == ({"message": why}, why)
    skipped = [cases[f"runs/{run}/judge_01"].find("skipped") for run in ("missing", "blocked")]
    blocked = f"{root.resolve()}/runs/blocked: no output.md or output.txt with text in it"
    assert [element.attrib for element in skipped if element is not None] == [
        {"type": "pytest.skip", "message": "never tried"},
        {"type": "pytest.skip", "message": blocked},
    ]


def test_the_cases_are_named_as_pytest_names_them(
    project: Any, make_experiment: Callable[..., Path]
) -> None:
    """So that a report made later replaces the one of the session."""
    root = make_experiment(project.path / "dir", runs=["a"], judges=2)
    project.run("--junitxml=session.xml", "dir")
    session = ET.parse(project.path / "session.xml").getroot()  # noqa: S314 - pytest's own
    made = [case.attrib for case in suites(root)[0]]
    for name in ("classname", "name"):
        assert [case.attrib[name] for case in session[0].iter("testcase")] == [
            case[name] for case in made
        ]


def test_what_xml_has_no_place_for_is_made_visible(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    """A judge's model name, or a message, may hold anything; the document stays one."""
    root = make_experiment(tmp_path / "exp", runs=["a"], judges=1)
    made = {"model_answered": 'm"<\x00\ufffe>'}
    put(root, "a", json.dumps({"score": 1, "passed": True, "provenance": made}))
    (suite,) = suites(root)
    properties = suite.findall("testcase/properties/property")
    found = {p.attrib["name"]: p.attrib["value"] for p in properties}
    assert found["model_answered"] == 'm"<#x00#xFFFE>'
