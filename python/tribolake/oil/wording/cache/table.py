"""Wordings as a Parquet table, one row each."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tribolake.oil.wording.cache.names import UNREADABLE, NoWording, NoWordings, flaw
from tribolake.oil.wording.wording import Configuration, Wording

SCHEMA = pa.schema(
    [
        ("cache_key", pa.string()),
        ("prompt_version", pa.string()),
        ("model", pa.string()),
        ("temperature", pa.float64()),
        ("language", pa.string()),
        ("pattern", pa.string()),
        ("observation", pa.string()),
        ("cause", pa.string()),
        ("action", pa.string()),
        ("generated_at", pa.string()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
    ]
)
OF_CONFIGURATION = ("prompt_version", "model", "temperature", "language")
MAX_TABLE_BYTES = 256 * 2**20
MAX_INFLATED_BYTES = 2**30
MAX_ROWS = 1_000_000
BATCH_ROWS = 1_000


def as_parquet(wordings: Iterable[Wording]) -> bytes:
    """Wordings in the order of their keys; the same ones give the same bytes."""
    rows = [_row(wording) for wording in sorted(wordings, key=lambda wording: wording.cache_key)]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), content, compression="zstd")
    return content.getvalue()


def has_more_columns(content: bytes) -> bool:
    """Whether a table that can be read has columns that `of_parquet` does not take as they are."""
    known = {(field.name, field.type) for field in SCHEMA}
    return any((field.name, field.type) not in known for field in pq.read_schema(io.BytesIO(content)))


def of_parquet(file: Path | bytes) -> pa.Table:
    """Read a table of wordings; its rows are not looked at.

    Raises:
        NoWordings: it is none, or too large.
    """
    size = len(file) if isinstance(file, bytes) else file.stat().st_size
    if size > MAX_TABLE_BYTES:
        raise NoWordings(f"it has {size} bytes, more than {MAX_TABLE_BYTES}")
    try:
        with pq.ParquetFile(io.BytesIO(file) if isinstance(file, bytes) else file) as parquet:
            missing = [name for name in SCHEMA.names if name not in parquet.schema_arrow.names]
            if missing:
                raise NoWordings(f"it has no column {missing[0]}")
            return pa.Table.from_batches(_batches(parquet), SCHEMA)
    except (pa.ArrowException, OSError) as error:
        raise NoWordings(f"it is no table of wordings: {error}") from error


def _batches(parquet: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """The rows, as long as they are not too many: what a file says of its own size may be wrong."""
    rows = size = 0
    for batch in parquet.iter_batches(BATCH_ROWS, columns=SCHEMA.names):
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows > MAX_ROWS or size > MAX_INFLATED_BYTES:
            raise NoWordings(f"it has more than {MAX_ROWS} rows, or {MAX_INFLATED_BYTES} bytes of them")
        yield batch.select(SCHEMA.names).cast(SCHEMA)


def wordings_of(table: pa.Table) -> Iterator[tuple[str, Wording | NoWording]]:
    """Each row's key as it stands there, and its wording, or why it is none."""
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        for row in batch.to_pylist():
            yield str(row["cache_key"]), _wording(row)


def _row(wording: Wording) -> dict[str, Any]:
    of_configuration = {name: getattr(wording.configuration, name) for name in OF_CONFIGURATION}
    return {name: of_configuration.get(name, getattr(wording, name, None)) for name in SCHEMA.names}


def _wording(row: Mapping[str, Any]) -> Wording | NoWording:
    configuration = Configuration(**{name: row[name] for name in OF_CONFIGURATION})
    own = {name: value for name, value in row.items() if name not in OF_CONFIGURATION}
    wording = Wording(configuration=configuration, **own)
    try:
        reason = flaw(wording)
    except UNREADABLE as error:
        return NoWording(f"it cannot be read: {type(error).__name__}")
    return wording if reason is None else NoWording(reason)
