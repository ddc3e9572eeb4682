"""One row per ticker, session and computation version: technical indicators, from the whole history of the ticker."""

from tribolake.market.computing import indicator_rows, read_ordered
from tribolake.market.indicators import Computation

COMPLETE = "open is not null and high is not null and low is not null and volume is not null"
COLUMNS = """
    ticker, session_date, split_open as open, split_high as high, split_low as low, split_close as close,
    split_volume as volume
"""
FIELDS = "computation_version, averaging, macd_start, band_divisor, vwap_sessions, vwap_needed"


def model(dbt, session):
    dbt.config(
        schema="gold",
        materialized="scope",
        unique_key=["ticker"],
        meta={"scope": "changed_bars", "scope_since": "session_date", "keeps": "held_tickers"},
    )
    dbt.ref("held_tickers")  # whose rows stay
    changed = dbt.ref("changed_bars")
    bars = dbt.ref("bars").filter(COMPLETE).join(changed.project("ticker"), "ticker")
    rows = read_ordered(session, bars.project(COLUMNS).order("ticker, session_date"))
    versions = dbt.ref("computations").project(FIELDS).order("computation_version").fetchall()
    since = dict(changed.project("ticker, since").fetchall())
    computed = indicator_rows(rows, [Computation(*version) for version in versions], since)
    return session.sql("select *, 'universe' as client from computed")
