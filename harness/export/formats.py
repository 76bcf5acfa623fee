"""One table as the bytes of a file: CSV, JSON Lines, or Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

from harness.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.export.columns import Cell, Table

_UNSEEN = r"\s\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
"""What spreadsheets drop before a text, or do not show: white space, controls, marks."""

_FORMULA = re.compile(rf"[\t\r\n]|[{_UNSEEN}]*[=+\-@\uff0b\uff0d\uff1d\uff20\u2212]")
"""What makes a spreadsheet take a text for a formula, or hides that from a reader."""

_SURROGATE = re.compile("[\ud800-\udfff]")
"""What UTF-8 has no bytes for."""

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
"""The same, and what ends a text in some readers."""


def to_csv(table: Table) -> bytes:
    """Return the table as CSV (RFC 4180, UTF-8): a text that looks like a formula gets a quote.

    Nothing stands for what is missing; truth values are ``true`` and ``false``.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_cell(row.get(name)) for name in table.columns])
    return stream.getvalue().encode()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = _writable(value)
        return f"'{text}" if _FORMULA.match(text) else text
    return repr(value)


def to_jsonl(table: Table) -> bytes:
    """Return the table as one JSON object a line, every column in each; missing is null."""
    lines = [
        json.dumps({name: _unicode(row.get(name)) for name in table.columns}, allow_nan=False)
        for row in table.rows
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _unicode(value: Cell) -> Cell:
    return _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value


def to_parquet(table: Table) -> bytes:
    """Return the table as Parquet with the types of its columns; needs the extra ``parquet``."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise SelectionError(
            "Parquet needs the package pyarrow; install it with: "
            "pip install 'pytest-judge-panel[parquet]'"
        ) from None
    types = {"text": pa.string(), "whole": pa.int64(), "real": pa.float64(), "truth": pa.bool_()}
    columns: dict[str, Any] = {
        name: pa.array([_plain(row.get(name)) for row in table.rows], type=types[kind])
        for name, kind in table.columns.items()
    }
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def _plain(value: Cell) -> Cell:
    return _writable(value) if isinstance(value, str) else value


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)


FORMATS: dict[str, Callable[[Table], bytes]] = {
    "csv": to_csv,
    "jsonl": to_jsonl,
    "parquet": to_parquet,
}
