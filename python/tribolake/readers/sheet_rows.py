"""A row of a sheet, whatever format the file has."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A row of a sheet: its number as a spreadsheet shows it, and its cells from column A on; "" is an empty cell.
SheetRow = tuple[int, Sequence[object]]
BEGINS_WITH_A_NUMBER = re.compile(r"[\s<>≤≥~]*[-+]?[.,]?[0-9]")


def is_blank(cells: Sequence[object]) -> bool:
    """Return whether no cell has more than white space."""
    return all(isinstance(cell, str) and not cell.strip() for cell in cells)


def has_only_names(cells: Sequence[object]) -> bool:
    """Return whether no cell is a number or begins with one. Each sample has a date, so its row does."""
    return all(isinstance(cell, str) and not BEGINS_WITH_A_NUMBER.match(cell) for cell in cells)
