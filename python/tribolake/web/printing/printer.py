"""Write documents as PDF: one at a time, in a process with limits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from threading import Lock

from tribolake.errors import TribolakeError
from tribolake.run.apart import AnswerOverdue, answer_apart

CHILD = "tribolake.web.printing.child"
SECONDS = 60.0  # a report takes about two
BEGINNING, END = b"%PDF-", b"%%EOF"


class PrinterBusy(TribolakeError):
    """Another document is being printed on this server."""


class PrintFailed(TribolakeError):
    """A document could not be printed."""


@cache
def can_print() -> bool:
    """Return whether WeasyPrint is installed. Its libraries may be missing all the same."""
    try:
        return find_spec("weasyprint") is not None
    except ModuleNotFoundError:
        return False


@dataclass(frozen=True)
class Printer:
    """The printer of an application."""

    seconds: float = SECONDS
    working: Lock = field(default_factory=Lock)

    def print_document(self, html: str) -> bytes:
        """Return a document as PDF.

        Raises:
            PrinterBusy: another document is being printed.
            PrintFailed: it takes too long, or WeasyPrint or one of its libraries is missing.
        """
        if not self.working.acquire(blocking=False):
            raise PrinterBusy("another document is being printed")
        try:
            question = json.dumps({"html": html, "seconds": self.seconds}).encode()
            written, code = answer_apart(CHILD, question, self.seconds)
        except AnswerOverdue as error:
            raise PrintFailed(f"printing takes more than {self.seconds:g} s") from error
        finally:
            self.working.release()
        if code or not (written.startswith(BEGINNING) and written.rstrip().endswith(END)):
            raise PrintFailed(f"the process that prints ended with {code} and without a document")
        return written
