"""History of the lake: what the warehouse alone knows of the past, as files that never change.

lineage/_history/{client}/{table}/{run_id}.parquet    rows that a run added or closed, in each replica of the lake

A new warehouse reads them again. See docs/adr/0022-status-without-the-warehouse.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from tribolake.errors import ContractBroken, StoreUnavailable, TribolakeError
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_replicas
from tribolake.product import HistoryTable, Product
from tribolake.run.control_tables import control_tables
from tribolake.run.warehouse import open_warehouse, relation_exists, transaction
from tribolake.settings import Settings
from tribolake.sql import literal, quoted

FOLDER = "lineage/_history"


def keep_history(
    warehouse: duckdb.DuckDBPyConnection,
    product: Product,
    settings: Settings,
    run_id: str,
    assert_lease_held: Callable[[], None],
) -> list[str]:
    """Write the rows of history that no file has yet. A killed run may have written some: they count once.

    Returns:
        Warnings. What could not be written is written by a later run.
    """
    if not product.warehouse.history:
        return []
    warnings = []
    for replica in open_replicas(settings):
        try:
            _keep_in(warehouse, product, replica, run_id, assert_lease_held)
        except (StoreUnavailable, OSError) as error:
            warnings.append(
                f"history is not copied to {replica.address(replica.home)} yet, a later run does it: {error}"
            )
    return warnings


def restore_history(product: Product, settings: Settings) -> list[str]:
    """Give a new warehouse the history of the lake. A warehouse that has history is left alone.

    Returns:
        Files that cannot be read, with what to do.
    """
    if not product.warehouse.history:
        return []
    published = open_replicas(settings)[0]
    files = [file.key for file in published.files(f"{published.home}/{FOLDER}") if file.key.endswith(".parquet")]
    if not files:
        return []
    problems: list[str] = []
    with open_warehouse(settings.warehouse) as warehouse:
        warehouse.execute(control_tables() + control_tables(product.name))
        if warehouse.execute("select 1 from control.kept_history limit 1").fetchone():
            return []
        paths = {
            table: list(_readable(published, table, [key for key in files if _table_of(key) == table.name], problems))
            for table in product.warehouse.history
        }
        with transaction(warehouse):
            for table, found in paths.items():
                if found:
                    _take_back(warehouse, table, found)
                    _mark_kept(warehouse, table, _place(published))
    return problems


def _keep_in(
    warehouse: duckdb.DuckDBPyConnection,
    product: Product,
    replica: Objects,
    run_id: str,
    assert_lease_held: Callable[[], None],
) -> None:
    tables = [table for table in product.warehouse.history if relation_exists(warehouse, table.relation)]
    with tempfile.TemporaryDirectory() as folder:
        written: dict[str, Path] = {}
        for table in tables:
            news = _news(table, _place(replica))
            clients = warehouse.execute(f"select distinct lower(client) from ({news}) order by 1").fetchall()
            for client in (name for (name,) in clients if CLIENT_NAME.match(name)):
                path = Path(folder, f"{table.name}.{client}.parquet")
                warehouse.execute(
                    f"copy (select * from ({news}) where lower(client) = {literal(client)} order by {table.identity})"
                    f" to {literal(str(path))} (format parquet, compression zstd)"
                )
                written[f"{replica.home}/{FOLDER}/{client}/{table.name}/{run_id}.parquet"] = path

        def put(key: str) -> None:
            assert_lease_held()
            replica.tidy(key.rpartition("/")[0])
            replica.put(key, written[key].read_bytes())

        with ThreadPoolExecutor(8) as threads:  # a call to a bucket takes longer than its work
            list(threads.map(put, written))
    with transaction(warehouse):
        for table in tables:
            _mark_kept(warehouse, table, _place(replica))


def _news(table: HistoryTable, place: str) -> str:
    return f"""
        select * from {table.relation} as rows
        where not exists (
            select 1 from control.kept_history as kept
            where
                kept.place = {literal(place)} and kept.relation = {literal(table.relation)}
                and kept.id = {table.identity} and kept.closed_at is not distinct from {table.closed_at}
        )
    """


def _mark_kept(warehouse: duckdb.DuckDBPyConnection, table: HistoryTable, place: str) -> None:
    warehouse.execute(
        f"insert into control.kept_history select {literal(place)}, {literal(table.relation)}, {table.identity},"
        f" {table.closed_at} from ({_news(table, place)})"
    )


def _take_back(warehouse: duckdb.DuckDBPyConnection, table: HistoryTable, paths: list[str]) -> None:
    """Make the table of its files. Of a row that was written open and closed, the closed one counts."""
    schema, _, name = table.relation.partition(".")
    source = f"read_parquet([{', '.join(map(literal, paths))}], union_by_name = true, hive_partitioning = false)"
    warehouse.execute(f"create schema if not exists {quoted(schema)}")
    warehouse.execute(f"create table if not exists {quoted(schema)}.{quoted(name)} as from {source} limit 0")
    if warehouse.execute(f"select 1 from {table.relation} limit 1").fetchone():
        return  # `dbt build` was started by hand
    warehouse.execute(
        # Not by `row_number() = 1`: DuckDB makes it an `arg_min`, which finds no row if `closed_at` is always null.
        f"insert into {table.relation} by name select distinct on ({table.identity}) * from {source}"
        f" order by {table.identity}, {table.closed_at} nulls last"
    )


def _readable(published: Objects, table: HistoryTable, keys: list[str], problems: list[str]) -> Iterator[str]:
    """Give the files that can be read to their end and have the columns that a row is told by."""
    with duckdb.connect() as connection:
        for key in keys:
            try:
                path = str(published.fetch(key))
                connection.execute(
                    f"select count({table.identity}), count({table.closed_at}), max(hash(rows))"
                    f" from read_parquet({literal(path)}, hive_partitioning = false) as rows"
                )
            except (duckdb.Error, OSError, ContractBroken, TribolakeError) as error:
                problems.append(
                    f"history {published.address(key)} cannot be read ({str(error).splitlines()[0]}): "
                    "put it back from a backup, move the warehouse away, and run again"
                )
            else:
                yield path


def _table_of(key: str) -> str:
    return key.split("/")[-2]


def _place(replica: Objects) -> str:
    """Return the name of a replica, which stays the same when a folder is moved."""
    address = replica.address("")
    return address if address.startswith("s3://") else "folder"
