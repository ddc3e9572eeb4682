"""One row per file that arrived in bronze; reading it stages its raw rows."""

import pyarrow as pa

from tribolake.lake.ledger import LEDGER_QUERY, Ledger
from tribolake.oil.reading import find_arrivals, read_arrivals
from tribolake.readers.layout import layouts_of
from tribolake.settings import load_settings

ARRIVALS = pa.schema(
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


def model(dbt, session):
    dbt.config(materialized="scope", incremental_strategy="append", full_refresh=False)
    settings = load_settings()
    request = dbt.source("control", "run_request").project("clients, retry_failed")
    clients, retry_failed = request.fetchone()
    retries = dbt.source("control", "retries")
    seen = (
        session.sql(LEDGER_QUERY.format(arrivals=dbt.this, retries="retries")).fetchall() if dbt.is_incremental else []
    )
    ledger = Ledger.of(seen, retry_failed=retry_failed)
    declared = dbt.ref("clients").join(dbt.ref("lab_sheets"), "laboratory").project("client, sheet, key_header")
    found = find_arrivals(settings, ledger, clients)
    arrivals = read_arrivals(settings, found, ledger, layouts_of(declared.fetchall()))
    return pa.Table.from_pylist(arrivals, schema=ARRIVALS)
