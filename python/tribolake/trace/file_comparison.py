"""Compare a file that was computed again with the one that a run published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb

from tribolake.trace.read_only_duckdb import quoted

Outcome = Literal["identical", "same rows", "given", "differs", "not kept"]
IDENTICAL: tuple[Outcome, ...] = ("identical", "same rows", "given")


@dataclass(frozen=True)
class FileComparison:
    """One file.

    `identical` is byte for byte; `same rows` in other bytes; `given` was taken from the run, not computed; `differs`;
    `not kept`: its bytes differ and the run's file is gone, so that rows cannot be compared.
    """

    name: str
    outcome: Outcome
    sha256_then: str
    sha256_now: str
    rows_then: int
    rows_now: int
    rows_missing: int = 0  # of the run, not there now
    rows_added: int = 0
    rows_changed: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)  # rows whose value differs; -1: one side lacks the column


def compare(then: Mapping[str, Any], now: Mapping[str, Any], key: Sequence[str], files: tuple[Path, Path] | None) -> (
    FileComparison
):  # fmt: skip
    """Compare by SHA-256, then by rows.

    Args:
        then: what the run's manifest says of the file: name, sha256, rows.
        now: the same of the file that was computed again; no SHA-256 where there is none.
        key: columns that tell rows apart.
        files: both as Parquet, then and now; None where the run's is not kept.
    """
    about = (then["name"], then["sha256"], now["sha256"], int(then["rows"]), int(now["rows"]))
    if then["sha256"] == now["sha256"]:
        return _outcome("identical", *about)
    if files is None:
        return _outcome("not kept" if now["sha256"] else "differs", *about)
    with duckdb.connect() as connection:
        missing, added, changed, columns = _compare_rows(connection, key, *files)
    same = not (missing or added or changed or columns)
    found = _outcome("same rows" if same else "differs", *about)
    return FileComparison(**{**vars(found), "rows_missing": missing, "rows_added": added, "rows_changed": changed,
                             "columns": columns})  # fmt: skip


def rows_of_file(path: Path, condition: str = "true", values: Sequence[object] = ()) -> int:
    """How many rows of a Parquet file meet a condition, whose values are bound as $1 and so on."""
    with duckdb.connect() as connection:
        connection.from_parquet(str(path)).create("rows_of_file")
        row = connection.execute(f"select count(*) from rows_of_file where {condition}", list(values)).fetchone()
    return int(row[0]) if row else 0


def _outcome(
    outcome: Outcome, name: str, sha256_then: str, sha256_now: str, rows_then: int, rows_now: int
) -> FileComparison:
    return FileComparison(name, outcome, sha256_then, sha256_now, rows_then, rows_now)


def _compare_rows(
    connection: duckdb.DuckDBPyConnection, key: Sequence[str], then: Path, now: Path
) -> tuple[int, int, int, dict[str, int]]:
    """Rows that are missing, added and changed, and how many differ in each column."""
    connection.from_parquet(str(then)).create("before")
    connection.from_parquet(str(now)).create("after")
    columns = {table: connection.table(table).columns for table in ("before", "after")}
    shared = [name for name in columns["before"] if name in columns["after"] and name not in key]
    lacking = dict.fromkeys({*columns["before"]} ^ {*columns["after"]}, -1)
    matched = " and ".join(f"a.{quoted(name)} is not distinct from b.{quoted(name)}" for name in key)
    differs = [f"a.{quoted(name)} is distinct from b.{quoted(name)}" for name in shared]
    both = f"from before as a inner join after as b on {matched}"
    counts = ", ".join(f"count(*) filter (where {test})" for test in differs) or "0"
    (missing,) = _row(connection, f"select count(*) from before as a anti join after as b on {matched}")
    (added,) = _row(connection, f"select count(*) from after as a anti join before as b on {matched}")
    (changed,) = _row(connection, f"select count(*) {both} where {' or '.join(differs) or 'false'}")
    by_column = dict(zip(shared, _row(connection, f"select {counts} {both}"), strict=False))
    return missing, added, changed, {name: rows for name, rows in by_column.items() if rows} | lacking


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    return connection.execute(query).fetchone() or (0,)
