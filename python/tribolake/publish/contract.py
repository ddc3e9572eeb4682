"""Check finished files against the published contract: rows, columns and keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tribolake.errors import ContractBroken
from tribolake.product import PublicTable

MANIFEST = "_manifest.json"


def check_file(
    connection: duckdb.DuckDBPyConnection,
    table: PublicTable,
    written: Path,
    rows: int,
    declared: Sequence[str],
    published: Path | None,
) -> list[str]:
    """Check a finished file against the contract. Returns its columns.

    Args:
        connection: any DuckDB connection.
        table: the public table of the file.
        written: the file, not yet published.
        rows: number of rows in the warehouse.
        declared: columns in the model's contract, in order. Empty if it declares none.
        published: the file that it would replace, if there is one.

    Raises:
        ContractBroken: a row or a column is missing, a column moved, or a key is null or duplicate.
    """
    columns = columns_of(connection, written)
    found = _one(connection, "select count(*) from read_parquet(?)", [str(written)])
    if found != rows:
        raise ContractBroken(f"{table.file_name}: {found} rows written, {rows} in the warehouse")
    if declared and columns != list(declared):
        raise ContractBroken(f"{table.file_name}: columns differ from the declared contract")
    if published is not None and published.exists():
        before = columns_of(connection, published)
        if columns[: len(before)] != before:
            raise ContractBroken(
                f"{table.file_name}: published columns disappeared or moved: "
                f"{[name for name in before if name not in columns] or 'their order'}. New columns go at the end"
            )
    if not table.key:
        return columns
    key = ", ".join(f'"{name}"' for name in table.key)
    nulls = " or ".join(f'"{name}" is null' for name in table.key)

    def doubled(identity: str) -> int:
        return _one(connection, f"select count(*) - count(distinct {identity}) from read_parquet(?)", [str(written)])

    # Keys whose hashes differ differ, and hashes are counted in half the time.
    is_doubled = doubled(f"hash({key})") and doubled(f"({key})")
    if is_doubled or _one(connection, f"select count(*) from read_parquet(?) where {nulls}", [str(written)]):
        raise ContractBroken(f"{table.file_name}: the key ({', '.join(table.key)}) is null or duplicate")
    return columns


def columns_of(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the columns of a Parquet file, in order."""
    relation = connection.execute("select * from read_parquet(?) limit 0", [str(path)])
    return [column[0] for column in relation.description or []]


def _one(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[str]) -> int:
    row = connection.execute(query, parameters).fetchone()
    return int(row[0]) if row else 0
