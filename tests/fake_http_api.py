"""A fake of any HTTP API on the loopback: what it answers, and how badly, is the test's."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

VERDICT = {"score": 0.75, "passed": True, "reasoning": "fine"}


@dataclass(frozen=True)
class Answer:
    """One response; ``manner``: how it is sent.

    ``whole``; ``hang``: nothing until the server closes; ``reset``: the connection is, before
    anything is sent; ``cut``: it ends in the middle of the body; ``trickle`` and
    ``trickle_headers``: byte by byte, without end; ``endless``: a body without end; ``headers``:
    no body at all; ``unframed``: a body whose end is that of the connection, which does not
    come.
    """

    body: Mapping[str, Any] | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: str = "whole"

    @property
    def content(self) -> bytes:
        """Return the body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def completion(content: Any = None, **changes: Any) -> Answer:
    """Return a chat completion; ``content`` is its text, by default a verdict's."""
    text = json.dumps(VERDICT) if content is None else content
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    return Answer(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "m-1-2026-01-01",
            "choices": [{**choice, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
            **changes,
        }
    )


def message(verdict: Mapping[str, Any] | None = None, **changes: Any) -> Answer:
    """Return a message of the Messages API whose tool was filled in with a verdict."""
    block = {"type": "tool_use", "id": "t", "name": "record_judgment", "input": verdict or VERDICT}
    return Answer(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m-1-2026-01-01",
            "content": [block],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 1000, "output_tokens": 100, "cache_read_input_tokens": 300},
            **changes,
        }
    )


def refusal(status: int, body: Mapping[str, Any] | bytes = b"", **headers: str) -> Answer:
    """Return an error; an underscore in a header's name is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(body, status=status, headers=named)


@dataclass(frozen=True)
class Asked:
    """One request; the names of ``headers`` are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class FakeHttpApi:
    """Answers each request with what ``answer`` makes of it; counts the connections."""

    def __init__(
        self, answer: Callable[[Asked], Answer] | Answer, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer if callable(answer) else lambda _: answer
        self.asked: list[Asked] = []
        self.connections = 0
        self.at_work = threading.Semaphore(0)  # released once for each request that came
        self.lock = threading.Lock()  # protects what is counted from the server's threads
        self.released = threading.Event()

        class Conversation(_Conversation):
            api = self

        self._server = _Server(("127.0.0.1", 0), Conversation)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[FakeHttpApi]:
        """Answer in threads until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients go away on purpose."""


class _Conversation(BaseHTTPRequestHandler):
    api: FakeHttpApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.api.lock:
            self.api.connections += 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer one request."""
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, body)
        with self.api.lock:
            self.api.asked.append(asked)
        self.api.at_work.release()
        answer = self.api.answer(asked)
        with contextlib.suppress(OSError):  # the client has gone
            getattr(self, f"_{answer.manner}")(answer)

    def do_GET(self) -> None:
        """Answer what no judge asks."""
        self.do_POST()

    def _head(self, answer: Answer, length: int | None) -> None:
        self.send_response(answer.status)
        for name, value in {"content-type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("content-length", str(length))
        self.end_headers()

    def _whole(self, answer: Answer) -> None:
        self._head(answer, len(answer.content))
        self.wfile.write(answer.content)

    def _headers(self, answer: Answer) -> None:
        self._head(answer, None)
        self.close_connection = True

    def _hang(self, _: Answer) -> None:
        self.api.released.wait(60)
        self.close_connection = True

    def _reset(self, _: Answer) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def _cut(self, answer: Answer) -> None:
        self._head(answer, len(answer.content))
        self.wfile.write(answer.content[: len(answer.content) // 2])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _trickle(self, answer: Answer) -> None:
        self._head(answer, 1 << 20)
        while not self.api.released.wait(0.02):
            self.wfile.write(b" ")

    def _trickle_headers(self, _: Answer) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while not self.api.released.wait(0.02):
            self.wfile.write(b"a")

    def _unframed(self, answer: Answer) -> None:
        self._head(answer, None)
        self.wfile.write(answer.content)
        self._hang(answer)

    def _endless(self, answer: Answer) -> None:
        self._head(answer, None)
        while not self.api.released.is_set():
            self.wfile.write(b" " * (1 << 16))
