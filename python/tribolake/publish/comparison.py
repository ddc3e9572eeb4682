"""SQL that compares the rows of two files of a public table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from tribolake.product import PublicTable
from tribolake.publish.contract import columns_of
from tribolake.sql import literal, quoted


@dataclass(frozen=True)
class Comparison:
    """The published rows and the new rows of a table.

    Rows are matched by the table's key. They differ if a common column differs. A column that only one file has does
    not count.
    """

    key: tuple[str, ...]
    after: Path
    common: tuple[str, ...]
    columns_added: tuple[str, ...]
    old_rows: str

    @property
    def sources(self) -> str:
        """The two files as CTEs. `old_rows` has the key and the common columns in the types of `new_rows`."""
        return f"old_rows as ({self.old_rows}), new_rows as (select * from read_parquet({literal(self.after)}))"

    @property
    def same_key(self) -> str:
        return self.matches("old_rows", "new_rows")

    def matches(self, left: str, right: str) -> str:
        return " and ".join(f"{left}.{quoted(key)} = {right}.{quoted(key)}" for key in self.key)

    @property
    def is_new(self) -> str:
        return f"old_rows.{quoted(self.key[0])} is null"

    @property
    def is_gone(self) -> str:
        return f"new_rows.{quoted(self.key[0])} is null"

    @property
    def differs(self) -> str:
        """Exact comparison in which null equals null. False for all rows if only the key is common."""
        return self.any_differs(self.common)

    def any_differs(self, columns: tuple[str, ...]) -> str:
        if not columns:
            return "false"
        old = ", ".join(f"old_rows.{quoted(column)}" for column in columns)
        new = ", ".join(f"new_rows.{quoted(column)}" for column in columns)
        return f"row({old}) is distinct from row({new})"


def compare(connection: duckdb.DuckDBPyConnection, table: PublicTable, before: Path | None, after: Path) -> Comparison:
    """Prepare the comparison of two files of a table from their columns."""
    new = columns_of(connection, after)
    old = columns_of(connection, before) if before else new
    return Comparison(
        key=table.key,
        after=after,
        common=tuple(column for column in new if column in old and column not in table.key),
        columns_added=tuple(column for column in new if column not in old),
        old_rows=(
            rows_like(connection, table, before, after)
            if before
            else f"from read_parquet({literal(after)}) where false"
        ),
    )


def rows_like(connection: duckdb.DuckDBPyConnection, table: PublicTable, path: Path, like: Path) -> str:
    """Write a query for the rows of a file of a table with the columns and types of another file.

    Columns that the file lacks are left out, but those of the key: an earlier release had one row per rest of the key,
    which the empty text names. Values that do not fit the new type become null, because a changed type must not stop a
    publication.
    """
    columns = columns_of(connection, path)
    described = connection.execute(f"describe select * from read_parquet({literal(like)})").fetchall()
    taken = [
        f"try_cast({quoted(name) if name in columns else literal('')} as {kind}) as {quoted(name)}"
        for name, kind, *_ in described
        if name in columns or name in table.key
    ]
    return f"select {', '.join(taken)} from read_parquet({literal(path)})"
