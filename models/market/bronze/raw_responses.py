"""One row per raw object that arrived, with the arrays of its bars."""

from tribolake.lake import open_lake
from tribolake.lake.ledger import LEDGER_QUERY, Ledger, new_files
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
    (retry_failed,) = dbt.source("control", "run_request").project("retry_failed").fetchone()
    retries = dbt.source("control", "retries")
    seen, known = [], []
    if dbt.is_incremental:
        seen = session.sql(LEDGER_QUERY.format(arrivals=dbt.this, retries="retries")).fetchall()
        known = session.sql(f"select file_key, sha256 from {dbt.this} where status = 'loaded'").fetchall()
    settings = load_settings()
    lake = open_lake(settings, raw_inbox(settings))
    found = new_files(lake, Ledger.of(seen, retry_failed=retry_failed))
    return read_responses(session, settings, lake, found, known)
