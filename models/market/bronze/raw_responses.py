"""One row per raw object that arrived, with the arrays of its bars."""

from tribolake.lake import open_lake
from tribolake.lake.ledger import FOUND_FILES, LEDGER_QUERY, Ledger, files_of, new_files
from tribolake.market.keys import raw_inbox
from tribolake.market.responses import read_responses
from tribolake.settings import load_settings


def model(dbt, session):
    dbt.config(
        schema="bronze",
        materialized="scope",
        incremental_strategy="append",
        full_refresh=False,
    )
    request = dbt.source("control", "run_request").project("retry_failed, has_found_files")
    retry_failed, has_found_files = request.fetchone()
    found_files = dbt.source("control", "found_files").project(FOUND_FILES)
    retries = dbt.source("control", "retries")
    seen, known = [], []
    if dbt.is_incremental:
        seen = session.sql(LEDGER_QUERY.format(arrivals=dbt.this, retries="retries")).fetchall()
        known = session.sql(f"select file_key, sha256 from {dbt.this} where status = 'loaded'").fetchall()
    settings = load_settings()
    lake = open_lake(settings, raw_inbox(settings))
    ledger = Ledger.of(seen, retry_failed=retry_failed)
    found = files_of(found_files.fetchall(), ledger) if has_found_files else new_files(lake, ledger)
    return read_responses(session, settings, lake, found, known)
