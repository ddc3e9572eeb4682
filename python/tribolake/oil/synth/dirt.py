"""Add dirty cells as in real exports, at places that no truth depends on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from tribolake.oil.synth.sheet import Columns
from tribolake.oil.synth.tables import BoolArray, IntArray

BLANK = None
DIRTY_CELLS = ("-5", "5-10", "1e-3", "1.234,5", "12,5", "<1", ">100", "-", BLANK)
PER_THOUSAND_ROWS = 1.0
EXCEL_EPOCH = date(1899, 12, 30)


def excel_serial(day: date) -> int:
    """Return Excel's number for a day (1900 date system)."""
    return (day - EXCEL_EPOCH).days


def spoil_essays(columns: Columns, essays: Sequence[str], clean: BoolArray, rng: np.random.Generator) -> None:
    """Overwrite measured cells of `clean` rows with DIRTY_CELLS, about one of each in a thousand rows."""
    rows = rng.permutation(np.flatnonzero(clean))
    each = max(1, round(len(rows) * PER_THOUSAND_ROWS / 1000))
    for row, token in zip(rows, DIRTY_CELLS * each, strict=False):
        measured = [e for e in essays if columns[e][row] not in (None, "-")]
        if measured:
            columns[measured[int(rng.integers(len(measured)))]][row] = token


def date_rows(clean: BoolArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Draw rows whose sampling date becomes day-first text, and rows where it becomes an Excel serial number."""
    rows = rng.permutation(np.flatnonzero(clean))
    each = max(1, round(len(rows) * 2 * PER_THOUSAND_ROWS / 1000))
    return rows[:each], rows[each : 2 * each]
