"""The warehouse of a lake: what the wrapper asks of a run, and what runs left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_exponential_jitter

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.ledger import LEDGER_QUERY, Ledger
from tribolake.product import Product
from tribolake.run.control_tables import control_tables
from tribolake.run.home import bring_warehouse
from tribolake.run.project import Fingerprints
from tribolake.run.report import RunReport
from tribolake.settings import Settings

# Tables that an earlier version of tribolake made otherwise are not understood: see `open_for_a_run`.
LAYOUT_TABLE = ("history", "layout_2")
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


def read_ledger(connection: duckdb.DuckDBPyConnection, product: Product, *, retry_failed: bool = False) -> Ledger:
    """What earlier runs saw; with `retry_failed`, files that failed count as not seen."""
    arrivals = product.warehouse.arrivals
    if not relation_exists(connection, arrivals):
        return Ledger.of([])
    retries = "control.retries" if table_exists(connection, "control", "retries") else NO_RETRIES
    seen = connection.execute(LEDGER_QUERY.format(arrivals=arrivals, retries=retries)).fetchall()
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


def is_unfinished(connection: duckdb.DuckDBPyConnection, product: Product, past: PastRun | None) -> bool:
    """Whether rows were loaded that no finished run has published: a run was killed, or dbt was started by hand."""
    if past is None:
        return False
    requested = connection.execute("select run_id from control.run_request").fetchone()
    was_killed = requested is not None and requested[0] != past.run_id
    arrivals = product.warehouse.arrivals
    if was_killed or not relation_exists(connection, arrivals):
        return was_killed
    arrived = connection.execute(f"select max(arrived_at) from {arrivals}").fetchone()
    return bool(arrived and arrived[0] and arrived[0] > past.finished_at)


def what_is_unfinished(connection: duckdb.DuckDBPyConnection) -> Unfinished:
    """What the next run has to do because the last one did not end, whatever it is asked for itself."""
    if not table_exists(connection, "control", "unfinished"):
        return Unfinished()
    row = connection.execute("select rebuild, recalculate_limits from control.unfinished").fetchone()
    return Unfinished(*row) if row else Unfinished()


def request_run(
    connection: duckdb.DuckDBPyConnection,
    request: RunRequest,
    found: Sequence[BronzeFile],
    *,
    rebuild: bool,
    forget: Sequence[str],
) -> None:
    """Leave the request and the files to read where the models find them, and what to repeat for the next run.

    All in one transaction: a run that is killed here has asked for nothing.

    Args:
        connection: to the warehouse.
        request: what the run is asked to do.
        found: the files that the run reads.
        rebuild: the run makes every derived table anew.
        forget: relations that are dropped, such as what was read from files when the build must read them again.
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
        for relation in forget:
            connection.execute(f"drop table if exists {relation}")


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


def relation_exists(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    """Whether a table is there that is named with its schema, as in `bronze.bronze_arrivals`."""
    schema, _, table = relation.partition(".")
    return table_exists(connection, schema, table)


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
