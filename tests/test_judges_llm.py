"""What the output of the program ``llm`` means, and the real one against a loopback stub."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import sysconfig
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.errors import (
    JudgeError,
    ThrottledError,
    TransientError,
    UnusableJudgeError,
)
from harness.judges import Question, Reply
from harness.judges.cli import NoAnswer, Printed
from harness.judges.llm import LlmJudge, LlmSettings
from harness.model import JudgeSpec
from tests.workshop import VERDICT, write_experiment

if TYPE_CHECKING:
    from pathlib import Path

JUDGE = LlmJudge(JudgeSpec(number=1, name="l", kind="llm", settings=LlmSettings()))


def read(stdout: str = "", *, stderr: str = "", exit_code: int = 0) -> Reply:
    """Return what the judge makes of an output."""
    question: Any = object.__new__(Question)  # an output means the same whatever was asked
    return JUDGE.read(Printed(stdout=stdout, stderr=stderr, exit_code=exit_code), question)


def test_stdout_is_the_reply_with_the_tokens_of_stderr() -> None:
    """The program tells neither cost nor model."""
    reply = read("end\n", stderr="Token usage: 12,345 input, 67 output, {'x': 1}\n")
    assert reply == Reply(text="end\n", tokens={"input": 12345, "output": 67})
    assert read("end\n", stderr="warning").tokens is None


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Error code: 429 - {'error': {'message': 'Slow down'}}", ThrottledError),
        ("Error code: 529 - Overloaded", TransientError),
        ("Error code: 401 - nope", UnusableJudgeError),
        ("Error code: 404 - nope", UnusableJudgeError),
        ("Error code: 400 - Your credit balance is too low", UnusableJudgeError),
        ("Error code: 400 - nope", JudgeError),
        ("'Unknown model: nosuch'", UnusableJudgeError),
        ("No key found - add one using 'llm keys set openai'", UnusableJudgeError),
        ("Connection error.", TransientError),
        ("Request timed out.", TransientError),
        ("Something new", JudgeError),
    ],
)
def test_error_on_stderr_tells_whose_turn_it_is(said: str, kind: type[JudgeError]) -> None:
    """By the status that it begins with, else by its words."""
    with pytest.raises(JudgeError) as caught:
        read(stderr=f"a warning\nError: {said}\n", exit_code=1)
    assert type(caught.value) is kind
    assert str(caught.value).endswith(f": {said}")


def test_failure_without_an_error_is_no_answer() -> None:
    """What it printed before does not count."""
    with pytest.raises(NoAnswer):
        read('{"score": 1}', stderr="Traceback (most recent call last):", exit_code=1)


def test_output_never_says_that_it_is_whole() -> None:
    """Only the exit status does."""
    assert not JUDGE.is_whole('{"score": 1, "passed": true, "reasoning": ""}')


@pytest.mark.skipif(importlib.util.find_spec("llm") is None, reason="llm is not installed")
def test_clients_of_the_programs_plugins_repeat_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they ask for; a library that no plugin uses is not loaded for that."""
    from harness.judges import llm_child

    class FakeClient:
        def __init__(self, key: str, *, max_retries: int = 2) -> None:
            self.key, self.max_retries = key, max_retries

    monkeypatch.setitem(sys.modules, "openai", SimpleNamespace(OpenAI=FakeClient))
    monkeypatch.delitem(sys.modules, "anthropic", raising=False)
    llm_child.register_models(lambda _: None)
    for client in (FakeClient("a"), FakeClient("a", max_retries=5)):
        assert (client.key, client.max_retries) == ("a", 0)
    assert "anthropic" not in sys.modules


class FakeCompletions(BaseHTTPRequestHandler):
    """Speaks for a model behind the API that most providers copy: gives a verdict, or refuses."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer with the token that the prompt asks for; the model ``broken`` has no answer."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        token = body["messages"][-1]["content"].rpartition('"token": ')[2].strip()
        refused = body["model"] == "broken"
        answer: dict[str, Any] = {"error": {"message": "no such key", "code": "invalid_api_key"}}
        if not refused:
            message = {"role": "assistant", "content": json.dumps({**VERDICT, "token": token})}
            answer = {
                "id": "x",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
            }
        content = json.dumps(answer).encode()
        self.send_response(401 if refused else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm") is None, reason="llm is not installed")
def test_real_program_answers_and_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a fake of the API on the loopback; the program takes seconds to start."""
    server = HTTPServer(("127.0.0.1", 0), FakeCompletions)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    models = [
        {"model_id": name, "model_name": name, "api_base": f"http://127.0.0.1:{server.server_port}"}
        for name in ("good", "broken")
    ]
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(models))
    # The tests may be run by an interpreter whose environment is not activated.
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-dummy-0123456789")
    price = {"input": 5, "output": 25}
    panel = [{"name": n, "kind": "llm", "model": n, "price": price} for n in ("good", "broken")]
    root = write_experiment(tmp_path / "e", judges=panel, retries=0)
    try:
        statistics = harness.judge_experiment(root)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    (why,) = statistics.failures.values()
    assert why == "the call was refused (401): Error code: 401 - no such key"
    found = json.loads((root / "runs/a/judge/judge_01/judgment.json").read_text())
    assert found["score"] == VERDICT["score"]
    assert found["provenance"]["tokens"] == {"input": 1000, "output": 100}
    assert found["provenance"]["cost_usd"] == pytest.approx(0.0075)
    assert found["provenance"]["judge_version"] is not None
