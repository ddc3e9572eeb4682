"""The row of a sample as the laboratory wrote it, with the cells of one value marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.oil.written.cells import Cell, Found, find_result
from tribolake.oil.written.rows import WrittenRow, WrittenSample
from tribolake.texts import cut
from tribolake.web.words import Words

ANCHOR = "cell"
SHOWN_ROWS = 5
SHOWN_CELLS = 250  # of a row, and the marked ones
SHOWN_CHARACTERS = 300  # of a cell
PROBLEMS = {
    "gone": "written.gone",
    "archived": "written.archived",
    "too_large": "written.too_large",
    "unreadable": "written.unreadable",
    "no_row": "written.no_row",
}
# Letters of `readers/raw_rows.py` whose cells are not what they look like.
KINDS = {
    "e": "written.error",
    "f": "written.formula",
    "d": "written.date",
    "p": "written.percent",
    "s": "written.shifted",
}


@dataclass(frozen=True)
class ShownCell:
    """A cell: header and text. `mark` says what a marked cell is, and `kind` what a cell of a special kind is.

    `anchor` is the name of the first cell of the value in the address of the page.
    """

    column: str
    text: str
    kind: str
    mark: str
    anchor: str


@dataclass(frozen=True)
class ShownRow:
    """A row. `rest` says how many cells are not shown."""

    title: str
    cells: tuple[ShownCell, ...]
    rest: str


@dataclass(frozen=True)
class WrittenView:
    """Rows of a sample. `note` says where the value is, or why no cell is marked, and `problem` why no row is shown."""

    rows: tuple[ShownRow, ...]
    note: str
    problem: str
    detail: str
    columns: str  # headers of the marked values
    text: str  # what stands in them


def written_view(written: WrittenSample, report: Mapping[str, Any], essay: str, words: Words) -> WrittenView:
    """Return the rows of a sample. An empty `essay` marks nothing."""
    laboratory, sheet = report["laboratory"], report["sourceSheet"] or ""
    if not written.rows:
        return WrittenView((), "", words(PROBLEMS[written.problem]), written.detail, "", "")
    found = [(row, find_result(laboratory, sheet, row.cells, essay) if essay else None) for row in written.rows]
    marked = [(row, result) for row, result in found if result]
    shown = marked[:SHOWN_ROWS] or found[:1]
    values = [cell for row, result in marked if result for cell in row.cells if cell.column in result.values]
    first = values[0] if values else None
    return WrittenView(
        tuple(_row(row, result, first, words) for row, result in shown),
        _note(essay, marked[0][1] if marked else None, words),
        "",
        "",
        ", ".join(dict.fromkeys(cell.column for cell in values)),
        " | ".join(dict.fromkeys(cell.text for cell in values)),
    )


def _note(essay: str, found: Found | None, words: Words) -> str:
    if not essay:
        return ""
    if found is None:
        return words("written.not_in_row", essay=words.essay(essay))
    if found.source != essay:
        return words("written.computed", essay=words.essay(essay), source=words.essay(found.source))
    return ""


def _row(row: WrittenRow, found: Found | None, first: Cell | None, words: Words) -> ShownRow:
    cells = [
        _cell(cell, found, words, ANCHOR if cell is first else "")
        for place, cell in enumerate(row.cells)
        if place < SHOWN_CELLS or (found and cell.column in found.values | found.names)
    ]
    rest = len(row.cells) - len(cells)
    more = words("written.rest", n=words.number(rest)) if rest or not row.is_whole else ""
    return ShownRow(words("written.row", n=row.number), tuple(cells), more)


def _cell(cell: Cell, found: Found | None, words: Words, anchor: str) -> ShownCell:
    mark = ""
    if found and cell.column in found.values:
        mark = words("written.value")
    elif found and cell.column in found.names:
        mark = words("written.name")
    kind = words(KINDS[cell.kind]) if cell.kind in KINDS else ""
    return ShownCell(cell.column, cut(cell.text, SHOWN_CHARACTERS), kind, mark, anchor)
