"""Standing in for ``sys.stdout`` and ``sys.stderr``: each thread's text goes to its slot."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, BinaryIO, TextIO

from harness.plugin.records import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer


@contextlib.contextmanager
def routed_streams(*, tee: bool) -> Iterator[None]:
    """Route both streams; with ``tee`` the text goes where it always goes as well."""
    saved = sys.stdout, sys.stderr
    sys.stdout = _RoutedStream(saved[0], "stdout", tee=tee)
    sys.stderr = _RoutedStream(saved[1], "stderr", tee=tee)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = saved


class _RoutedStream(io.TextIOBase):
    def __init__(self, real: TextIO, name: str, *, tee: bool) -> None:
        self._real = real
        self._name = name
        self._tee = tee

    def write(self, text: str) -> int:
        record = current()
        if record is not None:
            getattr(record, self._name).write(text)
            if not self._tee:
                return len(text)
        self._real.write(text)
        return len(text)

    def flush(self) -> None:
        self._real.flush()

    def close(self) -> None:
        """Leave the real stream alone: it is not ours, and may be closed when this is collected."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return current() is None and self._real.isatty()

    def fileno(self) -> int:
        return self._real.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override] # the base class calls it a variable
        return self._real.encoding

    @property
    def buffer(self) -> BinaryIO | _RoutedBytes:
        return self._real.buffer if current() is None else _RoutedBytes(self)


class _RoutedBytes(io.BufferedIOBase):
    """The stream's ``buffer`` in a slot's thread; its bytes become text as pytest's do."""

    def __init__(self, stream: _RoutedStream) -> None:
        self._stream = stream

    def write(self, content: ReadableBuffer) -> int:
        found = bytes(content)
        self._stream.write(found.decode("utf-8", "replace"))
        return len(found)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream alone, as it does the real one."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()
