"""The tables of a file: their header rows, and the columns below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tribolake.oil.lab_draft.grid import Cell, Grid
from tribolake.oil.lab_draft.names import KnownNames
from tribolake.readers.names import normal_form
from tribolake.readers.table import HEADER_SEARCH_ROWS

# A row with fewer headers that are known is no header row.
MIN_KNOWN_HEADERS = 3
MAX_EXAMPLES = 3


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, which of the columns with this header it is, and its cells."""

    sheet: str
    header: str
    occurrence: int
    cells: Sequence[Cell]

    @property
    def key(self) -> tuple[str, int]:
        return self.header, self.occurrence

    @property
    def examples(self) -> list[str]:
        return list(dict.fromkeys(cell.text for cell in self.cells))[:MAX_EXAMPLES]


@dataclass(frozen=True)
class Table:
    """The table of a sheet, and the rows above it."""

    sheet: str
    columns: Sequence[Column]
    above: Sequence[Sequence[Cell]]


def table_of(grid: Grid, names: KnownNames) -> Table | None:
    """Return the table below the row with the most headers that are known."""
    if grid.has_named_columns:
        headers = list(dict.fromkeys(name for cells in grid.rows.values() for name in cells))
        return Table(grid.sheet, [Column(grid.sheet, name, 1, grid.column(name)) for name in headers], [])
    numbers = list(grid.rows)[:HEADER_SEARCH_ROWS]
    known = {number: _known_headers(grid.rows[number], names) for number in numbers}
    best = max(numbers, key=lambda number: known[number], default=None)
    if best is None or known[best] < MIN_KNOWN_HEADERS:
        return None
    seen: Counter[str] = Counter()
    columns = []
    for name, cell in grid.rows[best].items():
        seen[normal_form(cell.text)] += 1
        columns.append(Column(grid.sheet, cell.text, seen[normal_form(cell.text)], grid.column(name, best)))
    above = [list(grid.rows[number].values()) for number in numbers if number < best]
    return Table(grid.sheet, columns, above)


def _known_headers(cells: Mapping[str, Cell], names: KnownNames) -> int:
    return len({meanings[0].name for cell in cells.values() if (meanings := names.meanings(cell.text))})


def distinct_columns(columns: Sequence[Column]) -> list[Column]:
    """Return one column for each header. Sheets of one file have the same ones, and the fullest says what it holds."""
    fullest: dict[tuple[str, int], Column] = {}
    for column in columns:
        key = (normal_form(column.header), column.occurrence)
        if key not in fullest or len(column.cells) > len(fullest[key].cells):
            fullest[key] = column
    return list(fullest.values())
