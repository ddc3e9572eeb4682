"""The file that is evaluated: a Parquet file with one row per report, read by a DuckDB that can read nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.oil.evaluation.essay_names import published_essays
from tribolake.oil.evaluation.json_numbers import number_in, read_json
from tribolake.oil.evaluation.visible import visible
from tribolake.sql import literal, quoted
from tribolake.trace.read_only_duckdb import QUIET, confine

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
NAMES = ("unitId", "machineModel", "machineName", "componentName", "machineSerialNumber", "previousSampleNumber")
PREVIOUS = "previous "
CENSORED = "censored_essays"  # such as {"Plata": "<0,05"}: what was written of results out of the method's range
BOUND = re.compile(r"\s*[<>]\s*(\d{1,12}(?:[.,]\d{1,12})?)\s*")
NOT_IN_ALARM = frozenset({"Normal", "Sin evaluar"})


@dataclass(frozen=True)
class Breach:
    """An essay beyond a limit; value and limit are None where the laboratory gave a code."""

    essay: str
    band: str  # Marginal, Condenatorio, Critico
    value: float | None
    limit: float | None
    further: tuple[float, ...] = ()  # other numbers of the breach, such as the previous value


@dataclass(frozen=True)
class Report:
    """A row, as far as texts are judged by it."""

    sample: str
    text: str | None
    status: str | None
    urgency: str | None
    breaches: tuple[Breach, ...]
    measured: Mapping[str, float] = field(default_factory=dict)  # by essay
    previous: Mapping[str, float] = field(default_factory=dict)  # of the previous sample, where the file has it
    bounds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of results out of the method's range
    hours: tuple[float, ...] = ()
    dates: tuple[date, ...] | None = None  # None where the file has no dates
    names: tuple[str, ...] = ()

    @property
    def is_in_alarm(self) -> bool:
        return self.status not in NOT_IN_ALARM


def read_reports(path: Path, text: str) -> Iterator[Report]:
    """Read the rows of a file, some at a time, a million at most.

    Args:
        path: a Parquet file with `breached_essays` and a column of texts; its other columns of a report are used too.
        text: the column of texts.

    Raises:
        ConfigurationError: it is no Parquet file, or a column is missing.
    """
    file = path.absolute()
    if not file.is_file():
        raise ConfigurationError(f"{path} is no file: name a Parquet file with one row per report")
    connection = duckdb.connect(config={"memory_limit": MEMORY, "threads": 2})
    for name, value in QUIET.items():
        connection.execute(f"set {name} = {literal(value)}")
    confine(connection, [str(file)])
    try:
        source = f"read_parquet({literal(str(file))}, hive_partitioning = false)"
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
        texts = sorted(visible(name) for name, kind in columns.items() if kind in OF_TEXT)
        shown = ", ".join(texts[:SHOWN_COLUMNS]) + (", …" if len(texts) > SHOWN_COLUMNS else "")
        raise ConfigurationError(
            f"{path} has no column {' and no column '.join(missing)}: choose the column of texts with --text; "
            f"columns of text found: {shown or 'none'}"
        )


def _wanted(columns: Mapping[str, str], text: str) -> dict[str, str]:
    """SQL of every column that is used and that the file has, by name."""

    def of(*names: str) -> list[str]:
        return [name for name in names if name in columns and name != text]

    essays = of(*published_essays())
    breaches = _column("breached_essays")
    listed = breaches if columns["breached_essays"] in OF_TEXT else f"to_json({breaches})"
    return {
        text: f"left(cast({_column(text)} as varchar), {MAX_TEXT})",
        "breached_essays": f"left(cast({listed} as varchar), {MAX_JSON})",
        **{
            name: f"left(cast({_column(name)} as varchar), {MAX_NAME})"
            for name in of("sampleNumber", "report_status", "urgency", *NAMES)
        },
        **{name: f"try_cast({_column(name)} as double)" for name in (*of(*HOURS), *essays)},
        **{name: f"left(cast({_column(name)} as varchar), {MAX_JSON})" for name in of(CENSORED)},
        **{name: f"try_cast({_column(name)} as date)" for name in of(*DATES)},
        **{
            PREVIOUS + name: f"left(cast({_column(name, 'previous')} as varchar), {MAX_JSON})"
            for name in (of(CENSORED) if _knows_previous(columns) else ())
        },
        **{
            PREVIOUS + name: f"try_cast({_column(name, 'previous')} as double)"
            for name in (essays if _knows_previous(columns) else ())
        },
    }


def _column(name: str, table: str = "reports") -> str:
    return f"{table}.{quoted(name)}"


def _rows(source: str, columns: Mapping[str, str]) -> str:
    """The rows in the order of the file, each beside that of its previous sample if the file can tell."""
    if not _knows_previous(columns):
        return f"{source} as reports"
    numbered = source.removesuffix(")") + ", file_row_number = true)"
    return (
        f"{numbered} as reports left join"
        f" (from {numbered} qualify row_number() over (partition by sampleNumber order by file_row_number) = 1)"
        " as previous on reports.previousSampleNumber = previous.sampleNumber order by reports.file_row_number"
    )


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
    said = read_json(listed or "[]")
    for entry in said if isinstance(said, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("essay"), str):
            numbers = {name: number_in(value) for name, value in entry.items() if name != "points"}
            further = tuple(
                value for name, value in numbers.items() if value is not None and name not in {"value", "limit"}
            )
            band = str(entry.get("threshold") or "")
            yield Breach(entry["essay"], band, numbers.get("value"), numbers.get("limit"), further)


def _bounds(*censored: str | None) -> dict[str, tuple[float, ...]]:
    """The numbers of results that were written as `<0,05` or `>100`, by essay."""
    found: dict[str, tuple[float, ...]] = {}
    for listed in filter(None, censored):
        said = read_json(listed)
        for essay, written in said.items() if isinstance(said, dict) else ():
            number = BOUND.fullmatch(written) if isinstance(written, str) else None
            if number:
                found[essay] = (*found.get(essay, ()), float(number[1].replace(",", ".")))
    return found


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def critical_essays(breaches: Sequence[Breach]) -> tuple[str, ...]:
    return tuple(breach.essay for breach in breaches if breach.band.lower().startswith("cr"))
