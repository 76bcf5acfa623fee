"""A Markdown page of ProjectScylla's: its sections, its tables, and their cells, found by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Cells = Callable[[str], Mapping[str, str]]
    """From the first cell of a row to its new cells, by the header of the column."""


def section(lines: Sequence[str], heading: str) -> range | None:
    """Return the lines below a heading, up to the next one that is no smaller, or a rule."""
    if heading not in lines:
        return None
    start = lines.index(heading) + 1
    level = len(heading) - len(heading.lstrip("#"))
    ends = re.compile(rf"#{{1,{level}}} |---$")
    stop = next((n for n in range(start, len(lines)) if ends.match(lines[n])), len(lines))
    return range(start, stop)


def set_rows(text: str, heading: str, values: Mapping[str, str]) -> str:
    """Set the second cells of a section's first table, by the first ones."""
    return set_table(
        text, heading, lambda first: {"Value": values[first]} if first in values else {}
    )


def set_table(text: str, heading: str, row: Cells) -> str:
    """Set cells of a section's first table; a page without that section stays as it is."""
    lines = text.split("\n")
    span = section(lines, heading)
    if span is None:
        return text
    set_cells(lines, _first_table(lines, span), lambda cells: row(cells[0]))
    return "\n".join(lines)


def _first_table(lines: Sequence[str], span: range) -> range:
    start = next((n for n in span if lines[n].startswith("|")), span.stop)
    stop = next((n for n in range(start, span.stop) if not lines[n].startswith("|")), span.stop)
    return range(start, stop)


def set_cells(lines: list[str], span: range, row: Callable[[list[str]], Mapping[str, str]]) -> None:
    """Set the cells that ``row`` gives, by the names of the columns in the table's first line."""
    header: list[str] = []
    for n in span:
        if not lines[n].startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in lines[n].strip().strip("|").split("|")]
        if not header:
            header = cells
            continue
        for name, value in row(cells).items() if len(cells) == len(header) else ():
            if name in header:
                cells[header.index(name)] = value
                lines[n] = f"| {' | '.join(cells)} |"


def marked(text: str, label: str, value: str) -> str:
    """Set what follows ``label`` and a colon on its line."""
    return "\n".join(_marked_lines(text.split("\n"), f"{label}: ", value))


def _marked_lines(lines: Sequence[str], start: str, value: str) -> Iterator[str]:
    for line in lines:
        yield start + value if line.startswith(start) else line
