"""One row per calendar and session, of the years from the first bar of a touched ticker to its last fetch.

Known years stay as they are.
"""

from tribolake.market.calendars import SESSIONS, sessions_of


def model(dbt, session):
    dbt.config(schema="silver", materialized="scope", incremental_strategy="append")
    spans = (
        dbt.ref("int_ticker_spans")
        .filter("calendar is not null")
        .aggregate("calendar, min(year(first_session)), max(year(greatest(last_session, fetched_on)))", "calendar")
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
