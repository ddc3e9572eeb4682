"""What pages of the market product show, as CSV and XLSX."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, TypeVar

from fastapi import FastAPI, Query
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from tribolake.errors import ConfigurationError
from tribolake.libraries import NotInstalled
from tribolake.market.product import MARKET
from tribolake.market.status import market_status
from tribolake.market.symbols import symbol_of
from tribolake.market.value_lineage import lineage_of_value
from tribolake.settings import Settings
from tribolake.web.addresses import LONGEST, TAKE_MARKET, TAKE_MARKET_SERIES, TAKE_MARKET_VALUE, TAKE_MARKET_VALUES
from tribolake.web.downloads import Form, answer_with
from tribolake.web.market import COMPUTING, Name, Ticker, require_lake
from tribolake.web.market_pages import AskedValues, Shown, published_history, read_bodies
from tribolake.web.views.market_tables import input_table, session_table, ticker_table, values_table

T = TypeVar("T")


def add_market_downloads(app: FastAPI, settings: Settings) -> None:
    """Add the addresses of files of market data to an application."""
    market = MARKET.of(settings)

    @app.get(TAKE_MARKET, response_class=Response, summary="The tickers, and how far they reach")
    def tickers(form: Form) -> Response:
        require_lake(market)
        status = _known(lambda: market_status(market))
        return answer_with((ticker_table(status["tickers"]),), form, "market")

    @app.get(TAKE_MARKET_VALUES, response_class=Response, summary="The values of a ticker, and their percentiles")
    def values(form: Form, asked: AskedValues) -> Response:
        require_lake(market)
        bodies = _known(lambda: read_bodies(market, asked))
        indicators = bodies["indicators"]
        if indicators is None:
            raise HTTPException(404)
        names = (indicators["symbol"], str(indicators.get("session_date", "")), indicators["computation_version"])
        return answer_with((values_table(bodies),), form, *names)

    @app.get(TAKE_MARKET_SERIES, response_class=Response, summary="The published sessions of a ticker")
    def series(
        form: Form, ticker: Ticker, version: Annotated[str, Query(max_length=LONGEST)], shown: Shown = "all"
    ) -> Response:
        require_lake(market)
        found = _known(lambda: published_history(market, symbol_of(ticker), version, shown))
        if found is None:
            raise HTTPException(404)
        return answer_with((session_table(found),), form, found.symbol, shown, version)

    @app.get(TAKE_MARKET_VALUE, response_class=Response, summary="The numbers that a value was computed from")
    def numbers(
        form: Form,
        ticker: Ticker,
        session: date,
        name: Annotated[str, Query(max_length=LONGEST)],
        computation_version: Name = None,
    ) -> Response:
        require_lake(market)
        try:
            with COMPUTING:
                found = _known(lambda: lineage_of_value(market, symbol_of(ticker), session, name, computation_version))
        except NotInstalled as error:
            return PlainTextResponse(f"{error}\n", 501)
        return answer_with((input_table(found),), form, found.symbol, session.isoformat(), found.name)


def _known(read: Callable[[], T]) -> T:
    """Return what an address asks for. What does not exist is not found."""
    try:
        return read()
    except NotInstalled:
        raise
    except ConfigurationError:
        raise HTTPException(404) from None
