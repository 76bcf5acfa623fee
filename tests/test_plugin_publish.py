"""What a session writes besides the terminal: the page, the summary, annotations, properties."""

from __future__ import annotations

import html
import re
import time
import xml.etree.ElementTree as ET
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageLimitError
from tests.pages import parsed
from tests.plugin_project import FakePanel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin_project import Project

# A session in this process forgets what it imported, and numpy cannot be imported twice.
with suppress(ModuleNotFoundError):
    import matplotlib.backends.backend_svg
    import matplotlib.figure  # noqa: F401 - as above

pytest_plugins = ("tests.plugin_project",)

BOTH = pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])


def refuses(slot: Any, _question: object) -> str | None:
    """Answer nothing usable for one slot."""
    return "no :: comment" if slot.name == "runs/b/judge_01" else None


@BOTH
def test_the_page_shows_what_the_session_left_on_disk(
    project: Project, options: tuple[str, ...]
) -> None:
    """The judgments made in this session are on it, and so is what failed."""
    project.experiment(runs=["a", "b"], retries=0, name="demo")
    done = project.run(*options, "--judge-report", "out/r.html", panel=FakePanel(refuses))
    assert done.exit == 1
    assert done.section("consensus")[-1] == "report: out/r.html"
    page = parsed((project.path / "out" / "r.html").read_bytes())
    assert page.text_of("h1") == ["Judge panel: demo"]
    assert page.text_of("dd")[0] == "3 of 4"
    assert "exp/experiment.yaml::runs/b/judge_01" in page.text_of("th")


def test_a_configured_page_lies_beside_the_configuration(project: Project) -> None:
    """The ini option's path is relative to the file it stands in, wherever pytest is started."""
    project.experiment(runs=["a"])
    project.pytester.makeini("[pytest]\nharness_report = r.html\n")
    (project.path / "below").mkdir()
    assert project.run("exp", panel=FakePanel()).exit == 0
    assert (project.path / "r.html").is_file()


@pytest.mark.parametrize("option", ["--dry-run", "--collect-only"])
def test_a_session_that_only_looks_writes_nothing(project: Project, option: str) -> None:
    """Neither the page nor the summary."""
    project.experiment(runs=["a"])
    before = project.snapshot()
    project.run(option, "--judge-report=r.html", "--judge-markdown=s.md", panel=FakePanel())
    assert project.snapshot() == before


def test_a_page_that_cannot_be_written_fails_the_session(project: Project) -> None:
    """Whoever asked for it must know; the judgments are recorded all the same."""
    root = project.experiment(runs=["a"])
    (project.path / "file").write_text("", encoding="utf-8")
    done = project.run("--judge-report", "file/r.html", panel=FakePanel())
    assert done.exit == 1
    place = project.path / "file"
    (line,) = [text for text in done.section("consensus") if text.startswith("a report")]
    why = f"NotADirectoryError: [Errno 20] is no directory: '{place}'"
    assert line == f"a report cannot be written ({why})"
    assert (root / "runs" / "a" / "judge" / "judge_01" / "judgment.json").is_file()


def test_the_summary_goes_to_the_file_that_is_named(project: Project) -> None:
    """A file named on the command line is replaced, and the terminal says so."""
    project.experiment(runs=["a"], name="demo")
    (project.path / "s.md").write_text("of yesterday\n", encoding="utf-8")
    done = project.run("--judge-markdown", "s.md", panel=FakePanel())
    assert done.section("consensus")[-1] == "summary: s.md"
    lines = (project.path / "s.md").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [
        "## Judge panel: demo",
        "",
        "2 of 2 judgments, 1 of 1 runs have all.",
    ]


