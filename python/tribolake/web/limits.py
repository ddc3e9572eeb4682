"""Addresses of limits and of what-if, and their parameters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal, TypeVar

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from tribolake.errors import ConfigurationError
from tribolake.oil.limits.apart import TrialFailed, TrialOverdue
from tribolake.oil.limits.choice import LIMIT_SEED, LimitGroup
from tribolake.oil.questions.limit_groups import LimitFilter
from tribolake.oil.questions.workbook import Sheet
from tribolake.settings import Settings
from tribolake.web.addresses import LIMIT, LIMITS, TAKE_CHANGES, TAKE_LIMITS, TAKE_SEED, WHAT_IF
from tribolake.web.downloads import Form, answer_with, attachment
from tribolake.web.guard import is_of_ours
from tribolake.web.pages import Page
from tribolake.web.parameters import Client, Language, Name
from tribolake.web.trials import TrialBusy, Trials
from tribolake.web.views.limits import SHOWN_LIMITS, LimitsChoice
from tribolake.web.views.what_if import SHOWN_CHANGES
from tribolake.web.visit import Visit, begin_visit
from tribolake.web.what_if import (
    FIELDS,
    Asked,
    seed_of,
    show_limit,
    show_limits_page,
    show_what_if,
    table_of_changes,
    table_of_limits,
)

T = TypeVar("T")
MOST_LIMITS, MOST_CHANGES = 2000, 5000
Answer = Callable[[Request, Language, Callable[[Visit], Page]], HTMLResponse]
Grain = Annotated[Literal["", "model", "machine"], Query(description="What the group is made of.")]
How = Annotated[Literal["limit", "percentile", "policy"], Query(description="What is changed.")]
Written = Annotated[str, Query(max_length=24, description="A number: a limit in its unit, or a percentile.")]
Policy = Annotated[str, Query(max_length=64)]


def limit_group(
    client: Client,
    grain: Grain = "",
    machine: Name = "",
    model: Name = "",
    component: Name = "",
    essay: Name = "",
    unit: Name = "",
) -> LimitGroup:
    """Return the group in an address."""
    return LimitGroup(client.upper(), grain, machine, model, component, essay, unit)


Group = Annotated[LimitGroup, Depends(limit_group)]


def asked_of(
    group: Group,
    how: How,
    marginal: Written = "",
    condenatorio: Written = "",
    critico: Written = "",
    lower_marginal: Written = "",
    lower_condenatorio: Written = "",
    lower_critico: Written = "",
    policy: Policy = "",
    show: Annotated[int, Query(ge=1, le=MOST_CHANGES)] = SHOWN_CHANGES,
) -> Asked:
    """Return what an address asks."""
    numbers = (marginal, condenatorio, critico, lower_marginal, lower_condenatorio, lower_critico)
    written = {name: text for name, text in zip(FIELDS, numbers, strict=True) if text}
    return Asked(group.client.lower(), how, None if how == "policy" else group, written, policy, show)


AskedTrial = Annotated[Asked, Depends(asked_of)]


def add_limits(app: FastAPI, settings: Settings, now: Callable[[], datetime], answer: Answer, trials: Trials) -> None:
    """Add the pages of limits to an application. `answer` answers with a page."""

    @app.get(LIMITS, response_class=HTMLResponse, summary="The limits that judge today")
    def limits(
        request: Request,
        client: Client = "",
        machine: Name = "",
        component: Name = "",
        essay: Name = "",
        show: Annotated[int, Query(ge=1, le=MOST_LIMITS)] = SHOWN_LIMITS,
        lang: Language = None,
    ) -> HTMLResponse:
        choice = LimitsChoice(client, LimitFilter(machine, component, essay), show)
        return answer(request, lang, partial(show_limits_page, choice=choice))

    @app.get(TAKE_LIMITS, response_class=Response, summary="The limits that judge, as filtered")
    def taken(
        request: Request, form: Form, client: Client = "", machine: Name = "", component: Name = "", essay: Name = ""
    ) -> Response:
        choice = LimitsChoice(client, LimitFilter(machine, component, essay))
        table = table_of_limits(begin_visit(settings, request.state.reader, None, now()), choice)
        return answer_with((table,), form, "limits", client, component, essay)

    @app.get(LIMIT, response_class=HTMLResponse, summary="The limits of a group, and their versions")
    def limit(
        request: Request,
        group: Group,
        version: Annotated[str, Query(max_length=100, description="Of limits.")] = "",
        lang: Language = None,
    ) -> HTMLResponse:
        return answer(request, lang, partial(show_limit, group=group, version=version))

    @app.get(WHAT_IF, response_class=HTMLResponse, summary="What other limits would do to alarms")
    def what_if(request: Request, asked: AskedTrial, lang: Language = None) -> HTMLResponse:
        is_judged = is_of_ours(request.headers)
        return answer(request, lang, partial(show_what_if, trials=trials, asked=asked, is_judged=is_judged))

    def taken_of_trial(
        request: Request, asked: Asked, take: Callable[[Visit, Trials, Asked], T | None], send: Callable[[T], Response]
    ) -> Response:
        """Answer with what is taken of a judgement, or why there is none."""
        if not is_of_ours(request.headers):
            return PlainTextResponse("another site may not ask for this\n", 403)
        try:
            found = take(begin_visit(settings, request.state.reader, None, now()), trials, asked)
        except (TrialBusy, TrialOverdue, TrialFailed) as error:
            return PlainTextResponse(f"{error}: try again\n", 503)
        except ConfigurationError as error:
            return PlainTextResponse(f"{error}\n", 400)
        if found is None:
            raise HTTPException(404)
        return send(found)

    @app.get(TAKE_SEED, response_class=Response, summary="Other limits as a row of the seed policy_limits")
    def seed(request: Request, asked: AskedTrial) -> Response:
        def send(content: bytes) -> Response:
            return attachment(content, "text/csv; charset=utf-8", "csv", LIMIT_SEED)

        return taken_of_trial(request, asked, seed_of, send)

    @app.get(TAKE_CHANGES, response_class=Response, summary="The reports that other limits would change")
    def changes(request: Request, form: Form, asked: AskedTrial) -> Response:
        def send(table: Sheet) -> Response:
            return answer_with((table,), form, "what-if", asked.client, *filter(None, (asked.policy,)))

        return taken_of_trial(request, asked, table_of_changes, send)
