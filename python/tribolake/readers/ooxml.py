"""The cells of an Excel workbook (.xlsx, .xlsm) that calamine does not give, read from the XML one row at a time.

calamine gives an error and a formula that was never calculated as an empty cell, and raised digits, struck texts and
escapes like any other. It rounds whole numbers beyond 2^53, and it asks for the memory of the whole rectangle up to a
stray cell. Sheets without these are left to calamine, which takes a fifth of the time.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import IO, Any

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.number_formats import meaning_of_format, reading_of_format
from tribolake.readers.ooxml_cells import (
    EPOCH_1900,
    EPOCH_1904,
    Convert,
    SharedTexts,
    SheetRows,
    column_number,
    is_set,
    moment,
)
from tribolake.readers.sheet_rows import SheetRow
from tribolake.readers.xml_stream import CHUNK_BYTES, Elements, read_xml

SHARED_TEXTS = "xl/sharedstrings.xml"
# What calamine does not give: formulas, errors, long numbers, and of texts in their cells what it does not give of
# others. Searches for a literal beginning are the quickest.
PECULIAR = (re.compile(rb"<f[ />]"), re.compile(rb't="e"'), re.compile(rb"<v>-?[0-9]{16}"), re.compile(rb"<rPr"))
ROW = b'<row r="'
FAR_ROW = re.compile(rb'<row r="[0-9]{6}')
MERGED_CELL = re.compile(rb'<mergeCell ref="([A-Z]+)([0-9]+):[A-Z]+([0-9]+)"')
ESCAPE = re.compile(rb"_x[0-9A-Fa-f]{4}_")
PECULIAR_TEXT = (re.compile(rb"superscript"), re.compile(rb"<strike"), ESCAPE)
OVERLAP_BYTES = 128


@dataclass(frozen=True)
class SheetLook:
    """What a look at a sheet's XML shows before its cells are read."""

    is_peculiar: bool  # it has cells that calamine does not give
    spans: dict[int, dict[int, int]]  # cells merged downwards


class Ooxml:
    """An Excel workbook as the archive that it is.

    Raises:
        BronzeFileUnreadable: a part is missing or damaged.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = _members(archive)
        book = _Workbook()
        list(self._read("xl/workbook.xml", book))
        parts = linked_parts(archive, "xl/workbook.xml")
        self._is_uncalculated = book.is_uncalculated
        self.is_1904 = book.is_1904
        self._epoch = EPOCH_1904 if book.is_1904 else EPOCH_1900
        self._paths = {name: parts[link] for name, link in book.sheets.items() if link in parts}

    @property
    def sheets(self) -> list[str]:
        """The worksheets, in the order of the workbook; charts are none."""
        return list(self._paths)

    def look_at(self, sheet: str) -> SheetLook:
        """Find out what a sheet has without reading its cells."""
        is_peculiar = self._has_peculiar_texts
        spans: dict[int, dict[int, int]] = {}
        for text in self._pieces(self._paths[sheet]):
            is_peculiar = (
                is_peculiar or _has_peculiar_cells(text) or bool(self._formatted and self._formatted.search(text))
            )
            for column, first, last in MERGED_CELL.findall(text):
                if first != last:
                    spans.setdefault(int(first), {})[column_number(column.decode())] = int(last)
        return SheetLook(is_peculiar, spans)

    def _pieces(self, path: str) -> Iterator[bytes]:
        """Yield the XML of a part. Each piece begins with the end of the one before."""
        rest = b" " * OVERLAP_BYTES
        with self._open(path) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield rest + chunk
                rest = chunk[-OVERLAP_BYTES:].rjust(OVERLAP_BYTES)

    def rows(self, sheet: str) -> Iterator[SheetRow]:
        """Yield the rows of a sheet that have a cell with a value."""
        return self._read(
            self._paths[sheet], SheetRows(self._shared_texts, self._formats, self._styles.struck, self._is_uncalculated)
        )

    @cached_property
    def _shared_texts(self) -> list[str]:
        return list(self._read(SHARED_TEXTS, SharedTexts(), is_optional=True))

    @cached_property
    def _has_peculiar_texts(self) -> bool:
        """Whether texts have raised or struck characters or escapes, which calamine gives like others."""
        return SHARED_TEXTS in self._members and any(
            pattern.search(piece) for piece in self._pieces(SHARED_TEXTS) for pattern in PECULIAR_TEXT
        )

    @cached_property
    def _formatted(self) -> re.Pattern[bytes] | None:
        """Finds cells that show more than their value; None where the workbook has no such style."""
        styles = [
            b"%d" % at
            for at, (number, code) in enumerate(self._styles.formats)
            if at in self._styles.struck or reading_of_format(number, code)
        ]
        return re.compile(rb'<c [^>]*\bs="(?:%s)"' % b"|".join(styles)) if styles else None

    @cached_property
    def _styles(self) -> _Styles:
        styles = _Styles()
        list(self._read("xl/styles.xml", styles, is_optional=True))
        return styles

    @cached_property
    def _formats(self) -> list[Convert]:
        """How a number is read, by the style of its cell."""
        return [self._reading_of(number, code) for number, code in self._styles.formats]

    def _reading_of(self, number: int, code: str) -> Convert:
        match meaning_of_format(number, code):
            case "duration":
                return lambda days: timedelta(days=days)
            case "moment":
                return lambda days: moment(days, self._epoch)
        return reading_of_format(number, code) or float

    def _read(self, path: str, elements: Elements, *, is_optional: bool = False) -> Iterator[Any]:
        if is_optional and path not in self._members:
            return
        with self._open(path) as stream:
            yield from read_xml(stream, elements)

    def _open(self, path: str) -> IO[bytes]:
        try:
            return self._archive.open(self._members[path.lower()])
        except KeyError as error:
            raise BronzeFileUnreadable(f"the workbook has no {path}. Copy or export it again") from error


def linked_parts(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    """Return the members that a part of a workbook names by a link, worksheets only."""
    folder, name = posixpath.split(part)
    links = _Links()
    member = _members(archive).get(f"{folder}/_rels/{name}.rels")
    if member:
        with archive.open(member) as stream:
            list(read_xml(stream, links))
    return {
        link: posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        for link, target in links.targets.items()
    }


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the members of an archive by their path in lower case, with `/` between folders."""
    return {name.replace("\\", "/").lower(): name for name in archive.namelist()}


