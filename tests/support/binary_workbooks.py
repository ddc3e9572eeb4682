"""Binary workbooks (.xls), of Excel 5.0 and 95 (BIFF5) and of later ones (BIFF8), as old programs write them.

Sources: [MS-CFB] for the file, OpenOffice.org's documentation of the Excel file format for the records of BIFF5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
ERROR_NA = 42


@dataclass(frozen=True)
class Styled:
    """A number in a format, by the format's place among those of the workbook."""

    number: float
    style: int


class NotAvailable:
    """The error #N/A."""


def biff5(rows: Sequence[Sequence[object]], formats: Sequence[str] = (), *, is_1904: bool = False) -> bytes:
    """A workbook with the sheet `Data`, in the code page 1252. `formats` are those of `Styled` cells."""
    return compound_file("Book", _book(rows, formats, is_1904=is_1904))


def locked() -> bytes:
    """A workbook that asks for a password: all that is behind the second record is encrypted."""
    return compound_file("Book", _begin(5) + _record(0x2F, bytes(4)) + b"\x8f" * 5000)


@dataclass(frozen=True)
class Rich:
    """A text with runs: (first character, number of the font). Font 1 is struck out, font 5 raises."""

    text: str
    runs: Sequence[tuple[int, int]]


def biff8(rows: Sequence[Sequence[object]], split_in: str = "") -> bytes:
    """A workbook with the sheet `Data` of shared texts. One of them goes on in another record."""
    fonts = [_font(), _font(struck=8), _font(), _font(), _font(raised=1)]
    shared = [cell for row in rows for cell in row]
    texts = pack("<II", len(shared), len(shared)) + b"".join(map(_shared, shared))
    split_at = texts.index(split_in.encode()) + 1 if split_in else 0
    head = b"".join([_begin(5, 0x600), *fonts, _record(0xE0, bytes(20)), *[_record(0x5C, b" " * 2000)] * 2])
    # A text goes on with the width of its characters.
    pieces = [_record(0xFC, texts[:split_at] if split_at else texts)]
    pieces += [_record(0x3C, b"\0" + texts[split_at:])] if split_at else []
    at = len(head) + 4 + 8 + len(b"Data") + len(b"".join(pieces)) + 4
    head += _record(0x85, pack("<IBBBB", at, 0, 0, 4, 0) + b"Data") + b"".join([*pieces, _record(0x0A)])
    width = len(rows[0])
    cells = [_record(0xFD, pack("<3HI", *divmod(number, width), 0, number)) for number in range(len(shared))]
    size = _record(0x200, pack("<IIHHH", 0, len(rows), 0, width, 0))
    return compound_file("Workbook", b"".join([head, _begin(0x10, 0x600), size, *cells, _record(0x0A)]))


def _font(struck: int = 0, raised: int = 0) -> bytes:
    return _record(0x31, pack("<5H4BBB", 200, struck, 0x7FFF, 400, raised, 0, 0, 0, 0, 5, 0) + b"Arial")


def _shared(cell: object) -> bytes:
    runs = cell.runs if isinstance(cell, Rich) else []
    text = (cell.text if isinstance(cell, Rich) else str(cell)).encode("latin-1")
    head = pack("<HB", len(text), 8 if runs else 0) + (pack("<H", len(runs)) if runs else b"")
    return head + text + b"".join(pack("<HH", *run) for run in runs)


def _book(rows: Sequence[Sequence[object]], formats: Sequence[str], *, is_1904: bool) -> bytes:
    styles = [
        _record(0xE0, pack("<HH12x", 0, 0)),
        *(_record(0xE0, pack("<HH12x", 0, 164 + at)) for at in range(len(formats))),
    ]
    codes = [
        _record(0x41E, pack("<HB", 164 + at, len(code)) + code.encode("cp1252")) for at, code in enumerate(formats)
    ]
    head = b"".join([_begin(5), _record(0x42, pack("<H", 1252)), _record(0x22, pack("<H", is_1904)), *codes, *styles])
    # Room that makes the stream too long for the short sectors of the file.
    head += _record(0x5C, b" " * 2000) * 2
    name = b"Data"
    at = len(head) + 4 + 7 + len(name) + 4
    head += _record(0x85, pack("<IBBB", at, 0, 0, len(name)) + name) + _record(0x0A)
    width = max(map(len, rows))
    cells = [
        _cell(row, column, cell) for row, found in enumerate(rows) for column, cell in enumerate(found) if cell != ""
    ]
    return b"".join([head, _begin(0x10), _record(0x200, pack("<5H", 0, len(rows), 0, width, 0)), *cells, _record(0x0A)])


def _cell(row: int, column: int, cell: object) -> bytes:
    if isinstance(cell, NotAvailable):
        return _record(0x205, pack("<3HBB", row, column, 0, ERROR_NA, 1))
    if isinstance(cell, Styled):
        return _record(0x203, pack("<3Hd", row, column, 1 + cell.style, cell.number))
    if isinstance(cell, float | int):
        return _record(0x203, pack("<3Hd", row, column, 0, cell))
    text = str(cell).encode("cp1252")
    return _record(0x204, pack("<4H", row, column, 0, len(text)) + text)


def _begin(kind: int, version: int = 0x500) -> bytes:
    return _record(0x809, pack("<4H", version, kind, 0x96C, 1993) + bytes(8 if version == 0x600 else 0))


def _record(kind: int, data: bytes = b"") -> bytes:
    return pack("<HH", kind, len(data)) + data


def compound_file(name: str, stream: bytes) -> bytes:
    """A compound file of one stream."""
    sectors = -(-len(stream) // SECTOR)
    fat = [FAT, END, *range(3, 2 + sectors), END]
    places = b"".join(pack("<I", number) for number in fat).ljust(SECTOR, b"\xff")
    assert len(places) == SECTOR, "a stream of at most 126 sectors"
    directory = _entry("Root Entry", 5, END, 0, child=1) + _entry(name, 2, 2, len(stream)) + bytes(2 * 128)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += pack("<9I", 0, 1, 1, 0, 4096, END, 0, END, 0) + pack("<109I", 0, *[FREE] * 108)
    return header + places + directory + stream.ljust(sectors * SECTOR, b"\0")


def _entry(name: str, kind: int, first: int, length: int, child: int = FREE) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return text.ljust(64, b"\0") + pack("<HBB3I36xIQ", len(text), kind, 1, FREE, FREE, child, first, length)
