"""One row per calendar and session, of the years that bars of touched tickers lie in. Known years stay as they are."""

from tribolake.market.calendars import SESSIONS, sessions_of


def model(dbt, session):
    dbt.config(schema="silver", materialized="scope", incremental_strategy="append")
    bars = dbt.ref("bars").filter("exchange is not null").join(dbt.ref("touched_tickers").project("ticker"), "ticker")
    exchanges = dbt.ref("exchanges")
    spans = bars.join(exchanges, "exchange").aggregate(
        "calendar, min(year(session_date)) as first_year, max(year(session_date)) as last_year", "calendar"
    )
    known = set()
    if dbt.is_incremental:
        known = set(session.sql(f"select distinct calendar, year from {dbt.this}").fetchall())
    missing = {
        calendar: [year for year in range(first, last + 1) if (calendar, year) not in known]
        for calendar, first, last in spans.fetchall()
    }
    asked = {calendar: years for calendar, years in missing.items() if years}
    return sessions_of(asked) if asked else SESSIONS.empty_table()
