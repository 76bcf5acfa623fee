"""Beside the plugins that people use; each test is skipped where its plugin is not installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness import JudgeError
from tests.plugin_project import FakePanel, slots
from tests.workshop import shell_judge

if TYPE_CHECKING:
    from tests.plugin_project import Project

pytest_plugins = ("tests.plugin_project",)

BOTH = pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])


@BOTH
def test_the_limit_of_pytest_timeout_ends_a_judge(
    project: Project, options: tuple[str, ...]
) -> None:
    """The slot fails with a line that says so, and the judge's processes are ended."""
    pytest.importorskip("pytest_timeout")
    project.experiment(runs=["a"], judges=[shell_judge("sleep 4444", "slow")], retries=0)
    done = project.run("-p", "pytest_timeout", "--timeout", "1", *options)
    assert done.exit == 1
    (shown,) = done.progress
    assert shown.partition("): ")[2] == "Failed: Timeout (>1.0s) from pytest-timeout."
    totals = "judged 0, failed to judge 1, consensus regenerated 0"
    assert done.section("judge panel")[-1] == totals
    assert "calls: 1 paid, 0 adopted, 0 lost, 1 wasted" in done.section("consensus")


def test_the_limit_of_pytest_timeout_holds_in_threads(project: Project) -> None:
    """Its alarm is for the main thread; the limit ends judges of the pool all the same."""
    pytest.importorskip("pytest_timeout")
    project.experiment(runs=["a", "b"], judges=[shell_judge("sleep 4444", "slow")], retries=0)
    done = project.run("-p", "pytest_timeout", "--timeout", "1", "--parallel", "2")
    assert done.exit == 1
    for shown in done.progress:
        assert shown.partition("): ")[2] == "the judge took longer than 1 s and was ended"
    assert len(done.progress) == 2


@BOTH
def test_a_rerun_asks_again_and_only_the_failed_slot(
    project: Project, options: tuple[str, ...]
) -> None:
    """pytest-rerunfailures asks a judge that gave no answer once more; the second one counts."""
    pytest.importorskip("pytest_rerunfailures")
    seen: list[str] = []

    def answer(slot: Any, _question: object) -> None:
        seen.append(slot.name)
        if slot.name == "runs/a/judge_01" and seen.count(slot.name) == 1:
            raise JudgeError("not yet")

    project.experiment(runs=["a", "b"], retries=0)
    done = project.run(
        "-p", "pytest_rerunfailures", "--reruns", "2", *options, panel=FakePanel(answer)
    )
    assert done.exit == 0
    assert sorted(seen) == sorted([*slots("a", "b"), "runs/a/judge_01"])
    assert "4 passed, 1 rerun" in done.lines[-1]
    assert done.section("judge panel")[-1] == "judged 4, failed to judge 0, consensus regenerated 2"
    assert [text.split()[3] for text in done.progress if "a/judge_01" in text] == ["RERUN", "OK"]


@BOTH
def test_pytest_html_lists_every_slot(project: Project, options: tuple[str, ...]) -> None:
    """Its page has a row for each."""
    pytest.importorskip("pytest_html")
    project.experiment(runs=["a", "b"])
    extra = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin")
    done = project.run(*extra, "--html", "page.html", *options, panel=FakePanel())
    page = (project.path / "page.html").read_text(encoding="utf-8")
    assert done.exit == 0
    assert all(f"::{name}" in page for name in slots("a", "b"))


@BOTH
def test_pytest_json_report_has_every_slots_outcome(
    project: Project, options: tuple[str, ...]
) -> None:
    """Its file has the outcome and the properties of each."""
    pytest.importorskip("pytest_jsonreport")
    project.experiment(runs=["a", "b"])
    extra = ("-p", "pytest_metadata.plugin", "-p", "pytest_jsonreport.plugin")
    file = "report.json"
    done = project.run(
        *extra, "--json-report", f"--json-report-file={file}", *options, panel=FakePanel()
    )
    report = json.loads((project.path / file).read_bytes())
    assert done.exit == 0
    assert sorted(test["nodeid"].partition("::")[2] for test in report["tests"]) == slots("a", "b")
    assert {test["outcome"] for test in report["tests"]} == {"passed"}


@BOTH
def test_the_groups_of_pytest_split_are_the_whole(
    project: Project, options: tuple[str, ...]
) -> None:
    """Two groups, on machines of their own, judge every slot once."""
    pytest.importorskip("pytest_split")
    asked: list[str] = []
    for group in ("1", "2"):
        project.experiment(f"on{group}/exp", runs=["a", "b"])
        panel = FakePanel()
        split = ("-p", "pytest_split.plugin", "--splits", "2", "--group", group)
        assert project.run(f"on{group}", *split, *options, panel=panel).exit == 0
        asked += panel.asked
    assert sorted(asked) == slots("a", "b")


@BOTH
@pytest.mark.parametrize(
    "plugin", ["pytest_sugar", "pytest_randomly", "pytest_asyncio", "pytest_cov.plugin"]
)
def test_a_session_is_the_same_beside(
    project: Project, options: tuple[str, ...], plugin: str
) -> None:
    """Every slot is judged once, whatever repaints, shuffles, or measures the session."""
    pytest.importorskip(plugin)
    root = project.experiment(runs=["a", "b"])
    panel = FakePanel()
    done = project.run("-p", plugin, *options, panel=panel)
    assert (done.exit, sorted(panel.asked)) == (0, slots("a", "b"))
    assert len(list(root.glob("runs/*/judge/result.json"))) == 2
    assert done.section("judge panel")[-1] == "judged 4, failed to judge 0, consensus regenerated 2"
