"""Columns with types become raw rows: those of Parquet files, and of text files that DuckDB reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tribolake.readers.raw_rows import (
    BOOLEAN,
    DATE,
    ERROR,
    NUMBER,
    TEXT,
    is_error_text,
    number_texts,
    raw_rows,
)
from tribolake.readers.table import clock

BATCH_ROWS = 5_000


def rows_of_columns(sheet: str, headers: list[str], arrays: Sequence[pa.Array], first_row: int) -> pa.Table:
    """Return raw rows of columns of one length.

    Args:
        sheet: name of the sheet.
        headers: one unique name per column.
        arrays: the columns.
        first_row: number of their first row; the others follow.
    """
    rows = len(arrays[0])
    columns = [_column_text(array) for array in arrays]
    # Columns are stored one after the other. The cells of a row must be together.
    row_order = np.arange(rows * len(columns)).reshape(len(columns), rows).T.ravel()
    by_row = pa.concat_arrays([texts for texts, _ in columns]).take(pa.array(row_order))
    filled = np.asarray(by_row.is_valid())
    kinds = np.concatenate([kinds for _, kinds in columns])[row_order][filled]
    numbers = np.arange(first_row, first_row + rows)
    return raw_rows(sheet, headers, by_row.drop_null(), kinds, filled.reshape(-1, len(columns)), numbers)


def _column_text(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return a column as text, with the letter of each value's kind. Empty text counts as no cell."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    texts = _texts_of(column)
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    kinds = np.full(len(column), ord(_kind_of(column.type)), np.uint8)
    if pa.types.is_floating(column.type):  # nobody measures infinity
        kinds[~np.isfinite(np.asarray(column.cast(pa.float64()).fill_null(0)))] = ord(TEXT)
    elif kinds.size and kinds[0] == ord(TEXT):
        kinds[is_error_text(texts)] = ord(ERROR)
    return texts, kinds


def _kind_of(column_type: pa.DataType) -> str:
    types = pa.types
    if types.is_integer(column_type) or types.is_floating(column_type) or types.is_decimal(column_type):
        return NUMBER
    if types.is_boolean(column_type):
        return BOOLEAN
    return DATE if types.is_temporal(column_type) else TEXT


def _texts_of(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        wide = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
        return pc.if_else(pc.is_nan(wide), None, number_texts(wide))  # NaN was not measured
    if pa.types.is_duration(column.type):
        return pa.array(map(_text_of, column.to_pylist()), pa.string())
    if pa.types.is_timestamp(column.type):
        column = column.cast(_moment_type(column.type), safe=False)
    try:
        texts = column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array(map(_text_of, column.to_pylist()), pa.string())
    if pa.types.is_decimal(column.type):
        return pc.utf8_rtrim(pc.replace_substring_regex(texts, r"([.][0-9]*?)0+$", r"\1"), ".")
    return texts


def _moment_type(written: pa.TimestampType) -> pa.TimestampType:
    """Return the type for moments: in UTC where there is a zone, and not finer than silver reads."""
    return pa.timestamp("us" if written.unit == "ns" else written.unit, "UTC" if written.tz else None)


def _text_of(value: object) -> str | None:
    if isinstance(value, timedelta):
        return clock(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if value is None else str(value)
