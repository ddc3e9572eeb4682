"""The warehouse of a lake: requests of runs, and records of past runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_exponential_jitter

from tribolake.errors import DAMAGED, ConfigurationError, LakeIsBusy, RunFailed, is_of_the_disk
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.ledger import LEDGER_QUERY, Ledger
from tribolake.product import Product
from tribolake.run.aborts import explain_aborts
from tribolake.run.control_tables import control_tables
from tribolake.run.home import bring_warehouse
from tribolake.run.project import Fingerprints
from tribolake.run.rejections import Rejection, remember_reported
from tribolake.run.report import RunReport
from tribolake.settings import Settings

# Version of the tables' layout. A warehouse with another layout is moved aside: see `open_for_a_run`.
LAYOUT_TABLE = ("history", "layout_2")
LAYOUT = re.compile("layout_([0-9]+)")
NO_RETRIES = "(select '' as file_key, now() as asked_at where false)"
HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
# DuckDB gives its file to one writer or to readers, so a run and `tribolake status` wait for each other.
PATIENCE = Retrying(
    retry=retry_if_exception_message(match="(?s).*Could not set lock"),
    wait=wait_exponential_jitter(multiplier=0.05, max=1, jitter=0.1),
    stop=stop_after_delay(20),
    reraise=True,
)


@dataclass(frozen=True)
class RunRequest:
    """The request of one run. `clients` None means all."""

    run_id: str
    policy: str
    clients: tuple[str, ...] | None
    retry_failed: bool
    recalculate_limits: bool
    requested_at: datetime
    language: str  # of the recommendations


@dataclass(frozen=True)
class PastRun:
    """The last run that published, with its report."""

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
    def home(self) -> str | None:
        """The home of the lake: see `Settings.home`. Runs of earlier releases did not note it."""
        return self.report.get("home") or None

    @property
    def was_held_back(self) -> bool:
        return any(client["problem"] for client in self.report["clients"].values())


@dataclass(frozen=True)
class Unfinished:
    """Work that an interrupted run left. Tables may be partly old and partly new."""

    rebuild: bool = False
    recalculate_limits: bool = False


@contextmanager
def open_warehouse(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection, and close it afterwards.

    Raises:
        LakeIsBusy: another program holds the file.
        RunFailed: it is not a warehouse, or it is damaged.
    """
    for file in (path, path.with_name(f"{path.name}.wal")):
        if file.exists() and not file.is_file():  # opening a pipe would wait for its other end
            raise RunFailed(f"{file} is no regular file. {DAMAGED}")
    explain_aborts()
    try:
        connection = PATIENCE(duckdb.connect, path, read_only=read_only)
    except duckdb.IOException as error:
        holder = HOLDER.search(str(error))
        if not holder:
            advice = "" if is_of_the_disk(str(error)) else f". {DAMAGED}"
            raise RunFailed(f"the warehouse {path} cannot be opened ({_first_line(error)}){advice}") from error
        raise LakeIsBusy(
            f"the warehouse {path} is held by process {holder['pid']} ({holder['program']}): wait until it ends, or "
            "close it. Until then `tribolake query` and `tribolake status` show what is published"
        ) from error
    except duckdb.Error as error:
        raise RunFailed(f"the warehouse {path} cannot be opened ({_first_line(error)}). {DAMAGED}") from error
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def open_built(settings: Settings, schema: str, table: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for reading, and check that it has a table of runs.

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
    """Open the warehouse for writing. One with an earlier layout is moved aside, because bronze has all its rows.

    Raises:
        RunFailed: a later release made it.
    """
    with open_warehouse(path) as connection:
        _refuse_later_layouts(connection, path)
        is_old = table_exists(connection, "control", "runs") and not table_exists(connection, *LAYOUT_TABLE)
        if not is_old:
            yield connection
            return
    path.replace(path.with_name(f"{path.stem}.{datetime.now(UTC):%Y%m%dT%H%M%S}{path.suffix}"))
    with open_warehouse(path) as connection:
        yield connection


def _refuse_later_layouts(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    schema, ours = LAYOUT_TABLE
    tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    layouts = {int(found[1]) for at, name in tables if at == schema and (found := LAYOUT.fullmatch(name))}
    if layouts and max(layouts) > int(ours.removeprefix("layout_")):
        raise RunFailed(
            f"the warehouse {path} was made by a later release of tribolake: install that release, or move the file "
            "away, and this one builds its own from bronze"
        )


def read_ledger(connection: duckdb.DuckDBPyConnection, product: Product, *, retry_failed: bool = False) -> Ledger:
    """Read the ledger of earlier runs. With `retry_failed`, failed files count as not seen."""
    return Ledger.of(ledger_rows(connection, product), retry_failed=retry_failed)


def ledger_rows(connection: duckdb.DuckDBPyConnection, product: Product) -> list[tuple[Any, ...]]:
    """Return the rows of `LEDGER_QUERY`. A new warehouse has none."""
    arrivals = product.warehouse.arrivals
    if not relation_exists(connection, arrivals):
        return []
    retries = "control.retries" if table_exists(connection, "control", "retries") else NO_RETRIES
    return connection.execute(LEDGER_QUERY.format(arrivals=arrivals, retries=retries)).fetchall()


def last_run(connection: duckdb.DuckDBPyConnection) -> PastRun | None:
    if not table_exists(connection, "control", "runs"):
        return None
    row = connection.execute(
        "select run_id, finished_at, fingerprints, policy, clients, report"
        " from control.runs order by rowid desc limit 1"  # a clock may have been wrong
    ).fetchone()
    if row is None:
        return None
    run_id, finished_at, fingerprints, policy, clients, report = row
    return PastRun(
        run_id,
        finished_at,
        Fingerprints.of_record(json.loads(fingerprints)),
        policy,
        tuple(clients) if clients else None,
        json.loads(report),
    )


def is_unfinished(connection: duckdb.DuckDBPyConnection, product: Product, past: PastRun | None) -> bool:
    """Return True if rows were loaded and not published: a run was killed, or dbt was started by hand."""
    if past is None:
        return False
    requested = connection.execute("select run_id from control.run_request").fetchone()
    was_killed = requested is not None and requested[0] != past.run_id
    arrivals = product.warehouse.arrivals
    if was_killed or not relation_exists(connection, arrivals):
        return was_killed
    # Times ahead of the clock are from when it was wrong. Not bound, see `table_exists`.
    arrived = connection.execute(f"select max(arrived_at) from {arrivals} where arrived_at <= now()").fetchone()
    return bool(arrived and arrived[0] and arrived[0] > past.finished_at)


def what_is_unfinished(connection: duckdb.DuckDBPyConnection) -> Unfinished:
    """Return work that the next run must repeat because the last run was interrupted."""
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
    """Write the request and the files to read for the models, and work to repeat for the next run.

    All in one transaction: a run that is killed here has asked for nothing.

    Args:
        connection: to the warehouse.
        request: what the run is asked to do.
        found: the files that the run reads.
        rebuild: the run builds every derived table again.
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
    """Write which clients are not published, for the snapshots."""
    connection.execute("delete from control.held_back")
    connection.execute("insert into control.held_back select unnest(?)", [list(clients)])


def record_run(
    connection: duckdb.DuckDBPyConnection,
    request: RunRequest,
    fingerprints: Fingerprints,
    report: RunReport,
    rejections: Sequence[Rejection] = (),
) -> None:
    """Record a run that published, with the fingerprints of the project and its seeds, and the sent rejections."""
    with transaction(connection):
        connection.execute(
            "insert or replace into control.runs by name select ? as run_id, ?::timestamptz as finished_at,"
            " ? as fingerprints, ? as policy, ?::varchar[] as clients, ? as report",
            [
                request.run_id,
                datetime.now(UTC),
                json.dumps(asdict(fingerprints)),
                request.policy,
                _list(request.clients),
                json.dumps(report.as_dict(), ensure_ascii=False),
            ],
        )
        remember_reported(connection, rejections)
        connection.execute("delete from control.unfinished")
        connection.execute("update control.run_request set has_found_files = false")  # they are loaded
        connection.execute("delete from control.found_files")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run statements in one transaction. A process can be killed between any two statements."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def table_exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    # Compared here, because a bound parameter makes duckdb import pandas, which takes longer than a run without news.
    tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    return (schema, table) in tables


def relation_exists(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    """Return True if a table or view exists. Its name has the schema, as in `bronze.bronze_arrivals`."""
    schema, _, name = relation.partition(".")
    views = connection.execute("select schema_name, view_name from duckdb_views()").fetchall()
    return table_exists(connection, schema, name) or (schema, name) in views


def rows_of(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a query, by column name."""
    cursor = connection.execute(query, dict(parameters)) if parameters else connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lower_names(clients: Sequence[str] | None) -> list[str] | None:
    """Return clients in lower case as in the seeds, each once. None means all."""
    return sorted({client.lower() for client in clients}) if clients else None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _list(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values is not None else None
