"""Tables to take along: machines as filtered, and the values of a report. Cells are numbers, days and texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from tribolake.oil.fleet import word_of
from tribolake.oil.questions.limits import THRESHOLDS
from tribolake.oil.questions.report import ShownReport
from tribolake.oil.questions.workbook import MACHINES, Sheet
from tribolake.texts import one_line

# A program of spreadsheets takes a text that begins with one of these for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
OF_REPORT = ("client", "unitId", "componentName", "sampleNumber", "sampleDate")
OF_SOURCE = ("sourceFile", "sourceSheet", "sourceRow")
# A publication does not say why a machine has its place: `tribolake status` asks for that what runs remember.
OF_MACHINE = tuple(name for name in MACHINES if name != "why")
VALUES = (
    *OF_REPORT, "essay", "value", "unit", "before", "status", "limit", *THRESHOLDS, "quality", "decides", "delivered",
    *OF_SOURCE,
)  # fmt: skip

LIMITS = (
    "client", "grain", "machine", "machine_model", "component", "essay", "unit", *THRESHOLDS, "n", "n_units",
    "n_nondetect", "p90", "p90_low", "p90_high", "p95", "p95_low", "p95_high", "p98", "p98_low", "p98_high", "quality",
    "source_level_normal", "source_level_alert", "source_level_critic",
)  # fmt: skip


def machine_table(machines: Sequence[Mapping[str, Any]]) -> Sheet:
    """Return the table of machines, in their order: the columns of `tribolake export`."""
    rows = [{**machine, "deadline": word_of(machine["urgency"])} for machine in machines]
    return Sheet("Machines", [{name: _cell(row.get(name)) for name in OF_MACHINE} for row in rows], OF_MACHINE)


def limit_table(limits: Sequence[Mapping[str, Any]]) -> Sheet:
    """Return the table of limits that judge, by client and group."""
    return Sheet("Limits", [{name: _cell(row.get(name)) for name in LIMITS} for row in limits], LIMITS)


def value_table(found: ShownReport) -> Sheet:
    """Return the table of a report's values: a row for each essay, with the limits that judged it."""
    report = found.report
    rows = []
    for value in found.values:
        number = _number(value["value"])
        own = {
            **{name: report[name] for name in (*OF_REPORT, *OF_SOURCE)},
            **value,
            "value": value["value"] if number is None else number,
            "before": value["before"] if _number(value["before"]) is None else _number(value["before"]),
        }
        rows.append({name: _cell(own.get(name)) for name in VALUES})
    return Sheet("Values", rows, VALUES)


def as_csv(sheets: Sequence[Sheet]) -> bytes:
    """Return the first table as CSV in UTF-8 with a mark of it, without a cell that could be taken for a formula."""
    table, text = sheets[0], io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_harmless(row[name]) for name in table.columns])
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: object) -> object:
    """Return a cell of a text file. An apostrophe before a text keeps it a text."""
    if isinstance(cell, str) and cell.lstrip().startswith(FORMULA_SIGNS):
        return f"'{cell}"
    return cell


def _cell(value: object) -> object:
    return one_line(value) if isinstance(value, str) else value


def _typed(text: str | None) -> float | str | None:
    """Return the number that a text is, or the text: `<0,05` and codes stay what they are."""
    number = _number(text)
    return text if number is None else number


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
