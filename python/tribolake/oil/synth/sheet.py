"""A laboratory file in memory: named columns of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Cell = Any  # str, float, int, date, datetime or None. Writers choose the type in the file
Columns = dict[str, list[Cell]]


def take(columns: Columns, positions: Sequence[int]) -> Columns:
    """Return the rows at `positions`, in that order."""
    return {name: [cells[p] for p in positions] for name, cells in columns.items()}


def append_copy(columns: Columns, row: int) -> None:
    """Append a copy of `row`."""
    for cells in columns.values():
        cells.append(cells[row])


def size(columns: Columns) -> int:
    """Return the number of rows."""
    return len(next(iter(columns.values()), []))
