"""One row per file that arrived in bronze; reading it stages its raw rows."""

import pyarrow as pa

from tribolake.lake import open_lake
from tribolake.lake.arrivals import ARRIVAL
from tribolake.lake.ledger import FOUND_FILES, LEDGER_QUERY, Ledger, files_of, new_files
from tribolake.oil.reading import read_arrivals
from tribolake.readers.layout import layouts_of
from tribolake.settings import load_settings

SHEETS = pa.list_(pa.struct([("sheet", pa.string()), ("rows", pa.int64())]))
ARRIVALS = ARRIVAL.insert(len(ARRIVAL) - 1, pa.field("unread_sheets", SHEETS))


def model(dbt, session):
    dbt.config(materialized="scope", incremental_strategy="append", full_refresh=False)
    settings = load_settings()
    request = dbt.source("control", "run_request").project("run_id, clients, retry_failed, has_found_files")
    run_id, clients, retry_failed, has_found_files = request.fetchone()
    found_files = dbt.source("control", "found_files").project(FOUND_FILES)
    retries = dbt.source("control", "retries")
    seen = (
        session.sql(LEDGER_QUERY.format(arrivals=dbt.this, retries="retries")).fetchall() if dbt.is_incremental else []
    )
    ledger = Ledger.of(seen, retry_failed=retry_failed)
    declared_clients = rows(dbt.ref("clients"))
    layouts = layouts_of(
        declared_clients,
        rows(dbt.ref("laboratories")),
        rows(dbt.ref("lab_sheets")),
        rows(dbt.ref("lab_context_fields")),
    )
    if has_found_files:
        found = files_of(found_files.fetchall(), ledger)
    else:
        folders = [row["client"] for row in declared_clients if row["client_code"].lower() in (clients or ())]
        found = new_files(open_lake(settings), ledger, folders if clients else None)
    arrivals = read_arrivals(settings, run_id, found, ledger, layouts)
    return pa.Table.from_pylist(arrivals, schema=ARRIVALS)


def rows(seed):
    return [dict(zip(seed.columns, row, strict=True)) for row in seed.fetchall()]
