"""Tables to take along, with what pages show of machines, reports, limits and alarm quality.

Cells are numbers, days and texts, and names of columns are those of published files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from tribolake.oil.fleet import word_of
from tribolake.oil.limits.impact import Impact
from tribolake.oil.questions.limits import THRESHOLDS
from tribolake.oil.questions.quality import Quality
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

SERIES = (
    "client", "unit_id", "component", "sample_date", "laboratory", "sample_number", "essay", "value", "text", "unit",
    "status", "limit_value", "decides",
)  # fmt: skip
CHANGES = (
    "client", "unit_id", "component", "sample_date", "laboratory", "sample_number", "status_before", "status_after",
    "score_before", "score_after", "lab_verdict", "feedback", "would_be_lost",
)  # fmt: skip
AGREEMENT = (
    "name", "reports", "alarms", "alarms_with_verdict", "alarms_with_action", "actions", "precision", "recall",
    "false_alarms", "alarms_confirmed", "alarms_not_confirmed", "confirmed", "precision_found", "recall_found",
)  # fmt: skip
SAMPLED = ("components", "usual_days", "due", "overdue", "unknown")
# The tables of alarm quality by their names on the page, each with its columns.
QUALITY = {
    "by_component": AGREEMENT,
    "by_rule": AGREEMENT,
    "limits": ("essay", "component", "machine", "limit_source", "alarms", "false_alarms", "right_alarms"),
    "by_month": AGREEMENT,
    "sampling": ("component", *SAMPLED),
    "overdue": ("client", "unit_id", "component", "sample_date", "usual_days", "days"),
    "sites": ("client", "site", "components", "on_time", "results", "rejected", "used"),
    "not_used": ("client", "reason", "subject", "things", "files"),
    "examples": (
        "client", "reason", "file_key", "sheet", "row", "column_name", "sampleNumber", "essay", "text", "is_published",
    ),
    "unmapped": ("client", "reason", "name", "files", "file"),
    "published": ("client", "run_id", "published_at", "newest_sample", "policy", "reports", "machines"),
}  # fmt: skip


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
    of_report = {name: report[name] for name in (*OF_REPORT, *OF_SOURCE)}
    rows = [
        of_report | value | {"value": _typed(value["value"]), "before": _typed(value["before"])}
        for value in found.values
    ]
    return Sheet("Values", [{name: _cell(row.get(name)) for name in VALUES} for row in rows], VALUES)


def series_table(values: Sequence[Mapping[str, Any]]) -> Sheet:
    """Return the table of values over time: a row for each sample and essay."""
    return Sheet("Values", [{name: _cell(row[name]) for name in SERIES} for row in values], SERIES)


def change_table(impact: Impact) -> Sheet:
    """Return the table of the reports that another limit would change, those first whose alarm would be lost."""
    rows = [
        row | {"feedback": ", ".join(row["feedback"]), "would_be_lost": is_lost} for row, is_lost in impact.lost_first()
    ]
    return Sheet("Changes", [{name: _cell(row[name]) for name in CHANGES} for row in rows], CHANGES)


def quality_tables(quality: Quality) -> dict[str, Sheet]:
    """Return the tables of alarm quality with all of their rows, by their names on the page."""
    alarms = {f"by_{part}": quality.of_part(part) for part in ("component", "rule", "month")}
    rows = alarms | {name: getattr(quality, name) for name in QUALITY if name not in alarms}
    return {
        name: Sheet(
            name.replace("_", " ").capitalize(),
            [{column: _cell(row[column]) for column in columns} for row in rows[name]],
            columns,
        )
        for name, columns in QUALITY.items()
    }


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
    """Return the number that a report writes so, or the text: `<0,05` and codes such as `007` or `NaN` stay texts."""
    try:
        number = float(text or "")
    except ValueError:
        return text
    return number if isfinite(number) and f"{number:.15g}" == text else text
