"""The files of an export: safe to open, typed, loadable in a line."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given, strategies

from harness.errors import SelectionError
from harness.export.columns import Table
from harness.export.formats import to_csv, to_jsonl, to_parquet
from tests.oracles import oracle

COLUMNS = {"name": "text", "count": "whole", "score": "real", "passed": "truth"}
TABLE = Table(
    "runs",
    COLUMNS,  # type: ignore[arg-type] # a literal dict of literals
    [
        {"name": 'a, "b"\nc', "count": 3, "score": 0.1, "passed": True},
        {"name": None, "passed": False},
        {"name": "\x00\ud800é", "count": -(2**60), "score": -0.5, "passed": None},
    ],
)


def cells(text: str) -> str:
    """Return what a CSV reader finds for one text."""
    table = Table("t", {"name": "text"}, [{"name": text}])
    rows = list(csv.reader(io.StringIO(to_csv(table).decode(), newline="")))
    assert len(rows) == 2
    return rows[1][0]


TRIGGERS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\u2212"]
BEFORE = [
    "",
    " ",
    "   ",
    "\xa0",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\u3000",
    "\ufeff",
    "\u200b",
    "\x0b",
    "\xad",
]
PAYLOADS = [
    *("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://localhost/?x="&A1,"click")', "SUM(A1:A9)*2"),
    *("IMPORTXML(A1)", "-1+1|x", '"', ",", ""),
]


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_text_that_a_spreadsheet_would_run_gets_a_quote(before: str, trigger: str) -> None:
    """Agents and judges wrote it: it must not become a formula, whatever stands before it."""
    for payload in PAYLOADS:
        text = f"{before}{trigger}{payload}"
        assert cells(text) == f"'{text}"


@pytest.mark.parametrize("text", ["\tx", "\rx", "\nx"])
def test_a_text_that_begins_with_a_tab_or_a_line_break_gets_a_quote(text: str) -> None:
    """A reader that splits there would take the rest for a cell."""
    assert cells(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["fine", "1-1", " fine", "a\nb", 'say "x", please', "é", "'=1", "a=1", "00", "1e5", "  ", ""],
)
def test_any_other_text_is_as_it_was(text: str) -> None:
    """Quoted where CSV needs it, and read back the same."""
    assert cells(text) == text


@given(text=strategies.text())
def test_no_text_at_all_is_a_formula(text: str) -> None:
    """What is left of any cell once unseen characters are gone begins with no trigger."""
    found = cells(text)
    seen = "".join(c for c in found if unicodedata.category(c)[0] not in "ZC")
    assert not seen.startswith(tuple(TRIGGERS))
    assert found.removeprefix("'") == re.sub("[\x00\ud800-\udfff]", "\ufffd", text).removeprefix(
        "'"
    )


@given(number=strategies.floats(allow_nan=False, allow_infinity=False) | strategies.integers())
def test_a_number_stays_a_number(number: float) -> None:
    """Negative ones as well: no quote, and the same to the last bit."""
    kind: Any = "whole" if isinstance(number, int) else "real"
    table = Table("t", {"value": kind}, [{"value": number}])
    cell = to_csv(table).decode().splitlines()[1]
    assert type(number)(cell) == number


def test_numbers_and_truth_values_are_written_as_such() -> None:
    """Negative numbers too, because only texts are formulas; nothing stands for what is missing."""
    assert to_csv(TABLE).decode() == (
        "name,count,score,passed\r\n"
        '"a, ""b""\nc",3,0.1,true\r\n'
        ",,,false\r\n"
        f"\ufffd\ufffdé,{-(2**60)},-0.5,\r\n"
    )


def test_json_lines_have_every_column_in_every_line() -> None:
    """So that a reader knows them all from the first line."""
    lines = [json.loads(line) for line in to_jsonl(TABLE).splitlines()]
    assert [list(line) for line in lines] == [list(COLUMNS)] * 3
    assert lines[1] == {"name": None, "count": None, "score": None, "passed": False}
    assert to_jsonl(TABLE).isascii()


def test_parquet_has_the_types_of_the_columns() -> None:
    """Even of a column that is empty throughout."""
    parquet, arrow = oracle("pyarrow.parquet"), oracle("pyarrow")
    found = parquet.read_table(arrow.BufferReader(to_parquet(TABLE)))
    assert {field.name: str(field.type) for field in found.schema} == {
        "name": "string",
        "count": "int64",
        "score": "double",
        "passed": "bool",
    }
    assert found.column("count").to_pylist() == [3, None, -(2**60)]
    empty = Table("none", TABLE.columns, [])
    assert parquet.read_table(arrow.BufferReader(to_parquet(empty))).num_rows == 0


def test_pandas_reads_the_csv_in_one_line() -> None:
    """With numbers and truth values where a column is full."""
    pandas = oracle("pandas")
    table = Table("t", TABLE.columns, [TABLE.rows[0], TABLE.rows[0]])
    found = pandas.read_csv(io.BytesIO(to_csv(table)))
    assert [str(kind) for kind in found.dtypes[1:]] == ["int64", "float64", "bool"]
    assert found["name"][0] == TABLE.rows[0]["name"]


def test_pandas_and_polars_read_each_format_in_one_line() -> None:
    """Texts, numbers, truth values, and what is missing; a lone surrogate stops nobody."""
    pandas, polars = oracle("pandas"), oracle("polars")
    expected = ['a, "b"\nc', None, "\x00\ufffdé"]
    numbers = [0.1, None, -0.5]
    frames = [
        polars.read_csv(to_csv(TABLE)),
        polars.read_ndjson(to_jsonl(TABLE)),
        polars.read_parquet(to_parquet(TABLE)),
    ]
    for frame in frames:
        assert frame["score"].to_list() == numbers
        assert frame["passed"].to_list() == [True, False, None]
        assert frame["count"].to_list() == [3, None, -(2**60)]
    assert frames[1]["name"].to_list() == expected
    for frame in (
        pandas.read_csv(io.BytesIO(to_csv(TABLE))),
        pandas.read_json(io.BytesIO(to_jsonl(TABLE)), lines=True),
        pandas.read_parquet(io.BytesIO(to_parquet(TABLE))),
    ):
        assert frame["score"].astype(object).where(frame["score"].notna(), None).tolist() == numbers
        assert (frame["name"][0], frame["passed"][0]) == (expected[0], True)


def test_without_pyarrow_one_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no dependency of the rest."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SelectionError) as caught:
        to_parquet(TABLE)
    assert str(caught.value) == (
        "Parquet needs the package pyarrow; install it with: "
        "pip install 'pytest-judge-panel[parquet]'"
    )
