"""What is taken along: a report or a machine as one file, and tables as CSV and XLSX."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from tribolake.oil.questions.report import shown_report
from tribolake.oil.questions.workbook import Sheet, left_out_sheet, workbook_of
from tribolake.settings import Settings
from tribolake.web.addresses import TAKE_QUALITY, TAKE_SERIES
from tribolake.web.alone import NoAddresses
from tribolake.web.desk import Desk, visit_desk
from tribolake.web.guard import is_of_ours
from tribolake.web.machine import show_unit, table_of_series
from tribolake.web.pages import Page, find_sample, lacking_quality, measured, read_machines, show_sample
from tribolake.web.parameters import Client, Language, Machine, Machines, Name, Sample
from tribolake.web.printing.printer import Printer, PrinterBusy, PrintFailed
from tribolake.web.taken_along import alone, document
from tribolake.web.views.tables import QUALITY, as_csv, machine_table, quality_tables, value_table
from tribolake.web.visit import Visit, begin_visit

FORMS = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "xlsx": (workbook_of, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
LONGEST_FILE_NAME = 80
PageForm = Annotated[Literal["html", "pdf"], Query(description="Kind of file.")]
Form = Annotated[Literal["csv", "xlsx"], Query(description="Kind of file.")]
QualityTable = Annotated[str, Query(max_length=20, description=f"A table: {', '.join(QUALITY)}.")]


def add_downloads(app: FastAPI, settings: Settings, now: Callable[[], datetime], desk: Desk) -> None:
    """Add the addresses of files to an application."""

    @app.get("/take/fleet", response_class=Response, summary="The machines of the fleet, as filtered")
    def fleet(request: Request, form: Form, choice: Machines) -> Response:
        reader = request.state.reader
        visit = begin_visit(settings, reader, None, now(), visit_desk(desk, reader, request.cookies))
        machines, unread = read_machines(visit, choice)
        # The name says it in every program: a line more in a CSV would be a machine.
        without = ("without", *unread) if unread else ()
        names = (choice.client, choice.status, visit.today.isoformat(), *without)
        sheets = (machine_table(machines), *left_out_sheet(dict.fromkeys(unread, visit.words("unread.short"))))
        return answer_with(sheets, form, "fleet", *names)

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
        return answer_with(
            (value_table(found),), form, sample.client, str(row["unitId"]), str(row["componentName"]), sample.number
        )

    @app.get(TAKE_SERIES, response_class=Response, summary="The values of a component, or of all of a machine")
    def series(request: Request, form: Form, client: Client, unit: Name, component: Name = "") -> Response:
        visit = begin_visit(settings, request.state.reader, None, now())
        table = table_of_series(visit, client, unit, component)
        if table is None:
            raise HTTPException(404)
        return answer_with((table,), form, client, unit, component)

    @app.get(TAKE_QUALITY, response_class=Response, summary="Alarm quality: all tables as a workbook, or one of them")
    def quality(request: Request, form: Form, client: Client = "", table: QualityTable = "by_component") -> Response:
        reader = request.state.reader
        visit = begin_visit(settings, reader, None, now(), visit_desk(desk, reader, request.cookies))
        is_known = table in QUALITY and client in ("", *visit.clients)
        if not visit.publications or not is_known or lacking_quality(visit, client):
            raise HTTPException(404)
        tables = quality_tables(measured(visit, client))
        one = tables.pop(table)
        others = tables.values() if form == "xlsx" else ()
        return answer_with((one, *others), form, "quality", client, table if form == "csv" else "")

    printer = Printer()

    def taken(
        request: Request, lang: Language, form: PageForm, read: Callable[[Visit], Page], kind: str, *names: str
    ) -> Response:
        """Answer with a page of this kind as one file. Other pages, such as one that says no, are not found."""
        if form == "pdf" and not is_of_ours(request.headers):
            return PlainTextResponse("another site may not ask for this\n", 403)
        visit = replace(begin_visit(settings, request.state.reader, lang, now()), addresses=NoAddresses())
        page = read(visit)
        if page.template != f"{kind}.html":
            raise HTTPException(404)
        client, *others = names
        if form == "html":
            content = alone(visit, page, client).encode()
            return attachment(content, "text/html; charset=utf-8", "html", client, page.title, *others)
        try:
            content = printer.print_document(document(visit, page, kind, client))
        except (PrinterBusy, PrintFailed) as error:
            text = visit.words("print.busy" if isinstance(error, PrinterBusy) else "print.failed", reason=str(error))
            return PlainTextResponse(f"{text}\n", 503)
        return attachment(content, "application/pdf", "pdf", client, page.title, *others)

    @app.get("/take/report", response_class=Response, summary="A report as one file")
    def report(
        request: Request,
        sample: Sample,
        form: PageForm = "html",
        lang: Language = None,
    ) -> Response:
        return taken(request, lang, form, partial(show_sample, name=sample), "report", sample.client, sample.number)

    @app.get("/take/machine", response_class=Response, summary="A machine as one file")
    def machine(request: Request, asked: Machine, form: PageForm = "html", lang: Language = None) -> Response:
        names = (asked.client, asked.component, now().date().isoformat())
        return taken(request, lang, form, partial(show_unit, asked=asked), "machine", *names)


def answer_with(sheets: Sequence[Sheet], form: str, *names: str) -> Response:
    """Answer with sheets as one file. A CSV has the first one."""
    written, kind = FORMS[form]
    return attachment(written(sheets), kind, form, *names)


def attachment(content: bytes, kind: str, ending: str, *names: str) -> Response:
    """Answer with a file to keep. No character of a name can leave the header, or the folder of downloads."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", "-".join(("tribolake", *filter(None, names)))).strip("-")
    headers = {
        "Content-Disposition": f'attachment; filename="{plain[:LONGEST_FILE_NAME]}.{ending}"',
        "Cache-Control": "private, no-cache",
    }
    return Response(content, media_type=kind, headers=headers)
