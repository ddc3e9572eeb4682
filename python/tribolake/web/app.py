"""The application: addresses, their parameters, and the pages behind them."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from tribolake.errors import TribolakeError
from tribolake.settings import Settings
from tribolake.texts import one_line, without_users
from tribolake.trace.shown import end_shown
from tribolake.web.access import Entrance, ThisMachine
from tribolake.web.addresses import FEEDBACK, FLEET, LINEAGE, MACHINE, QUALITY, REPORT
from tribolake.web.answers import Health, Unreachable
from tribolake.web.desk import Desk, visit_desk
from tribolake.web.downloads import add_downloads
from tribolake.web.forms import has_form, read_form, take_form
from tribolake.web.guard import Guard, is_of_ours
from tribolake.web.limits import add_limits
from tribolake.web.machine import show_unit
from tribolake.web.market import market_router
from tribolake.web.market_downloads import add_market_downloads
from tribolake.web.market_pages import add_market_pages
from tribolake.web.pages import (
    Page,
    bad_address,
    failed,
    missing,
    show_fleet,
    show_lineage,
    show_quality,
    show_sample,
)
from tribolake.web.parameters import Charts, Client, Flag, Language, Machine, Machines, Name, Sample
from tribolake.web.rendering import frame_of, render
from tribolake.web.trials import Trials
from tribolake.web.visit import Visit, begin_visit, foot_of
from tribolake.web.words import LANGUAGES, Words, words_in

if TYPE_CHECKING:
    from tribolake.web.login_pages import LoginPages

READERS = 4  # requests that read at once: each has a database in memory
# What every address answers with that is not of JSON, or not said otherwise.
PAGE_THAT_SAYS_WHY = {
    "description": "A page that says what is wrong.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
Log = Callable[[str], None]
Read = Callable[[Visit], Page]


def _now() -> datetime:
    return datetime.now(UTC)


def make_app(
    settings: Settings,
    log: Log,
    now: Callable[[], datetime] = _now,
    desk: Desk | None = None,
    entrance: Entrance | None = None,
    login: LoginPages | None = None,
) -> FastAPI:
    """Make the application of a lake.

    Args:
        settings: the lake.
        log: writes a line about a failure.
        now: the time, in UTC.
        desk: where feedback is given. None is an open one.
        entrance: who may ask, and what they see. None is whoever is on this machine.
        login: the pages of an issuer's login, which is the entrance then.
    """
    desk, trials = desk or Desk(), Trials()
    app = FastAPI(
        title="tribolake",
        description="Pages over published gold, and values of the market product.",
        docs_url=None,
        redoc_url=None,
        lifespan=_few_readers,
        responses={"default": PAGE_THAT_SAYS_WHY},
    )

    def answer(request: Request, language: Language, read: Read) -> HTMLResponse:
        at_desk = visit_desk(desk, request.state.reader, request.cookies)
        visit = begin_visit(settings, request.state.reader, language, now(), at_desk)
        page = _marked(visit, read(visit))
        html = _html(request.scope, page, visit.words, settings, foot_of(visit))
        if has_form(page):
            at_desk.stamp(html)
        return html

    @app.get(FLEET, response_class=HTMLResponse, summary="The fleet, in the order in which to look at it")
    def fleet(request: Request, choice: Machines, lang: Language = None) -> HTMLResponse:
        return answer(request, lang, partial(show_fleet, choice=choice))

    @app.get(MACHINE, response_class=HTMLResponse, summary="A machine")
    def machine(request: Request, asked: Machine, charts: Charts = "", lang: Language = None) -> HTMLResponse:
        return answer(request, lang, partial(show_unit, asked=asked, charts=charts))

    @app.get(REPORT, response_class=HTMLResponse, summary="The report of a sample")
    def report(
        request: Request,
        sample: Sample,
        charts: Charts = "",
        change: Flag = "",
        lang: Language = None,
    ) -> HTMLResponse:
        judging = trials if change and is_of_ours(request.headers) else None
        return answer(request, lang, partial(show_sample, name=sample, charts=charts, trials=judging))

    @app.get(LINEAGE, response_class=HTMLResponse, summary="File, sheet and row of a sample")
    def lineage(
        request: Request,
        sample: Sample,
        essay: Name = "",
        lang: Language = None,
    ) -> HTMLResponse:
        return answer(request, lang, partial(show_lineage, name=sample, essay=essay))

    @app.get(QUALITY, response_class=HTMLResponse, summary="Quality of alarms and data")
    def quality(request: Request, client: Client = "", lang: Language = None) -> HTMLResponse:
        return answer(request, lang, partial(show_quality, client=client))

    @app.post(FEEDBACK, summary="Say what became of an alarm", status_code=303, response_class=RedirectResponse)
    async def feedback(request: Request, lang: Language = None) -> Response:
        body = await read_form(request)
        if body is None:
            return PlainTextResponse("this is not a form of a page, or it is too long\n", 400)
        reader = request.state.reader
        at_desk = visit_desk(desk, reader, request.cookies)
        taken = await to_thread.run_sync(lambda: take_form(begin_visit(settings, reader, lang, now(), at_desk), body))
        if isinstance(taken, Response):
            return taken
        words = words_in(lang or settings.language)
        return plain(request.scope, taken, words)

    @app.get(
        "/health",
        response_model=Health,
        responses={503: {"model": Unreachable}},
        summary="Whether the lake can be read, and what is published",
    )
    def health(request: Request) -> JSONResponse:
        try:
            return JSONResponse(_health(begin_visit(settings, request.state.reader, None, now())))
        except (TribolakeError, OSError) as error:
            return JSONResponse({"status": "unreachable", "error": _logged(log, error)}, 503)

    add_downloads(app, settings, now, desk)
    add_limits(app, settings, now, answer, trials)
    add_market_pages(app, settings, answer)
    add_market_downloads(app, settings)
    app.include_router(market_router(settings, partial(_logged, log, with_traceback=settings.debug)))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))

    def plain(scope: Mapping[str, Any], page: Page, words: Words) -> HTMLResponse:
        return _html(scope, page, words, settings, ())

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, _: Exception) -> HTMLResponse:
        words = _words(request.scope, settings)
        return plain(request.scope, bad_address(words), words)

    @app.exception_handler(HTTPException)
    async def not_found(request: Request, _: Exception) -> HTMLResponse:
        words = _words(request.scope, settings)
        return plain(request.scope, missing(words), words)

    async def failure(scope: Mapping[str, Any], error: Exception) -> tuple[int, bytes]:
        words = _words(scope, settings)
        number = _logged(log, error, with_traceback=settings.debug)
        is_of_the_lake = isinstance(error, TribolakeError | OSError | duckdb.Error)
        answered = plain(scope, failed(words, number, is_of_the_lake=is_of_the_lake), words)
        return answered.status_code, bytes(answered.body)

    forms = (FEEDBACK,) if desk.is_open else ()
    if login is not None:
        login.add_to(app)
        entrance, forms = login.login, (*forms, *login.forms)
    app.add_middleware(Guard, failure=failure, entrance=entrance or ThisMachine(), forms=forms, login=login)
    return app


@asynccontextmanager
async def _few_readers(_: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = READERS
    yield
    end_shown()


def _health(visit: Visit) -> dict[str, object]:
    visit.require_lake()
    published = [{"client": one.client, "run_id": one.run_id} for one in visit.publications]
    if unread := sorted({*visit.unread, *visit.shown_last}):
        return {"status": "incomplete", "published": published, "unread": unread}
    return {"status": "ok", "published": published}


def _marked(visit: Visit, page: Page) -> Page:
    """Return a page that says so if it shows what was read before: of a lake that is away, or of some clients."""
    words = visit.words
    cut_off = [words("lake.cut_off")] if visit.published.is_cut_off else []
    shown_last = [words("unread.shown_last", client=client.upper()) for client in visit.shown_last]
    return replace(page, notices=(*cut_off, *shown_last, *page.notices))


def _html(
    scope: Mapping[str, Any], page: Page, words: Words, settings: Settings, foot: tuple[str, ...]
) -> HTMLResponse:
    query = scope["query_string"].decode("ascii", "replace")
    reader = scope["state"]["reader"]
    user = reader.name if reader.has_session else ""
    frame = frame_of(scope["path"], query, words, settings.language, foot, user)
    return HTMLResponse(render(page, frame, words), page.status, {"Cache-Control": "private, no-cache"})


def _words(scope: Mapping[str, Any], settings: Settings) -> Words:
    """Return the language of an address that may not be understood otherwise."""
    language = Request({"type": "http", "headers": [], **scope}).query_params.get("lang")
    return words_in(language if language in LANGUAGES else settings.language)


def _logged(log: Log, error: Exception, *, with_traceback: bool = False) -> str:
    """Log an error, on one line unless its traceback is asked for. Returns the number by which to find it."""
    number = secrets.token_hex(4)
    log(f"error {number}: {type(error).__name__}: {one_line(without_users(error))[:1000]}")
    if with_traceback:
        log("".join(traceback.format_exception(error)))
    return number
