"""Find a laboratory's tables in the rows of a sheet, and turn their rows into raw rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain, islice

import numpy as np
import pyarrow as pa

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.above import AboveTable
from tribolake.readers.layout import FileLayout
from tribolake.readers.names import normal_form
from tribolake.readers.raw_rows import (
    BOOLEAN,
    DATE,
    ERROR,
    FORMULA,
    NUMBER,
    PERCENT,
    SHIFTED,
    STRUCK,
    TEXT,
    ErrorCell,
    Percent,
    ShiftedCell,
    StruckCell,
    UncalculatedFormula,
    distinct_headers,
    is_error_text,
    number_texts,
    raw_rows,
)
from tribolake.readers.sheet_rows import SheetRow, has_only_names, is_blank

# The key header is looked for in so many filled rows.
HEADER_SEARCH_ROWS = 100
# So many equal headers in a row make two tables of one.
SIDE_BY_SIDE_HEADERS = 3
# A file of which nothing is known is looked at so far.
GRID_ROWS = 5_000
# Rows that lie together in memory have at most so many cells, empty ones included.
BATCH_CELLS = 200_000
ABOVE = "above: "
LETTERS_OF_TEXTS: dict[type, str] = {
    str: TEXT, ErrorCell: ERROR, UncalculatedFormula: FORMULA, ShiftedCell: SHIFTED,
    StruckCell: STRUCK,
}  # fmt: skip

# Cells merged downwards: by the number of the first row, column from 0 -> number of the last row.
Spans = Mapping[int, Mapping[int, int]]
NO_SPANS: Spans = {}
NOTHING_KNOWN: Mapping[str, object] = {}


class NoKeyHeader(BronzeFileUnreadable):
    """A sheet has no row with the key header."""

    def __init__(self, where: str, layout: FileLayout, found: Sequence[object], rows: int) -> None:
        columns = ", ".join(" ".join(str(cell).split())[:60] for cell in found[:8]) or "none"
        super().__init__(
            f"{where} has no {layout.key_names} column; columns found: {columns}. "
            f"Export it again{layout.or_declare('declare the new layout in', 'lab_sheets')}"
        )
        self.rows = rows


def sheet_tables(
    where: str,
    sheet: str,
    rows: Iterable[SheetRow],
    layout: FileLayout,
    spans: Spans = NO_SPANS,
    known: Mapping[str, object] = NOTHING_KNOWN,
) -> Iterator[pa.Table]:
    """Yield raw rows of the tables on a sheet. A row with the key header begins a table.

    Args:
        where: the sheet, for a message.
        sheet: its name in the raw rows.
        rows: in the order of the sheet.
        layout: what the sheet looks like.
        spans: cells that are merged downwards; those of a row may be known only when it is read.
        known: fields that every row of the sheet has.

    Raises:
        NoKeyHeader: no table was found.
        BronzeFileUnreadable: tables lie side by side.
    """
    if layout.is_grid:
        yield from _grid_tables(sheet, islice(_filled_rows(rows, spans), GRID_ROWS))
        return
    keys, above = layout.key_forms, AboveTable(layout.above, known)
    table: _Table | None = None
    widest: Sequence[object] = ()
    searched = 0
    for number, cells in _filled_rows(rows, spans):
        if table is None:
            searched += 1
            widest = max(widest, [cell for cell in cells if cell != ""], key=len)
            key_at = _position_of(keys, cells) if searched <= HEADER_SEARCH_ROWS else None
        elif number <= table.header_ends:
            table.add_header_row(number, cells)
            continue
        else:
            key_at = table.key_in(cells)
        if key_at is not None:
            if table is not None:
                table.give_back(above)
                yield from table.take_rows()
            _check_one_table(where, keys, cells)
            last = spans.get(number, {}).get(key_at, number)
            table = _Table(sheet, cells, key_at, last, above.fields, above.take_units(number))
        elif table is None:
            above.take(number, cells)
        else:
            if table.is_full_with(cells):
                yield from table.take_rows()
            table.add(number, cells)
    if table is None:
        raise NoKeyHeader(where, layout, widest, searched)
    yield from table.take_rows()


def _grid_tables(sheet: str, rows: Iterable[SheetRow]) -> Iterator[pa.Table]:
    """Yield raw rows without headers. The columns are called `column 1` and so on."""
    table = _Table(sheet, [""], 0, 0, {})
    for number, cells in rows:
        if table.is_full_with(cells):
            yield from table.take_rows()
        table.add(number, cells)
    yield from table.take_rows()


def _filled_rows(rows: Iterable[SheetRow], spans: Spans) -> Iterator[SheetRow]:
    """Yield rows with a filled cell. A merged cell is filled in every one of them that it covers."""
    covering: dict[int, tuple[int, object]] = {}
    for number, written in rows:
        if is_blank(written):
            continue
        covering = {at: value for at, value in covering.items() if value[0] >= number}
        cells = _covered(written, covering) if covering else written
        for at, last in spans.get(number, {}).items():
            if at < len(cells) and cells[at] != "":
                covering[at] = (last, cells[at])
        yield number, cells


def _covered(cells: Sequence[object], covering: Mapping[int, tuple[int, object]]) -> Sequence[object]:
    filled = list(cells) + [""] * (max(covering, default=-1) + 1 - len(cells))
    for at, (_, value) in covering.items():
        if filled[at] == "":
            filled[at] = value
    return filled


def _position_of(forms: frozenset[str], cells: Sequence[object]) -> int | None:
    return next((at for at, cell in enumerate(cells) if isinstance(cell, str) and normal_form(cell) in forms), None)


def _check_one_table(where: str, keys: frozenset[str], headers: Sequence[object]) -> None:
    """Refuse a header row that repeats itself from the key header on: a row would have the cells of two samples."""
    forms = [normal_form(str(cell)) for cell in headers]
    first, second, *_ = [*(at for at, form in enumerate(forms) if form in keys), len(forms), len(forms)]
    repeated = [
        form for form, again in zip(forms[first:second], forms[second:], strict=False) if form and form == again
    ]
    if len(repeated) >= SIDE_BY_SIDE_HEADERS:
        raise BronzeFileUnreadable(
            f"{where} has tables side by side: columns {first + 1} and {second + 1} are both called "
            f"{str(headers[second])[:60]}. Put the tables one below the other"
        )


class _Table:
    """A table that is being read: its headers, and rows that wait until they are many."""

    def __init__(
        self,
        sheet: str,
        headers: Sequence[object],
        key_at: int,
        header_ends: int,
        above: Mapping[str, object],
        units: Sequence[SheetRow] = (),
    ) -> None:
        self.key_at = key_at
        self.header_ends = header_ends
        self._sheet = sheet
        self._key = headers[key_at]
        self._headers = ["" if cell == "" else str(cell) for cell in headers]
        self._above = dict(above)
        self._numbers = [number for number, _ in units]
        self._rows = [cells for _, cells in units]
        self._width = max(len(headers), *map(len, self._rows), 0)

    def add_header_row(self, number: int, cells: Sequence[object]) -> None:
        """Add a row of a header that fills several rows. The lowest cell names a column. Units are not names."""
        lower = {at: cell for at, cell in enumerate(cells) if cell != "" and str(cell) != self._header_at(at)}
        upper = {self._header_at(at) for at in lower}
        if "" not in upper and len(set(lower.values())) < len(upper):
            self.add(number, [lower.get(at, "") for at in range(len(cells))])
            return
        self._headers += [""] * (len(cells) - len(self._headers))
        for at, cell in enumerate(cells):
            if cell != "":
                self._headers[at] = str(cell)

    def _header_at(self, at: int) -> str:
        return self._headers[at] if at < len(self._headers) else ""

    def key_in(self, cells: Sequence[object]) -> int | None:
        """Return where the key header stands if a row is another header: elsewhere only in a row of names."""
        if len(cells) > self.key_at and cells[self.key_at] == self._key:
            return self.key_at
        return cells.index(self._key) if self._key in cells and has_only_names(cells) else None

    def is_full_with(self, cells: Sequence[object]) -> bool:
        return max(self._width, len(cells)) * (len(self._rows) + 1) > BATCH_CELLS

    def add(self, number: int, cells: Sequence[object]) -> None:
        self._numbers.append(number)
        self._rows.append(cells)
        self._width = max(self._width, len(cells))

    def give_back(self, above: AboveTable) -> None:
        """End the table. Its last rows belong to the next one if they are marked as standing above it."""
        at = len(self._rows)
        while at and (
            above.marks(next(cell for cell in self._rows[at - 1] if cell != ""))
            or above.may_be_units(self._rows[at - 1])
        ):
            at -= 1
        for number, cells in zip(self._numbers[at:], self._rows[at:], strict=True):
            above.take(number, cells)
        del self._rows[at:], self._numbers[at:]

    def take_rows(self) -> Iterator[pa.Table]:
        """Yield the rows that wait, as one batch."""
        if not self._rows:
            return
        width = max(self._width, len(self._headers))
        above = list(self._above.values())
        names = self._headers + [""] * (width - len(self._headers))
        names = [*distinct_headers(names), *(ABOVE + field for field in self._above)]
        if above or any(len(row) != width for row in self._rows):
            self._rows = [[*row, *[""] * (width - len(row)), *above] for row in self._rows]
        shape = (len(self._rows), len(names))
        cells = np.empty(shape[0] * shape[1], dtype=object)
        cells[:] = list(chain.from_iterable(self._rows))
        filled = (cells != "").reshape(shape)
        texts, kinds = cell_texts(cells[filled.ravel()])
        yield raw_rows(self._sheet, names, texts, kinds, filled, np.array(self._numbers))
        self._numbers, self._rows, self._width = [], [], len(self._headers)


def cell_texts(cells: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Cells as text with the letter of their kind, all cells of one type at a time.

    Numbers are without a needless `.0`, dates in ISO form.
    """
    types = np.fromiter(map(type, cells), dtype=object, count=len(cells))
    texts = np.empty(len(cells), dtype=object)
    kinds = np.empty(len(cells), dtype=np.uint8)
    for cell_type in set(types):
        of_type = types == cell_type
        letter, texts[of_type] = _texts_of(cell_type, cells[of_type])
        kinds[of_type] = ord(letter)
        if cell_type is float:  # nobody measures infinity or NaN
            kinds[of_type] = np.where(np.isfinite(cells[of_type].astype(np.float64)), ord(NUMBER), ord(TEXT))
    all_texts = pa.array(texts, pa.string())
    if str in set(types):
        kinds[is_error_text(all_texts) & (kinds == ord(TEXT))] = ord(ERROR)
    return all_texts, kinds


def _texts_of(cell_type: type, cells: np.ndarray) -> tuple[str, np.ndarray]:
    if cell_type in LETTERS_OF_TEXTS:
        return LETTERS_OF_TEXTS[cell_type], cells
    if cell_type in (float, Percent):
        letter = PERCENT if cell_type is Percent else NUMBER
        return letter, np.asarray(number_texts(pa.array(cells.astype(np.float64))), dtype=object)
    if cell_type is bool:
        return BOOLEAN, np.where(cells.astype(bool), "TRUE", "FALSE").astype(object)
    if issubclass(cell_type, datetime | date | time):
        return DATE, np.array([cell.isoformat() for cell in cells], dtype=object)
    if issubclass(cell_type, timedelta):
        return DATE, np.array([clock(cell) for cell in cells], dtype=object)
    return NUMBER, np.array([str(cell) for cell in cells], dtype=object)


def clock(duration: timedelta) -> str:
    """Return a duration as a spreadsheet shows it, for instance `250:30:00`: hours, not a number of days."""
    seconds = round(duration.total_seconds())
    return f"{'-' if seconds < 0 else ''}{abs(seconds) // 3600}:{abs(seconds) % 3600 // 60:02}:{abs(seconds) % 60:02}"
