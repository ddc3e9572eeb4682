"""OpenDocument spreadsheets (.ods), read from their XML one row at a time.

calamine reads them too, but gives errors and formulas without a value as empty cells, and asks for the memory of the
whole rectangle up to a stray cell.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.number_formats import as_shown
from tribolake.readers.raw_rows import (
    ERROR_TEXTS,
    RAISED,
    ErrorCell,
    Percent,
    StruckCell,
    UncalculatedFormula,
    text_of_runs,
)
from tribolake.readers.sheets import Sheet
from tribolake.readers.xml_stream import Elements, read_xml

DURATION = re.compile(r"(-?)P(?:([0-9]+)D)?T?(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9.]+)S)?")
LONG_NUMBER = re.compile(r"-?[0-9]{16,}")
CELLS = ("table-cell", "covered-table-cell")
# A filled row or cell is not repeated more often than a sheet has rows or columns.
MAX_ROWS, MAX_COLUMNS = 2**20, 2**14


def ods_sheets(archive: zipfile.ZipFile) -> Iterator[Sheet]:
    """Yield the sheets that have a filled cell. Read each before taking the next one.

    Raises:
        BronzeFileUnreadable: the document is damaged, or protected by a password.
    """
    if b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise BronzeFileUnreadable("the document is protected by a password. Save it without one and copy it again")
    elements = _Rows()
    with archive.open("content.xml") as stream:
        for name, rows in groupby(read_xml(stream, elements), key=itemgetter(0)):
            yield Sheet(name, ((number, cells) for _, number, cells in rows), elements.spans[name])


class _Rows(Elements):
    """Finds (sheet, row number, cells) of each row with a filled cell."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: dict[str, dict[int, dict[int, int]]] = {"": {}}
        self._sheet = ""
        self._number = 0
        self._repeated = 1
        self._cells: list[object] = []
        self._at = 0
        self._cell: dict[str, str] | None = None
        self._texts: list[tuple[str, bool]] = []  # runs, with whether they are struck out
        self._is_text = False
        self._style = ""
        self._looks: dict[str, str] = {}  # what styles make of texts
        self._spans: list[str] = []
        self._notes = 0  # a comment is in the cell, not of it

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in CELLS:
            self._cell = {key.rpartition(":")[2]: value for key, value in attributes.items()}
            self._texts = []
        elif name == "table-row":
            self._cells, self._at = [], 0
            self._repeated = int(attributes.get("table:number-rows-repeated", 1))
        elif name == "annotation":
            self._notes += 1
        elif name == "p" and self._cell is not None and not self._notes:
            self._texts.append(("\n" if self._texts else "", False))
            self._is_text = True
        elif name == "span":
            self._spans.append(self._looks.get(attributes.get("text:style-name", ""), ""))
        elif name == "style":
            self._style = attributes.get("style:name", "")
        elif name == "text-properties":
            self._looks[self._style] = _look_of(attributes)
        elif self._is_text and name in ("s", "tab", "line-break"):
            blank = {"s": " ", "tab": "\t", "line-break": "\n"}[name]
            self.text(blank * int(attributes.get("text:c", 1)))
        elif name == "table":
            self._sheet = attributes.get("table:name", "")
            self._number = 0
            self.spans[self._sheet] = {}

    def text(self, text: str) -> None:
        if self._is_text:
            raised = text.translate(RAISED) if "raised" in self._spans else text
            self._texts.append((raised, "struck" in self._spans))

    def end(self, name: str) -> None:
        if name in CELLS and self._cell is not None:
            self._end_cell(self._cell, is_covered=name != "table-cell")
        elif name == "table-row":
            if self._cells:
                for repeat in range(1, min(self._repeated, MAX_ROWS) + 1):
                    self.found.append((self._sheet, self._number + repeat, self._cells))
            self._number += self._repeated
        elif name == "annotation":
            self._notes -= 1
        elif name == "p":
            self._is_text = False
        elif name == "span":
            self._spans.pop()

    def _end_cell(self, cell: dict[str, str], *, is_covered: bool) -> None:
        self._cell = None
        repeated = int(cell.get("number-columns-repeated", 1))
        value = "" if is_covered else _value_of(cell, text_of_runs(self._texts))
        if value != "" and self._looks.get(cell.get("style-name", "")) == "struck":
            value = StruckCell(value)
        if value != "" and self._at < MAX_COLUMNS:
            self._cells += [""] * (self._at - len(self._cells))
            self._cells += [value] * min(repeated, MAX_COLUMNS)
        down = int(cell.get("number-rows-spanned", 1))
        if down > 1:
            self.spans[self._sheet].setdefault(self._number + 1, {})[self._at] = self._number + down
        self._at += repeated


def _look_of(attributes: dict[str, str]) -> str:
    lines = {attributes.get(f"style:text-line-through-{part}", "none") for part in ("style", "type")}
    if lines != {"none"}:
        return "struck"
    return "raised" if attributes.get("style:text-position", "").startswith("super") else ""


def _value_of(cell: dict[str, str], shown: str) -> object:
    formula, kind = cell.get("formula"), cell.get("value-type", "void")
    if formula is not None and kind == "void" and not shown:
        return UncalculatedFormula(f"={formula.partition('=')[2]}")
    if formula is not None and (shown in ERROR_TEXTS or shown.startswith("Err:")):
        return ErrorCell(shown)
    if kind not in READ_AS:
        return shown or cell.get("string-value", "")
    attribute, read = READ_AS[kind]
    return as_shown(read(cell.get(attribute, shown)), shown)


def _number(text: str) -> object:
    return int(text) if LONG_NUMBER.fullmatch(text) else float(text)


def _moment(text: str) -> object:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else datetime.fromisoformat(text)
    except ValueError:
        return text


def _duration(text: str) -> object:
    found = DURATION.fullmatch(text)
    if found is None:
        return text
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups()[1:])
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if found[1] else length


# The attribute that has the value of a cell, and how it is read, by the type of the value.
READ_AS: dict[str, tuple[str, Callable[[str], object]]] = {
    "float": ("value", _number),
    "percentage": ("value", lambda text: Percent.of_share(float(text))),
    "currency": ("value", _number),
    "boolean": ("boolean-value", "true".__eq__),
    "date": ("date-value", _moment),
    "time": ("time-value", _duration),
}
