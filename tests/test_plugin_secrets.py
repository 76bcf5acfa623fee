"""Secrets in what pytest makes of errors, logs, and warnings."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.secrets import Secrets, cleaned
from harness.redact import Redactor
from tests.plugin_project import FakePanel, Project, project

if TYPE_CHECKING:
    from harness import Question, Slot

__all__ = ["project"]

SECRET = "hunter2-and-more"

REDACTOR = Redactor({"A_KEY": SECRET})


def test_texts_are_cleaned_in_collections_of_any_depth() -> None:
    """What is no text stays what it is, and a collection without a secret the same object."""
    plain = {"a": ["b", ("c", 1)]}
    assert cleaned(plain, REDACTOR) is plain
    value = {"a": [(SECRET, 1), {"b": f"x{SECRET}"}], "c": None}
    assert cleaned(value, REDACTOR) == {"a": [("[redacted]", 1), {"b": "x[redacted]"}], "c": None}


def test_traceback_with_its_chain_and_locals_is_cleaned() -> None:
    """As it is printed, with all that pytest can show of it."""

    def fail() -> None:
        value = {"key": SECRET}
        try:
            value[f"{SECRET}-2"]
        except KeyError as error:
            raise RuntimeError(f"no {value}") from error

    with pytest.raises(RuntimeError) as caught:
        fail()
    shown = caught.getrepr(showlocals=True, style="long")
    assert SECRET in str(shown)
    assert cleaned(shown, REDACTOR) is shown
    assert SECRET not in str(shown)
    assert "[redacted]" in str(shown)


def test_record_whose_call_is_wrong_is_left_to_logging(project: Project) -> None:
    """It says itself what is wrong with it; a right one is cleaned, its exception as well."""
    config = project.pytester.parseconfigure("-p", "harness.plugin")
    clean = Secrets(config, REDACTOR)._clean_record
    wrong = logging.LogRecord("n", logging.INFO, "p", 1, "%d", (SECRET,), None)
    assert clean(wrong)
    assert wrong.args == (SECRET,)
    error = ValueError(SECRET)
    right = logging.LogRecord(
        "n", logging.INFO, "p", 1, "used %s", (SECRET,), (ValueError, error, None)
    )
    assert clean(right)
    assert (right.getMessage(), error.args) == ("used [redacted]", ("[redacted]",))


def test_slot_shows_and_records_no_secret_of_the_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the line of the slot nor in what was captured, in threads as one by one."""
    monkeypatch.setenv("A_KEY", SECRET)

    def answer(slot: Slot, _: Question) -> str | None:
        sys.stdout.write(f"printed {SECRET}\n")
        logging.getLogger("judge").warning("logged %s", SECRET)
        if slot.judge.number == 2:
            raise ValueError(f"raised {SECRET}")
        return None

    project.experiment("exp", runs=["a"], judges=2, retries=0)
    for options in (["--parallel", "2"], ["--parallel", "1"]):
        for path in project.path.glob("exp/runs/a/judge"):
            path.rename(project.path / "judged")
        panel = FakePanel(answer)
        done = project.run("-rA", *options, panel=panel)
        report = panel.call("runs/a/judge_02")
        assert done.exit == 1
        assert SECRET not in "\n".join(done.lines)
        crash: Any = report.longrepr
        assert crash.reprcrash.message == "ValueError: raised [redacted]"
        assert report.capstdout == "printed [redacted]\n"
        assert "logged [redacted]" in report.caplog


def test_session_without_an_experiment_has_no_such_plugin(project: Project) -> None:
    """Ordinary tests are nobody's business here."""
    project.pytester.makepyfile(
        "def test_plugins(request):\n"
        "    assert not request.config.pluginmanager.hasplugin('harness-secrets')\n"
    )
    assert project.run().exit == 0
