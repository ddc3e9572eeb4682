"""The warehouse of a lake: opening it, its ledger, and its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_exponential_jitter

from tribolake.errors import DAMAGED, ConfigurationError, LakeIsBusy, RunFailed, is_of_the_disk
from tribolake.lake.ledger import LEDGER_QUERY, Ledger
from tribolake.product import Product
from tribolake.run.aborts import explain_aborts
from tribolake.run.home import bring_warehouse
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
        connection.execute("set TimeZone = 'UTC'")  # the only zone that pytz knows without reading a list of all
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
