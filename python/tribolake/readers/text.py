"""Tables in text files: CSV, TSV and what else portals export.

DuckDB reads plain rectangles: see `plain_text.py`. Python's csv module reads all others. DuckDB drops blank lines, so
that rows would lose their numbers, and refuses rows of other lengths.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from math import prod
from typing import Any

import pyarrow as pa

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.layout import FileLayout
from tribolake.readers.names import normal_form
from tribolake.readers.plain_text import plain_text
from tribolake.readers.raw_rows import ShiftedCell
from tribolake.readers.sheet_rows import is_blank
from tribolake.readers.sheets import layout_without_sheets
from tribolake.readers.table import HEADER_SEARCH_ROWS, sheet_tables

ENCODING_BY_MARK = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DELIMITERS = (";", ",", "\t", "|")
QUOTES = ('"', "'")
# `Ã` and `Â` in UTF-8: how letters with accents begin that were encoded twice.
TWICE = (b"\xc3\x83", b"\xc3\x82")
UTF8_LETTER = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
# Letters with accents within words, as programs of DOS wrote them (code page 850), and as Windows does (1252). Read in
# the other one, `Transmisión` is `Transmisi¢n`, another component.
OF_DOS = re.compile(rb"[A-Za-z][\x81\x82\x90\xa1-\xa5](?=[A-Za-z])|[A-Z][\xb5\xe0\xe9](?=[A-Z])")
OF_WINDOWS = re.compile(rb"[A-Za-z][\xe0-\xff](?=[a-z])|[A-Z][\xc0-\xdf](?=[A-Z])")
HEAD_BYTES = 2**12
csv.field_size_limit(2**24)


@dataclass(frozen=True)
class TextForm:
    """How a table is written as text; without a quote nothing is quoted."""

    encoding: str
    delimiter: str
    quote: str | None
    escape: str | None = None

    def rows(self, content: bytes, *, strict: bool = False) -> Iterator[list[str]]:
        quoting: Any = csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL
        return csv.reader(
            io.TextIOWrapper(io.BytesIO(content), self.encoding, newline=""),
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            quoting=quoting,
            strict=strict,
        )

    def head(self, content: bytes) -> list[list[str]]:
        """Return the first filled rows."""
        return list(islice((row for row in self.rows(content) if not is_blank(row)), HEADER_SEARCH_ROWS))


def text_tables(content: bytes, layout: FileLayout, *, by_duckdb: bool = True) -> Iterator[pa.Table]:
    """Yield raw rows of a text file. Without `by_duckdb` its own parser reads every text.

    Raises:
        BronzeFileUnreadable: no table with a key header, or not the encoding that the seed says.
        NotReadByDuckDB: read the file again without it.
    """
    encoding = layout.encoding or encoding_of(content)
    try:
        if not layout.encoding and (mended := in_one_encoding(content, encoding)) is not None:
            content, encoding = mended, "utf-8"
        form, header = _form_of(content, encoding, layout)
        sheet, of_sheet = layout_without_sheets("the text file", header, layout)
        plain = None
        if by_duckdb and form.quote:
            utf8 = content if encoding == "utf-8" else content.decode(encoding).encode()
            plain = plain_text(utf8, header, form.delimiter, form.quote, of_sheet)
        if plain is not None:
            yield from plain.tables(sheet)
        else:
            written, lengths = _unambiguous(form, content, layout.key_forms)
            # Where all rows are longer than the headers, their last delimiter ends them.
            is_comma_moved = form.delimiter == "," and lengths[len(header)] > 1
            rows = _cells_of(written.rows(content), layout.key_forms, len(header), may_be_blank=is_comma_moved)
            yield from sheet_tables("the text file", sheet, enumerate(rows, 1), of_sheet)
    except (UnicodeError, LookupError) as error:
        raise BronzeFileUnreadable(
            f"the text file is not written in {encoding} ({error}). "
            f"Save it as UTF-8{layout.or_declare('give its encoding in', 'laboratories')}"
        ) from error
    except csv.Error as error:
        raise BronzeFileUnreadable(
            f"the text file is not a table ({error}): a quotation mark may never be closed. Export it again"
        ) from error


def _cells_of(
    rows: Iterator[list[str]], keys: frozenset[str], width: int, *, may_be_blank: bool
) -> Iterator[list[str]]:
    """The cells of each row. `="0012"` is how a spreadsheet is made to keep the text 0012.

    Args:
        rows: as the file has them.
        keys: key headers in their normal form.
        width: number of the headers. A longer row has a mark within a cell that was taken for the end of it.
        may_be_blank: also where the cells beyond the headers are blank: the last cells of the row were empty.
    """
    for row in rows:
        cells = [cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell for cell in row]
        if len(cells) > width and (may_be_blank or not is_blank(cells[width:])):
            if any(normal_form(cell) in keys for cell in cells):
                width = len(cells)
            else:
                cells = [ShiftedCell(cell) if cell.strip() else "" for cell in cells]
        yield cells


def encoding_of(content: bytes) -> str:
    """Return the encoding of a text: by its byte order mark, UTF-8 if it can be, else a code page of Windows or DOS."""
    for mark, encoding in ENCODING_BY_MARK.items():
        if content.startswith(mark):
            return encoding
    head = content[:HEAD_BYTES]
    zeros = head[::2].count(0), head[1::2].count(0)
    if max(zeros) > 10 * min(zeros) and max(zeros) * 5 > len(head):
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    if _is_written_in("utf-8", content):
        return "utf-8"
    # Lines in UTF-8 were appended to files of Windows, or those to them.
    if len(OF_DOS.findall(content)) > len(OF_WINDOWS.findall(content)) + len(UTF8_LETTER.findall(content)):
        return "cp850"
    return "cp1252" if _is_written_in("cp1252", content) else "latin-1"


def in_one_encoding(content: bytes, encoding: str) -> bytes | None:
    """Return a text in UTF-8 of which lines are in another encoding, or were encoded twice. None for other texts.

    Programs append rows in UTF-8 to a file in a code page, and the other way round. Read in one of them,
    `Transmisión` becomes `TransmisiÃ³n`, another component.
    """
    if encoding in ("utf-8", "utf-8-sig"):
        if not any(sign in content for sign in TWICE):
            return None
        texts = content.decode(encoding).split("\n")
    elif encoding in ("cp1252", "latin-1") and UTF8_LETTER.search(content):
        lines = content.split(b"\n")
        texts = [line.decode("utf-8" if _is_written_in("utf-8", line) else encoding) for line in lines]
    else:
        return None
    return "\n".join(map(_encoded_once, texts)).encode()


def _encoded_once(text: str) -> str:
    """Return a text that was encoded twice as it was before; any other text as it is."""
    if any(sign.decode() in text for sign in TWICE):
        for encoding in ("cp1252", "latin-1"):
            try:
                return text.encode(encoding).decode()
            except UnicodeError:
                continue
    return text


def is_text(content: bytes) -> bool:
    """Return whether a file is text: nearly free of control characters."""
    head = content[:HEAD_BYTES]
    text = head.decode(encoding_of(head), errors="replace")
    controls = sum(unicodedata.category(character) in ("Cc", "Cn", "Co") for character in text)
    return controls - sum(map(text.count, "\t\r\n\f\v\x1a")) <= len(text) // 50


def _is_written_in(encoding: str, content: bytes) -> bool:
    stream = io.TextIOWrapper(io.BytesIO(content), encoding)
    try:
        while stream.read(2**20):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _form_of(content: bytes, encoding: str, layout: FileLayout) -> tuple[TextForm, Sequence[str]]:
    """Return the form in which a row has a key header and the most columns, and that row.

    Where no row has one: the form in which the most cells are in rows of one length, and the longest row.
    """
    keys = layout.key_forms
    delimiters = [layout.delimiter.replace("tab", "\t")] if layout.delimiter else DELIMITERS
    quotes = [layout.quote] if layout.quote else QUOTES
    best, header = TextForm(encoding, delimiters[0], quotes[0]), [""]
    for form in (TextForm(encoding, delimiter, quote) for quote, delimiter in product(quotes, delimiters)):
        for row in form.head(content):
            if any(normal_form(cell) in keys for cell in row) and len(row) > len(header):
                best, header = form, row
    if header == [""]:
        # A wrong quotation mark makes rows uneven, and a wrong delimiter makes them short.
        of_delimiters = [
            max((TextForm(encoding, delimiter, quote) for quote in quotes), key=lambda form: _evenness(form, content))
            for delimiter in delimiters
        ]
        best = max(of_delimiters, key=lambda form: prod(_evenness(form, content)))
        header = max(best.head(content), key=len, default=[""])
    return best, header


def _evenness(form: TextForm, content: bytes) -> tuple[int, int]:
    """Count how many of the first rows have the same length, and how many delimiters each of them has."""
    lengths = Counter(map(len, form.head(content)))
    length, rows = max(lengths.items(), key=lambda found: found[::-1], default=(1, 0))
    return rows, length - 1


def _unambiguous(form: TextForm, content: bytes, keys: frozenset[str]) -> tuple[TextForm, Counter[int]]:
    """Return the form with the quoting that the whole file keeps to, and how many rows of each length it has.

    A lone quotation mark, of inches for instance, would take the rows up to the next one into its cell.
    """
    plain = TextForm(form.encoding, form.delimiter, None)
    for candidate in (form, TextForm(form.encoding, form.delimiter, form.quote, "\\")):
        with suppress(csv.Error):
            return candidate, Counter(map(len, candidate.rows(content, strict=True)))
    is_plain = any(normal_form(cell) in keys for row in plain.head(content) for cell in row)
    return (plain, Counter(map(len, plain.rows(content)))) if is_plain else (form, Counter())
