"""The real program ``claude``, pointed at a fake of its API on the loopback.

The program comes with the package ``claude-agent-sdk``, which only development needs.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_messages_api import Answer, Asked, FakeMessagesApi, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "sk-ant-api03-dummy-0123456789"

VERDICT = {
    "reasoning": "It is there.",
    "criteria_scores": {
        "all": {
            "items": {"R1": {"reason": "seen", "achieved": 1, "max": 1}},
            "achieved": 1,
            "max": 1,
            "score": 1,
        }
    },
    "score": 1,
    "passed": True,
    "token": "whatever",
}


def program() -> Path | None:
    """Return the program that the package carries."""
    found = importlib.util.find_spec("claude_agent_sdk")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "_bundled" / "claude"
    return path if path.exists() else None


needs_claude = pytest.mark.skipif(
    program() is None, reason="claude-agent-sdk, which carries the program claude, is not installed"
)


def fills_in(verdict: dict[str, Any]) -> Answer:
    """Return an answer that fills in the schema."""
    block = {"type": "tool_use", "id": "toolu_1", "name": "StructuredOutput", "input": verdict}
    return Answer(blocks=(block,))


def token_of(asked: Asked) -> str:
    """Return the token that the prompt asks for, as a model would find it."""
    found = re.search(r'under the key "token": (\w+)', prompt_of(asked))
    assert found is not None
    return found[1]


def prompt_of(asked: Asked) -> str:
    """Return what the model is told by the user."""
    content = asked.body["messages"][0]["content"]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's home, with the real program on PATH and a key in the environment."""
    programs, place = tmp_path / "bin", tmp_path / "home"
    programs.mkdir()
    place.mkdir()
    found = program()
    assert found is not None
    (programs / "claude").symlink_to(found)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    for name in ("ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def api(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[Asked], Answer]], FakeMessagesApi]]:
    """Return a factory of the API that the program is pointed at."""
    del home
    fake = FakeMessagesApi(lambda _: text("nobody set an answer"))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)

    def answering(answer: Callable[[Asked], Answer]) -> FakeMessagesApi:
        fake.answer = answer
        return fake

    with fake.serving():
        yield answering
