"""Compare a recomputed file with the file that a run published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb

from tribolake.sql import quoted

Outcome = Literal["identical", "same rows", "given", "differs", "not kept"]
IDENTICAL: tuple[Outcome, ...] = ("identical", "same rows", "given")


@dataclass(frozen=True)
class FileComparison:
    """The comparison of one file, with one of these outcomes.

    - `identical`: the same bytes.
    - `same rows`: the same rows in other bytes.
    - `given`: taken from the run, not recomputed.
    - `differs`: other rows.
    - `not kept`: other bytes. The run's file is gone, so rows cannot be compared.
    """

    name: str
    outcome: Outcome
    sha256_then: str
    sha256_now: str
    rows_then: int
    rows_now: int
    rows_missing: int = 0  # rows of the run that are missing now
    rows_added: int = 0
    rows_changed: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)  # rows with another value, -1 if one side lacks it


def compare(then: Mapping[str, Any], now: Mapping[str, Any], key: Sequence[str], files: tuple[Path, Path] | None) -> (
    FileComparison
):  # fmt: skip
    """Compare by SHA-256, then by rows.

    Args:
        then: name, sha256 and rows of the file, from the run's manifest.
        now: the same of the recomputed file. Its sha256 is empty if there is no such file.
        key: columns that identify a row. Those that an earlier release did not have are left out.
        files: both Parquet files, then and now. None if the run's file is not kept.
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
    """Count the rows of a Parquet file that meet a condition. Values are bound as $1 and so on."""
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
    """Count rows that are missing, added and changed, and differing rows by column."""
    connection.from_parquet(str(then)).create("before")
    connection.from_parquet(str(now)).create("after")
    columns = {table: connection.table(table).columns for table in ("before", "after")}
    in_both = [name for name in columns["before"] if name in columns["after"]]
    shared = [name for name in in_both if name not in key]
    lacking = dict.fromkeys({*columns["before"]} ^ {*columns["after"]}, -1)
    matched = " and ".join(f"a.{quoted(name)} is not distinct from b.{quoted(name)}" for name in key if name in in_both)
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
