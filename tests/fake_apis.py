"""Fakes of the APIs of models on the loopback: what they answer is the test's."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Sent:
    """One response."""

    content: str
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Return all of it, to look for something."""
        return json.dumps([self.path, dict(self.headers), self.body])


class FakeApi:
    """Answers each POST with what ``answer`` makes of it, and knows nothing else."""

    def __init__(self, answer: Callable[[Got], Sent]) -> None:
        self.answer = answer
        self.asked: list[Got] = []
        self._lock = threading.Lock()  # protects `asked` from the server's threads

        class Exchange(_Exchange):
            api = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[FakeApi]:
        """Answer in threads until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def respond(self, got: Got) -> Sent:
        """Keep the request and return the answer."""
        with self._lock:
            self.asked.append(got)
        return self.answer(got)


class _Exchange(BaseHTTPRequestHandler):
    """Speaks HTTP for the fake."""

    api: FakeApi
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Know nothing."""
        self._send(Sent("{}", status=404))

    def do_POST(self) -> None:
        """Answer."""
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        self._send(self.api.respond(Got(self.path, dict(self.headers), json.loads(content))))

    def _send(self, sent: Sent) -> None:
        content = sent.content.encode()
        with contextlib.suppress(OSError):  # the client has gone
            self.send_response(sent.status)
            for name, value in {"content-type": sent.kind, **sent.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


def refused(status: int, error: object, **headers: str) -> Sent:
    """Return an error; every one of these APIs has it under this key."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent(json.dumps({"error": error}), status=status, headers=names)


def responses(text: str) -> Sent:
    """Return a message as OpenAI's Responses API streams it."""
    item = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    usage = {
        "input_tokens": 1000,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 100,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 1100,
    }
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m"}
    events = (
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {
            "type": "response.completed",
            "response": {**response, "status": "completed", "output": [item], "usage": usage},
        },
    )
    stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return Sent(stream, kind="text/event-stream")


def generated(text: str) -> Sent:
    """Return a message as Google's Gemini API streams it."""
    answer = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": text}]},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 1000,
            "candidatesTokenCount": 60,
            "thoughtsTokenCount": 40,
            "totalTokenCount": 1100,
        },
        "modelVersion": "gemini-m",
    }
    return Sent(f"data: {json.dumps(answer)}\r\n\r\n", kind="text/event-stream")


def completed(text: str) -> Sent:
    """Return a message as the API that most providers copy gives it."""
    message = {"role": "assistant", "content": text}
    answer = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }
    return Sent(json.dumps(answer))
