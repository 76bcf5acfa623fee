"""What all calls to one HTTP endpoint share: its connections, and what it was found not to do."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

from harness.judges.connection import Answered, Connection, is_installed, unusable
from harness.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

MISSING = "the package httpx is missing; run pip install 'pytest-judge-panel[http]'"


class Endpoint:
    """Everything that calls with the same address and key share; used by any thread.

    ``refused``: the models for which it does not take a schema. ``redactor`` takes the key out
    of what the endpoint says, whatever the name of the variable that it came from.

    Each call at work has a connection of its own, because only so can it be ended from another
    thread without ending the others; one that is free is used again, by whichever thread calls
    next.
    """

    def __init__(self, headers: Mapping[str, str], key: str | None = None) -> None:
        self.refused: set[str] = set()
        self.redactor = Redactor({"API_KEY": key or ""})
        self._headers = dict(headers)
        self._free: list[Connection] = []
        self._lock = threading.Lock()

    def post(
        self,
        url: str,
        content: bytes,
        *,
        timeout: float,
        attended: Callable[[Callable[[], object]], AbstractContextManager[None]],
    ) -> Answered:
        """Send ``content`` and return the whole answer, as ``Connection.post`` does.

        ``attended(end)`` is the context in which ``end`` may be called from another thread.
        """
        connection = self._take()
        try:
            with attended(connection.end):
                answered = connection.post(url, content, timeout)
        except BaseException:
            connection.close()
            raise
        if connection.ended:  # in the moment in which the answer was complete
            connection.close()
        else:
            with self._lock:
                self._free.append(connection)
        return answered

    def close(self) -> None:
        """Close the connections without a call."""
        with self._lock:
            idle, self._free = self._free, []
        for connection in idle:
            connection.close()

    def _take(self) -> Connection:
        with self._lock:
            if self._free:
                return self._free.pop()  # the latest: the others may time out
        return Connection(self._headers)


_ENDPOINTS: dict[tuple[str, tuple[tuple[str, str], ...]], Endpoint] = {}
_MAKING = threading.Lock()


def endpoint_for(base_url: str, headers: Mapping[str, str], key: str | None = None) -> Endpoint:
    """Return what all calls to an address with the same headers share; they hold the ``key``."""
    if not is_installed():
        raise unusable(MISSING)
    place = (base_url, tuple(sorted(headers.items())))
    with _MAKING:
        if place not in _ENDPOINTS:
            _ENDPOINTS[place] = Endpoint(headers, key)
        return _ENDPOINTS[place]


def close_all() -> None:
    """Close the connections without a call to whatever endpoint."""
    with _MAKING:
        endpoints = list(_ENDPOINTS.values())
        _ENDPOINTS.clear()
    for endpoint in endpoints:
        endpoint.close()


atexit.register(close_all)
