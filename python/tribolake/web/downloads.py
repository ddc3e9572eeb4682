"""What is taken along: a report or a machine as one file, and tables as CSV and XLSX."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from tribolake.oil.questions.report import shown_report
from tribolake.oil.questions.workbook import Sheet
from tribolake.settings import Settings
from tribolake.web.alone import NoAddresses, policy, style
from tribolake.web.desk import Desk, visit_desk
from tribolake.web.machine import show_unit
from tribolake.web.pages import Page, find_sample, read_machines, show_sample
from tribolake.web.parameters import Axis, Client, Language, Machines, Name, Sample
from tribolake.web.rendering import Alone, frame_of, render
from tribolake.web.views.tables import as_csv, as_xlsx, machine_table, value_table
from tribolake.web.visit import Visit, begin_visit, foot_of

FORMS = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "xlsx": (as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
LONGEST_FILE_NAME = 80
Form = Annotated[Literal["csv", "xlsx"], Query(description="Kind of file.")]


def add_downloads(app: FastAPI, settings: Settings, now: Callable[[], datetime], desk: Desk) -> None:
    """Add the addresses of files to an application."""

    @app.get("/take/fleet", response_class=Response, summary="The machines of the fleet, as filtered")
    def fleet(request: Request, form: Form, choice: Machines) -> Response:
        reader = request.state.reader
        visit = begin_visit(settings, reader, None, now(), visit_desk(desk, reader, request.cookies))
        names = (choice.client, choice.status, visit.today.isoformat())
        return _table(machine_table(read_machines(visit, choice)), form, "fleet", *names)

    @app.get("/take/values", response_class=Response, summary="The values of a report")
    def values(
        request: Request,
        form: Form,
        sample: Sample,
    ) -> Response:
        visit = begin_visit(settings, request.state.reader, None, now())
        row = find_sample(visit, sample)
        if row is None:
            raise HTTPException(404)
        found = shown_report(settings, row, visit.published)
        return _table(
            value_table(found), form, sample.client, str(row["unitId"]), str(row["componentName"]), sample.number
        )

    @app.get("/take/report", response_class=Response, summary="A report as one file")
    def report(
        request: Request,
        sample: Sample,
        lang: Language = None,
    ) -> Response:
        visit = _alone(begin_visit(settings, request.state.reader, lang, now()))
        page = show_sample(visit, sample)
        return _file(visit, page, "report.html", sample.client, page.title, sample.number)

    @app.get("/take/machine", response_class=Response, summary="A machine as one file")
    def machine(
        request: Request, client: Client, unit: Name, component: Name = "", axis: Axis = "date", lang: Language = None
    ) -> Response:
        visit = _alone(begin_visit(settings, request.state.reader, lang, now()))
        page = show_unit(visit, client.lower(), unit, component, axis)
        return _file(visit, page, "machine.html", client.lower(), page.title, component, visit.today.isoformat())


def _alone(visit: Visit) -> Visit:
    return replace(visit, addresses=NoAddresses())


def _file(visit: Visit, page: Page, template: str, client: str, *names: str) -> Response:
    """Answer with a page as one file, which names no other client. Other pages than the one meant are not found."""
    if page.template != template:
        raise HTTPException(404)
    words = visit.words
    note = words("take.note", moment=words.moment(visit.now.isoformat()))
    frame = frame_of("/", "", words, visit.settings.language, foot_of(visit, client))
    frame = replace(frame, layout="alone.html", alone=Alone(policy(), style(), note))
    content = render(page, frame, words).encode()
    return attachment(content, "text/html; charset=utf-8", "html", client, *names)


def _table(table: Sheet, form: str, *names: str) -> Response:
    written, kind = FORMS[form]
    return attachment(written(table), kind, form, *names)


def attachment(content: bytes, kind: str, ending: str, *names: str) -> Response:
    """Answer with a file to keep. No character of a name can leave the header, or the folder of downloads."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", "-".join(("tribolake", *filter(None, names)))).strip("-")
    headers = {
        "Content-Disposition": f'attachment; filename="{plain[:LONGEST_FILE_NAME]}.{ending}"',
        "Cache-Control": "private, no-cache",
    }
    return Response(content, media_type=kind, headers=headers)
