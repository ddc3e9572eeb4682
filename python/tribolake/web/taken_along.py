"""Pages as files: one of HTML that needs nothing else, and a document to print."""

from __future__ import annotations

from dataclasses import replace

from tribolake.web.alone import policy, style
from tribolake.web.pages import Page
from tribolake.web.printing.style import document_style, with_styled_pictures
from tribolake.web.rendering import Alone, Frame, frame_of, render
from tribolake.web.visit import Visit, foot_of


def alone(visit: Visit, page: Page, client: str) -> str:
    """Return a page as HTML that needs nothing else, and names no other client."""
    frame = _frame(visit, client, Alone(policy(), style(), _note(visit, "take.note")))
    return render(page, frame, visit.words)


def document(visit: Visit, page: Page, kind: str, client: str) -> str:
    """Return a page as HTML to print, by a template of its own: what decides, its series, and the values."""
    frame = _frame(visit, client, Alone("", document_style(), _note(visit, "print.note")))
    html = render(replace(page, template=f"{kind}_document.html"), frame, visit.words)
    return with_styled_pictures(html)


def _note(visit: Visit, text: str) -> str:
    return visit.words(text, moment=visit.words.moment(visit.now.isoformat()))


def _frame(visit: Visit, client: str, own: Alone) -> Frame:
    frame = frame_of("/", "", visit.words, visit.settings.language, foot_of(visit, client))
    return replace(frame, layout="alone.html", alone=own)
