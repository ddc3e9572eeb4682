"""SQL over what is published in a lake, and nothing else: no other file, no write, no network beyond its bucket.

| view | rows |
|---|---|
| one for each published table | gold of every client, each as a run published it |
| `harmonized` | samples of every client, of the same runs |
| `bronze_{client}` | Parquet files in bronze, as the laboratory sent them, with `filename` |

Views of bronze are made where a statement names one: every file is looked at for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.lake import open_lake
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.lake.objects import Objects, open_objects
from tribolake.product import Contract, Product
from tribolake.publish.version import HARMONIZED_FILE
from tribolake.settings import Settings
from tribolake.trace.manifests import current_publication, published_clients
from tribolake.trace.names import checked_client
from tribolake.trace.read_only_duckdb import confine, literal, open_to_read, quoted

BRONZE = "bronze_"
TABLE_FUNCTIONS = frozenset(
    {"range", "generate_series", "unnest", "json_each", "json_tree", "duckdb_columns", "duckdb_views"}
)


class QueryFailed(TribolakeError):
    """DuckDB cannot answer; the message is what it says of the SQL."""


@dataclass(frozen=True)
class Answer:
    """Columns and rows of a query; `is_cut` where there were more rows than asked for."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool

    def as_dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(
    product: Product,
    settings: Settings,
    sql: str,
    *,
    clients: Sequence[str] | None = None,
    limit: int | None = None,
) -> Answer:
    """Answer one `select` from the lake.

    Args:
        product: whose tables are asked.
        settings: of the product in the lake, in a folder or on S3.
        sql: one statement that reads.
        clients: these only; None means all.
        limit: no more rows than this; None means all.

    Raises:
        ConfigurationError: nothing is published, or the statement is not one that reads.
        QueryFailed: DuckDB cannot answer it.
    """
    check_reads_only(sql)
    published = open_objects(settings)
    wanted = [checked_client(client) for client in clients] if clients else published_clients(published)
    with open_to_read(settings) as connection:
        views = _published_views(published, product.contract, wanted)
        if BRONZE in sql.lower():
            views |= _bronze_views(settings, published, wanted)
        _make_views(connection, views)
        confine(connection, [file for files in views.values() for file in files])
        return _answer(connection, sql, limit)


def check_reads_only(sql: str) -> None:
    """Whether SQL is one statement that reads the views, and calls nothing that does something else.

    DuckDB has functions that write in a `select`, such as `enable_logging`: of the functions that stand for a table
    only those of `TABLE_FUNCTIONS` may be called.

    Raises:
        ConfigurationError: it is several statements, none, or one that writes, attaches, sets or calls something else.
        QueryFailed: it is not SQL.
    """
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        (serialized,) = connection.execute("select json_serialize_sql($1::varchar)", [sql]).fetchone() or ("{}",)
    parsed = json.loads(serialized)
    if parsed.get("error_type") == "parser":
        raise QueryFailed(f"{parsed['error_message']}, at character {parsed.get('position', '0')}")
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise ConfigurationError("one statement that reads, please: select …, from …, describe …, summarize …")
    forbidden = sorted(set(_table_functions(parsed["statements"])) - TABLE_FUNCTIONS)
    if forbidden:
        raise ConfigurationError(f"{forbidden[0]} is not called here: ask the views, which `show tables` names")


def _table_functions(node: Any) -> Iterator[str]:
    """Names of the functions that stand for a table, anywhere in a parsed statement."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and node.get("type") == "TABLE_FUNCTION":
        yield str(node["function"]["function_name"]).lower()
    for child in children:
        yield from _table_functions(child)


def _published_views(published: Objects, contract: Contract, clients: Sequence[str]) -> dict[str, list[str]]:
    """The files of each view: of each client those that its manifest names."""
    samples = contract.samples.name
    views: dict[str, list[str]] = {name: [] for name in (*(table.name for table in contract.tables), samples)}
    for client in clients:
        publication = current_publication(published, client)
        if publication is None or publication.folder is None:
            continue
        for table in contract.tables:
            views[table.name].append(published.address(f"{publication.folder}/{table.file_name}"))
        views[samples].append(published.address(f"{publication.folder}/{HARMONIZED_FILE}"))
    if not views[samples]:
        raise ConfigurationError(
            f"nothing is published in {published.address(published.home)}"
            f"{' of ' + ', '.join(clients) if clients else ''}: start `tribolake run`"
        )
    return views


def _bronze_views(settings: Settings, published: Objects, clients: Sequence[str]) -> dict[str, list[str]]:
    views: dict[str, list[str]] = {}
    for file in open_lake(settings).list_bronze(whole=True):
        if file.client in clients and CLIENT_NAME.match(file.client) and file.key.lower().endswith(".parquet"):
            views.setdefault(f"{BRONZE}{file.client}", []).append(published.address(file.key))
    return views


def _make_views(connection: duckdb.DuckDBPyConnection, views: Mapping[str, Sequence[str]]) -> None:
    for name, files in views.items():
        listed = ", ".join(map(literal, files))
        options = "union_by_name = true, hive_partitioning = false" + (
            ", filename = true" if name.startswith(BRONZE) else ""
        )
        try:
            connection.execute(f"create view {quoted(name)} as from read_parquet([{listed}], {options})")
        except duckdb.Error as error:
            raise QueryFailed(f"the files of {name} cannot be read together: {_told(error)}") from error


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, limit: int | None) -> Answer:
    try:
        cursor = connection.execute(sql)
        columns = [column[0] for column in cursor.description or []]
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
    except duckdb.Error as error:
        raise QueryFailed(_told(error)) from error
    is_cut = limit is not None and len(rows) > limit
    return Answer(columns, rows[:limit] if is_cut else rows, is_cut)


def _told(error: duckdb.Error) -> str:
    """What DuckDB says of a statement, with the place that it points at."""
    return str(error).strip()
