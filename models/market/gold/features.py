"""One row per ticker and session: returns, risk, and how it moves with its benchmark."""

from tribolake.market.computing import feature_rows

COLUMNS = "ticker, session_date, adjusted_close as close"


def model(dbt, session):
    dbt.config(
        schema="gold",
        materialized="scope",
        unique_key=["ticker"],
        meta={"scope": "touched_features", "keeps": "held_tickers"},
    )
    dbt.ref("held_tickers")  # whose rows stay
    touched, bars = dbt.ref("touched_features"), dbt.ref("bars").project(COLUMNS)
    benchmarks = dbt.ref("ticker_benchmarks").join(touched, "ticker").project("ticker, benchmark")
    markets = benchmarks.project("benchmark as ticker").distinct()
    computed = feature_rows(
        bars.join(touched.project("ticker"), "ticker").order("ticker, session_date").to_arrow_table(),
        bars.join(markets, "ticker").order("ticker, session_date").to_arrow_table(),
        dict(benchmarks.fetchall()),
    )
    return session.sql("select *, 'universe' as client from computed")
