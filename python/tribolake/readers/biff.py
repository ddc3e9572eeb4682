"""What calamine does not give of the binary workbooks .xls and .xlsb.

These are error cells, cells that show more than a number, such as per cent, cells that are struck out, and whether days
count from 1904.

Sources: [MS-XLS] and [MS-XLSB] for the records, [MS-CFB] for the file system within an .xls.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from struct import unpack, unpack_from
from typing import Any

from tribolake.readers.number_formats import Reading, reading_of_format
from tribolake.readers.ooxml import linked_parts
from tribolake.readers.raw_rows import ErrorCell, StruckCell
from tribolake.readers.rich_texts import Font, shown_texts

ERROR_CODES = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
NO_SECTOR = 0xFFFFFFFA  # numbers from here on end a chain of sectors
STREAMS = ("Workbook", "Book")  # from 1997 on, and of Excel 5.0 and 95
BIFF8 = 0x600
# Records of .xls
XLS_BEGIN, XLS_END, XLS_FORMULA, XLS_SHEET, XLS_BOOLEAN_OR_ERROR, XLS_1904 = 0x809, 0x0A, 0x06, 0x85, 0x205, 0x22
XLS_FORMAT, XLS_FONT, XLS_STYLE, XLS_SHORT_NUMBERS = 0x41E, 0x31, 0xE0, 0xBD
XLS_SHARED_TEXT = 0xFD
XLS_CELLS = frozenset([0x203, 0x27E, XLS_FORMULA, 0x204, 0xD6, XLS_SHARED_TEXT])  # numbers, formulas and texts
# Records of .xlsb
XLSB_ROW, XLSB_ERROR, XLSB_FORMULA_ERROR, XLSB_SHEET, XLSB_WORKBOOK = 0, 3, 11, 156, 153
XLSB_CELLS = frozenset([2, 5, 6, 7, 8, 9])  # numbers, texts, and formulas that give them
XLSB_FONT, XLSB_FORMAT, XLSB_STYLE, XLSB_STYLES_OF_CELLS, XLSB_STYLES_END = 43, 44, 47, 617, 618
STYLES_OF_XLSB = "xl/styles.bin"
# What becomes of the cell that calamine gives, by row and column, from 0.
Correction = Callable[[Any], object]
Corrections = Mapping[tuple[int, int], Correction]


def xls_peculiarities(content: bytes) -> tuple[list[Corrections], bool]:
    """Return the corrections of each sheet of an .xls, in its order, and whether its days count from 1904."""
    stream = _workbook_stream(content)
    records = list(_xls_records(stream, 0))
    starts = [unpack_from("<I", data)[0] for kind, data in records if kind == XLS_SHEET]
    is_1904 = any(kind == XLS_1904 and data[:1] == b"\x01" for kind, data in records)
    is_biff8 = any(kind == XLS_BEGIN and unpack_from("<H", data)[0] == BIFF8 for kind, data in records[:1])
    text = _xls_text if is_biff8 else _text_before_1997
    codes = {unpack_from("<H", data)[0]: text(data, 2) for kind, data in records if kind == XLS_FORMAT}
    fonts = [Font.of_record(data) for kind, data in records if kind == XLS_FONT]
    fonts.insert(4, Font())  # no font has this number
    styles = [unpack_from("<HH", data) for kind, data in records if kind == XLS_STYLE]
    readings = _readings([(code, font < len(fonts) and fonts[font].is_struck) for font, code in styles], codes)
    texts = shown_texts(records, fonts)
    return [dict(_corrections_of_xls_sheet(stream, start, readings, texts)) for start in starts], is_1904


def _corrections_of_xls_sheet(
    stream: bytes, start: int, readings: Mapping[int, Correction], texts: Mapping[int, str]
) -> Iterator[tuple[tuple[int, int], Correction]]:
    for kind, data in _xls_records(stream, start):
        if kind == XLS_BOOLEAN_OR_ERROR and data[7]:
            yield unpack_from("<HH", data), _error(data[6])
        elif kind == XLS_FORMULA and data[12:14] == b"\xff\xff" and data[6] == 2:
            yield unpack_from("<HH", data), _error(data[8])
        elif kind in XLS_CELLS:
            row, column, style = unpack_from("<3H", data)
            if style in readings:
                yield (row, column), readings[style]
            elif kind == XLS_SHARED_TEXT and (text := texts.get(unpack_from("<I", data, 6)[0])) is not None:
                yield (row, column), _text(text)
        elif kind == XLS_SHORT_NUMBERS:
            row, first = unpack_from("<HH", data)
            for at in range((len(data) - 6) // 6):
                if (style := unpack_from("<H", data, 4 + 6 * at)[0]) in readings:
                    yield (row, first + at), readings[style]


def _readings(styles: Sequence[tuple[int, bool]], codes: Mapping[int, str]) -> dict[int, Correction]:
    """Return the styles of cells, by their place, that say more than the value, and how a cell is read.

    Args:
        styles: the number of the format, and whether the cell is struck out.
        codes: of formats that are not built in, by their number.
    """
    found: dict[int, Correction] = {}
    for at, (number, is_struck) in enumerate(styles):
        reading = reading_of_format(number, codes.get(number, ""))
        if is_struck:
            found[at] = lambda value: StruckCell(value if isinstance(value, str) else f"{value}")
        elif reading:
            found[at] = _of_numbers(reading)
    return found


def _of_numbers(reading: Reading) -> Correction:
    """Texts are what they are."""
    return lambda value: reading(value) if isinstance(value, float | int) else value


def _xls_text(data: bytes, at: int) -> str:
    length, is_wide = unpack_from("<HB", data, at)
    begin = at + 3
    return (
        data[begin : begin + 2 * length].decode("utf-16-le") if is_wide & 1 else data[begin:][:length].decode("latin-1")
    )


def _text_before_1997(data: bytes, at: int) -> str:
    """Formats are compared with ASCII only: the code page does not matter."""
    return data[at + 1 :][: data[at]].decode("latin-1")


def _xls_records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    kind = None
    while kind != XLS_END and at + 4 <= len(stream):
        kind, size = unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _workbook_stream(content: bytes) -> bytes:
    """Return the stream of a workbook in a compound file. Empty if there is none."""
    size = 1 << unpack_from("<H", content, 30)[0]
    sectors = [content[at : at + size] for at in range(size, len(content), size)]
    fat_places = [*unpack_from("<109I", content, 76)]
    more = unpack_from("<I", content, 68)[0]
    while more < NO_SECTOR:
        *places, more = unpack(f"<{size // 4}I", sectors[more])
        fat_places += places
    fat = [number for place in fat_places if place < NO_SECTOR for number in unpack(f"<{size // 4}I", sectors[place])]

    def chain(number: int) -> bytes:
        found: list[bytes] = []
        while number < NO_SECTOR and len(found) < len(sectors):
            found.append(sectors[number])
            number = fat[number]
        return b"".join(found)

    directory = chain(unpack_from("<I", content, 48)[0])
    for at in range(0, len(directory), 128):
        entry = directory[at : at + 128]
        name_bytes, first, length = unpack("<64xH50xII4x", entry)
        is_short = length < unpack_from("<I", content, 56)[0]  # and lies elsewhere: no spreadsheet writes so little
        if entry[: max(name_bytes - 2, 0)].decode("utf-16-le") in STREAMS and not is_short:
            return chain(first)[:length]
    return b""


def xlsb_peculiarities(archive: zipfile.ZipFile) -> tuple[list[Corrections], bool]:
    """Return the corrections of each sheet of an .xlsb, in its order, and whether its days count from 1904."""
    parts = linked_parts(archive, "xl/workbook.bin")
    records = list(_xlsb_records(archive.read("xl/workbook.bin")))
    links = [_wide_text(data, 8) for kind, data in records if kind == XLSB_SHEET]
    is_1904 = any(kind == XLSB_WORKBOOK and data[:1] and data[0] & 1 for kind, data in records)
    readings = _readings_of_xlsb(archive.read(STYLES_OF_XLSB)) if STYLES_OF_XLSB in archive.namelist() else {}
    corrections: list[Corrections] = [
        dict(_corrections_of_xlsb_sheet(archive.read(parts[link]), readings)) if link in parts else {} for link in links
    ]
    return corrections, bool(is_1904)


def _readings_of_xlsb(stream: bytes) -> dict[int, Correction]:
    codes: dict[int, str] = {}
    fonts: list[bool] = []
    styles: list[tuple[int, bool]] = []
    is_of_cells = False
    for kind, data in _xlsb_records(stream):
        if kind == XLSB_FORMAT:
            codes[unpack_from("<H", data)[0]] = _wide_text(data, 2)
        elif kind == XLSB_FONT:
            fonts.append(Font.of_record(data).is_struck)
        elif kind in (XLSB_STYLES_OF_CELLS, XLSB_STYLES_END):
            is_of_cells = kind == XLSB_STYLES_OF_CELLS
        elif kind == XLSB_STYLE and is_of_cells:
            number, font = unpack_from("<2xHH", data)
            styles.append((number, font < len(fonts) and fonts[font]))
    return _readings(styles, codes)


def _corrections_of_xlsb_sheet(
    stream: bytes, readings: Mapping[int, Correction]
) -> Iterator[tuple[tuple[int, int], Correction]]:
    row = 0
    for kind, data in _xlsb_records(stream):
        if kind == XLSB_ROW:
            row = unpack_from("<I", data)[0]
        elif kind in (XLSB_ERROR, XLSB_FORMULA_ERROR):
            yield (row, unpack_from("<I", data)[0]), _error(data[8])
        elif kind in XLSB_CELLS:
            column, style = unpack_from("<II", data)
            if style & 0xFFFFFF in readings:
                yield (row, column), readings[style & 0xFFFFFF]


def _xlsb_records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(stream):
        kind, at = _number(stream, at, 2)
        size, at = _number(stream, at, 4)
        yield kind, stream[at : at + size]
        at += size


def _number(stream: bytes, at: int, most: int) -> tuple[int, int]:
    """Read a number in bytes of seven bits, of which the last one has its high bit clear."""
    number = 0
    for place in range(most):
        number |= (stream[at + place] & 0x7F) << 7 * place
        if stream[at + place] < 0x80:
            break
    return number, at + place + 1


def _wide_text(data: bytes, at: int) -> str:
    return data[at + 4 : at + 4 + 2 * unpack_from("<I", data, at)[0]].decode("utf-16-le")


def _text(text: str) -> Correction:
    return lambda _: text


def _error(code: int) -> Correction:
    """calamine gives an empty cell for an error."""
    error = ErrorCell(ERROR_CODES.get(code, "#N/A"))
    return lambda _: error
