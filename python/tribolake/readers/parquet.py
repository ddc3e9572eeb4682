"""Parquet tables, read a row group at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.layout import SheetLayout
from tribolake.readers.raw_rows import distinct_headers, number_texts, raw_rows

BATCH_ROWS = 5_000


def table_rows(content: bytes, layouts: Sequence[SheetLayout]) -> Iterator[pa.Table]:
    """Raw rows of a Parquet file, in batches.

    Raises:
        BronzeFileUnreadable: not a Parquet file, or without the laboratory's key column.
    """
    layout = next((layout for layout in layouts if layout.sheet == "*"), None)
    if layout is None:
        raise BronzeFileUnreadable(
            "this client's laboratory does not deliver Parquet files. "
            "Move it to the right client, or declare the laboratory in seeds/oil/clients.csv"
        )
    try:
        parquet = pq.ParquetFile(io.BytesIO(content))
        headers = parquet.schema_arrow.names
        if layout.key_header not in headers:
            raise BronzeFileUnreadable(
                f"no '{layout.key_header}' column; columns found: {', '.join(headers[:8]) or 'none'}. "
                "Export it again, or declare the new layout in seeds/oil/lab_sheets.csv"
            )
        first = 1
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS):
            yield _batch_rows(distinct_headers(headers), batch, first)
            first += batch.num_rows
    except pa.ArrowException as error:
        raise BronzeFileUnreadable(
            f"the Parquet file is damaged or cut short ({error}). Copy or export it again"
        ) from error


def _batch_rows(headers: list[str], batch: pa.RecordBatch, first_row: int) -> pa.Table:
    columns = [_column_text(column) for column in batch.columns]
    by_column = pa.concat_arrays(columns)
    # Columns lie one after the other; a row's cells are to lie together.
    row_order = np.arange(batch.num_rows * len(columns)).reshape(len(columns), batch.num_rows).T
    by_row = by_column.take(pa.array(row_order.ravel()))
    filled = np.asarray(by_row.is_valid()).reshape(batch.num_rows, len(columns))
    return raw_rows("*", headers, by_row.drop_null(), filled, np.arange(first_row, first_row + batch.num_rows))


def _column_text(column: pa.Array) -> pa.Array:
    """A column as text; empty text counts as no cell."""
    try:
        text = number_texts(column) if pa.types.is_floating(column.type) else column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        text = pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    return pc.if_else(pc.equal(text, ""), None, text)
