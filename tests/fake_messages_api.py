"""A fake of the Messages API on the loopback: what it answers is the test's."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

USAGE = {
    "input_tokens": 1000,
    "output_tokens": 100,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
}


@dataclass(frozen=True)
class Answer:
    """One response: blocks of content, or an error with its status; ``hang``: none at all."""

    blocks: tuple[Mapping[str, Any], ...] = ()
    status: int = 200
    error: Mapping[str, Any] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False


def text(said: str) -> Answer:
    """Return an answer that is words."""
    return Answer(blocks=({"type": "text", "text": said},))


def refusal(status: int, kind: str, message: str, **headers: str) -> Answer:
    """Return an error as the API words it."""
    return Answer(
        status=status,
        error={"type": "error", "error": {"type": kind, "message": message}},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@dataclass
class Asked:
    """One request that the API got."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def tools(self) -> list[str]:
        """Return the names of the tools that the model is offered."""
        return [tool["name"] for tool in self.body.get("tools", ())]


class FakeMessagesApi:
    """Answers each request with what ``answer`` makes of it."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self._lock = threading.Lock()  # protects `asked` from the server's threads
        self._released = threading.Event()

        class Exchange(_Exchange):
            api = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[FakeMessagesApi]:
        """Answer in threads until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._released.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def respond(self, asked: Asked) -> Answer:
        """Keep the request and return the answer."""
        with self._lock:
            self.asked.append(asked)
        answer = self.answer(asked)
        if answer.hang:
            self._released.wait(60)
        return answer


class _Exchange(BaseHTTPRequestHandler):
    """Speaks HTTP for the fake."""

    api: FakeMessagesApi
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Know nothing else."""
        self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": ""}})

    def do_HEAD(self) -> None:
        """Be there."""
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """Answer a request for a message."""
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        if not self.path.startswith("/v1/messages") or "count_tokens" in self.path:
            self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": ""}})
            return
        answer = self.api.respond(Asked(self.path, dict(self.headers), body))
        with contextlib.suppress(OSError):  # the client has gone
            if answer.error is not None:
                self._json(answer.status, answer.error, answer.headers)
            elif body.get("stream"):
                self._stream(answer, body)
            else:
                self._json(200, _message(answer, body))

    def _json(
        self, status: int, value: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None
    ) -> None:
        content = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, answer: Answer, body: Mapping[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        for event in _events(answer, body):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.close_connection = True


def _message(answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
    uses = any(block["type"] == "tool_use" for block in answer.blocks)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": list(answer.blocks),
        "stop_reason": "tool_use" if uses else "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }


def _events(answer: Answer, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    message = _message(answer, body)
    start = {**message, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(answer.blocks):
        if block["type"] == "tool_use":
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            empty = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ends = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ends, "usage": {"output_tokens": 100}}
    yield {"type": "message_stop"}
