"""Daily deltas: the harmonized samples that the publications of a day added, changed or removed."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from tribolake.errors import ContractBroken, is_interrupt, is_of_the_disk
from tribolake.lake.files import (
    make_folder,
    partial_path,
    place_file,
    protect,
    replace_durably,
    set_aside,
    sync_file,
    sync_up,
)
from tribolake.product import PublicTable
from tribolake.publish.comparison import compare, rows_like
from tribolake.sql import literal, quoted


def write_delta(
    connection: duckdb.DuckDBPyConnection,
    samples: PublicTable,
    before: Path | None,
    after: Path,
    run_id: str,
    path: Path,
) -> None:
    """Write the rows that differ between two harmonized files durably.

    The file has one row per key: the columns of `after`, then `change` (added, changed or removed) and `run_id`. A
    removed row has its last values.

    Args:
        connection: any DuckDB connection.
        samples: the table of harmonized samples.
        before: the published harmonized file. None if nothing was published.
        after: the file that replaces it.
        run_id: the run that publishes it.
        path: the file to write.
    """
    comparison = compare(connection, samples, before, after)
    connection.execute(
        f"""
        copy (
            with {comparison.sources}
            select new_rows.*, case when {comparison.is_new} then 'added' else 'changed' end as change,
                {literal(run_id)} as run_id
            from new_rows left join old_rows on {comparison.same_key}
            where {comparison.is_new} or {comparison.differs}
            union all by name
            select *, 'removed' as change, {literal(run_id)} as run_id
            from old_rows anti join new_rows on {comparison.same_key}
            order by {_key(samples)}
        ) to $path (format parquet, compression zstd)
        """,
        {"path": str(path)},
    )
    sync_file(path)


def merge_delta(
    connection: duckdb.DuckDBPyConnection, samples: PublicTable, root: Path, delta: Path, run_id: str, day_file: Path
) -> None:
    """Merge the delta of a run into the file of its day. For each key the row of the later run stays.

    Merging the same run again changes nothing. Readers see either no row or all rows of the run.

    Args:
        connection: any DuckDB connection.
        samples: the table of harmonized samples.
        root: the lake's folder.
        delta: the file from `write_delta`.
        run_id: the run.
        day_file: `silver/_delta/{CLIENT}_{date}.parquet`. It is created unless the run changed nothing.

    Raises:
        ContractBroken: another program damaged the file of the day. It is set aside, so the next run can go on.
    """
    if _count(connection, delta) == 0:
        return
    if not os.path.lexists(day_file):
        place_file(delta, day_file, root, is_copy=True)
        return
    make_folder(day_file.parent, root)
    aside = partial_path(day_file)
    if not _can_be_read(connection, day_file):
        kept = set_aside(day_file)
        raise ContractBroken(
            f"{day_file} is damaged, and set aside as {kept.name}. The next run publishes. To have the changes of "
            "earlier runs of that day in it, restore it from a backup before"
        )
    if _count(connection, day_file, f"run_id = {literal(run_id)}"):
        sync_file(day_file)
        sync_up(day_file, root)
        return
    key = _key(samples)
    connection.execute(
        f"copy (select * from read_parquet({literal(delta)})"
        f" union all by name {rows_like(connection, samples, day_file, delta)}"
        f" where ({key}) not in (select ({key}) from read_parquet({literal(delta)}))"
        f" order by {key}) to $path (format parquet, compression zstd)",
        {"path": str(aside)},
    )
    protect(aside)
    replace_durably(aside, day_file)


def _key(samples: PublicTable) -> str:
    return ", ".join(quoted(column) for column in samples.key)


def _can_be_read(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Return whether another program left a file as it was written. A pipe would wait for its other end."""
    if not path.is_file():
        return False
    try:
        connection.execute(f"select max(hash(rows)), max(run_id) from read_parquet({literal(path)}) as rows").fetchone()
    except duckdb.Error as error:
        if is_of_the_disk(str(error)) or is_interrupt(error):
            raise
        return False
    return True


def _count(connection: duckdb.DuckDBPyConnection, path: Path, condition: str = "true") -> int:
    row = connection.execute(f"select count(*) from read_parquet({literal(path)}) where {condition}").fetchone()
    return int(row[0]) if row else 0
