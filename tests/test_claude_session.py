"""Whole sessions of pytest with the real ``claude`` program, whose provider refuses calls."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.claude_program import VERDICT, api, fills_in, home, needs_claude
from tests.fake_messages_api import Answer, Asked, FakeMessagesApi, refusal
from tests.workshop import answer, shell_judge, write_experiment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

__all__ = ["api", "home"]

pytestmark = needs_claude

OPUS = {"name": "opus", "kind": "claude", "model": "claude-opus-4-5", "timeout": 60}


def experiment(root: Path, *, runs: int, judges: tuple[dict[str, Any], ...] = (OPUS,)) -> Path:
    """Write an experiment of some runs."""
    names = [f"r{number}" for number in range(1, runs + 1)]
    return write_experiment(root, runs=names, judges=judges)


def session(pytester: pytest.Pytester, root: Path, *options: str) -> pytest.RunResult:
    """Judge an experiment."""
    own = ("-p", "harness.plugin", "-p", "no:hypothesispytest", "--rootdir", str(root))
    return pytester.runpytest_subprocess(*own, *options, str(root), timeout=120)


def judged(root: Path, slot: str) -> list[str]:
    """Return the runs that have a judgment of a judge."""
    found = root.glob(f"runs/*/judge/{slot}/judgment.json")
    return sorted(path.parents[2].name for path in found)


def plain(lines: list[str]) -> str:
    """Return the output of a session in one line."""
    return re.sub(r"\s+", " ", " ".join(lines))


def test_throttled_slot_is_asked_again_when_its_provider_said(
    tmp_path: Path, api: Callable[..., FakeMessagesApi], pytester: pytest.Pytester
) -> None:
    """It costs no attempt, and is judged in the same session."""
    turn, times = threading.Lock(), []

    def give(_: Asked) -> Answer:
        with turn:
            times.append(time.monotonic())
            first = len(times) == 1
        return refusal(429, "rate_limit_error", "Slow", retry_after="2") if first else ok

    ok = fills_in(VERDICT)
    api(give)
    root = experiment(tmp_path / "e", runs=1)
    done = session(pytester, root)
    assert (done.ret, judged(root, "judge_01")) == (0, ["r1"])
    assert len(times) == 2
    assert times[1] - times[0] >= 2.0
    assert "1 paid" in plain(done.outlines)


def test_slot_whose_provider_asks_to_wait_for_long_stays_missing(
    tmp_path: Path, api: Callable[..., FakeMessagesApi], pytester: pytest.Pytester
) -> None:
    """The session ends instead, and says when to run it again."""
    fake = api(lambda _: refusal(429, "rate_limit_error", "Slow", retry_after="7200"))
    root = experiment(tmp_path / "e", runs=3)
    done = session(pytester, root, "-rs")
    done.assert_outcomes(skipped=3)
    assert (done.ret, judged(root, "judge_01"), len(fake.asked)) == (75, [], 1)
    assert re.search(r"opus is not asked: .*429.* until \d\d:\d\d UTC", plain(done.outlines))
    api(lambda _: fills_in(VERDICT))
    again = session(pytester, root, "--parallel", "3")
    again.assert_outcomes(passed=3)
    assert judged(root, "judge_01") == ["r1", "r2", "r3"]


def test_usage_limit_parks_its_judge_and_no_other(
    tmp_path: Path,
    api: Callable[..., FakeMessagesApi],
    monkeypatch: pytest.MonkeyPatch,
    pytester: pytest.Pytester,
) -> None:
    """Until the limit ends; at most the calls that were at work are made."""
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy-0123456789")
    limit = refusal(
        429,
        "rate_limit_error",
        "This would exceed the limit",
        anthropic_ratelimit_unified_status="rejected",
        anthropic_ratelimit_unified_reset=str(int(time.time()) + 7200),
        anthropic_ratelimit_unified_representative_claim="five_hour",
    )
    fake = api(lambda _: limit)
    panel = ({**OPUS, "login": "subscription"}, shell_judge(answer(), name="other"))
    root = experiment(tmp_path / "e", runs=4, judges=panel)
    done = session(pytester, root, "--parallel", "2", "-rs")
    done.assert_outcomes(passed=4, skipped=4)
    assert done.ret == 75
    assert (judged(root, "judge_01"), judged(root, "judge_02")) == ([], ["r1", "r2", "r3", "r4"])
    assert 1 <= len(fake.asked) <= 2
    assert re.search(r"opus is not asked: .* until \d\d:\d\d UTC", plain(done.outlines))


def test_bad_key_is_tried_no_more_often_than_calls_were_at_work(
    tmp_path: Path, api: Callable[..., FakeMessagesApi], pytester: pytest.Pytester
) -> None:
    """The others are not paid for, and not called failures of their slots."""
    fake = api(lambda _: refusal(401, "authentication_error", "invalid x-api-key"))
    root = experiment(tmp_path / "e", runs=8)
    done = session(pytester, root, "--parallel", "2")
    assert done.ret == 1
    assert judged(root, "judge_01") == []
    assert 1 <= len(fake.asked) <= 3
    assert "401" in plain(done.outlines)
