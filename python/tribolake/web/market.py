"""Addresses of the market product. They only read, and answer with what `tribolake market … --json` prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from datetime import date
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from tribolake.errors import ConfigurationError, StoreUnavailable, TribolakeError
from tribolake.lake.replicas import open_objects
from tribolake.libraries import NotInstalled
from tribolake.market.contract import UNIVERSE
from tribolake.market.market_lake import MarketLake
from tribolake.market.object_lineage import ObjectOrigin, RawUses
from tribolake.market.object_lineage import lineage_of_object as trace_object
from tribolake.market.product import MARKET
from tribolake.market.retrieval import NothingFits, get_values
from tribolake.market.status import market_status
from tribolake.market.symbols import symbol_of
from tribolake.market.value_lineage import lineage_of_value as trace_value
from tribolake.settings import Settings
from tribolake.texts import one_line, without_users
from tribolake.trace.manifests import current_publication
from tribolake.web.addresses import LONGEST
from tribolake.web.answers import Kind, MarketHealth, MarketStatus, Problem, TracedValue, Values, Versions

# A value that is computed for an answer takes a processor and memory for all of a ticker's history: one at a time.
COMPUTING = Lock()
Ticker = Annotated[str, Query(max_length=64, description="Yahoo's symbol, such as NVDA, D05.SI or ^GSPC.")]
Name = Annotated[str | None, Query(max_length=LONGEST)]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": Problem.__doc__} for status in (400, 404, 422, 500, 501, 503)
}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class InJson(JSONResponse):
    """JSON as the commands print it: days and times are texts. It has no NaN."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, default=str).encode("utf-8", "replace")


class _Unusable(ConfigurationError):
    """An address that has no answer, whatever the lake has."""


# The first one that fits.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (RequestValidationError, 422),
    (_Unusable, 400),
    (NotInstalled, 501),
    (ConfigurationError, 404),
    (StoreUnavailable, 503),
    (OSError, 503),
    (TribolakeError, 500),
)


def market_router(settings: Settings, number_of: Callable[[Exception], str]) -> APIRouter:
    """Make the addresses of the market product of a lake.

    Args:
        settings: of the lake.
        number_of: logs a fault of the program, and returns the number by which to find it.
    """
    market = MARKET.of(settings)

    class Route(APIRoute):
        """An address whose failures are JSON too."""

        def get_route_handler(self) -> Handler:
            answer = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    return await answer(request)
                except Exception as error:
                    status, words = _failure(error, number_of)
                    return InJson({"error": words}, status)

            return answered

    router = APIRouter(
        prefix="/market", tags=["market"], route_class=Route, default_response_class=InJson, responses=PROBLEMS
    )

    @router.get(
        "/health", response_model=MarketHealth, summary="Whether the lake can be read, and the run that is published"
    )
    def health() -> InJson:
        require_lake(market)
        found = current_publication(open_objects(market), UNIVERSE)
        about = {"run_id": found.run_id, "published_at": found.published_at} if found else None
        return InJson({"status": "ok", "published": about})

    @router.get(
        "/status", response_model=MarketStatus, summary="How far each ticker reaches, what waits, and what failed"
    )
    def status() -> InJson:
        require_lake(market)
        return InJson(market_status(market))

    @router.get("/versions", response_model=Versions, summary="Every stored computation of a ticker, the latest first")
    def versions(
        ticker: Ticker, kind: Annotated[Kind | None, Query(alias="type", description="All without it.")] = None
    ) -> InJson:
        require_lake(market)
        found = MarketLake(market).versions(_symbol(ticker), kind)
        if not found:
            raise NothingFits(f"no computations of {ticker!a} are stored: /market/status lists the tickers")
        return InJson({"versions": [one.as_dict() for one in found]})

    @router.get(
        "/lineage/object",
        response_model=ObjectOrigin | RawUses,
        summary="What an object was computed from, or what was computed from it",
    )
    def lineage_of_object(key: Annotated[str, Query(max_length=LONGEST)]) -> InJson:
        require_lake(market)
        with COMPUTING:
            return InJson(trace_object(market, key).as_dict())

    @router.get(
        "/lineage", response_model=TracedValue, summary="A published value, down to the numbers in the responses"
    )
    def lineage(
        ticker: Ticker,
        session: date,
        name: Annotated[str, Query(max_length=LONGEST)],
        computation_version: Name = None,
    ) -> InJson:
        require_lake(market)
        with COMPUTING:
            found = trace_value(market, _symbol(ticker), session, name, computation_version)
            return InJson(found.as_dict())

    @router.get(
        "/{kind}",
        response_model=Values,
        summary="Values that were stored last, or of a day, a session or a version, or known on a day",
    )
    def values(
        kind: Kind,
        ticker: Ticker,
        day: Annotated[date | None, Query(alias="date", description="Computed on this day (UTC).")] = None,
        session: Annotated[date | None, Query(description="Day of the market.")] = None,
        version: Annotated[
            Name, Query(description="A timestamp such as 20250115_120000, a version id, or a computation version.")
        ] = None,
        as_known_on: Annotated[
            date | None, Query(description="Computed from what was fetched until the end of this day (UTC).")
        ] = None,
    ) -> InJson:
        require_lake(market)
        if day and as_known_on:
            raise _Unusable("give date or as_known_on, not both: one is of a stored computation")
        with COMPUTING if as_known_on else nullcontext():
            return InJson(
                get_values(
                    market, kind, _symbol(ticker), day=day, session=session, version=version, as_known_on=as_known_on
                )
            )

    return router


def require_lake(settings: Settings) -> None:
    # A folder that is not mounted looks like a lake without values.
    if not settings.is_on_s3 and not settings.lake.is_dir():
        raise StoreUnavailable(f"the lake {settings.lake} is not a folder, or is not mounted")


def _symbol(text: str) -> str:
    try:
        return symbol_of(text)
    except ConfigurationError as error:
        raise _Unusable(str(error)) from None


def _failure(error: Exception, number_of: Callable[[Exception], str]) -> tuple[int, str]:
    """Return the status of a failure, and what to say of it."""
    words = one_line(without_users(error))[:LONGEST]
    if isinstance(error, RequestValidationError):
        words = "; ".join(f"{one['loc'][-1]}: {one_line(str(one['msg']))}" for one in error.errors())
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return status, words
    return 500, f"a fault of tribolake: the server's log has it as error {number_of(error)}"
