"""Sessions that exchanges hold, by `exchange_calendars`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from tribolake.libraries import library

# They take half a second: a run that knows the years does without.
exchange_calendars = library("exchange_calendars", "market")
pd = library("pandas")

# Clocks of before jumped in ways that some calendars fail on, such as that of Manila at the end of 1844.
FIRST_YEAR = 1900
SESSIONS = pa.schema([("calendar", pa.string()), ("year", pa.int32()), ("session_date", pa.date32())])


def sessions_of(years: Mapping[str, Sequence[int]]) -> pa.Table:
    """Return the sessions of calendars.

    Args:
        years: by the name of a calendar, such as XNYS. Before 1900 none is known.

    Returns:
        Rows of the shape `SESSIONS`. A year of which the calendar knows nothing has one row without a day.
    """
    rows = [
        {"calendar": calendar, "year": year, "session_date": day}
        for calendar, asked in sorted(years.items())
        for year, days in _by_year(calendar, asked).items()
        for day in (days or (None,))
    ]
    return pa.Table.from_pylist(rows, schema=SESSIONS)


def _by_year(calendar: str, years: Sequence[int]) -> dict[int, list[date]]:
    found: dict[int, list[date]] = {year: [] for year in sorted(years)}
    kind: Any = type(exchange_calendars.get_calendar(calendar))
    first, last = pd.Timestamp(max(min(years), FIRST_YEAR), 1, 1), pd.Timestamp(max(years), 12, 31)
    first, last = max(first, kind.bound_min() or first), min(last, kind.bound_max() or last)
    if first < last:
        for moment in kind(start=first, end=last).sessions:
            if moment.year in found:
                found[moment.year].append(moment.date())
    return found
