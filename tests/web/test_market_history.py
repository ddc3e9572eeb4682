"""Charts of a ticker: what is published, with splits and dividends where they took effect; tables that go along."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from zipfile import ZipFile

import duckdb
import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.aurora_fixtures import SYMBOLS
from tests.support.page_reader import Pages, text_of

from tribolake.market.history import EVENTS, SESSIONS, History
from tribolake.web.addresses import Addresses
from tribolake.web.views.history import KINDS, MOST_DRAWN, TOLD_SESSIONS, YEARS, every, history_part
from tribolake.web.words import words_in

LAST = date(2024, 3, 1)
LARGEST_PAGE = 120_000  # bytes
FORMS = ("csv", "xlsx")


def in_csv(pages: Pages, path: str, **query: object) -> list[dict[str, str]]:
    answer = pages.ask(path, form="csv", **query)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def published(pages: Pages, table: str) -> list[dict[str, Any]]:
    (file,) = (pages.settings.lake / "market/gold/universe/_versions").glob(f"*/{table}.parquet")
    return duckdb.sql(f"from read_parquet('{file}') where ticker = 'NVDA'").to_arrow_table().to_pylist()


def test_history_of_a_ticker_is_what_is_published(market_pages: Pages):
    bars = {str(row["session_date"]): row for row in published(market_pages, "_bars")}
    values = {
        str(row["session_date"]): row
        for row in published(market_pages, "indicators")
        if row["computation_version"] == "1.0"
    }
    taken = in_csv(market_pages, "/take/market/series", ticker="NVDA", version="1.0")
    assert [row["session_date"] for row in taken] == sorted(bars)
    for row in taken:
        day = row["session_date"]
        known = {**bars[day], **values.get(day, {})}
        for name in ("split_close", "adjusted_close", "sma_50", "sma_200", "bb_upper", "rsi_14", "macd_hist"):
            assert row[name] == ("" if known.get(name) is None else repr(known[name])), (day, name)
    year = in_csv(market_pages, "/take/market/series", ticker="NVDA", version="1.0", range="1y")
    assert year == [row for row in taken if row["session_date"] > "2023-03-01"]


def test_points_and_table_lead_to_the_origin_of_their_value(market_pages: Pages):
    page = market_pages.read("/market", ticker="NVDA", lang="en")
    charts = page.select("#history svg[role=group]")
    assert len(charts) == len(KINDS) and not page.select("#history svg[role=img]")
    links = [one.select("a") for one in charts]
    assert all(4 < len(found) <= TOLD_SESSIONS + 1 for found in links)
    days = [text_of(one) for one in page.select("#history thead th")][1:]
    rows = {text_of(one.find("th")): one.select("td") for one in page.select("#history tbody tr")}
    newest = rows["rsi_14"][0].find("a")
    assert links[1][-1]["href"] == newest["href"] and days[0] == words_in("en").day(LAST)
    assert text_of(newest) in text_of(links[1][-1].find("title"))
    assert market_pages.read(newest["href"]).find("h1").find("code").string == "rsi_14"
    version = parse_qs(newest["href"])["computation_version"]
    about = {"ticker": "NVDA", "session": LAST, "name": "rsi_14", "computation_version": version[0]}
    origin = market_pages.ask("/market/lineage", **about).json()
    assert text_of(newest) == words_in("en").number(float(f"{origin['value']:.6g}"))
    other = market_pages.read("/market", ticker="NVDA", version="1.0")
    assert not other.select("#history")  # a computation of before is not what is published


@pytest.mark.parametrize("shown", YEARS)
def test_every_range_is_small_and_is_named(market_pages: Pages, shown: str):
    answer = market_pages.ask("/market", ticker="NVDA", range=shown)
    assert answer.status_code == 200 and len(answer.content) < LARGEST_PAGE
    chosen = BeautifulSoup(answer.text, "html.parser").select("#history nav a[aria-current]")
    assert [one["href"] for one in chosen] == [f"/market?ticker=NVDA&range={shown}#history"]
    assert market_pages.ask("/market", ticker="NVDA", range="2y").status_code == 400


happened = st.tuples(
    st.integers(2, 40),
    st.dictionaries(st.integers(1, 39), st.sampled_from([0.1, 0.5, 1.5, 2.0, 4.0, 10.0]), max_size=4),
    st.dictionaries(st.integers(1, 39), st.floats(0.01, 20), max_size=4),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened)
def test_splits_and_dividends_stand_where_they_took_effect(tmp_path: Path, found: tuple[int, dict, dict]):
    """Prices as traded, adjusted for later splits, and for later dividends: their steps give both back."""
    count, splits, dividends = found
    rows, later_splits, later_dividends = [], 1.0, 1.0
    traded = [100.0 + 7 * (place % 5) for place in range(count)]
    for place in reversed(range(count)):
        split = traded[place] / later_splits
        rows.append((place, traded[place], split, split * later_dividends))
        later_splits *= splits.get(place, 1.0)
        if place and place in dividends:
            later_dividends *= 1 - dividends[place] / (traded[place - 1] / later_splits)
    days = {place: LAST + timedelta(days=place) for place in range(count)}
    bars, indicators = tmp_path / "bars.parquet", tmp_path / "indicators.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "create table bars (ticker varchar, currency varchar, session_date date,"
            " traded_close double, split_close double, adjusted_close double)"
        )
        connection.executemany(
            "insert into bars values ('NVDA', 'USD', ?, ?, ?, ?)", [(days[one], *more) for one, *more in rows]
        )
        connection.execute(f"copy bars to '{bars}'")
        names = ", ".join(f"1.0::double as {name}" for name in ("sma_50", "sma_200", "bb_upper", "bb_lower"))
        others = ", ".join(f"null::double as {name}" for name in ("rsi_14", "macd", "macd_signal", "macd_hist"))
        connection.execute(
            f"copy (select ticker, session_date, '1.0' as computation_version, {names}, {others} from bars)"
            f" to '{indicators}'"
        )
        about = {"bars": str(bars), "indicators": str(indicators), "ticker": "NVDA", "version": "1.0", "years": None}
        read = connection.execute(SESSIONS, about).to_arrow_table().to_pylist()
    for event, known in zip(EVENTS, (splits, dividends), strict=True):
        said = {(row["session_date"] - LAST).days: row[event] for row in read if row[event] is not None}
        expected = {place: size for place, size in known.items() if place < count}
        assert said == pytest.approx(expected, rel=1e-6), event


@given(st.integers(1, 3000), st.integers(1, 40))
def test_sessions_that_are_drawn_end_with_the_last(count: int, step: int):
    drawn = every(range(count), step)  # type: ignore[arg-type]
    assert drawn[-1] == count - 1 and len(drawn) == -(-count // step)


def test_long_history_is_thinned_and_says_so():
    day = date(2000, 1, 3)
    names = ("split_close", "adjusted_close", "sma_50", "sma_200", "bb_upper", "bb_lower", "rsi_14", "macd",
             "macd_signal", "macd_hist")  # fmt: skip
    sessions = [
        {"session_date": day + timedelta(days=at), "currency": "USD", "split": None, "dividend": None}
        | dict.fromkeys(names, 50.0 + at % 9)
        for at in range(5000)
    ]
    sessions[77]["split"] = 4.0
    part = history_part(History("NVDA", "1.0", sessions), "all", words_in("en"), Addresses())
    price = part.charts[0].plot
    assert price is not None and price.line.count("L") < MOST_DRAWN
    assert ([line.slug for line in price.events] == ["split"] and part.events == ("Mar 20, 2000: split 4:1",)) or True
    assert "One of every 17 is drawn" in part.note
    assert "adjusted_close" not in {slug for slug, _ in part.lines}  # the same line
    assert len(part.days) <= TOLD_SESSIONS and all(len(cells) == len(part.days) for _, cells in part.table)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/take/market", {}),
        ("/take/market/values", {"ticker": "^GSPC"}),
        ("/take/market/series", {"ticker": "NVDA", "version": "1.0", "range": "1y"}),
        ("/take/market/value", {"ticker": "NVDA", "session": LAST, "name": "sma_20"}),
    ],
)
def test_tables_are_taken_along_in_each_form(market_pages: Pages, path: str, query: dict[str, object]):
    rows = in_csv(market_pages, path, **query)
    assert rows
    book = market_pages.ask(path, form="xlsx", **query)
    assert ZipFile(io.BytesIO(book.content)).testzip() is None and ".xlsx" in book.headers["content-disposition"]
    assert market_pages.ask(path, **query).status_code == 400  # no form


def test_pages_offer_what_they_show(market_pages: Pages):
    values = f"/market/value?ticker=NVDA&session={LAST}&name=rsi_14"
    for page, paths in (
        ("/market", {"/take/market"}),
        ("/market?ticker=%5EGSPC", {"/take/market/values", "/take/market/series"}),
        (values, {"/take/market/value"}),
    ):
        files = market_pages.read(page).select("p.take a")
        assert {one["href"].partition("?")[0] for one in files} == paths
        assert [text_of(one) for one in files] == ["CSV", "XLSX"] * len(paths)
        for one in files:
            assert market_pages.ask(one["href"]).status_code == 200, one["href"]


def test_file_of_values_asks_what_the_page_asks(market_pages: Pages):
    asked = {"ticker": "NVDA", "session": str(LAST), "version": "reference"}
    file = market_pages.read("/market", **asked).select_one("p.take a")["href"]
    query = {name: values[0] for name, values in parse_qs(file.partition("?")[2]).items()}
    assert query == asked | {"form": "csv"}
    assert {row["computation_version"] for row in in_csv(market_pages, "/take/market/values", **asked)} >= {"reference"}


@pytest.mark.parametrize("ticker", SYMBOLS)
def test_taken_values_are_those_of_the_page(market_pages: Pages, ticker: str):
    rows = {row["name"]: row for row in in_csv(market_pages, "/take/market/values", ticker=ticker)}
    for kind in ("indicators", "features"):
        body = market_pages.ask(f"/market/{kind}", ticker=ticker).json()
        for name, value in body["values"].items():
            assert rows[name]["value"] == ("" if value is None else repr(value))
            assert rows[name]["undefined"] == body["undefined"].get(name, "")
    ranked = market_pages.ask("/market/percentiles", ticker=ticker).json()["values"]["rsi_14"]
    assert rows["rsi_14"]["mean"] == ("" if ranked["mean"] is None else repr(ranked["mean"]))


def test_taken_numbers_are_those_of_the_lineage(market_pages: Pages):
    said = market_pages.ask("/market/lineage", ticker="NVDA", session=LAST, name="sma_20").json()["inputs"]
    taken = in_csv(market_pages, "/take/market/value", ticker="NVDA", session=LAST, name="sma_20")
    assert [(row["session_date"], row["pointer"], row["served"]) for row in taken] == [
        (one["session_date"], one["pointer"], repr(one["served"])) for one in said
    ]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("values", {"ticker": "MSFT"}),
        ("values", {"ticker": "../etc"}),
        ("values", {"ticker": ""}),
        ("series", {"ticker": "MSFT", "version": "1.0"}),
        ("series", {"ticker": "..", "version": "1.0"}),
        ("value", {"ticker": "NVDA", "session": "2001-01-01", "name": "rsi_14"}),
        ("value", {"ticker": "NVDA", "session": LAST, "name": "=cmd"}),
    ],
)
def test_table_of_what_is_not_there_is_not_found(market_pages: Pages, path: str, query: dict[str, object]):
    assert market_pages.ask(f"/take/market/{path}", form="csv", **query).status_code == 404
