"""Rows as the laboratory wrote them, with the cell of one value marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tribolake.oil.questions.origin import Origin
from tribolake.oil.written.rows import MOST_CHARACTERS, Cell, Written, WrittenRow
from tribolake.texts import cut
from tribolake.web.words import Words

ANCHOR = "cell"
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
    """Rows of a file. `note` says where the value is, or why no cell is marked, and `problem` why no row is shown."""

    rows: tuple[ShownRow, ...]
    note: str
    problem: str
    detail: str
    value: Cell | None  # the marked one


def written_view(written: Written, origin: Origin, essay: str, words: Words) -> WrittenView:
    """Return the rows of an origin. An empty `essay` marks nothing."""
    if not written.rows:
        return WrittenView((), "", words(PROBLEMS[written.problem]), written.detail, None)
    value, name = (_header(origin, column) for column in ("column_name", "name_column"))
    marks = {name: words("written.name"), value: words("written.value")}
    return WrittenView(
        tuple(_row(row, marks, value, words) for row in written.rows),
        _note(origin, essay, words),
        "",
        "",
        next((cell for row in written.rows for cell in row.cells if cell.column == value), None),
    )


def _header(origin: Origin, column: str) -> str | None:
    """Return the header that a result names, as far as it was read. Earlier releases named fewer."""
    header = (origin.result or {}).get(column)
    return None if header is None else str(header)[:MOST_CHARACTERS]


def _note(origin: Origin, essay: str, words: Words) -> str:
    if not essay:
        return ""
    if origin.result is None:
        return words("written.not_in_report", essay=words.essay(essay))
    if origin.computed_from:
        return words("written.computed", essay=words.essay(essay), source=words.essay(origin.computed_from))
    return ""


def _row(row: WrittenRow, marks: Mapping[str | None, str], value: str | None, words: Words) -> ShownRow:
    cells = [
        _cell(cell, marks.get(cell.column, ""), ANCHOR if cell.column == value else "", words)
        for place, cell in enumerate(row.cells)
        if place < SHOWN_CELLS or cell.column in marks
    ]
    rest = len(row.cells) - len(cells)
    more = words("written.rest", n=words.number(rest)) if rest or not row.is_whole else ""
    return ShownRow(words("written.row", n=row.number), tuple(cells), more)


def _cell(cell: Cell, mark: str, anchor: str, words: Words) -> ShownCell:
    kind = words(KINDS[cell.kind]) if cell.kind in KINDS else ""
    return ShownCell(cell.column, cut(cell.text, SHOWN_CHARACTERS), kind, mark, anchor)
