"""A laboratory file in memory: named columns of cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Cells are str, float, int, date, datetime or None. Writers choose the type in the file.
Cells = npt.NDArray[np.object_]
Columns = dict[str, Cells]


def cells(values: npt.ArrayLike, keep: npt.ArrayLike = True, otherwise: str | None = None) -> Cells:
    """Make cells of plain Python values, and of `otherwise` where `keep` is false."""
    return np.where(keep, np.asarray(values).astype(object), np.array(otherwise, dtype=object))


def take(columns: Columns, positions: npt.ArrayLike) -> Columns:
    """Return the rows at `positions`, in that order."""
    return {name: column[np.asarray(positions, dtype=int)] for name, column in columns.items()}


def with_copy(columns: Columns, row: int) -> Columns:
    """Return the rows and a copy of `row` at the end."""
    return take(columns, [*range(size(columns)), row])


def size(columns: Columns) -> int:
    """Return the number of rows."""
    return len(next(iter(columns.values()), ()))
