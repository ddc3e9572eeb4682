"""Tables of HTML pages, which portals export with the name of an Excel workbook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pyarrow as pa

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.layout import FileLayout
from tribolake.readers.names import normal_form
from tribolake.readers.number_formats import as_shown
from tribolake.readers.raw_rows import RAISED, Percent, StruckCell, text_of_runs
from tribolake.readers.sheet_rows import SheetRow
from tribolake.readers.sheets import layout_without_sheets
from tribolake.readers.table import sheet_tables
from tribolake.readers.text import encoding_of

CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", re.IGNORECASE)
HEAD_BYTES = 4096
# The number behind a shown text, as Excel and LibreOffice write it.
NUMBER_ATTRIBUTES = ("x:num", "sdval")
VOID = frozenset({"br", "hr", "img", "input", "col", "wbr", "meta", "link"})
UNSHOWN = frozenset({"script", "style", "title"})
MAX_SPAN = 1_000
STRUCK_OUT = frozenset({"s", "strike", "del"})
STRUCK_STYLE = re.compile(r"text-decoration[a-z-]*\s*:[^;]*line-through", re.IGNORECASE)
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def html_tables(content: bytes, layout: FileLayout) -> Iterator[pa.Table]:
    """Yield raw rows of the tables of a page, in its order. Rows of earlier tables count as above a table.

    Raises:
        BronzeFileUnreadable: the page has no table, or none with a key header.
    """
    page = _Page()
    page.feed(content.decode(_charset(content), errors="replace"))
    page.close()
    if not page.rows:
        title = " ".join("".join(page.title).split())[:80]
        raise BronzeFileUnreadable(
            f"the file is a web page without a table ({title or 'no title'}), perhaps of a portal that asks to sign "
            "in. Download it again, as .xlsx or .csv if the portal offers it"
        )
    keys = layout.key_forms
    headers = next(
        (cells for _, cells in page.rows if any(isinstance(c, str) and normal_form(c) in keys for c in cells)),
        max((cells for _, cells in page.rows), key=len),
    )
    sheet, of_sheet = layout_without_sheets("the web page", headers, layout)
    yield from sheet_tables("the web page", sheet, page.rows, of_sheet, page.spans)


def _charset(content: bytes) -> str:
    found = CHARSET.search(content[:HEAD_BYTES])
    encoding = encoding_of(content)
    if encoding.startswith("utf-") or found is None:
        return encoding
    try:
        "".encode(found[1].decode())
    except LookupError:
        return encoding
    return found[1].decode()


class _Page(HTMLParser):
    """The rows of all tables, numbered in the order of the page; a table within a cell has its own rows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[SheetRow] = []
        self.spans: dict[int, dict[int, int]] = {}
        self.title: list[str] = []
        self._unshown = ""
        self._within: list[tuple[str, str]] = []  # elements of the open cell, and what they make of their text
        self._open: list[_Row] = []
        self._number = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSHOWN:
            self._unshown = tag
        elif tag == "table":
            self._open.append(_Row())
        elif not self._open:
            return
        elif tag == "tr":
            self._end_row()
        else:
            attributes = {name: value or "" for name, value in attrs}
            if tag in ("td", "th"):
                self._within = []
                self._open[-1].begin_cell(attributes)
            elif tag in ("br", "p", "div"):
                self._open[-1].add("\n")
            if tag not in VOID:
                self._within.append((tag, _look_of(tag, attributes)))

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSHOWN:
            self._unshown = ""
        elif self._open and tag == "tr":
            self._end_row()
        elif self._open and tag == "table":
            self._end_row()
            self._open.pop()
        elif at := next((at for at, (name, _) in enumerate(reversed(self._within), 1) if name == tag), 0):
            del self._within[-at:]

    def handle_data(self, data: str) -> None:
        if self._unshown:
            if self._unshown == "title":
                self.title.append(data)
        elif self._open:
            looks = {look for _, look in self._within}
            if "hidden" not in looks:
                self._open[-1].add(data.translate(RAISED) if "raised" in looks else data, is_struck="struck" in looks)

    def close(self) -> None:
        super().close()
        while self._open:
            self._end_row()
            self._open.pop()

    def _end_row(self) -> None:
        cells, downs = self._open[-1].take()
        if cells:
            self._number += 1
            self.rows.append((self._number, cells))
            self.spans[self._number] = {at: self._number + down - 1 for at, down in downs.items()}


def _look_of(tag: str, attributes: dict[str, str]) -> str:
    """Return how an element shows its text, if it is not plain."""
    style = attributes.get("style", "")
    if "hidden" in attributes or HIDDEN_STYLE.search(style):
        return "hidden"
    if tag in STRUCK_OUT or STRUCK_STYLE.search(style):
        return "struck"
    return "raised" if tag == "sup" else ""


class _Row:
    """The row of a table that is being read."""

    def __init__(self) -> None:
        self._cells: list[object] = []
        self._texts: list[tuple[str, bool]] = []
        self._cell: dict[str, str] | None = None
        self._covered: dict[int, int] = {}  # columns that a cell further up covers, and how many rows it still does
        self._downs: dict[int, int] = {}

    def begin_cell(self, attributes: dict[str, str]) -> None:
        self._end_cell()
        self._cell, self._texts = attributes, []

    def add(self, text: str, *, is_struck: bool = False) -> None:
        self._texts.append((text, is_struck))

    def take(self) -> tuple[list[object], dict[int, int]]:
        """Return the cells of the row, and for each cell that reaches down how many rows. The next row begins."""
        self._end_cell()
        cells, downs = self._cells, self._downs
        self._cells, self._downs = [], {}
        if cells:
            self._covered = {at: rows - 1 for at, rows in self._covered.items() if rows > 1}
            self._covered |= {at: rows - 1 for at, rows in downs.items()}
        return cells, downs

    def _end_cell(self) -> None:
        if self._cell is None:
            return
        while self._covered.get(len(self._cells)):
            self._cells.append("")
        at, width, down = len(self._cells), _span(self._cell, "colspan"), _span(self._cell, "rowspan")
        self._cells += [self._value(self._cell), *[""] * (width - 1)]
        if down > 1:
            self._downs |= dict.fromkeys(range(at, at + width), down)
        self._cell = None

    def _value(self, attributes: dict[str, str]) -> object:
        text = text_of_runs(self._texts)
        shown = type(text)("\n".join(line for line in map(str.strip, text.split("\n")) if line))
        if isinstance(shown, StruckCell):
            return shown
        for name in NUMBER_ATTRIBUTES:
            try:
                number = float(attributes[name])
            except (KeyError, ValueError):
                continue
            return Percent.of_share(number) if shown.endswith("%") else as_shown(number, shown)
        return shown


def _span(attributes: dict[str, str], name: str) -> int:
    number = attributes.get(name, "")
    return min(int(number), MAX_SPAN) if number.isdecimal() and int(number) else 1
