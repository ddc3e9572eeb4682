"""Read all cells of a laboratory file, before anybody has said how it is laid out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tribolake.errors import BronzeFileUnreadable
from tribolake.lake.content import FileContent
from tribolake.readers.confined import ReadingTask, read_files
from tribolake.readers.layout import EVERY_CELL
from tribolake.readers.reading import ReadingLimits
from tribolake.readers.table import GRID_ROWS
from tribolake.settings import Settings


@dataclass(frozen=True)
class Cell:
    """The text of a cell, and the letter of its kind as in `raw_rows`."""

    text: str
    kind: str


@dataclass(frozen=True)
class Grid:
    """The filled cells of a sheet by row number and column name.

    In a file whose format names its columns, these are the names. Elsewhere a column is called `column 7`.
    """

    sheet: str
    rows: Mapping[int, Mapping[str, Cell]]
    has_named_columns: bool = False

    def column(self, name: str, after: int = 0) -> list[Cell]:
        """Return the filled cells of a column below a row."""
        return [cells[name] for number, cells in self.rows.items() if number > after and name in cells]


def read_grids(path: Path, settings: Settings) -> Sequence[Grid]:
    """Read the first rows of every sheet, in a process with limits.

    Raises:
        BronzeFileUnreadable: with what the file is and what to do.
    """
    with tempfile.TemporaryDirectory() as folder:
        task = ReadingTask(FileContent(str(path)), f"{folder}/", EVERY_CELL)
        (reading,) = read_files([task], ReadingLimits.of(settings))
        if reading.problem:
            raise BronzeFileUnreadable(f"{path.name}: {reading.problem}")
        staged = pq.read_table(Path(folder) / f"{reading.sha256}.parquet").slice(0, GRID_ROWS).to_pylist()
    return [_grid(sheet, list(rows)) for sheet, rows in groupby(staged, key=lambda row: str(row["sheet"]))]


def _grid(sheet: str, rows: list[dict[str, Any]]) -> Grid:
    cells = {row["row_number"]: _cells(row["cells"], row["kinds"]) for row in rows}
    names = {name for row in cells.values() for name in row}
    return Grid(sheet, cells, not all(name.startswith("column ") for name in names))


def _cells(cells: Sequence[tuple[str, str]], kinds: str) -> dict[str, Cell]:
    return {name: Cell(text.strip(), kind) for (name, text), kind in zip(cells, kinds, strict=True) if text.strip()}
