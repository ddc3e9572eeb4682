"""One row per file that arrived: a whole number in a text file."""

import hashlib
from datetime import UTC, datetime

import pyarrow as pa

from tribolake.lake import open_lake
from tribolake.lake.ledger import LEDGER_QUERY, Ledger, new_files
from tribolake.settings import load_settings

ARRIVALS = pa.schema(
    [
        ("client", pa.string()),
        ("file_key", pa.string()),
        ("size_bytes", pa.int64()),
        ("modified_at", pa.timestamp("us", "UTC")),
        ("sha256", pa.string()),
        ("version_id", pa.string()),
        ("status", pa.string()),
        ("message", pa.string()),
        ("is_transient", pa.bool_()),
        ("arrived_at", pa.timestamp("us", "UTC")),
        ("value", pa.int64()),
    ]
)


def model(dbt, session):
    dbt.config(materialized="incremental", full_refresh=False, schema="bronze")
    retries = dbt.source("control", "retries")  # noqa: F841 - DuckDB finds a relation by the name of its variable
    seen = (
        session.sql(LEDGER_QUERY.format(arrivals=dbt.this, retries="retries")).fetchall() if dbt.is_incremental else []
    )
    lake, rows = open_lake(load_settings()), []
    for file in new_files(lake, Ledger.of(seen)):
        with lake.content(file).open(max_bytes=1000) as content:
            text = content.path.read_bytes()
        rows.append(
            {
                "client": file.client,
                "file_key": file.key,
                "size_bytes": file.size_bytes,
                "modified_at": file.modified_at,
                "sha256": hashlib.sha256(text).hexdigest(),
                "version_id": content.version_id,
                "status": "loaded",
                "is_transient": False,
                "arrived_at": datetime.now(UTC),
                "value": int(text),
            }
        )
    return pa.Table.from_pylist(rows, schema=ARRIVALS)
