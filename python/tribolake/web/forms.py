"""Take a form: read it, check that it is of this browser, store what it says, and lead back to the report."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.requests import ClientDisconnect

from tribolake.web.addresses import FLEET, REPORT
from tribolake.web.feedback import FORM, LONGEST_FORM, FormRefused, given_by, parse_form, store
from tribolake.web.pages import Page, foreign_form, missing, not_stored
from tribolake.web.views.feedback import FeedbackPart
from tribolake.web.visit import Visit

PART = "#feedback"  # of a report's page


def has_form(page: Page) -> bool:
    """Return whether a page has a form, which needs a session."""
    return isinstance(page.feedback, FeedbackPart)


async def read_form(request: Request) -> bytes | None:
    """Read the body of a form. Returns None if it is another kind of content, longer than LONGEST_FORM, or cut off."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_FORM:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def take_form(visit: Visit, body: bytes) -> Page | Response:
    """Store what a form says. Returns the way back to the report, or the page that says why not.

    Raises:
        StoreUnavailable: the lake did not store it, or cannot be read.
    """
    try:
        fields = parse_form(body)
        if visit.at_desk is None or not visit.at_desk.owns(fields.get("token", "")):
            return foreign_form(visit.words)
        visit.require_lake()
        entry = store(visit, given_by(fields, visit.at_desk.login))
    except FormRefused as error:
        return not_stored(visit.words, error.field)
    if entry is None:
        return missing(visit.words)
    address = visit.addresses.sample(
        REPORT, entry.client, entry.sample_number, entry.sample_occurrence, entry.laboratory
    )
    back = RedirectResponse(f"{address}{PART}" if address else FLEET, 303, {"Cache-Control": "no-store"})
    visit.at_desk.remember(back, entry.written_by)
    return back
