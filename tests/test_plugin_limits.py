"""Throttles, usage limits, budgets, and what is checked before, in sessions."""

from __future__ import annotations

import itertools
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.counting import Statistics
from harness.errors import (
    RetryableError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.plugin.limits import duration, max_cost, money, wait
from harness.plugin.outlook import put_off
from tests.plugin_project import REPLY, FakePanel, Ran

if TYPE_CHECKING:
    from harness import Question, Slot
    from tests.plugin_project import Project

pytest_plugins = ["tests.plugin_project"]

HOUR = 3600.0

AGAIN = "run the same command again later: pytest -p harness.plugin"


def refusing(error: Exception, *, judge: int = 1, times: int = 10**6) -> FakePanel:
    """Return a panel one of whose judges refuses the first calls."""
    count = itertools.count()

    def answer(slot: Slot, _: Question) -> str | None:
        if slot.judge.number == judge and next(count) < times:
            raise error
        return None

    return FakePanel(answer)


def summary(ran: Ran) -> list[str]:
    """Return the lines about deferred slots."""
    return [line for line in ran.lines if line.startswith(("deferred", "run the"))]


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_throttled_slot_is_judged_a_moment_later(project: Project, parallel: int) -> None:
    """The refusal is counted, but it uses up no attempt and fails nothing."""
    project.experiment(runs={"a": "x\n", "b": "x\n"})
    panel = refusing(ThrottledError("slow down", retry_after=0.05), times=2)
    ran = project.run("exp", f"--parallel={parallel}", panel=panel)
    assert ran.exit == 0
    assert len(panel.asked) == 6
    assert "calls: 4 paid, 0 adopted, 0 lost, 0 wasted, 2 refused" in ran.lines
    assert project.run("exp").exit == 0


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_usage_limit_defers_its_judge_and_nobody_else(project: Project, parallel: int) -> None:
    """What is deferred, until when, and the command to run again; the slots stay missing."""
    project.experiment(runs={"a": "x\n", "b": "x\n"})
    until = time.time() + HOUR
    shown = time.strftime("%H:%M UTC", time.gmtime(until))
    panel = refusing(UsageLimitError("usage limit reached", until=until))
    ran = project.run("exp", f"--parallel={parallel}", panel=panel)
    assert ran.exit == 75
    deferred, command = summary(ran)
    assert deferred.startswith("deferred 2 slots: judge-a is not asked: usage limit reached until ")
    assert deferred[-9:-4] >= shown[:5] or shown < "00:02"
    assert (
        command
        == f"run the same command again later: pytest -p harness.plugin exp --parallel={parallel}"
    )
    again = project.run("exp", "--dry-run")
    assert "  missing: 2" in again.lines
    assert {"runs/a/judge_02", "runs/b/judge_02"} <= set(panel.asked)


def test_calls_after_a_usage_limit_are_no_more_than_were_in_flight(project: Project) -> None:
    """Every lane may have asked before it was known; nobody asks afterwards."""
    project.experiment(runs={f"r{n}": "x\n" for n in range(12)}, judges=1)
    together = threading.Barrier(3, timeout=30)

    def answer(_slot: Slot, _question: Question) -> str | None:
        together.wait()
        raise UsageLimitError("usage limit reached", until=time.time() + HOUR)

    panel = FakePanel(answer)
    ran = project.run("exp", "--parallel", "3", panel=panel)
    assert (ran.exit, len(panel.asked)) == (75, 3)


def test_a_bad_key_fails_what_was_asked_and_defers_the_rest(project: Project) -> None:
    """One call tells; the session fails, since somebody must act."""
    project.experiment(runs={f"r{n}": "x\n" for n in range(6)}, judges=1)
    panel = refusing(UnusableJudgeError("the key is not valid"))
    ran = project.run("exp", panel=panel)
    assert ran.exit == 1
    assert panel.asked == ["runs/r0/judge_01"]
    assert summary(ran)[0] == "deferred 5 slots: judge-a is not asked: the key is not valid"


def test_a_provider_that_fails_for_a_moment_costs_nothing_but_time(project: Project) -> None:
    """The slot is tried again a little later."""
    project.experiment(runs={"a": "x\n"}, judges=1)
    panel = refusing(TransientError("overloaded"), times=1)
    assert project.run("exp", panel=panel).exit == 0
    assert len(panel.asked) == 2


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_session_that_may_wait_waits(project: Project, parallel: int) -> None:
    """--judge-wait: the parked judge is asked again when its limit ends."""
    project.experiment(runs={"a": "x\n", "b": "x\n"}, judges=1)
    panel = FakePanel()
    first = threading.Lock()

    def answer(_slot: Slot, _question: Question) -> str | None:
        if first.acquire(blocking=False):
            raise UsageLimitError("usage limit reached", until=time.time() - 4.9)
        return None

    panel.answer = answer
    ran = project.run("exp", f"--parallel={parallel}", "--judge-wait", "30m", panel=panel)
    assert ran.exit == 0
    assert len(panel.answered) == 3


def test_an_invalid_reply_is_asked_for_again_behind_the_gate(project: Project) -> None:
    """The second answer counts, and both calls do."""
    project.experiment(runs={"a": "x\n"}, judges=1)
    answers = iter(["no verdict", REPLY])
    panel = FakePanel(lambda _slot, _question: next(answers))
    ran = project.run("exp", panel=panel)
    assert ran.exit == 0
    assert "calls: 2 paid, 0 adopted, 0 lost, 1 wasted" in ran.lines


def test_a_slot_that_was_paid_for_in_vain_and_then_throttled_keeps_its_calls(
    project: Project,
) -> None:
    """Deferred slots count what they cost."""
    project.experiment(runs={"a": "x\n"}, judges=1)
    errors = iter([RetryableError("no verdict"), UsageLimitError("limit reached")])

    def answer(_slot: Slot, _question: Question) -> str | None:
        raise next(errors)

    ran = project.run("exp", panel=FakePanel(answer))
    assert ran.exit == 75
    assert "calls: 1 paid, 0 adopted, 0 lost, 1 wasted, 1 refused" in ran.lines


# --- the budget ---------------------------------------------------------------------------


def priced(project: Project, runs: int, *, price: dict[str, float] | None, judges: int = 1) -> None:
    """Write an experiment whose judges have a price for each call."""
    known = {} if price is None else {"price": price}
    listed = [{"name": f"j{n}", "kind": "command", "argv": ["cat"], **known} for n in range(judges)]
    project.experiment(runs={f"r{n}": "x\n" for n in range(runs)}, judges=listed)


def test_a_budget_stops_before_it_is_exceeded(project: Project) -> None:
    """With 0.25 USD a call and 1 USD, four slots are judged and the rest is named."""
    priced(project, 7, price={"call": 0.25})
    project.judgment(project.path / "exp" / "runs" / "r6", provenance={"cost_usd": 0.25})
    together = threading.Barrier(2, timeout=30)

    def answer(_slot: Slot, _question: Question) -> None:
        together.wait()

    panel = FakePanel(answer)
    ran = project.run("exp", "--parallel", "3", "--judge-max-cost", "1", panel=panel)
    assert ran.exit == 75
    assert len(panel.asked) == 4
    assert summary(ran) == [
        (
            "deferred 2 slots: j0 is not asked: the budget is used up: 1.0000 of 1 USD spent, "
            "and a call costs about 0.2500"
        ),
        f"{AGAIN} exp --parallel 3 --judge-max-cost 1",
    ]


def test_without_a_past_one_call_at_a_time_tells_the_cost(project: Project) -> None:
    """The second call starts when the first has told what it cost."""
    priced(project, 6, price={"call": 0.25})
    panel = FakePanel()

    def answer(_slot: Slot, _question: Question) -> str | None:
        if len(panel.asked) == 1:
            assert panel.at_work == 1
            time.sleep(0.05)
            assert panel.at_work == 1
        return None

    panel.answer = answer
    assert project.run("exp", "--parallel=6", "--judge-max-cost=9", panel=panel).exit == 0


def test_failed_calls_count_against_the_budget(project: Project) -> None:
    """They were paid, too."""
    priced(project, 6, price={"call": 0.25})
    panel = FakePanel(lambda _slot, _question: "no verdict")
    ran = project.run("exp", "--judge-max-cost", "1", panel=panel)
    assert (ran.exit, len(panel.asked)) == (1, 4)


def test_an_unknown_price_is_a_usage_error(project: Project) -> None:
    """Before anything is paid, with the key to add."""
    priced(project, 1, price=None)
    panel = FakePanel()
    ran = project.run("exp", "--judge-max-cost", "1", panel=panel)
    assert (ran.exit, panel.asked) == (4, [])
    assert ran.problem == [
        (
            f"ERROR: {project.path}/exp/experiment.yaml: judge 01 j0: --judge-max-cost cannot "
            "count its calls: its price is not known, and its kind reports no tokens; add price: "
            "{call: ...} (USD per call, 0 if it costs nothing)"
        )
    ]


def test_what_is_free_needs_no_budget(project: Project) -> None:
    """A price of nothing is known."""
    priced(project, 2, price={"call": 0})
    assert project.run("exp", "--judge-max-cost", "0.01", panel=FakePanel()).exit == 0


# --- dry runs -----------------------------------------------------------------------------


def test_a_dry_run_estimates_from_the_judgments_so_far(project: Project) -> None:
    """Calls, cost, and time; nothing is judged."""
    priced(project, 3, price={"call": 0.25})
    assert "estimate: 3 calls; their cost and time are not known before some were made" in (
        project.run("exp", "--dry-run").lines
    )
    known = {"duration_seconds": 40.0, "cost_usd": 0.25}
    project.judgment(project.path / "exp" / "runs" / "r0", provenance=known)
    assert (
        "estimate: 2 calls, about 0.5000 USD, about 80 s with --parallel 1 (from 1 past judgment)"
        in project.run("exp", "--dry-run").lines
    )


@pytest.mark.parametrize(
    ("called", "estimate"),
    [
        (2, "2 calls; their cost and time are not known before some were made"),
        (1, "1 call; its cost and time are not known"),
        (0, "no call that is paid"),
    ],
)
def test_a_dry_run_counts_the_calls_that_a_session_would(
    project: Project, called: int, estimate: str
) -> None:
    """Slots of judges that cost nothing and ask nobody are no calls."""
    asked = {"name": "asked", "kind": "command", "argv": ["true"]}
    recorded = {"name": "recorded", "kind": "replay", "reply": "recorded/{run}/{slot}.txt"}
    project.experiment(runs=["a", "b"][: called or 1], judges=[recorded, asked][: 1 + bool(called)])
    assert f"estimate: {estimate}" in project.run("exp", "--dry-run").lines


@pytest.mark.parametrize(
    ("seconds", "about"), [(49.0, "98 s"), (900.0, "30 min"), (7200.0, "4.0 h")]
)
def test_a_long_time_is_estimated_in_minutes_or_hours(
    project: Project, seconds: float, about: str
) -> None:
    """Nobody counts thousands of seconds."""
    priced(project, 3, price={"call": 0.25})
    known = {"duration_seconds": seconds, "cost_usd": 0.25}
    project.judgment(project.path / "exp" / "runs" / "r0", provenance=known)
    expected = f"about 0.5000 USD, about {about} with --parallel 1 (from 1 past judgment)"
    assert f"estimate: 2 calls, {expected}" in project.run("exp", "--dry-run").lines


def test_of_many_reasons_to_put_slots_off_the_most_common_are_named() -> None:
    """The others are counted."""
    statistics = Statistics()
    for number, count in enumerate((4, 3, 2, 1, 1)):
        for slot in range(count):
            statistics.deferred[f"{number}/{slot}"] = f"reason {number}"
    config: Any = SimpleNamespace(invocation_params=SimpleNamespace(args=["my exp"]))
    assert put_off(statistics, config) == [
        "deferred 4 slots: reason 0",
        "deferred 3 slots: reason 1",
        "deferred 2 slots: reason 2",
        "... and 2 more, for other reasons",
        "run the same command again later: pytest 'my exp'",
    ]


# --- before anything is paid --------------------------------------------------------------


GONE = [
    {"name": "there", "kind": "command", "argv": ["cat"]},
    {"name": "gone", "kind": "codex", "model": "m", "require_token": False},
]


def test_a_program_that_is_not_there_stops_the_session(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message for all judges, before any is asked."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    project.experiment(judges=GONE)
    ran = project.run("exp")
    assert ran.exit == 4
    assert ran.problem == [
        (
            f"ERROR: {project.path}/exp/experiment.yaml: judge 02 gone: there is no program "
            "'codex'; install it or put it on PATH"
        )
    ]
    assert not list(project.path.glob("exp/runs/*/judge/*/attempts"))


def test_only_judges_that_are_needed_are_looked_at(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the panel may be missing on this machine; a hook may replace it."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    project.experiment(judges=GONE)
    assert project.run("exp", "-k", "judge_01").exit == 1  # cat answers with the prompt
    assert project.run("exp", "--collect-only").exit == 0
    assert project.run("exp", panel=FakePanel()).exit == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--judge-max-cost=0", "must be an amount of USD above 0, got '0'"),
        ("--judge-max-cost=cheap", "must be an amount of USD above 0, got 'cheap'"),
        ("--judge-wait=soon", "must be a time such as 45s, 30m, 2h, or 1h30m, got 'soon'"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(
    project: Project, option: str, message: str
) -> None:
    """The message says what is possible."""
    project.experiment()
    ran = project.run("exp", option)
    assert ran.exit == 4
    name = option.partition("=")[0]
    assert any(line.endswith(f"error: argument {name}: {message}") for line in ran.errors)


def test_ini_values_are_those_of_every_session(project: Project) -> None:
    """A budget and a time to wait that hold unless the command line says otherwise."""
    project.pytester.makeini("[pytest]\nharness_max_cost = 2.5\nharness_wait = 1h30m\n")
    config = project.pytester.parseconfig("-p", "harness.plugin")
    assert (max_cost(config), wait(config)) == (2.5, 5400.0)
    config = project.pytester.parseconfig("-p", "harness.plugin", "--judge-max-cost=1")
    assert max_cost(config) == 1.0


def test_an_empty_value_takes_a_projects_budget_back(project: Project) -> None:
    """As with other options of configuration files; it is no senseless amount."""
    project.pytester.makeini("[pytest]\nharness_max_cost = 2.5\n")
    config = project.pytester.parseconfig("-p", "harness.plugin", "-o", "harness_max_cost=")
    assert max_cost(config) is None


@pytest.mark.parametrize(("text", "usd"), [("2.5", 2.5), ("3", 3.0)])
def test_a_budget_in_a_toml_file_is_a_number(project: Project, text: str, usd: float) -> None:
    """As the figures of gates are, beside which it stands."""
    (project.path / "tox.ini").unlink()
    toml = f'[pytest]\nharness_max_cost = {text}\nharness_wait = "30m"\n'
    (project.path / "pytest.toml").write_text(toml, encoding="utf-8")
    config = project.pytester.parseconfig("-p", "harness.plugin")
    assert (max_cost(config), wait(config)) == (usd, 1800.0)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("harness_max_cost = much", "harness_max_cost must be an amount of USD above 0"),
        ("harness_max_cost = 0", "harness_max_cost must be an amount of USD above 0"),
        ("harness_wait = long", "harness_wait must be a time such as 45s, 30m, 2h, or 1h30m"),
    ],
)
def test_ini_values_that_make_no_sense_are_usage_errors(
    project: Project, line: str, what: str
) -> None:
    """As those of the command line."""
    project.experiment()
    project.pytester.makeini(f"[pytest]\n{line}\n")
    assert project.run("exp").problem == [f"ERROR: the ini option {what}"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45", 45.0), ("45s", 45.0), ("30m", 1800.0), ("1h30m", 5400.0), ("2h", 7200.0), ("0", 0.0)],
)
def test_times_are_written_as_people_write_them(text: str, seconds: float) -> None:
    """Hours, minutes, seconds; a number alone is seconds."""
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5h", "30 minutes", "m30"])
def test_other_texts_are_no_times(text: str) -> None:
    """None stands for what cannot be read."""
    assert duration(text) is None


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1,5"])
def test_other_texts_are_no_money(text: str) -> None:
    """A limit is a number above 0."""
    assert money(text) is None
