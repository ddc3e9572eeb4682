"""Gaps are sessions that an exchange held, and that have no bar."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.market.small_warehouse import SmallWarehouse, compiled_models, written

from tribolake.market.calendars import sessions_of
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.settings import PROJECT_DIR

FETCHED = date(2023, 4, 14)
# Holidays of New York, and of Singapore.
PRESIDENTS_DAY, NEW_YEAR = date(2023, 2, 20), date(2023, 1, 23)
Make = Callable[[str], SmallWarehouse]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Make:
    models = compiled_models(written(tmp_path_factory.mktemp("compiled")))
    return lambda calendar: SmallWarehouse(models, written(Path(tempfile.mkdtemp())), {calendar: [2022, 2023]})


def missing(new: Make, chart: dict[str, Any], calendar: str = "XNYS") -> Sequence[tuple[date, str]]:
    warehouse = new(calendar)
    warehouse.deliver({key_of("NVDA", after_close(FETCHED)): as_bytes(chart)})
    found = warehouse.rows("select * from silver.missing_sessions order by session_date")
    return [(row["session_date"], row["reason"]) for row in found]


def holed(exchange: str, *removed: date, null: date | None = None) -> dict[str, Any]:
    """Return a chart without the bars of some days, and with one whose close is null."""
    share = random_walk("NVDA", 120, exchange=exchange)
    chart = chart_of(share, FETCHED)
    result = chart["chart"]["result"][0]
    quote, adjclose = result["indicators"]["quote"][0], result["indicators"]["adjclose"][0]["adjclose"]
    if null:
        quote["close"][share.days.index(null)] = None
    for day in sorted(removed, reverse=True):
        for values in (result["timestamp"], adjclose, *quote.values()):
            del values[share.days.index(day)]
    return chart


def test_gap_is_a_session_of_the_exchange_without_a_bar(new: Make):
    """The made-up share is traded on holidays too, which are no sessions and not missing."""
    days = date(2023, 1, 18), date(2023, 2, 13), date(2023, 2, 14)
    assert missing(new, holed("NMS", *days[1:], null=days[0])) == [
        (days[0], "close_missing"), (days[1], "not_served"), (days[2], "not_served"),
    ]  # fmt: skip


@pytest.mark.parametrize(("exchange", "calendar", "day"), [("NMS", "XNYS", NEW_YEAR), ("SES", "XSES", PRESIDENTS_DAY)])
def test_holiday_of_the_exchange_is_not_missing(new: Make, exchange: str, calendar: str, day: date):
    assert missing(new, holed(exchange, NEW_YEAR, PRESIDENTS_DAY), calendar) == [(day, "not_served")]


def test_exchange_without_a_row_misses_nothing(new: Make):
    assert missing(new, holed("???")) == []


def test_sessions_equal_those_of_the_index():
    """Every session of the S&P 500 from 1999 to 2018, and no other: 5,031."""
    from arch.data import sp500  # noqa: PLC0415 - pandas takes half a second

    held = sessions_of({"XNYS": range(1999, 2019)})["session_date"].to_numpy().astype("datetime64[D]")
    assert len(held) == 5031
    assert (held == np.array(sp500.load().index.values, dtype="datetime64[D]")).all()


def test_year_that_a_calendar_does_not_know_has_one_row():
    found = sessions_of({"XSES": [1980, 2020, 2099]}).to_pylist()
    assert [row["year"] for row in found if row["session_date"] is None] == [1980, 2099]
    assert sum(row["year"] == 2020 for row in found) > 240


@pytest.mark.slow
def test_calendars_of_the_seed_know_their_sessions():
    """One that fails would stop the run of all tickers: those of Athens, Bucharest and Tel Aviv do with pandas 3."""
    with (PROJECT_DIR / "seeds" / "market" / "exchanges.csv").open(encoding="utf-8", newline="") as seed:
        calendars = {row["calendar"] for row in csv.DictReader(seed)}
    held = sessions_of({calendar: [2024] for calendar in calendars})
    counts = Counter(row["calendar"] for row in held.to_pylist() if row["session_date"])
    assert counts.keys() == calendars and min(counts.values()) > 230


def test_time_of_long_ago_stops_no_calendar():
    """The clock of Manila has no half past nine on the last day of 1844."""
    found = sessions_of({"XPHS": [1800, 1844, 2024]}).to_pylist()
    assert [row["year"] for row in found if row["session_date"] is None] == [1800, 1844]
