"""The style of printed documents: the light colours of the pages, written out. Pictures know no names of colours."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

from tribolake.web.alone import PAGE_STYLE, PICTURE_STYLE

DOCUMENT_STYLE = Path(__file__).parent / "document.css"
COLOUR = re.compile(r"(--[\w-]+):\s*([^;]+);")
NAMED = re.compile(r"var\((--[\w-]+)\)")
PICTURE = re.compile(r"<svg\b[^>]*>")


@cache
def document_style() -> Markup:
    """Return the style of a document, to stand in an element as it is."""
    return Markup(_written_out(DOCUMENT_STYLE))  # noqa: S704 - a file of this package


def with_styled_pictures(html: str) -> str:
    """Return a document whose pictures have their style within: that of the document does not reach them."""
    style = f"<style>{_written_out(PICTURE_STYLE)}</style>"
    return PICTURE.sub(lambda found: found[0] + style, html)


@cache
def _written_out(file: Path) -> str:
    """Return a style sheet with the values of its colours: of the pages' style the first ones, which are light."""
    colours: dict[str, str] = {}
    for name, value in COLOUR.findall(PAGE_STYLE.read_text(encoding="utf-8")):
        colours.setdefault(name, value)
    text = NAMED.sub(lambda found: colours[found[1]], file.read_text(encoding="utf-8"))
    assert "</" not in text  # noqa: S101 - it would end the element
    return text
