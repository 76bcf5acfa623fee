"""One connection to an HTTP endpoint: bounded in every way, and ended at once.

The only module that knows httpx, which is imported when the first call is made.
"""

from __future__ import annotations

import contextlib
import functools
import ssl
import threading
from dataclasses import dataclass
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any

from harness.errors import (
    JudgeError,
    RetryableError,
    TransientError,
    UnreachableError,
    UnusableJudgeError,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    import httpx

CONNECT = 10.0
"""Seconds at most until a connection is there, TLS included."""

LONGEST = 1e6
"""Seconds of silence that a socket can be told to wait; the deadline may lie behind them."""

IDLE = 4.0
"""Seconds for which a connection without a call is used again: less than the five after which
common servers hang up, so that no call meets one that is just being closed."""

BODY_CAP = 10 * 1024 * 1024
"""Bytes of an answer; what is longer is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A whole answer; the names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def accepted(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the statuses of success


class Connection:
    """One connection at a time, made when it is needed, and the switch that ends the call on it.

    ``post`` is called by one thread at a time, ``end`` by any.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        import httpx

        try:
            self._client = httpx.Client(
                headers={"accept": "application/json", "accept-encoding": "identity", **headers},
                verify=_tls(),
                limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE),
            )
        except (ImportError, ValueError) as error:  # a proxy that httpx cannot use
            raise unusable(f"the proxy of this machine cannot be used: {error}") from None
        self._lock = threading.Lock()  # protects the socket against being closed while it is ended
        self._socket: socket.socket | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether ``end`` was called; then it is of no more use."""
        return self._ended

    def post(self, url: str, content: bytes, timeout: float) -> Answered:
        """Send ``content`` and return the whole answer, whatever its status.

        Raises ``RetryableError`` after ``timeout`` seconds, however the time went by,
        ``UnreachableError``, ``TransientError``, ``UnusableJudgeError``, or ``JudgeError``.
        """
        import httpx

        deadline = threading.Timer(timeout, self.end)
        deadline.daemon = True
        deadline.start()
        problem: Exception
        try:
            answered, framed = self._exchange(url, content, timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = error
        else:
            if framed or not self._ended:
                return answered
            problem = TimeoutError()
        finally:
            deadline.cancel()
        raise self._explained(problem, url, timeout)

    def _exchange(self, url: str, content: bytes, timeout: float) -> tuple[Answered, bool]:
        """Return the answer, and whether it says itself where it ends."""
        import httpx

        limits = httpx.Timeout(min(timeout, LONGEST), connect=min(CONNECT, timeout))
        with self._client.stream(
            "POST",
            url,
            content=content,
            headers={"content-type": "application/json"},
            timeout=limits,
            extensions={"trace": self._trace},
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = _body(response, headers)
        framed = "content-length" in headers or "transfer-encoding" in headers
        return Answered(status=response.status_code, headers=headers, body=body), framed

    def _trace(self, event: str, details: Mapping[str, Any]) -> None:
        """Take hold of a new connection's socket; a second descriptor is not closed under it."""
        if event.endswith("connect_tcp.complete"):
            opened = details["return_value"].get_extra_info("socket").dup()
            with self._lock:
                self._drop()
                self._socket = opened
                if self._ended:
                    _shut(opened)

    def end(self) -> None:
        """End the call from another thread; closing alone would not wake one that reads."""
        with self._lock:
            self._ended = True
            if self._socket is not None:
                _shut(self._socket)

    def close(self) -> None:
        """Close it; no call may be at work on it."""
        with self._lock:
            self._drop()
        self._client.close()

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _explained(self, error: Exception, url: str, timeout: float) -> JudgeError:
        """Say what happened; a deadline shows as all kinds of lost connections."""
        import httpx

        unconnected = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
        late = isinstance(error, httpx.TimeoutException) and not isinstance(error, unconnected)
        if self._ended or late:
            return RetryableError(f"the judge took longer than {timeout:g} s and was ended")
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, unconnected) and not _distrusted(error):
            return UnreachableError(f"the endpoint {url} cannot be reached ({why})")
        unsent = (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL)
        if isinstance(error, (*unconnected, *unsent)):
            return unusable(f"the endpoint {url} cannot be called ({why})")
        return TransientError(f"the connection to {url} was lost ({why})")


def unusable(message: str) -> UnusableJudgeError:
    """Return the error of a judge that nobody could ask."""
    error = UnusableJudgeError(message)
    error.unpaid = True
    return error


def _body(response: httpx.Response, headers: Mapping[str, str]) -> bytes:
    """Read an answer piece by piece, no further than the cap."""
    if headers.get("content-encoding", "identity") != "identity":
        raise JudgeError("the endpoint sent a compressed answer, which was not asked for")
    too_long = JudgeError("the judge's answer is longer than 10 MiB and was not read further")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_CAP:
        raise too_long
    pieces, size = [], 0
    for piece in response.iter_raw():
        pieces.append(piece)
        size += len(piece)
        if size > BODY_CAP:
            raise too_long
    return b"".join(pieces)


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is shut already
        opened.shutdown(SHUT_RDWR)


def _distrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


_LOADING = threading.Lock()


def _tls() -> ssl.SSLContext:
    """Return what all connections verify with; loading it for each would take too long."""
    with _LOADING:  # else each of the first calls would load it at the same time
        return _loaded()


@functools.cache
def _loaded() -> ssl.SSLContext:
    import httpx

    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise unusable(
            f"the certificates of this machine cannot be loaded ({error.strerror or error}); "
            "correct SSL_CERT_FILE or SSL_CERT_DIR"
        ) from None


def prepare() -> None:
    """Do what the first call would wait for: while it does, others would start behind it."""
    _tls()


def is_installed() -> bool:
    """Tell whether httpx can be used."""
    try:
        import httpx  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True
