"""The real programs ``codex``, ``gemini``, and ``llm`` against fakes of their APIs on the loopback.

Those that are not on PATH are skipped. ``claude`` has a file of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.attempt import Bench, judge_slot
from harness.dispatch import capture
from harness.errors import (
    JudgeError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
    UsageLimitError,
)
from harness.model import Failed
from tests import hostile
from tests.fake_apis import FakeApi, Got, Sent, completed, generated, refused, responses
from tests.workshop import VERDICT, scanned, write_experiment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Also beside the interpreter, whose environment may not be activated.
SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")])
PLACES = {kind: shutil.which(kind, path=SEARCHED) for kind in ("codex", "gemini", "llm")}

KEY = "dummy-key-0123456789"


@dataclass(frozen=True)
class Program:
    """One of the programs, its API, and where it finds that."""

    kind: str
    address: str
    key: str
    answer: Callable[[str], Sent]
    path: str = ""

    @property
    def place(self) -> str | None:
        """Return where the program is."""
        return PLACES[self.kind]


CODEX = Program(
    kind="codex", address="OPENAI_BASE_URL", key="OPENAI_API_KEY", answer=responses, path="/v1"
)
GEMINI = Program(
    kind="gemini", address="GOOGLE_GEMINI_BASE_URL", key="GEMINI_API_KEY", answer=generated
)
LLM = Program(
    kind="llm", address="OPENAI_BASE_URL", key="OPENAI_API_KEY", answer=completed, path="/v1"
)


def there(program: Program, *values: object, id: str | None = None) -> Any:  # noqa: A002 - pytest's name for it
    """Return a parameter that is skipped without the program; all but codex start slowly."""
    marks = [
        pytest.mark.skipif(program.place is None, reason=f"{program.kind} is not on PATH"),
        *([] if program is CODEX else [pytest.mark.slow]),
    ]
    return pytest.param(program, *values, marks=marks, id=id or program.kind)


programs = pytest.mark.parametrize("program", [there(CODEX), there(GEMINI), there(LLM)])


@dataclass
class Stage:
    """A fake API that programs are pointed at, and an experiment that is not yet there."""

    api: FakeApi
    place: Path
    home: Path
    programs: Path
    monkeypatch: pytest.MonkeyPatch

    def use(self, program: Program, answer: Callable[[Got], Sent]) -> None:
        """Let a program find the fake, a key, and nothing else."""
        assert program.place is not None
        (self.programs / program.kind).symlink_to(program.place)
        self.monkeypatch.setenv(program.address, self.api.url + program.path)
        self.monkeypatch.setenv(program.key, KEY)
        self.api.answer = answer

    def experiment(self, program: Program, **keys: Any) -> Path:
        """Write an experiment of one run."""
        model = "gpt-4o-mini" if program is LLM else "gemini-2.5-flash"
        entry = {"name": "one", "kind": program.kind, "model": model, "timeout": 60, **keys}
        return write_experiment(self.place / "outer/e", judges=[entry], retries=0)

    def error(self, root: Path) -> Exception:
        """Return the error that the only slot fails with."""
        found = scanned(root)
        outcome = capture(
            found.slots[0], lambda s: judge_slot(s, layout=found.layout, bench=Bench())
        )
        assert isinstance(outcome, Failed)
        return outcome.error


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Return an empty home, an empty search path, and a fake API."""
    for name in ("bin", "home", "tmp"):
        (tmp_path / name).mkdir()
    node = shutil.which("node")
    path = [str(tmp_path / "bin"), *([str(Path(node).parent)] if node else []), "/usr/bin", "/bin"]
    monkeypatch.setenv("PATH", ":".join(path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for name in ("CODEX_API_KEY", "CODEX_HOME", "GOOGLE_API_KEY", "LLM_USER_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    # Whatever does not go to the fake goes nowhere.
    monkeypatch.setenv("HTTPS_PROXY", hostile.REDIRECTED)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeApi(lambda _: Sent("", status=500)).serving() as api:
        yield Stage(api, tmp_path, tmp_path / "home", tmp_path / "bin", monkeypatch)


def verdict(program: Program) -> Callable[[Got], Sent]:
    """Return what answers with a verdict and the token that the prompt asks for."""

    def answer(got: Got) -> Sent:
        token = re.findall(r"under the key \W+token\W+: (\w+)", got.text)
        return program.answer(json.dumps({**VERDICT, "token": token[-1]}))

    return answer


def stored(root: Path) -> dict[str, Any]:
    """Return the judgment of the only slot."""
    value: dict[str, Any] = json.loads((root / "runs/a/judge/judge_01/judgment.json").read_text())
    return value


@programs
def test_answer_of_the_real_program_is_a_judgment(stage: Stage, program: Program) -> None:
    """For one call, with its tokens, their price, and the program's version."""
    stage.use(program, verdict(program))
    root = stage.experiment(program, price={"input": 5, "output": 25})
    statistics = harness.judge_experiment(root)
    assert (statistics.failures, statistics.problems) == ({}, [])
    found = stored(root)
    assert found["score"] == VERDICT["score"]
    tokens = found["provenance"]["tokens"]
    assert (tokens["input"], tokens["output"]) == (1000, 100)
    assert found["provenance"]["cost_usd"] == pytest.approx(0.0075)
    assert found["provenance"]["judge_version"].count(".") >= 1
    assert len(stage.api.asked) == 1
    assert list((stage.place / "tmp").iterdir()) == []


@programs
def test_nothing_that_a_hostile_agent_left_is_run_or_read(stage: Stage, program: Program) -> None:
    """Wherever it lies: no tool is offered to the model, and the key goes to one address only."""
    stage.use(program, verdict(program))
    root = stage.experiment(program)
    pwned = stage.place / "pwned"
    (root / "runs/a/workspace").mkdir()
    places = [root / "runs/a/workspace", root / "runs/a", root, root.parent, stage.place]
    places += [stage.place / "tmp", *([] if program is LLM else [stage.home])]
    for place in places:
        hostile.plant(place, pwned)
    stage.monkeypatch.setenv("CLAUDECODE", "1")
    stage.monkeypatch.chdir(root / "runs/a/workspace")
    assert harness.judge_experiment(root).failures == {}
    assert list(stage.place.glob("pwned*")) == []
    (got,) = stage.api.asked
    assert hostile.CANARY not in got.text
    assert "You are one judge of a panel and grade" in got.text
    assert str(stage.place / "outer") not in got.text
    tools = got.body.get("tools") or []
    assert [tool for tool in tools if tool.get("functionDeclarations") != []] == []
    key = {name.lower(): value for name, value in got.headers.items()}
    assert key.get("x-goog-api-key", key.get("authorization", "")).removeprefix("Bearer ") == KEY
    assert len(got.text) < 12_000


DAY = [
    {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
    }
]
WAIT = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]


def google(code: int, status: str, message: str = "told so", **more: object) -> Sent:
    """Return an error as Google words it."""
    return refused(code, {"code": code, "message": message, "status": status, **more})


def openai(status: int, code: str, message: str = "told so", **more: object) -> Sent:
    """Return an error as OpenAI words it."""
    return refused(status, {"message": message, "type": code, "code": code, **more})


REFUSALS = [
    there(CODEX, openai(429, "rate_limit_exceeded"), ThrottledError, id="codex 429"),
    there(CODEX, openai(429, "insufficient_quota"), UnusableJudgeError, id="codex no credit"),
    there(CODEX, openai(500, "server_error"), TransientError, id="codex 500"),
    there(CODEX, openai(503, "server_is_overloaded"), TransientError, id="codex 503"),
    there(CODEX, openai(401, "invalid_api_key"), UnusableJudgeError, id="codex 401"),
    there(
        CODEX,
        openai(404, "model_not_found", "The model `m` does not exist"),
        UnusableJudgeError,
        id="codex 404",
    ),
    there(CODEX, openai(400, "invalid_request_error"), JudgeError, id="codex 400"),
    there(CODEX, Sent("<html>", kind="text/html"), TransientError, id="codex garbage"),
    there(
        GEMINI,
        google(429, "RESOURCE_EXHAUSTED", details=WAIT),
        ThrottledError,
        id="gemini 429",
    ),
    there(
        GEMINI, google(429, "RESOURCE_EXHAUSTED", details=DAY), UsageLimitError, id="gemini daily"
    ),
    there(GEMINI, google(503, "UNAVAILABLE"), TransientError, id="gemini 503"),
    there(GEMINI, google(500, "INTERNAL"), TransientError, id="gemini 500"),
    there(
        GEMINI,
        google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        UnusableJudgeError,
        id="gemini bad key",
    ),
    there(GEMINI, google(403, "PERMISSION_DENIED"), UnusableJudgeError, id="gemini 403"),
    there(GEMINI, google(404, "NOT_FOUND"), UnusableJudgeError, id="gemini 404"),
    there(GEMINI, google(400, "INVALID_ARGUMENT"), JudgeError, id="gemini 400"),
    there(LLM, openai(429, "rate_limit_exceeded"), ThrottledError, id="llm 429"),
    there(LLM, openai(500, "server_error"), TransientError, id="llm 500"),
    there(LLM, openai(401, "invalid_api_key"), UnusableJudgeError, id="llm 401"),
    there(LLM, openai(404, "model_not_found"), UnusableJudgeError, id="llm 404"),
    there(LLM, openai(400, "invalid_request_error"), JudgeError, id="llm 400"),
]


@pytest.mark.parametrize(("program", "answer", "kind"), REFUSALS)
def test_refusal_tells_whose_turn_it_is(
    stage: Stage, program: Program, answer: Sent, kind: type[JudgeError]
) -> None:
    """After a single call: waiting, and asking again, is the business of the session."""
    stage.use(program, lambda _: answer)
    error = stage.error(stage.experiment(program))
    assert type(error) is kind
    assert len(stage.api.asked) == 1
    if program is GEMINI and isinstance(error, ThrottledError):
        assert error.retry_after == 7.0


@pytest.mark.parametrize("program", [there(CODEX)])
def test_codex_says_when_a_usage_limit_ends(stage: Stage, program: Program) -> None:
    """In words, by the minute and in the zone of this machine."""
    until = int(time.time()) + 7200
    limit = {"type": "usage_limit_reached", "message": "over", "plan_type": "plus"}
    stage.use(program, lambda _: refused(429, {**limit, "resets_at": until}))
    error = stage.error(stage.experiment(program))
    assert isinstance(error, UsageLimitError)
    assert error.until is not None
    assert abs(error.until - until) <= 60
    assert error.unpaid


@pytest.mark.parametrize("program", [there(CODEX)])
def test_codex_does_not_wait_for_a_network(stage: Stage, program: Program) -> None:
    """By itself it would try for ever."""
    stage.use(program, verdict(program))
    stage.monkeypatch.setenv(program.address, hostile.REDIRECTED)
    error = stage.error(stage.experiment(program, timeout=30))
    assert type(error) is TransientError


@pytest.mark.parametrize("program", [there(CODEX)])
def test_login_of_codex_is_used_where_there_is_one(stage: Stage, program: Program) -> None:
    """Rather than a key that other programs use; nothing else of the user's home is."""
    stage.use(program, verdict(program))
    hostile.plant(stage.home, stage.place / "pwned")
    login = stage.home / ".codex/auth.json"
    login.write_text(json.dumps({"OPENAI_API_KEY": "key-of-the-login-0123456789"}))
    address = f'model_providers.harness.base_url="{stage.api.url}/v1"'
    root = stage.experiment(program, args=["-c", address])
    assert harness.judge_experiment(root).failures == {}
    (got,) = stage.api.asked
    headers = {name.lower(): value for name, value in got.headers.items()}
    assert headers["authorization"] == "Bearer key-of-the-login-0123456789"
    assert hostile.CANARY not in got.text
    assert list(stage.place.glob("pwned*")) == []
    assert login.is_file()
