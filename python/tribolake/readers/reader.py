"""Read one laboratory file into a staged Parquet file of raw rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.layout import SheetLayout
from tribolake.readers.parquet import table_rows
from tribolake.readers.raw_rows import RAW_ROWS
from tribolake.readers.workbook import workbook_rows

PARQUET_MAGIC = b"PAR1"
ZIP_MAGIC = b"PK"


def rows_of(content: bytes, layouts: Sequence[SheetLayout], max_inflated_mb: int) -> Iterator[pa.Table]:
    """Raw rows of a file; what it is is told from its first bytes, not from its name.

    Raises:
        BronzeFileUnreadable: with what is wrong and what to do.
    """
    if not content:
        raise BronzeFileUnreadable("the file is empty. Copy or export it again")
    if content.startswith(PARQUET_MAGIC):
        return table_rows(content, layouts)
    if content.startswith(ZIP_MAGIC):
        return workbook_rows(content, layouts, max_inflated_mb)
    raise BronzeFileUnreadable("neither an Excel workbook (.xlsx) nor a Parquet file. Export it as one of them")


def stage(content: bytes, layouts: Sequence[SheetLayout], max_inflated_mb: int, staged: Path) -> int:
    """Write a file's raw rows to `staged` and return how many there are.

    Raises:
        BronzeFileUnreadable: nothing is left at `staged`.
    """
    aside = staged.with_suffix(".partial")
    rows = 0
    try:
        with pq.ParquetWriter(aside, RAW_ROWS, compression="zstd") as writer:
            for table in rows_of(content, layouts, max_inflated_mb):
                writer.write_table(table)
                rows += table.num_rows
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    aside.replace(staged)
    return rows
