"""One row per pair of declared tickers: how their returns of the last 90 common sessions move together."""

from tribolake.market.correlations import correlation_rows

# Holidays of two exchanges differ by less: the newest of these sessions hold 90 common ones.
RECENT = "qualify row_number() over (partition by ticker order by session_date desc) <= 250"


def model(dbt, session):
    dbt.config(schema="gold", materialized="scope")
    features, declared = dbt.ref("features"), dbt.ref("correlated_tickers")
    found = session.sql(f"""
        select ticker, session_date, return_1 from features semi join declared using (ticker)
        where return_1 is not null
        {RECENT}
        order by ticker, session_date
    """)
    returns = {ticker: {} for (ticker,) in declared.project("ticker").fetchall()}
    for ticker, day, value in found.fetchall():
        returns[ticker][day] = value
    computed = correlation_rows(returns)
    return session.sql("select *, 'universe' as client from computed")
