"""Read the evaluated Parquet file, one row per report, with a DuckDB that can read nothing else."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.confined_duckdb import QUIET, confine
from tribolake.oil.evaluation.essay_names import published_essays
from tribolake.sql import file_pattern, literal, quoted

MEMORY = "1GB"
MAX_REPORTS = 1_000_000
MAX_TEXT = 10_000  # characters that are read of a text
MAX_JSON = 200_000
MAX_NAME = 200
AT_A_TIME = 2_000
OF_TEXT = frozenset({"VARCHAR", "JSON"})
SHOWN_COLUMNS = 40
HOURS = ("machineHours", "componentHours", "oilMeter", "daysSincePrevious")
DATES = ("sampleDate", "labDate", "reportDate", "previousSampleDate")
# Columns that the previous sample of a report has, and those of the report that name them. A number may have several
# samples, of other units or dates.
PREVIOUS_SAMPLE = {
    "sampleNumber": "previousSampleNumber",
    "sampleDate": "previousSampleDate",
    "unitId": "unitId",
    "componentName": "componentName",
}
NAMES = ("unitId", "machineModel", "machineName", "componentName", "machineSerialNumber", "previousSampleNumber")
PREVIOUS = "previous "
CENSORED = "censored_essays"  # results out of the method's range as written, such as {"Plata": "<0,05"}
BOUND = re.compile(r"\s*[<>]\s*(\d{1,12}(?:[.,]\d{1,12})?)\s*")
# SQL of a column.
SHORT, LONG = (f"left(cast({{}} as varchar), {most})" for most in (MAX_NAME, MAX_JSON))
NUMBER, DATE = "try_cast({} as double)", "try_cast({} as date)"
# A file of another program may have other names for alarms: every status but these is one.
NOT_IN_ALARM = frozenset({"Normal", "Sin evaluar"})


@dataclass(frozen=True)
class Breach:
    """An essay beyond a limit. Value and limit are None where the laboratory gave a code."""

    essay: str
    band: str  # Marginal, Condenatorio, Critico
    value: float | None
    limit: float | None
    further: tuple[float, ...] = ()  # other numbers of the breach, such as the previous value


@dataclass(frozen=True)
class Report:
    """The facts of a row, by which its text is judged."""

    sample: str
    text: str | None
    status: str | None
    urgency: str | None
    breaches: tuple[Breach, ...]
    measured: Mapping[str, float] = field(default_factory=dict)  # by essay
    previous: Mapping[str, float] = field(default_factory=dict)  # of the previous sample in the file
    bounds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of results out of the method's range
    hours: tuple[float, ...] = ()
    dates: tuple[date, ...] | None = None  # None where the file has no dates
    names: tuple[str, ...] = ()

    @property
    def is_in_alarm(self) -> bool:
        return self.status not in NOT_IN_ALARM


def read_reports(path: Path, text: str) -> Iterator[Report]:
    """Read the rows of a file, at most `MAX_REPORTS`.

    Args:
        path: a Parquet file with `breached_essays` and a column of texts. Other columns of a report are used too.
        text: the column of texts.

    Raises:
        ConfigurationError: it is not a Parquet file, or a column is missing.
    """
    file = path.absolute()
    if not file.is_file():
        raise ConfigurationError(f"{path} is not a file: give a Parquet file with one row per report")
    connection = duckdb.connect(config={"memory_limit": MEMORY, "threads": 2})
    for name, value in QUIET.items():
        connection.execute(f"set {name} = {literal(value)}")
    pattern = file_pattern(str(file))
    confine(connection, [str(file), pattern])
    try:
        source = f"read_parquet({literal(pattern)}, hive_partitioning = false)"
        described = connection.execute(f"describe select * from {source}").fetchall()
        columns = {name: str(kind) for name, kind, *_ in described}
        _check(path, columns, text)
        wanted = _wanted(columns, text)
        cursor = connection.execute(
            f"select {', '.join(wanted.values())} from {_rows(source, columns)} limit {MAX_REPORTS}"
        )
        while rows := cursor.fetchmany(AT_A_TIME):
            for row in rows:
                yield _report(dict(zip(wanted, row, strict=True)), text)
    except duckdb.Error as error:
        raise ConfigurationError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()


def _check(path: Path, columns: Mapping[str, str], text: str) -> None:
    missing = [name for name in dict.fromkeys((text, "breached_essays")) if name not in columns]
    if missing:
        texts = sorted(name for name, kind in columns.items() if kind in OF_TEXT)
        shown = ", ".join(texts[:SHOWN_COLUMNS]) + (", …" if len(texts) > SHOWN_COLUMNS else "")
        raise ConfigurationError(
            f"{path} has no column {' and no column '.join(missing)}: choose the column of texts with --text; "
            f"columns of text found: {shown or 'none'}"
        )


def _wanted(columns: Mapping[str, str], text: str) -> dict[str, str]:
    """Return the SQL of every column that is used and that the file has, by name."""
    essays = dict.fromkeys(published_essays(), NUMBER)
    casts = dict.fromkeys(("sampleNumber", "report_status", "urgency", *NAMES), SHORT)
    casts |= dict.fromkeys(HOURS, NUMBER) | essays | {CENSORED: LONG} | dict.fromkeys(DATES, DATE)
    wanted = {name: cast.format(f"reports.{quoted(name)}") for name, cast in casts.items() if name in columns}
    if _knows_previous(columns):
        of_previous = {name: cast for name, cast in (essays | {CENSORED: LONG}).items() if name in columns}
        wanted |= {PREVIOUS + name: cast.format(f"previous.{quoted(name)}") for name, cast in of_previous.items()}
    breaches = f"reports.{quoted('breached_essays')}"
    wanted["breached_essays"] = LONG.format(
        breaches if columns["breached_essays"] in OF_TEXT else f"to_json({breaches})"
    )
    wanted[text] = f"left(cast(reports.{quoted(text)} as varchar), {MAX_TEXT})"
    return wanted


def _rows(source: str, columns: Mapping[str, str]) -> str:
    """Return SQL of the rows in the order of the file, joined with the previous sample if the file names it."""
    if not _knows_previous(columns):
        return f"{source} as reports"
    numbered = source.removesuffix(")") + ", file_row_number = true)"
    key = {name: before for name, before in PREVIOUS_SAMPLE.items() if {name, before} <= columns.keys()}
    names = ", ".join(_key_part(name, name) for name in key)
    matches = " and ".join(
        f"{_key_part(name, before, 'reports')} is not distinct from {_key_part(name, name, 'previous')}"
        for name, before in key.items()
    )
    return (
        f"{numbered} as reports left join"
        f" (from {numbered} qualify row_number() over (partition by {names} order by file_row_number) = 1)"
        f" as previous on reports.{quoted('previousSampleNumber')} is not null and {matches}"
        " order by reports.file_row_number"
    )


def _key_part(name: str, column: str, table: str = "") -> str:
    of_table = f"{table}.{quoted(column)}" if table else quoted(column)
    return f"try_cast({of_table} as date)" if name in DATES else f"cast({of_table} as varchar)"


def _knows_previous(columns: Mapping[str, str]) -> bool:
    return {"sampleNumber", "previousSampleNumber"} <= columns.keys()


def _report(row: Mapping[str, Any], text: str) -> Report:
    dates = [row[name] for name in DATES if row.get(name) is not None]
    return Report(
        sample=row.get("sampleNumber") or "",
        text=row[text],
        status=row.get("report_status"),
        urgency=row.get("urgency"),
        breaches=tuple(_breaches(row["breached_essays"])),
        previous={name: row[PREVIOUS + name] for name in published_essays() if row.get(PREVIOUS + name) is not None},
        measured={name: row[name] for name in published_essays() if row.get(name) is not None},
        bounds=_bounds(row.get(CENSORED), row.get(PREVIOUS + CENSORED)),
        hours=tuple(row[name] for name in HOURS if row.get(name) is not None),
        dates=tuple(_day(moment) for moment in dates) if any(name in row for name in DATES) else None,
        names=tuple(row[name] for name in ("sampleNumber", *NAMES) if row.get(name)),
    )


def _breaches(listed: str | None) -> Iterator[Breach]:
    said = _read_json(listed or "[]")
    for entry in said if isinstance(said, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("essay"), str):
            numbers = {name: _number_in(value) for name, value in entry.items() if name != "points"}
            further = tuple(
                value for name, value in numbers.items() if value is not None and name not in {"value", "limit"}
            )
            band = str(entry.get("threshold") or "")
            yield Breach(entry["essay"], band, numbers.get("value"), numbers.get("limit"), further)


def _bounds(*censored: str | None) -> dict[str, tuple[float, ...]]:
    """Return the numbers of results that were written as `<0,05` or `>100`, by essay."""
    found: dict[str, tuple[float, ...]] = {}
    for listed in filter(None, censored):
        said = _read_json(listed)
        for essay, written in said.items() if isinstance(said, dict) else ():
            number = BOUND.fullmatch(written) if isinstance(written, str) else None
            if number:
                found[essay] = (*found.get(essay, ()), float(number[1].replace(",", ".")))
    return found


def _read_json(text: str) -> Any:
    """Read a JSON text. Returns None if it is not JSON, or nested too deeply.

    Whole numbers are read as floats: Python refuses to read thousands of digits, a float is infinite then.
    """
    try:
        return json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return None


def _number_in(value: object) -> float | None:
    return value if isinstance(value, float) and math.isfinite(value) else None


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
