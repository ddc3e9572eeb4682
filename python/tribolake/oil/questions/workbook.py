"""Write the fleet as a workbook with a sheet for each question."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

from tribolake.errors import ConfigurationError
from tribolake.lake.files import place_for_user
from tribolake.oil.fleet import word_of
from tribolake.oil.questions.limits import show_limits
from tribolake.oil.questions.movers import top_movers
from tribolake.oil.questions.order import NEWEST_FIRST
from tribolake.oil.questions.published import rows
from tribolake.oil.status import lake_status
from tribolake.settings import Settings

LEFT_OUT = "Left out"  # the sheet with clients that cannot be read
MOST_CHARACTERS = 32_767  # of a cell
COLOURS = {"Anormal": "#f4b6b6", "Alerta": "#fbe3a6", "Normal": "#cfe8cf", "Sin evaluar": "#dddddd"}
DAYS = {"deadline_on", "latest_sample_date"}  # published as text
WIDTHS = {"machine_ai_recommendation": 90, "ai_recommendation": 90, "why": 32, "first_component": 26, "component": 26}

MACHINES = (
    "client", "unit_id", "site", "machine_name", "machine_model", "overall_status", "worst_status",
    "weighted_machine_score", "machine_score", "deadline", "deadline_on", "days_overdue", "first_component", "why",
    "latest_sample_date", "days_behind_client", "machine_ai_recommendation",
)  # fmt: skip
ALARMS = f"""
    select
        client, unitId as unit_id, alarm_component as component, report_status, urgency, classification_score as score,
        sampleDate as sample_date, sampleNumber as sample_number, array_to_string(alarm_also_in, ', ') as same_oil,
        ai_recommendation, sourceFile as file, sourceRow as "row"
    from (
        from classified_reports
        qualify row_number() over (
            partition by client, unitId, componentName order by {NEWEST_FIRST}
        ) = 1
    )
    where carries_alarm
    order by urgency, score desc, client, unit_id, component
"""
SWAPPED = """
    select distinct
        client, unitId as unit_id, sampleDate as sample_date, sump, sump_difference->>'essay' as essay,
        sump_difference->>'low_component' as low_component, (sump_difference->>'low')::double as low,
        sump_difference->>'high_component' as high_component, (sump_difference->>'high')::double as high
    from classified_reports
    where sump_difference is not null
    order by sample_date desc, client, unit_id
"""
NOT_EVALUATED = """
    select
        client, unitId as unit_id, componentName as component, sampleDate as sample_date,
        sampleNumber as sample_number, essays_rejected, sourceFile as file, sourceRow as "row"
    from classified_reports
    where report_status = 'Sin evaluar'
    order by sample_date desc, client, unit_id, component
"""


@dataclass(frozen=True)
class Sheet:
    """A question and the rows that answer it. Columns are those of `columns`, or of the first row."""

    name: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str] = ()


def export_fleet(
    settings: Settings, file: Path, clients: Sequence[str] | None = None, since: date | None = None
) -> dict[str, int]:
    """Write a workbook from published files, and replace the file in one step. Returns the rows of each sheet.

    Args:
        settings: the lake.
        file: the workbook.
        clients: these only. None means all.
        since: adds a sheet with the components that got worse since this day.

    Raises:
        ConfigurationError: nothing is published, or the file is not called .xlsx.
    """
    if file.suffix.lower() != ".xlsx":
        raise ConfigurationError(f"{file.name[:80]!r} is not a name of a workbook: it ends in .xlsx")
    sheets = _sheets(settings, clients, since)
    place_for_user(file, workbook_of(sheets))
    return {sheet.name: len(sheet.rows) for sheet in sheets}


def left_out_sheet(left_out: Mapping[str, str]) -> list[Sheet]:
    """Return the sheet that says which clients a workbook lacks, if it lacks any."""
    rows = [{"client": client.upper(), "why": why} for client, why in left_out.items()]
    return [Sheet(LEFT_OUT, rows)] if rows else []


def workbook_of(sheets: Sequence[Sheet]) -> bytes:
    """Return sheets as a workbook, with headers that stay in view and filters. Every text is a text.

    It is made in memory: on a full disk, an archive that is written in place says so once more when it is forgotten.
    """
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        header = book.add_format({"bold": True, "bg_color": "#e6e6e6", "bottom": 1})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        day = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top"})
        late = book.add_format({"font_color": "#c00000", "bold": True, "valign": "top"})
        colours = {name: book.add_format({"bg_color": colour, "valign": "top"}) for name, colour in COLOURS.items()}
        for sheet in sheets:
            columns = list(sheet.columns or (sheet.rows[0] if sheet.rows else ["nothing"]))
            page = book.add_worksheet(sheet.name)
            for number, column in enumerate(columns):
                page.write_string(0, number, column.replace("_", " "), header)
                page.set_column(number, number, WIDTHS.get(column, max(11, len(column) + 2)))
            for place, row in enumerate(sheet.rows, start=1):
                for number, column in enumerate(columns):
                    value = row.get(column)
                    form = late if column == "days_overdue" else colours.get(value) if isinstance(value, str) else None
                    _write(page, place, number, _day(value) if column in DAYS else value, form or wrapped, day)
            page.freeze_panes(1, 2)
            page.autofilter(0, 0, max(len(sheet.rows), 1), len(columns) - 1)
    return written.getvalue()


def _day(value: object) -> object:
    """Return the day that an ISO text is. Anything else stays what it is."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else value
    except ValueError:
        return value


def _write(page: Any, row: int, column: int, value: object, form: Any, day: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        page.write_boolean(row, column, value, form)
    elif isinstance(value, int | float):
        page.write_number(row, column, value, form)
    elif isinstance(value, date):
        page.write_datetime(row, column, value, day)
    else:
        # Not `write`, which makes formulas, links and numbers of texts that look like them.
        page.write_string(row, column, str(value)[:MOST_CHARACTERS], form)


def _sheets(settings: Settings, clients: Sequence[str] | None, since: date | None) -> list[Sheet]:
    status = lake_status(settings, clients)
    machines = [machine | {"deadline": word_of(machine["urgency"])} for machine in status.machines]
    recent = [machine for machine in machines if machine["is_recent"] is not False]
    others = [machine for machine in machines if machine["is_recent"] is False]
    left_out = dict(status.unread)
    alarms = [row | {"urgency": word_of(row["urgency"])} for row in rows(settings, ALARMS, clients)]
    sheets = [
        Sheet("Look first", recent, MACHINES),
        Sheet("Overdue", [machine for machine in recent if machine["days_overdue"]], MACHINES),
        Sheet("No recent sample", others, MACHINES),
        Sheet("Alarms", alarms),
    ]
    if since is not None:
        movers = top_movers(settings, since, clients)
        moved = [
            row | {"urgency": word_of(row["urgency"]), "essays": ", ".join(row["essays"] or [])} for row in movers.rows
        ]
        sheets.append(Sheet("Worse", moved))
        left_out = movers.left_out | left_out
    return [
        *sheets,
        *left_out_sheet(left_out),
        Sheet("Swapped samples", rows(settings, SWAPPED, clients)),
        Sheet("Not evaluated", rows(settings, NOT_EVALUATED, clients)),
        Sheet("Limits", show_limits(settings, clients=clients)),
    ]
