"""One row per ticker, session, computation version and indicator: where its value stands in the last 252 sessions."""

from tribolake.market.computing import percentile_rows, read_ordered
from tribolake.market.percentiles import Threshold
from tribolake.sql import quoted


def model(dbt, session):
    dbt.config(
        schema="gold",
        materialized="scope",
        unique_key=["ticker"],
        meta={
            "scope": "released_tickers",
            "scope_since": ["gold.indicators", "session_date"],
            "keeps": "held_tickers",
        },
    )
    dbt.ref("held_tickers")  # whose rows stay
    tickers, since = dbt.ref("released_tickers").project("ticker"), None
    if dbt.is_incremental:
        changed = dbt.source("market_control", "changed_since").filter("relation = 'gold.indicators'")
        tickers = changed.project("key as ticker, since").join(tickers, "ticker")
        since = dict(tickers.project("ticker, since").fetchall())
    thresholds = dbt.ref("thresholds").project("indicator, lower, upper").order("indicator").fetchall()
    names = ", ".join(quoted(name) for name, *_ in thresholds)
    rows = (
        dbt.ref("indicators")
        .join(tickers.project("ticker"), "ticker")
        .project(f"ticker, session_date, computation_version, {names}")
        .order("ticker, computation_version, session_date")
    )
    computed = percentile_rows(read_ordered(session, rows), [Threshold(*threshold) for threshold in thresholds], since)
    return session.sql("select *, 'universe' as client from computed")
