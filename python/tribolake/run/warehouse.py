"""The warehouse of a lake: what the wrapper asks of a run, and what runs left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_exponential_jitter

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.ledger import LEDGER_QUERY, Ledger
from tribolake.run.control_tables import control_tables
from tribolake.run.home import bring_warehouse
from tribolake.run.project import Fingerprints
from tribolake.run.report import RunReport
from tribolake.settings import Settings

# Tables that an earlier version of tribolake made otherwise are not understood: see `open_for_a_run`.
LAYOUT_TABLE = ("history", "layout_2")
FORGET_BRONZE = "drop table if exists bronze.bronze_rows; drop table if exists bronze.bronze_arrivals"
NO_RETRIES = "(select '' as file_key, now() as asked_at where false)"
# DuckDB gives its file to one writer, or to readers: a run and a look at the status wait for each other.
PATIENCE = Retrying(
    retry=retry_if_exception_message(match="(?s).*Could not set lock"),
    wait=wait_exponential_jitter(multiplier=0.05, max=1, jitter=0.1),
    stop=stop_after_delay(20),
    reraise=True,
)


@dataclass(frozen=True)
class RunRequest:
    """What one run is asked to do; `clients` None means all."""

    run_id: str
    policy: str
    clients: tuple[str, ...] | None
    retry_failed: bool
    recalculate_limits: bool
    requested_at: datetime
    language: str  # of the recommendations


@dataclass(frozen=True)
class PastRun:
    """The last run that published, with the report it printed."""

    run_id: str
    finished_at: datetime
    fingerprints: Fingerprints
    policy: str
    clients: tuple[str, ...] | None
    report: dict[str, Any]

    @property
    def language(self) -> str:
        return str(self.report.get("language", "es"))

    @property
    def was_held_back(self) -> bool:
        return any(client["problem"] for client in self.report["clients"].values())


@dataclass(frozen=True)
class Unfinished:
    """What the last run was to do and did not bring to its end: tables may be half as they were, half anew."""

    rebuild: bool = False
    recalculate_limits: bool = False


@contextmanager
def open_warehouse(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed afterwards.

    Raises:
        ConfigurationError: another program holds the file, or it is not a warehouse.
    """
    try:
        connection = PATIENCE(duckdb.connect, path, read_only=read_only)
    except duckdb.IOException as error:
        raise ConfigurationError(
            f"the warehouse {path} cannot be opened ({str(error).splitlines()[0]}). "
            "Close the program that holds it, or move the file away: the next run builds it anew from bronze"
        ) from error
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def open_built(settings: Settings, schema: str, table: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse to read from, with a table that runs make.

    Raises:
        ConfigurationError: no run has made it yet.
    """
    bring_warehouse(settings)
    if settings.warehouse.exists():
        with open_warehouse(settings.warehouse, read_only=True) as warehouse:
            if table_exists(warehouse, schema, table):
                yield warehouse
                return
    raise ConfigurationError(f"{settings.address} has no {schema}.{table} yet: start `tribolake run` first")


@contextmanager
def open_for_a_run(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse to write to; one that an earlier version laid out otherwise is moved aside: bronze has it all."""
    with open_warehouse(path) as connection:
        is_old = table_exists(connection, "control", "runs") and not table_exists(connection, *LAYOUT_TABLE)
        if not is_old:
            yield connection
            return
    path.replace(path.with_name(f"{path.stem}.{datetime.now(UTC):%Y%m%dT%H%M%S}{path.suffix}"))
    with open_warehouse(path) as connection:
        yield connection


def touched_clients(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Clients whose samples or limits the last build changed, perhaps."""
    rows = connection.execute(
        "select client from changes.pending_contents"
        " union select lower(client) from limits.limit_decisions where is_recalculated"
    ).fetchall()
    return {client for (client,) in rows}


def read_ledger(connection: duckdb.DuckDBPyConnection, *, retry_failed: bool = False) -> Ledger:
    """What earlier runs saw; with `retry_failed`, files that failed count as not seen."""
    if not table_exists(connection, "bronze", "bronze_arrivals"):
        return Ledger.of([])
    retries = "control.retries" if table_exists(connection, "control", "retries") else NO_RETRIES
    seen = connection.execute(LEDGER_QUERY.format(arrivals="bronze.bronze_arrivals", retries=retries)).fetchall()
    return Ledger.of(seen, retry_failed=retry_failed)


def last_run(connection: duckdb.DuckDBPyConnection) -> PastRun | None:
    if not table_exists(connection, "control", "runs"):
        return None
    row = connection.execute(
        "select run_id, finished_at, fingerprints, policy, clients, report"
        " from control.runs order by finished_at desc limit 1"
    ).fetchone()
    if row is None:
        return None
    run_id, finished_at, fingerprints, policy, clients, report = row
    return PastRun(
        run_id,
        finished_at,
        Fingerprints(**json.loads(fingerprints)),
        policy,
        tuple(clients) if clients else None,
        json.loads(report),
    )


def is_unfinished(connection: duckdb.DuckDBPyConnection, past: PastRun | None) -> bool:
    """Whether rows were loaded that no finished run has published: a run was killed, or dbt was started by hand."""
    if past is None:
        return False
    requested = connection.execute("select run_id from control.run_request").fetchone()
    was_killed = requested is not None and requested[0] != past.run_id
    if was_killed or not table_exists(connection, "bronze", "bronze_arrivals"):
        return was_killed
    arrived = connection.execute("select max(arrived_at) from bronze.bronze_arrivals").fetchone()
    return bool(arrived and arrived[0] and arrived[0] > past.finished_at)


def what_is_unfinished(connection: duckdb.DuckDBPyConnection) -> Unfinished:
    """What the next run has to do because the last one did not end, whatever it is asked for itself."""
    if not table_exists(connection, "control", "unfinished"):
        return Unfinished()
    row = connection.execute("select rebuild, recalculate_limits from control.unfinished").fetchone()
    return Unfinished(*row) if row else Unfinished()


def has_unprocessed_contents(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a content was loaded that no build took to the end, or that somebody asked to have checked again."""
    if not table_exists(connection, "changes", "int_contents"):
        return False
    row = connection.execute(
        "select count(*) from changes.int_contents"
        " where content_id not in (select content_id from control.processed_contents)"
    ).fetchone()
    return bool(row and row[0])


def has_due_samples(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether samples that were dated ahead when they arrived can be used now."""
    if not table_exists(connection, "control", "processed_contents"):
        return False
    due = connection.execute("select count(*) from control.processed_contents where due_at <= timezone('UTC', now())")
    return bool((due.fetchone() or (0,))[0])


def has_old_limits(connection: duckdb.DuckDBPyConnection, last_days: int, now: datetime) -> bool:
    """Whether limits were calculated longer ago than that, and files were loaded since."""
    if not table_exists(connection, "control", "limit_calculations"):
        return False
    row = connection.execute("select min(calculated_at) from control.limit_calculations").fetchone()
    if row is None or row[0] is None or row[0] > now - timedelta(days=last_days):
        return False
    last = connection.execute("select max(arrived_at) from bronze.bronze_arrivals where status = 'loaded'").fetchone()
    return bool(last and last[0] and last[0] > row[0])


def request_run(
    connection: duckdb.DuckDBPyConnection,
    request: RunRequest,
    found: Sequence[BronzeFile],
    *,
    rebuild: bool,
    forget_bronze: bool,
) -> None:
    """Leave the request and the files to read where the models find them, and what to repeat for the next run.

    All in one transaction: a run that is killed here has asked for nothing.

    Args:
        connection: to the warehouse.
        request: what the run is asked to do.
        found: the files that the run reads.
        rebuild: the run makes every derived table anew.
        forget_bronze: drop what was read from files, so that the build reads them again.
    """
    with transaction(connection):
        connection.execute(control_tables())
        connection.execute("delete from control.run_request")
        connection.execute(
            "insert into control.run_request by name"
            " select ? as run_id, ? as policy, ?::varchar[] as clients, ? as retry_failed, ? as recalculate_limits,"
            " ?::timestamptz as requested_at, ? as language, true as has_found_files",
            [
                request.run_id,
                request.policy,
                _list(request.clients),
                request.retry_failed,
                request.recalculate_limits,
                request.requested_at,
                request.language,
            ],
        )
        connection.execute("delete from control.found_files")
        connection.execute(
            "insert into control.found_files select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::bigint[]),"
            " unnest(?::timestamptz[]), unnest(?::date[])",
            [
                [file.client for file in found],
                [file.key for file in found],
                [file.size_bytes for file in found],
                [file.modified_at for file in found],
                [file.partition_date for file in found],
            ],
        )
        connection.execute("delete from control.unfinished")
        connection.execute("insert into control.unfinished values (?, ?)", [rebuild, request.recalculate_limits])
        if forget_bronze:
            connection.execute(FORGET_BRONZE)


def hold_back(connection: duckdb.DuckDBPyConnection, clients: Sequence[str]) -> None:
    """Tell the snapshots which clients readers do not see as the warehouse has them."""
    connection.execute("delete from control.held_back")
    connection.execute("insert into control.held_back select unnest(?)", [list(clients)])


def record_run(
    connection: duckdb.DuckDBPyConnection, request: RunRequest, fingerprints: Fingerprints, report: RunReport
) -> None:
    """Remember a run that published, with the fingerprints of the project and its seeds."""
    with transaction(connection):
        connection.execute(
            "insert or replace into control.runs values (?, ?, ?, ?, ?, ?)",
            [
                request.run_id,
                datetime.now(UTC),
                json.dumps(asdict(fingerprints)),
                request.policy,
                _list(request.clients),
                json.dumps(report.as_dict(), ensure_ascii=False),
            ],
        )
        connection.execute("delete from control.unfinished")
        connection.execute("update control.run_request set has_found_files = false")  # they are loaded
        connection.execute("delete from control.found_files")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of what is executed, or nothing: a process can be killed between any two statements."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def table_exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    # Compared here: a bound parameter would make duckdb import pandas, longer than all the rest of a run without news.
    tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    return (schema, table) in tables


def rows_of(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query, by column name."""
    cursor = connection.execute(query, dict(parameters or {}))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lower_names(clients: Sequence[str] | None) -> list[str] | None:
    """Clients as the seeds name them, each once; None means all."""
    return sorted({client.lower() for client in clients}) if clients else None


def _list(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values is not None else None
