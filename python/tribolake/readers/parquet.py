"""Parquet tables, read in batches with the types of their columns."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.columns import BATCH_ROWS, rows_of_columns
from tribolake.readers.duckdb_batches import duckdb_batches
from tribolake.readers.layout import FileLayout
from tribolake.readers.raw_rows import distinct_headers
from tribolake.readers.sheets import layout_without_sheets

OPTIONS = {"hive_partitioning": "false"}


def parquet_tables(content: bytes, layout: FileLayout, *, by_duckdb: bool = True) -> Iterator[pa.Table]:
    """Yield raw rows of a Parquet file, in batches. DuckDB reads the types that it keeps, pyarrow all others.

    Raises:
        BronzeFileUnreadable: not a Parquet file, or without the laboratory's key column.
        MemoryError: the values of a batch need more memory than the process may have.
        NotReadByDuckDB: read the file again without it.
    """
    try:
        parquet = pq.ParquetFile(io.BytesIO(content))
        schema = parquet.schema_arrow
        sheet, _ = layout_without_sheets("the Parquet file", schema.names, layout)
        headers, first = distinct_headers(schema.names), 1
        reads = by_duckdb and keeps_values(schema)
        batches = _batches(content, schema) if reads else parquet.iter_batches(batch_size=BATCH_ROWS)
        for batch in batches:
            yield rows_of_columns(sheet, headers, batch.columns, first)
            first += batch.num_rows
    except pa.ArrowMemoryError:
        raise
    except pa.ArrowException as error:
        raise BronzeFileUnreadable(
            f"the Parquet file is damaged or cut short ({error}). Copy or export it again"
        ) from error


def keeps_values(schema: pa.Schema) -> bool:
    """Return whether DuckDB gives every value of such columns as it is.

    It does not for decimals of more than 38 digits, nested values and types of extensions, and it takes names for the
    same that differ in case only.
    """
    names = {name.lower() for name in schema.names}
    return len(names) == len(schema) and all(map(_keeps, schema.types))


def _keeps(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _keeps(kind.value_type)
    is_kept = (
        types.is_null,
        types.is_boolean,
        types.is_integer,
        types.is_float32,
        types.is_float64,
        types.is_decimal128,
        types.is_string,
        types.is_large_string,
        types.is_date32,
        types.is_time,
        types.is_timestamp,
        types.is_duration,
    )
    return any(is_type(kind) for is_type in is_kept)


def _batches(content: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the columns in the types of the file's schema: DuckDB has no durations, and one unit of time."""
    types = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in schema.types]
    for batch in duckdb_batches("read_parquet", content, OPTIONS):
        columns = [
            pa.nulls(batch.num_rows) if pa.types.is_null(kind) else column.cast(kind)
            for column, kind in zip(batch.columns, types, strict=True)
        ]
        yield pa.record_batch(columns, schema.names)
