"""Spreadsheets: the rows of each sheet, whatever format the workbook has."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum

from tribolake.readers.biff import Correction, Corrections, xls_peculiarities, xlsb_peculiarities
from tribolake.readers.ooxml import Ooxml
from tribolake.readers.sheet_rows import SheetRow
from tribolake.readers.sheets import Sheet


def xlsx_sheets(content: bytes, archive: zipfile.ZipFile, *, streams: bool) -> Iterator[Sheet]:
    """Yield the worksheets of an .xlsx or .xlsm, in its order. With `streams`, calamine reads none of them."""
    xml = Ooxml(archive)

    def rows(name: str, workbook: CalamineWorkbook | None, spans: dict[int, dict[int, int]]) -> Iterator[SheetRow]:
        look = xml.look_at(name)
        spans.update(look.spans)
        if workbook is None or look.is_peculiar:
            yield from xml.rows(name)
        else:
            yield from _rows(workbook.get_sheet_by_name(name))

    with nullcontext() if streams else CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        for name in xml.sheets:
            spans: dict[int, dict[int, int]] = {}
            yield Sheet(name, rows(name, workbook, spans), spans, xml.is_1904)


def binary_sheets(content: bytes, archive: zipfile.ZipFile | None) -> Iterator[Sheet]:
    """Yield the worksheets of an .xls, or of an .xlsb that is an archive, in its order."""
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        corrections, is_1904 = xlsb_peculiarities(archive) if archive else xls_peculiarities(content)
        for at, found in enumerate(workbook.sheets_metadata):
            if found.typ == SheetTypeEnum.WorkSheet:
                sheet = workbook.get_sheet_by_name(found.name)
                spans: dict[int, dict[int, int]] = {}
                for (top, left), (bottom, _) in sheet.merged_cell_ranges or []:
                    if bottom > top:
                        spans.setdefault(top + 1, {})[left] = bottom + 1
                rows = _corrected(_rows(sheet), corrections[at] if at < len(corrections) else {})
                yield Sheet(found.name, rows, spans, is_1904)


def _rows(sheet: CalamineSheet) -> Iterator[SheetRow]:
    # Rows begin at the first column that has a value.
    left = [""] * sheet.start[1] if sheet.start else []
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, [*left, *cells] if left else cells


def _corrected(rows: Iterator[SheetRow], corrections: Corrections) -> Iterator[SheetRow]:
    by_row: dict[int, list[tuple[int, Correction]]] = {}
    for (row, column), correction in corrections.items():
        by_row.setdefault(row + 1, []).append((column, correction))
    for number, cells in rows:
        yield number, _corrected_row(cells, by_row[number]) if number in by_row else cells


def _corrected_row(cells: Sequence[object], corrections: Sequence[tuple[int, Correction]]) -> Sequence[object]:
    """calamine counts error cells as filled: they lie within its rows."""
    corrected = list(cells)
    for column, correction in corrections:
        corrected[column] = correction(corrected[column])
    return corrected
