"""One row per ticker and session: returns, risk, and how it moves with its benchmark."""

from tribolake.market.computing import feature_rows, read_ordered

COLUMNS = "ticker, session_date, adjusted_close as close"


def model(dbt, session):
    dbt.config(
        schema="gold",
        materialized="scope",
        unique_key=["ticker"],
        meta={"scope": "touched_features", "scope_since": "session_date", "keeps": "held_tickers"},
    )
    dbt.ref("held_tickers")  # whose rows stay
    touched, bars = dbt.ref("touched_features"), dbt.ref("bars").project(COLUMNS)
    benchmarks = dbt.ref("ticker_benchmarks").join(touched, "ticker").project("ticker, benchmark")
    markets = benchmarks.project("benchmark as ticker").distinct()
    computed = feature_rows(
        read_ordered(session, bars.join(touched.project("ticker"), "ticker").order("ticker, session_date")),
        read_ordered(session, bars.join(markets, "ticker").order("ticker, session_date")),
        dict(benchmarks.fetchall()),
        dict(touched.project("ticker, since").fetchall()),
    )
    return session.sql("select *, 'universe' as client from computed")
