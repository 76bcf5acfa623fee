"""What runs inside this process and must end with the session: each has a switch."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from harness.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Endings:
    """The switches of everything that is at work now.

    ``attended`` is called from worker threads, ``end_all`` from the main thread. After
    ``end_all`` nothing begins any more.
    """

    def __init__(self) -> None:
        # Between the check of `_ended` and the entry in `_switches` no `end_all` may come,
        # or a call would begin that nobody ends.
        self._lock = threading.Lock()
        self._switches: dict[object, Callable[[], object]] = {}
        self._ended = False

    @contextlib.contextmanager
    def attended(self, end: Callable[[], object]) -> Iterator[None]:
        """Run the block; ``end`` is called from another thread if the session stops meanwhile.

        It must make the block fail soon and must not raise. What the block raises after
        that is ``Interrupted``; a block that has succeeded by then is left alone.
        """
        place = object()
        with self._lock:
            if self._ended:
                raise Interrupted
            self._switches[place] = end
        try:
            yield
        except Exception:
            if self._ended:
                raise Interrupted from None
            raise
        finally:
            with self._lock:
                del self._switches[place]

    def end_all(self) -> int:
        """End everything at work, let nothing begin, and return how many were ended."""
        with self._lock:
            self._ended = True
            switches = list(self._switches.values())
        for end in switches:
            end()
        return len(switches)
