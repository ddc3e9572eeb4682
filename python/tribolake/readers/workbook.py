"""Excel workbooks, read once with calamine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.layout import SheetLayout
from tribolake.readers.raw_rows import distinct_headers, number_texts, raw_rows

HEADER_SEARCH_ROWS = 20


def workbook_rows(content: bytes, layouts: Sequence[SheetLayout], max_inflated_mb: int) -> Iterator[pa.Table]:
    """Raw rows of each declared sheet of a workbook.

    Raises:
        BronzeFileUnreadable: not a workbook, too large once unzipped, or no declared sheet with its key column.
    """
    refuse_inflated(content, max_inflated_mb)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = workbook.sheet_names
        declared = [layout for layout in layouts if layout.sheet in names]
        if not declared:
            wanted = " or ".join(layout.sheet for layout in layouts)
            raise BronzeFileUnreadable(
                f"no sheet {wanted}; sheets found: {', '.join(names[:10])}. "
                "Export it again, or declare the sheet in seeds/oil/lab_sheets.csv"
            )
        for layout in declared:
            grid = workbook.get_sheet_by_name(layout.sheet).to_python(skip_empty_area=False)
            yield _sheet_rows(layout, grid)
    except CalamineError as error:
        raise BronzeFileUnreadable(
            f"the workbook is damaged or cut short ({error}). Copy or export it again"
        ) from error


def refuse_inflated(content: bytes, max_inflated_mb: int) -> None:
    """Refuse what is no zip archive, or says that it unzips to more than the limit.

    Sizes in zip headers can be forged: the memory limit of the reading process holds where this check is deceived.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inflated_mb = sum(member.file_size for member in archive.infolist()) / 2**20
    except zipfile.BadZipFile as error:
        raise BronzeFileUnreadable("not an Excel workbook, or cut short. Copy or export it again as .xlsx") from error
    if inflated_mb > max_inflated_mb:
        raise BronzeFileUnreadable(
            f"unzips to {inflated_mb:,.0f} MB, more than {max_inflated_mb} MB. "
            "Split the workbook, or raise TRIBOLAKE_MAX_INFLATED_MB if you trust it"
        )


def _sheet_rows(layout: SheetLayout, grid: Sequence[Sequence[object]]) -> pa.Table:
    header_at = next(
        (i for i, row in enumerate(grid[:HEADER_SEARCH_ROWS]) if layout.key_header in map(_stripped, row)),
        None,
    )
    if header_at is None:
        found = [str(cell) for row in grid[:1] for cell in row if cell != ""]
        raise BronzeFileUnreadable(
            f"sheet {layout.sheet} has no '{layout.key_header}' column; "
            f"columns found: {', '.join(found[:8]) or 'none'}. "
            "Export it again, or declare the new layout in seeds/oil/lab_sheets.csv"
        )
    headers = distinct_headers([str(cell) for cell in grid[header_at]])
    rows = grid[header_at + 1 :]
    cells = np.empty(len(rows) * len(headers), dtype=object)
    cells[:] = list(chain.from_iterable(rows))
    grid_shape = (len(rows), len(headers))
    filled = (cells != "").reshape(grid_shape)
    texts = cell_texts(cells[filled.ravel()])
    return raw_rows(layout.sheet, headers, texts, filled, np.arange(len(rows)) + header_at + 2)


def _stripped(cell: object) -> object:
    return cell.strip() if isinstance(cell, str) else cell


def cell_texts(cells: np.ndarray) -> pa.Array:
    """Cells as text, all cells of one type at a time: numbers without a needless `.0`, dates in ISO form."""
    kinds = np.fromiter(map(type, cells), dtype=object, count=len(cells))
    texts = np.empty(len(cells), dtype=object)
    for kind in set(kinds):
        of_kind = kinds == kind
        texts[of_kind] = _texts_of(kind, cells[of_kind])
    return pa.array(texts, pa.string())


def _texts_of(kind: type, cells: np.ndarray) -> np.ndarray:
    if kind is str:
        return cells
    if kind is float:
        return _as_numbers(cells.astype(np.float64))
    if kind is bool:
        return np.where(cells.astype(bool), "TRUE", "FALSE").astype(object)
    if issubclass(kind, datetime | date | time):
        return np.array([cell.isoformat() for cell in cells], dtype=object)
    if issubclass(kind, timedelta):
        return _as_numbers(np.array([cell / timedelta(days=1) for cell in cells]))
    return np.array([str(cell) for cell in cells], dtype=object)


def _as_numbers(numbers: np.ndarray) -> np.ndarray:
    return np.asarray(number_texts(pa.array(numbers)), dtype=object)
