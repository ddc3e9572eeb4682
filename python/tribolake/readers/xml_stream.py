"""Read the XML of a spreadsheet while it inflates, without a tree of it in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat

from tribolake.errors import BronzeFileUnreadable

CHUNK_BYTES = 2**18


class Elements:
    """What is done at each element; names come without their prefix. What was found waits in `found`."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the beginning of an element."""

    def end(self, name: str) -> None:
        """Handle the end of an element."""

    def text(self, text: str) -> None:
        """Text within an element, in pieces."""


def read_xml(stream: IO[bytes], elements: Elements) -> Iterator[Any]:
    """Give what `elements` finds, as it is found.

    Raises:
        BronzeFileUnreadable: the XML is cut short, not well-formed, or declares a document type.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def begin(name: str, attributes: dict[str, str]) -> None:
        if ":" not in name:  # the usual case, without a step in between
            parser.StartElementHandler, parser.EndElementHandler = elements.start, elements.end
        elements.start(name.rpartition(":")[2], attributes)

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda name: elements.end(name.rpartition(":")[2])
    parser.CharacterDataHandler = elements.text
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        while chunk := stream.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
            yield from elements.found
            elements.found = []
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BronzeFileUnreadable(
            f"the workbook is damaged or cut short ({error}). Copy or export it again"
        ) from error
    yield from elements.found


def _refuse_document_type(*_: object) -> None:
    """Refuse a document type: its entities can grow without bounds, and no spreadsheet has one."""
    raise BronzeFileUnreadable("the workbook declares a document type, as no spreadsheet does. Export it again")
