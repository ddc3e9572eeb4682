"""SQL over the published files of a lake: no other files, no writes, no network beyond its bucket.

| view | rows |
|---|---|
| one for each published table | current gold of every client |
| `harmonized` | samples of every client, of the same runs |
| `rejected` | what was delivered and is not used, of the same runs |
| `bronze_{client}` | Parquet files in bronze, as the laboratory sent them, with `filename` |

Views of bronze are made only if a statement names one, because each of their files must be opened. Files that the view
`rejected` has as unreadable are left out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.lake import open_lake
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.lake.confined_duckdb import confine
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.product import Contract, Product
from tribolake.publish.version import silver_file
from tribolake.settings import Settings
from tribolake.sql import file_pattern, literal, quoted
from tribolake.trace.manifests import current_publication, published_clients
from tribolake.trace.names import checked_client
from tribolake.trace.read_only_duckdb import open_to_read

BRONZE = "bronze_"
REJECTED, UNREADABLE = "rejected", "file_unreadable"
TABLE_FUNCTIONS = frozenset(
    {"range", "generate_series", "unnest", "json_each", "json_tree", "duckdb_columns", "duckdb_views"}
)


class QueryFailed(TribolakeError):
    """DuckDB cannot answer a query. The message is DuckDB's own."""


@dataclass(frozen=True)
class Answer:
    """Columns and rows of a query. `is_cut` is True if there were more rows than the limit.

    `left_out` has the files of bronze that a run could not read. They are in no view.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool
    left_out: tuple[str, ...] = ()

    def as_dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(
    product: Product,
    settings: Settings,
    sql: str,
    *,
    clients: Sequence[str] | None = None,
    limit: int | None = None,
    published: Objects | None = None,
) -> Answer:
    """Answer one `select` from the lake.

    Args:
        product: the product whose tables are read.
        settings: of the product in the lake, in a folder or on S3.
        sql: one statement that reads.
        clients: these only. None means all.
        limit: the most rows to return. None means all.
        published: objects of the lake, pinned if several queries must see one publication. None opens them.

    Raises:
        ConfigurationError: nothing is published, or the statement does more than read.
        QueryFailed: DuckDB cannot answer it.
    """
    check_reads_only(sql)
    published = published or open_objects(settings)
    wanted = [checked_client(client) for client in clients] if clients else published_clients(published)
    with open_to_read(settings) as connection:
        views = _published_views(published, product.contract, wanted)
        _make_views(connection, views)
        left_out: list[str] = []
        if BRONZE in sql.lower():
            unreadable = _unreadable_files(connection, views)
            bronze, left_out = _bronze_views(settings, published, product.folders_of(wanted) or [], unreadable)
            _make_views(connection, bronze)
            views |= bronze
        opened = [file for files in views.values() for file in files]
        confine(connection, [*opened, *map(file_pattern, opened)])
        return replace(_answer(connection, sql, limit), left_out=tuple(left_out))


def check_reads_only(sql: str) -> None:
    """Check that SQL is one statement that only reads the views.

    DuckDB has functions that write in a `select`, such as `enable_logging`. So only the table functions in
    `TABLE_FUNCTIONS` may be called.

    Raises:
        ConfigurationError: it is empty, has several statements, or writes, attaches, sets or calls something else.
        QueryFailed: it is not SQL.
    """
    try:
        with duckdb.connect(config={"enable_external_access": "false"}) as connection:
            (serialized,) = connection.execute("select json_serialize_sql($1::varchar)", [sql]).fetchone() or ("{}",)
        parsed = json.loads(serialized)
    except (duckdb.Error, RecursionError) as error:
        raise QueryFailed("the statement is too deep to be checked: write it in fewer steps") from error
    if parsed.get("error_type") == "parser":
        raise QueryFailed(f"{parsed['error_message']}, at character {parsed.get('position', '0')}")
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise ConfigurationError("give one statement that only reads: select …, from …, describe … or summarize …")
    forbidden = sorted(set(_table_functions(parsed["statements"])) - TABLE_FUNCTIONS)
    if forbidden:
        raise ConfigurationError(f"{forbidden[0]} may not be called: read the views that `show tables` lists")


def _table_functions(statements: list[Any]) -> Iterator[str]:
    """Yield the names of all table functions in parsed statements."""
    nodes = list(statements)
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if node.get("type") == "TABLE_FUNCTION":
                yield str(node["function"]["function_name"]).lower()
            nodes.extend(node.values())
        elif isinstance(node, list):
            nodes.extend(node)


def _published_views(published: Objects, contract: Contract, clients: Sequence[str]) -> dict[str, list[str]]:
    """Return the files of each view: those that the clients' current manifests name."""
    files = {table.name: table.file_name for table in contract.tables}
    files |= {table.name: silver_file(table) for table in contract.silver}
    views: dict[str, list[str]] = {name: [] for name in files}
    for client in clients:
        publication = current_publication(published, client)
        if publication is None or publication.folder is None:
            continue
        # Publications of earlier releases may lack some.
        kept = {file.key for file in published.files(publication.folder)}
        for name, file in files.items():
            if (key := f"{publication.folder}/{file}") in kept:
                views[name].append(published.address(key))
    if not any(views.values()):
        raise ConfigurationError(
            f"nothing is published in {published.address(published.home)}"
            f"{' of ' + ', '.join(clients) if clients else ''}: start `tribolake run`"
        )
    return {name: found for name, found in views.items() if found}


def _unreadable_files(connection: duckdb.DuckDBPyConnection, views: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the keys of files that could not be read. Publications of earlier releases name none."""
    if REJECTED not in views:
        return set()
    found = connection.execute(f"select distinct file_key from {REJECTED} where reason = {literal(UNREADABLE)}")
    return {key for (key,) in found.fetchall()}


def _bronze_views(
    settings: Settings, published: Objects, folders: Sequence[str], unreadable: Collection[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the files of each view, and the files that are left out because no run could read them."""
    views: dict[str, list[str]] = {}
    left_out = []
    for file in open_lake(settings).list_bronze(whole=True):
        if file.client in folders and CLIENT_NAME.match(file.client) and file.key.lower().endswith(".parquet"):
            if file.key in unreadable:
                left_out.append(file.key)
            else:
                views.setdefault(f"{BRONZE}{file.client}", []).append(published.address(file.key))
    return views, left_out


def _make_views(connection: duckdb.DuckDBPyConnection, views: Mapping[str, Sequence[str]]) -> None:
    for name, files in views.items():
        listed = ", ".join(literal(file_pattern(file)) for file in files)
        options = "union_by_name = true, hive_partitioning = false" + (
            ", filename = true" if name.startswith(BRONZE) else ""
        )
        try:
            connection.execute(f"create view {quoted(name)} as from read_parquet([{listed}], {options})")
        except duckdb.Error as error:
            raise QueryFailed(f"the files of {name} cannot be read together: {_message(error)}") from error


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, limit: int | None) -> Answer:
    try:
        cursor = connection.execute(sql)
        columns = [column[0] for column in cursor.description or []]
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
    except duckdb.Error as error:
        raise QueryFailed(_message(error)) from error
    is_cut = limit is not None and len(rows) > limit
    return Answer(columns, rows[:limit] if is_cut else rows, is_cut)


def _message(error: duckdb.Error) -> str:
    """Return DuckDB's message, which points at the faulty place of a statement."""
    return str(error).strip()
