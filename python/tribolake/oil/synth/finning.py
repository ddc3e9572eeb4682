"""Write the Finning layout: one workbook per truck with sheets OIL and COOLANT."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tribolake.oil.synth.dirt import date_rows, excel_serial, spoil_essays
from tribolake.oil.synth.finning_columns import ESSAYS, REPORT_DATE, SAMPLE_DATE, STATE, coolant_sheet, oil_sheet
from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.sheet import Cell, Columns, append_copy, take
from tribolake.oil.synth.tables import header

LAB_STATE = "Nuevo"
FIRST_SAMPLE_ROW = 2  # row 1 is the header and row 2 is blank in every export
RETEST_DELAY_DAYS = 9


def write_workbooks(
    folder: Path,
    lab: ClientSamples,
    *,
    dirty: bool,
    created: datetime,
    on_file: Callable[[Path], None] | None,
) -> tuple[list[Path], int]:
    """Write one `{unit}.xlsx` per truck into `folder`. Returns the paths and the number of OIL rows.

    `created` is the creation time of the workbooks. A fixed time makes their bytes reproducible.
    """
    is_coolant = lab.schedule.family == "refrigerante"
    oil_rows, coolant_rows = np.flatnonzero(~is_coolant), np.flatnonzero(is_coolant)
    oil, coolant = oil_sheet(lab, oil_rows), coolant_sheet(lab, coolant_rows)
    oil_order = _newest_first(oil, lab.schedule.unit[oil_rows], len(lab.fleet.units))
    coolant_order = _newest_first(coolant, lab.schedule.unit[coolant_rows], len(lab.fleet.units))
    if dirty and len(oil_rows):
        retested = _spoil(oil, lab.is_clean()[oil_rows], lab)
        added = len(oil_rows)
        mine = oil_order[int(lab.schedule.unit[oil_rows[retested]])]
        mine.insert(mine.index(retested), added)
    paths = []
    for unit, oil_mine, coolant_mine in zip(lab.fleet.units, oil_order, coolant_order, strict=True):
        path = folder / f"{unit.tag}.xlsx"
        with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
            book.set_properties({"created": created})
            styles = (
                book.add_format({"num_format": "dd-mmm-yyyy"}),
                book.add_format({"num_format": "dd-mmm-yyyy hh:mm:ss"}),
            )
            _write_sheet(book.add_worksheet("OIL"), header("oil"), take(oil, oil_mine), styles)
            _write_sheet(book.add_worksheet("COOLANT"), header("coolant"), take(coolant, coolant_mine), styles)
        paths.append(path)
        if on_file is not None:
            on_file(path)
    return paths, sum(len(mine) for mine in oil_order)


def _newest_first(columns: Columns, unit: np.ndarray, units: int) -> list[list[int]]:
    """Return the row positions of each unit, newest sample first, as in exports of the laboratory."""
    order: list[list[int]] = [[] for _ in range(units)]
    days = columns[SAMPLE_DATE]
    for row in sorted(range(len(days)), key=days.__getitem__, reverse=True):
        order[int(unit[row])].append(row)
    return order


def _spoil(columns: Columns, clean: np.ndarray, lab: ClientSamples) -> int:
    """Add dirty cells, odd dates and one retest as the last row. Returns the row that was retested."""
    rng = lab.rng("dirt")
    candidates = np.flatnonzero(clean) if clean.any() else np.arange(len(clean))
    retested = int(rng.choice(candidates))
    append_copy(columns, retested)
    columns[REPORT_DATE][-1] += np.timedelta64(RETEST_DELAY_DAYS, "D").item()
    columns["Fe"][-1] = str(int(columns["Fe"][retested] or 0) + 1)
    may_spoil = clean.copy()
    may_spoil[retested] = False
    as_text, as_serial = date_rows(may_spoil, rng)
    for row in as_text:
        columns[SAMPLE_DATE][row] = f"{columns[SAMPLE_DATE][row]:%d/%m/%Y}"
    for row in as_serial:
        columns[SAMPLE_DATE][row] = excel_serial(columns[SAMPLE_DATE][row])
    spoil_essays(columns, ESSAYS, may_spoil, rng)
    return retested


def _write_sheet(sheet: Worksheet, names: tuple[str, ...], columns: Columns, styles: tuple[Format, Format]) -> None:
    """Write header, blank row, and one row per sample. Repeated headers repeat the value, except `Estado`."""
    for position, name in enumerate(names):
        sheet.write_string(0, position, name)
    placed: list[tuple[int, list[Cell]]] = []
    seen_state = False
    for position, name in enumerate(names):
        cells = columns.get(name)
        if name == STATE and seen_state and cells is not None:
            cells = [LAB_STATE] * len(cells)
        seen_state = seen_state or name == STATE
        if cells is not None:
            placed.append((position, cells))
    for row in range(len(columns[STATE])):
        for position, cells in placed:
            _write_cell(sheet, row + FIRST_SAMPLE_ROW, position, cells[row], styles)


def _write_cell(sheet: Worksheet, row: int, column: int, cell: Cell, styles: tuple[Format, Format]) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif isinstance(cell, datetime):
        day_share = (cell - datetime(cell.year, cell.month, cell.day)).total_seconds() / 86_400
        sheet.write_number(row, column, excel_serial(cell.date()) + day_share, styles[1])
    elif isinstance(cell, date):
        sheet.write_number(row, column, excel_serial(cell), styles[0])
    else:
        sheet.write_number(row, column, cell)
