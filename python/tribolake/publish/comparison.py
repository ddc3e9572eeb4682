"""How the rows of two files of one public table are compared, as pieces of SQL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from tribolake.product import PublicTable
from tribolake.publish.contract import columns_of


@dataclass(frozen=True)
class Comparison:
    """What was published before, if anything, beside what this publication contains.

    Rows belong together by the table's key. They differ where a column that both files have differs; a column that
    only one of them has changes no row.
    """

    key: tuple[str, ...]
    after: Path
    common: tuple[str, ...]
    columns_added: tuple[str, ...]
    old_rows: str

    @property
    def sources(self) -> str:
        """The two files as CTEs; `old_rows` has the key and the common columns, in the types of `new_rows`."""
        return f"old_rows as ({self.old_rows}), new_rows as (select * from read_parquet({text(self.after)}))"

    @property
    def same_key(self) -> str:
        return self.matches("old_rows", "new_rows")

    def matches(self, left: str, right: str) -> str:
        return " and ".join(f"{left}.{name(key)} = {right}.{name(key)}" for key in self.key)

    @property
    def is_new(self) -> str:
        return f"old_rows.{name(self.key[0])} is null"

    @property
    def is_gone(self) -> str:
        return f"new_rows.{name(self.key[0])} is null"

    @property
    def differs(self) -> str:
        """Exact, null equal to null; true of no row where the files share nothing but the key."""
        return self.any_differs(self.common)

    def any_differs(self, columns: tuple[str, ...]) -> str:
        if not columns:
            return "false"
        old = ", ".join(f"old_rows.{name(column)}" for column in columns)
        new = ", ".join(f"new_rows.{name(column)}" for column in columns)
        return f"row({old}) is distinct from row({new})"


def compare(connection: duckdb.DuckDBPyConnection, table: PublicTable, before: Path | None, after: Path) -> Comparison:
    """Look at the columns of two files of a table."""
    new = columns_of(connection, after)
    old = columns_of(connection, before) if before else new
    return Comparison(
        key=table.key,
        after=after,
        common=tuple(column for column in new if column in old and column not in table.key),
        columns_added=tuple(column for column in new if column not in old),
        old_rows=rows_like(connection, before, after) if before else f"from read_parquet({text(after)}) where false",
    )


def rows_like(connection: duckdb.DuckDBPyConnection, path: Path, like: Path) -> str:
    """A query for a file's rows with the columns and types of another one, as far as it has them.

    A column whose type changed must not stop a publication: what does not fit the new type reads as null.
    """
    columns = columns_of(connection, path)
    described = connection.execute(f"describe select * from read_parquet({text(like)})").fetchall()
    taken = [f"try_cast({name(found)} as {kind}) as {name(found)}" for found, kind, *_ in described if found in columns]
    return f"select {', '.join(taken)} from read_parquet({text(path)})"


def name(column: str) -> str:
    """A column's name as SQL."""
    return '"' + column.replace('"', '""') + '"'


def text(value: object) -> str:
    """A text as SQL."""
    return "'" + str(value).replace("'", "''") + "'"