def test_under_github_actions_the_summary_is_added_to_the_steps(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What other steps wrote stays before it."""
    step = tmp_path / "step.md"
    step.write_text("# before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    project.experiment(runs=["a"], name="demo")
    assert project.run(panel=FakePanel()).exit == 0
    lines = step.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["# before", "## Judge panel: demo"]


def shown_annotations(done: Any) -> list[str]:
    """Return the lines that GitHub Actions takes for commands."""
    return [line for line in done.lines if line.startswith("::")]


@BOTH
def test_failed_slots_are_annotated_under_github_actions(
    project: Project, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """One command for each, at the experiment's configuration."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.experiment(runs=["a", "b"], retries=0, name="demo")
    done = project.run(*options, panel=FakePanel(refuses))
    why = "the reply has no JSON object with score, passed, reasoning; it is kept in "
    why += "exp/runs/b/judge/judge_01/attempts/ATTEMPT/stdout"
    place = "file=exp/experiment.yaml,title=demo%3A runs/b/judge_01"
    assert shown_annotations(done) == [f"::error {place}::{why}"]


@pytest.mark.parametrize("above", [False, True], ids=["elsewhere", "above"])
def test_annotations_name_files_as_the_ci_service_sees_them(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, above: bool
) -> None:
    """From the checkout's own directory, if pytest's root directory lies below it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent if above else tmp_path / "x"))
    project.experiment(runs=["a", "b"], retries=0, name="demo")
    (shown,) = shown_annotations(project.run(panel=FakePanel(refuses)))
    below = f"{project.path.name}/" if above else ""
    assert shown.startswith(f"::error file={below}exp/experiment.yaml,title=demo%3A runs/b")


def test_a_gate_that_does_not_hold_is_annotated_and_in_the_summary(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody has to search the log for the reason of exit status 1."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    project.experiment(runs=["a"], name="demo")
    project.experiment("other", runs=["a"])
    good = '{"score": 0.9, "passed": true, "reasoning": "good"}'
    panel = FakePanel(lambda slot, _: good if slot.run.path.parts[-3] == "other" else None)
    done = project.run("--judge-fail-under", "0.8", "--judge-report=r.html", panel=panel)
    assert done.exit == 1
    line = "demo: mean score is 0.5, at least 0.8 is wanted"
    assert done.section("consensus")[-1] == f"gate: {line}"
    assert shown_annotations(done) == [f"::error file=exp/experiment.yaml,title=gate::{line}"]
    lines = (tmp_path / "step.md").read_text(encoding="utf-8").splitlines()
    assert [text for text in lines if text.startswith("- ")] == [
        f"- gate&#58; {line.replace(':', '&#58;')}"
    ]
    assert lines.index("## Judge panel: demo") < lines.index(
        f"- gate&#58; {line.replace(':', '&#58;')}"
    )


def test_deferred_slots_are_in_the_summary(project: Project) -> None:
    """With a reason, and what to do: the exit status 75 alone says neither."""
    project.experiment(runs=["a", "b"], name="demo")
    project.experiment("other", runs=["a"])

    def parked(slot: Any, _question: object) -> None:
        if slot.judge.number == 2 and slot.run.path.parts[-3] == "exp":
            raise UsageLimitError("limit reached", until=time.time() + 3600)

    done = project.run("--judge-markdown=s.md", panel=FakePanel(parked))
    assert done.exit == 75
    lines = (project.path / "s.md").read_text(encoding="utf-8").splitlines()
    (line,) = [text for text in lines if text.startswith("- ")]
    assert re.fullmatch(
        r"- 2 slots were deferred \(judge-b is not asked: limit reached until .* UTC\): "
        r"run the same command again later",
        html.unescape(line),
    )


@pytest.mark.parametrize("off", ["option", "ini", "elsewhere"])
def test_annotations_can_be_turned_off(
    project: Project, monkeypatch: pytest.MonkeyPatch, off: str
) -> None:
    """By an option, by the configuration, and by not being there."""
    if off != "elsewhere":
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
    if off == "ini":
        project.pytester.makeini("[pytest]\nharness_annotations = off\n")
    project.experiment(runs=["a", "b"], retries=0)
    options = ["--judge-annotations=off"] if off == "option" else []
    assert shown_annotations(project.run(*options, panel=FakePanel(refuses))) == []


@pytest.mark.parametrize("actions", ["true", ""])
def test_what_a_judge_prints_is_no_command_of_the_ci_service(
    project: Project, monkeypatch: pytest.MonkeyPatch, actions: str
) -> None:
    """Where pytest shows the output of a failed slot, too; elsewhere it stands as it is."""
    monkeypatch.setenv("GITHUB_ACTIONS", actions)
    project.experiment(runs=["a"], judges=1, retries=0)

    def answer(_slot: object, _question: object) -> str:
        print("::stop-commands::x\n  ::error::y")  # noqa: T201 - as judges do
        return "?"

    done = project.run(panel=FakePanel(answer))
    assert done.exit == 1
    mine = [line for line in done.lines if "stop-commands" in line or "error::y" in line]
    here = "\\" if actions else ""
    assert mine == [f"{here}::stop-commands::x", f"  {here}::error::y"]
    assert any(line.lstrip().startswith("::error file=") for line in done.lines) is bool(actions)


def test_an_unknown_word_for_annotations_is_a_usage_error(project: Project) -> None:
    """The message names the option and what it may be."""
    project.pytester.makeini("[pytest]\nharness_annotations = loud\n")
    done = project.run()
    assert (done.exit, done.problem) == (
        4,
        ["ERROR: the ini option harness_annotations must be auto or off"],
    )


@BOTH
def test_junit_has_what_is_known_of_each_slot_and_of_the_session(
    project: Project, options: tuple[str, ...]
) -> None:
    """Score, verdict, judge, and paid attempts stand on the case, the totals on the suite."""
    project.experiment(runs=["a", "b"], retries=0)
    project.run(*options, "--junitxml=x.xml", panel=FakePanel(refuses))
    suite = ET.parse(project.path / "x.xml").getroot()[0]  # noqa: S314 - pytest's own

    def properties(element: ET.Element) -> dict[str, str]:
        found = element.findall("properties/property")
        assert len({p.attrib["name"] for p in found}) == len(found)
        return {p.attrib["name"]: p.attrib["value"] for p in found}

    assert properties(suite) == {
        "judged": "3",
        "failed_to_judge": "1",
        "deferred": "0",
        "calls_paid": "4",
        "calls_adopted": "0",
        "calls_lost": "0",
        "calls_wasted": "1",
    }
    cases = {case.attrib["name"]: properties(case) for case in suite.iter("testcase")}
    assert cases["runs/a/judge_01"] == {
        "score": "0.5",
        "passed": "True",
        "judge": "judge-a",
        "attempts_paid": "1",
    }
    assert cases["runs/b/judge_01"] == {
        "judge": "judge-a",
        "attempts_paid": "1",
    }
