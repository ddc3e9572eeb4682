"""One row per ticker, session, computation version and indicator: where its value stands in the last 252 sessions."""

from tribolake.market.computing import percentile_rows
from tribolake.market.percentiles import Threshold
from tribolake.sql import quoted


def model(dbt, session):
    dbt.config(
        schema="gold",
        materialized="scope",
        unique_key=["ticker"],
        meta={"scope": "released_tickers", "keeps": "held_tickers"},
    )
    dbt.ref("held_tickers")  # whose rows stay
    released = dbt.ref("released_tickers")
    thresholds = dbt.ref("thresholds").project("indicator, lower, upper").order("indicator").fetchall()
    names = ", ".join(quoted(name) for name, *_ in thresholds)
    rows = (
        dbt.ref("indicators")
        .join(released.project("ticker"), "ticker")
        .project(f"ticker, session_date, computation_version, {names}")
        .order("ticker, computation_version, session_date")
        .to_arrow_table()
    )
    computed = percentile_rows(rows, [Threshold(*threshold) for threshold in thresholds])
    return session.sql("select *, 'universe' as client from computed")
