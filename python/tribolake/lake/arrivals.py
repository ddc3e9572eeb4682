"""The columns that every product's table of arrivals has: one row for each attempt to read a file."""

from __future__ import annotations

import pyarrow as pa

ARRIVAL = pa.schema(
    [
        ("arrival_id", pa.string()),
        ("content_id", pa.string()),
        ("client", pa.string()),
        ("file_key", pa.string()),
        ("sha256", pa.string()),
        ("version_id", pa.string()),
        ("size_bytes", pa.int64()),
        ("modified_at", pa.timestamp("us", "UTC")),
        ("partition_date", pa.date32()),
        ("status", pa.string()),
        ("message", pa.string()),
        ("is_transient", pa.bool_()),
        ("rows_read", pa.int64()),
        ("arrived_at", pa.timestamp("us", "UTC")),
    ]
)