def _has_peculiar_cells(text: bytes) -> bool:
    is_other_xml = text[:OVERLAP_BYTES].isspace() and b'<worksheet xmlns="' not in text[: 8 * OVERLAP_BYTES]
    # With a prefix before every name, say, the patterns would find nothing.
    has_far_row = FAR_ROW.match(text, max(text.rfind(ROW), 0)) is not None
    return is_other_xml or has_far_row or any(pattern.search(text) for pattern in PECULIAR)


class _Workbook(Elements):
    def __init__(self) -> None:
        super().__init__()
        self.sheets: dict[str, str] = {}
        self.is_1904 = False
        self.is_uncalculated = False  # a program wrote the formulas, and no spreadsheet has opened them since

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            link = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets[attributes.get("name", "")] = link
        elif name == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")
        elif name == "calcPr":
            self.is_uncalculated = attributes.get("fullCalcOnLoad") in ("1", "true")


class _Links(Elements):
    def __init__(self) -> None:
        super().__init__()
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            self.targets[attributes["Id"]] = attributes["Target"]


class _Styles(Elements):
    """The styles of cells: the number and code of their format, and which are struck out."""

    def __init__(self) -> None:
        super().__init__()
        self.formats: list[tuple[int, str]] = []
        self.struck: set[int] = set()
        self._codes: dict[int, str] = {}
        self._fonts: list[bool] = []
        self._part = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("fonts", "cellXfs"):
            self._part = name
        elif name == "numFmt":
            self._codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif name == "font" and self._part == "fonts":
            self._fonts.append(False)
        elif name == "strike" and self._part == "fonts":
            self._fonts[-1] = is_set(attributes)
        elif name == "xf" and self._part == "cellXfs":
            if int(attributes.get("fontId", 0)) in {at for at, is_struck in enumerate(self._fonts) if is_struck}:
                self.struck.add(len(self.formats))
            number = int(attributes.get("numFmtId", 0))
            self.formats.append((number, self._codes.get(number, "")))

    def end(self, name: str) -> None:
        if name == self._part:
            self._part = ""
