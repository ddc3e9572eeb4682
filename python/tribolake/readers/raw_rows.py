"""Raw rows: the one shape that every laboratory file is read into."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# What a cell of a workbook can hold at most; longer texts of other files are cut to it.
MAX_CELL_CHARACTERS = 32_767

RAW_ROWS = pa.schema(
    [
        ("sheet", pa.string()),
        ("row_number", pa.int32()),  # as a spreadsheet shows it: the header of a plain sheet is row 1
        ("cells", pa.map_(pa.string(), pa.string())),  # header -> text; empty cells are left out
    ]
)


def distinct_headers(headers: list[str]) -> list[str]:
    """Names that are unique: the second `Estado` becomes `Estado#2`; a blank header becomes `column 7`."""
    seen: Counter[str] = Counter()
    names = []
    for position, header in enumerate(headers, start=1):
        name = header.strip() or f"column {position}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def number_texts(numbers: pa.Array) -> pa.Array:
    """Floating-point numbers as text: whole ones digit by digit, as the sample numbers that they may be.

    715.125 becomes `715.1250`: a laboratory that writes decimal commas means 715 thousand by `715.125`.
    """
    is_whole = pc.and_(pc.equal(pc.round(numbers), numbers), pc.less(pc.abs(numbers), float(2**53)))
    whole = pc.if_else(is_whole, numbers, 0.0).cast(pa.int64()).cast(pa.string())
    others = pc.replace_substring_regex(numbers.cast(pa.string()), r"^(-?[0-9]{1,3}[.][0-9]{3})$", r"\10")
    return pc.if_else(is_whole, whole, others)


def raw_rows(sheet: str, headers: list[str], texts: pa.Array, filled: np.ndarray, row_numbers: np.ndarray) -> pa.Table:
    """Build raw rows from the filled cells of a grid.

    Args:
        sheet: name of the sheet.
        headers: one unique name per column.
        texts: text of each filled cell, in row order.
        filled: boolean grid, rows × columns; its true cells are those of `texts`.
        row_numbers: spreadsheet number of each row of the grid.

    Returns:
        Table of the shape `RAW_ROWS`, one row per grid row that has a filled cell.
    """
    per_row = filled.sum(axis=1)
    kept = per_row > 0
    offsets = np.concatenate(([0], np.cumsum(per_row[kept]))).astype(np.int32)
    names = pa.array(headers, pa.string()).take(pa.array(np.nonzero(filled)[1]))
    short = pc.utf8_slice_codeunits(texts, 0, MAX_CELL_CHARACTERS)
    cells = pa.MapArray.from_arrays(pa.array(offsets), names, short)
    rows = int(kept.sum())
    return pa.table([pa.repeat(sheet, rows), pa.array(row_numbers[kept].astype(np.int32)), cells], schema=RAW_ROWS)
