"""One row per ticker, session, computation version and indicator: where its value stands in the last 252 sessions."""

from tribolake.market.computing import percentile_rows, read_ordered
from tribolake.market.percentiles import Threshold
from tribolake.sql import quoted


def model(dbt, session):
    dbt.config(
        schema="gold",
        materialized="scope",
        unique_key=["ticker"],
        meta={"scope": "changed_bars", "scope_since": "session_date", "keeps": "held_tickers"},
    )
    dbt.ref("held_tickers")  # whose rows stay
    changed = dbt.ref("changed_bars")
    thresholds = dbt.ref("thresholds").project("indicator, lower, upper").order("indicator").fetchall()
    names = ", ".join(quoted(name) for name, *_ in thresholds)
    rows = (
        dbt.ref("indicators")
        .join(changed.project("ticker"), "ticker")
        .project(f"ticker, session_date, computation_version, {names}")
        .order("ticker, computation_version, session_date")
    )
    since = dict(changed.project("ticker, since").fetchall())
    computed = percentile_rows(read_ordered(session, rows), [Threshold(*threshold) for threshold in thresholds], since)
    return session.sql("select *, 'universe' as client from computed")
