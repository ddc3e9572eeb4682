"""Pages of market data say what the commands say, lead to the responses, and are clean in a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser
from tests.market.small_warehouse import written
from tests.support.page_reader import Pages, text_of
from tests.web.test_pages_in_chromium import SIZES, THEMES, axe, browser, faults, served  # noqa: F401 - fixtures

from tribolake.market.market_lake import MarketLake
from tribolake.settings import load_settings
from tribolake.web.addresses import Addresses
from tribolake.web.views.market import market_page
from tribolake.web.words import words_in

LAST = date(2024, 3, 1)


def shown(value: float) -> str:
    return f"{float(f'{value:.6g}'):,.15g}"


@pytest.mark.parametrize("symbol", ["NVDA", "^GSPC"])
def test_ticker_shows_its_latest_values_and_raw_objects(market_pages: Pages, symbol: str):
    row = next(one for one in market_pages.read("/market", lang="en").select("tbody th a") if text_of(one) == symbol)
    page = market_pages.read(row["href"])
    lake = MarketLake(written(market_pages.settings.lake))
    indicators, features = lake.get_latest_indicators(symbol), lake.get_latest_features(symbol)
    assert indicators and features
    cells = {text_of(one.find("th")): text_of(one.find("td")) for one in page.select("table tbody tr")}
    for body in (indicators, features):
        for name, value in body["values"].items():
            assert cells[name] == (body["undefined"][name] if value is None else shown(value)), name
    assert indicators["sources"][0]["key"] in text_of(page) and indicators["sources"][0]["sha256"] in text_of(page)
    for link in page.find_all("a", string=["indicators", "percentiles", "features"]):
        kind = text_of(link)
        assert market_pages.ask(link["href"]).json() == getattr(lake, f"get_latest_{kind}")(symbol)


def test_other_computation_and_session_are_found(market_pages: Pages):
    stamps = [one.select_one("a") for one in market_pages.read("/market", ticker="NVDA").select(".entries li")]
    assert len(stamps) == 2  # of both computation versions
    versions = [text_of(market_pages.read(one["href"]).select_one("dl.facts")) for one in stamps]
    assert ["reference" in text for text in versions].count(True) == 1
    # Fields of the form that are empty ask for nothing.
    assert market_pages.read("/market", ticker="nvda", session=LAST, date="").select("table")
    for query in ({"ticker": "NVDA", "session": "2024-02-29"}, {"ticker": "MSFT"}, {"ticker": "../etc"}):
        answer = market_pages.ask("/market", **query)
        assert answer.status_code == 404 and 'href="/market"' in answer.text, query
    assert market_pages.ask("/market", ticker="NVDA", session="yesterday").status_code == 400


@pytest.mark.parametrize("name", ["rsi_14", "beta_90"])
def test_value_leads_to_its_numbers_in_the_responses(market_pages: Pages, name: str):
    page = market_pages.read("/market", ticker="NVDA", lang="en")
    cell = next(one for one in page.select("tbody tr") if text_of(one.find("th")) == name)
    link = cell.find("a")["href"] if cell.find("a") else f"/market/value?ticker=NVDA&session={LAST}&name={name}&lang=en"
    origin = market_pages.read(link)
    said = market_pages.ask(origin.find("a", string="all numbers")["href"]).json()
    assert said["problems"] == [] and "to the last bit" in text_of(origin.select_one(".verdict"))
    places = [text_of(one) for one in origin.select("tbody td code")]
    assert places == [one["pointer"] for one in said["inputs"]][-20:] and said["formula"]["text"] in text_of(origin)


def test_tickers_tell_what_needs_a_look(market_pages: Pages):
    status = market_pages.ask("/market/status").json() | {
        "waiting": ["raw/x.json"],
        "held_tickers": [{"ticker": "NVDA", "symbol": "NVDA", "problem": "stale"}],
        "failed_files": [{"file": "raw/y.json", "problem": "it is not JSON"}],
        "deliveries": [{"sink": "aurora", "waiting": 3, "problem": "refused"}],
    }
    status["last_attempt"]["problem"] = "the disk is full"
    problems = market_page(status, words_in("en"), Addresses()).problems
    assert [" ".join(filter(None, (one.text, one.told))) for one in problems] == [
        "1 response waits for a run",
        "The last run failed: the disk is full",
        "NVDA is held back: stale",
        "raw/y.json is not used: it is not JSON",
        "Not delivered to aurora: 3",
    ]


def test_lake_without_market_data_says_what_to_do(tmp_path):
    pages = Pages(load_settings(lake=tmp_path))
    assert pages.read("/").find("a", href="/market")
    assert "tribolake market run" in text_of(pages.read("/market"))
    assert Pages(load_settings(lake=tmp_path / "missing")).ask("/market").status_code == 503


def test_server_without_ta_lib_says_so(market_pages: Pages, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "talib", None)
    assert market_pages.ask("/market", ticker="NVDA").status_code == 200
    assert market_pages.ask("/market/value", ticker="NVDA", session=LAST, name="rsi_14").status_code == 501


@pytest.fixture(scope="module")
def market_address(market_pages: Pages) -> Iterator[str]:
    with served(market_pages.settings) as address:
        yield address


@pytest.mark.slow
def test_market_pages_are_clean(browser: Browser, market_address: str, axe: str):  # noqa: F811
    ticker = "/market?ticker=%5EGSPC"
    value = f"/market/value?ticker=NVDA&session={LAST}&name=vwap"
    wrong = {}
    for where in ("/market", ticker, f"{ticker}&lang=en&range=all", value, f"{value}&lang=en"):
        for width, theme in zip(SIZES, THEMES, strict=True):
            size = {"width": width, "height": SIZES[width]}
            with browser.new_context(viewport=size, color_scheme=theme) as context:
                wrong[where, width] = faults(context.new_page(), where, market_address, axe)
    assert {key: found for key, found in wrong.items() if found} == {}
