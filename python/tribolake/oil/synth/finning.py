"""Write the Finning layout: one workbook per truck with sheets OIL and COOLANT."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tribolake.oil.synth.dirt import date_rows, excel_serial, spoil_essays
from tribolake.oil.synth.finning_columns import ESSAYS, REPORT_DATE, SAMPLE_DATE, STATE, coolant_sheet, oil_sheet
from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.sheet import Columns, size, take, with_copy
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
        oil, retested = _spoil(oil, lab.is_clean()[oil_rows], lab)
        mine = oil_order[int(lab.schedule.unit[oil_rows[retested]])]
        mine.insert(mine.index(retested), len(oil_rows))
    paths = []
    for unit, oil_mine, coolant_mine in zip(lab.fleet.units, oil_order, coolant_order, strict=True):
        path = folder / f"{unit.tag}.xlsx"
        with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
            book.set_properties({"created": created})
            date_style, time_style = (
                book.add_format({"num_format": form}) for form in ("dd-mmm-yyyy", "dd-mmm-yyyy hh:mm:ss")
            )
            for name, columns, mine in (("oil", oil, oil_mine), ("coolant", coolant, coolant_mine)):
                sheet = book.add_worksheet(name.upper())
                _write_sheet(sheet, header(name), take(columns, mine), date_style, time_style)
        paths.append(path)
        if on_file is not None:
            on_file(path)
    return paths, sum(len(mine) for mine in oil_order)


def _newest_first(columns: Columns, unit: np.ndarray, units: int) -> list[list[int]]:
    """Return the row positions of each unit, newest sample first, as in exports of the laboratory."""
    days = columns[SAMPLE_DATE]
    order = np.array(sorted(range(len(days)), key=days.__getitem__, reverse=True), dtype=int)
    return [order[unit[order] == one].tolist() for one in range(units)]


def _spoil(columns: Columns, clean: np.ndarray, lab: ClientSamples) -> tuple[Columns, int]:
    """Add dirty cells, odd dates and one retest as the last row. Returns the rows, and the row that was retested."""
    rng = lab.rng("dirt")
    retested = int(rng.choice(np.flatnonzero(clean) if clean.any() else np.arange(len(clean))))
    columns = with_copy(columns, retested)
    columns[REPORT_DATE][-1] += timedelta(days=RETEST_DELAY_DAYS)
    columns["Fe"][-1] = str(int(columns["Fe"][retested] or 0) + 1)
    may_spoil = clean.copy()
    may_spoil[retested] = False
    as_text, as_serial = date_rows(may_spoil, rng)
    days = columns[SAMPLE_DATE]
    days[as_text] = [f"{day:%d/%m/%Y}" for day in days[as_text]]
    days[as_serial] = [excel_serial(day) for day in days[as_serial]]
    spoil_essays(columns, ESSAYS, may_spoil, rng)
    return columns, retested


def _write_sheet(sheet: Worksheet, names: tuple[str, ...], columns: Columns, *styles: Format) -> None:
    """Write header, blank row, and one row per sample. Repeated headers repeat the value, except `Estado`."""
    state_of_laboratory = np.full(size(columns), LAB_STATE, dtype=object)
    placed = [
        (position, state_of_laboratory if name == STATE and position > names.index(STATE) else columns[name])
        for position, name in enumerate(names)
        if name in columns
    ]
    for position, name in enumerate(names):
        sheet.write_string(0, position, name)
    for row in range(size(columns)):
        for position, column in placed:
            _write_cell(sheet, row + FIRST_SAMPLE_ROW, position, column[row], *styles)


def _write_cell(sheet: Worksheet, row: int, column: int, cell: Any, date_style: Format, time_style: Format) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif isinstance(cell, datetime):
        day_share = (cell - datetime(cell.year, cell.month, cell.day)).total_seconds() / 86_400
        sheet.write_number(row, column, excel_serial(cell.date()) + day_share, time_style)
    elif isinstance(cell, date):
        sheet.write_number(row, column, excel_serial(cell), date_style)
    else:
        sheet.write_number(row, column, cell)
