"""Pages of the market product: tickers, the values of one, and a value down to the numbers in the responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from tribolake.errors import ConfigurationError
from tribolake.libraries import NotInstalled
from tribolake.market.history import READ_FILES, History, read_history
from tribolake.market.market_lake import Body, MarketLake
from tribolake.market.processed import KINDS
from tribolake.market.product import MARKET
from tribolake.market.retrieval import NothingFits, get_values
from tribolake.market.status import market_status
from tribolake.market.symbols import symbol_of
from tribolake.market.value_lineage import lineage_of_value
from tribolake.settings import Settings
from tribolake.trace.shown import pin_shown
from tribolake.web import addresses
from tribolake.web.limits import Answer
from tribolake.web.market import COMPUTING, Name, Ticker, require_lake
from tribolake.web.pages import Message, Page
from tribolake.web.parameters import Language
from tribolake.web.views.history import YEARS, Range, history_part
from tribolake.web.views.market import market_page, ticker_page
from tribolake.web.views.market_value import value_page
from tribolake.web.views.parts import tables_of
from tribolake.web.visit import Visit

# An empty field of the form is no day.
Day = Annotated[date | None, BeforeValidator(lambda text: text or None)]
Shown = Annotated[Range, Query(alias="range", description="Years before the last session, for the charts.")]


@dataclass(frozen=True)
class Asked:
    """What an address asks of a ticker."""

    ticker: str
    session: date | None = None
    day: date | None = None
    version: str | None = None

    @property
    def query(self) -> dict[str, object]:
        """The parameters of an address that asks for the same."""
        return {"ticker": self.ticker, "session": self.session, "date": self.day, "version": self.version}

    @property
    def is_latest(self) -> bool:
        """Whether it asks for the latest computation, which is published."""
        return not (self.day or self.version)


def asked_of(
    ticker: Annotated[str, Query(max_length=64, description="Yahoo's symbol; empty shows all tickers.")] = "",
    session: Annotated[Day, Query(description="Day of the market.")] = None,
    day: Annotated[Day, Query(alias="date", description="Computed on this day (UTC).")] = None,
    version: Name = None,
) -> Asked:
    """Return what an address asks."""
    return Asked(ticker, session, day, version)


AskedValues = Annotated[Asked, Depends(asked_of)]


def add_market_pages(app: FastAPI, settings: Settings, answer: Answer) -> None:
    """Add the pages of market data to an application. `answer` answers with a page."""
    market = MARKET.of(settings)

    def show(request: Request, language: Language, read: Callable[[Visit], Page]) -> HTMLResponse:
        def page(visit: Visit) -> Page:
            require_lake(market)
            try:
                return read(visit)
            except ConfigurationError:  # nothing fits, or the symbol cannot be one
                return _nothing(visit)

        return answer(request, language, page)

    @app.get(addresses.MARKET, response_class=HTMLResponse, summary="Tickers, or the values of one")
    def tickers(request: Request, asked: AskedValues, shown: Shown = "1y", lang: Language = None) -> HTMLResponse:
        read = partial(_show_ticker, market, asked, shown) if asked.ticker else partial(_show, market)
        return show(request, lang, read)

    @app.get(addresses.MARKET_VALUE, response_class=HTMLResponse, summary="A value, down to the responses")
    def value(
        request: Request,
        ticker: Ticker,
        session: date,
        name: Annotated[str, Query(max_length=addresses.LONGEST)],
        computation_version: Name = None,
        lang: Language = None,
    ) -> HTMLResponse:
        def read(visit: Visit) -> Page:
            try:
                with COMPUTING:
                    found = lineage_of_value(market, symbol_of(ticker), session, name, computation_version)
            except NotInstalled as error:
                title = visit.words("market.lineage")
                return Page("message.html", Message(title, str(error)), title, 501)
            model = value_page(found, visit.words, visit.addresses)
            return Page("market_value.html", model, f"{found.symbol} · {found.name}")

        return show(request, lang, read)


def _show(market: Settings, visit: Visit) -> Page:
    """Return the page of all tickers."""
    title = visit.words("market.title")
    try:
        status = market_status(market)
    except ConfigurationError:  # no run has ended yet
        commands = (f"tribolake market run --lake {visit.settings.address}", "tribolake market demo")
        return Page("empty.html", Message(visit.words("empty.title"), visit.words("market.empty"), commands), title)
    return Page("market.html", market_page(status, visit.words, visit.addresses), title)


def _show_ticker(market: Settings, asked: Asked, shown: Range, visit: Visit) -> Page:
    """Return the page of a ticker: its latest values with its history, or those of a session, a day or a version."""
    symbol = symbol_of(asked.ticker)
    bodies = read_bodies(market, asked)
    if bodies["indicators"] is None:
        return _nothing(visit)
    versions = MarketLake(market).versions(symbol, "indicators")
    version = bodies["indicators"]["computation_version"]
    found = published_history(market, symbol, version, shown) if asked.is_latest else None
    history = history_part(found, shown, visit.words, visit.addresses) if found else None
    model = ticker_page(
        symbol, bodies, versions, visit.words, visit.addresses,
        is_latest=asked.is_latest, asked_session=asked.session, history=history,
        downloads=tables_of(lambda form: visit.addresses.page(addresses.TAKE_MARKET_VALUES, **asked.query, form=form)),
    )  # fmt: skip
    return Page("market_ticker.html", model, symbol)


def read_bodies(market: Settings, asked: Asked) -> dict[str, Body | None]:
    """Return what is asked of a ticker by kind. None of a kind that does not fit."""

    def values(kind: str) -> Body | None:
        try:
            return get_values(
                market, kind, symbol_of(asked.ticker), day=asked.day, session=asked.session, version=asked.version
            )
        except NothingFits:
            return None

    return {kind: values(kind) for kind in KINDS}


def published_history(market: Settings, symbol: str, version: str, shown: Range) -> History | None:
    """Return the history of a ticker in a range. Its files are held, as those of all pages."""
    return read_history(pin_shown(market, READ_FILES), symbol, version, YEARS[shown])


def _nothing(visit: Visit) -> Page:
    """Return what is said if no stored values fit."""
    title = visit.words("missing.title")
    message = Message(title, visit.words("market.nothing"), market=visit.addresses.page(addresses.MARKET))
    return Page("message.html", message, title, 404)
