"""What calamine does not give of the binary workbooks .xls and .xlsb: error cells, and whether days count from 1904.

Sources: [MS-XLS] and [MS-XLSB] for the records, [MS-CFB] for the file system within an .xls.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from struct import unpack, unpack_from

from tribolake.readers.ooxml import linked_parts
from tribolake.readers.raw_rows import ErrorCell

ERROR_CODES = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
NO_SECTOR = 0xFFFFFFFA  # numbers from here on end a chain of sectors
# Records of .xls
XLS_END, XLS_FORMULA, XLS_SHEET, XLS_BOOLEAN_OR_ERROR, XLS_1904 = 0x0A, 0x06, 0x85, 0x205, 0x22
# Records of .xlsb
XLSB_ROW, XLSB_ERROR, XLSB_FORMULA_ERROR, XLSB_SHEET, XLSB_WORKBOOK = 0, 3, 11, 156, 153
# The error cells of a sheet by row and column, from 0.
Errors = Mapping[tuple[int, int], ErrorCell]


def xls_peculiarities(content: bytes) -> tuple[list[Errors], bool]:
    """Return the error cells of each sheet of an .xls, in its order, and whether its days count from 1904."""
    stream = _workbook_stream(content)
    records = list(_xls_records(stream, 0))
    starts = [unpack_from("<I", data)[0] for kind, data in records if kind == XLS_SHEET]
    is_1904 = any(kind == XLS_1904 and data[:1] == b"\x01" for kind, data in records)
    return [dict(_errors_of_xls_sheet(stream, start)) for start in starts], is_1904


def _errors_of_xls_sheet(stream: bytes, start: int) -> Iterator[tuple[tuple[int, int], ErrorCell]]:
    for kind, data in _xls_records(stream, start):
        if kind == XLS_BOOLEAN_OR_ERROR and data[7]:
            yield unpack_from("<HH", data), _error(data[6])
        elif kind == XLS_FORMULA and data[12:14] == b"\xff\xff" and data[6] == 2:
            yield unpack_from("<HH", data), _error(data[8])


def _xls_records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    kind = None
    while kind != XLS_END and at + 4 <= len(stream):
        kind, size = unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _workbook_stream(content: bytes) -> bytes:
    """Return the stream `Workbook` of a compound file. Empty if it is not an .xls from 1997 on."""
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
        if entry[: max(name_bytes - 2, 0)].decode("utf-16-le") == "Workbook" and not is_short:
            return chain(first)[:length]
    return b""


def xlsb_peculiarities(archive: zipfile.ZipFile) -> tuple[list[Errors], bool]:
    """Return the error cells of each sheet of an .xlsb, in its order, and whether its days count from 1904."""
    parts = linked_parts(archive, "xl/workbook.bin")
    records = list(_xlsb_records(archive.read("xl/workbook.bin")))
    links = [_wide_text(data, 8) for kind, data in records if kind == XLSB_SHEET]
    is_1904 = any(kind == XLSB_WORKBOOK and data[:1] and data[0] & 1 for kind, data in records)
    errors: list[Errors] = [
        dict(_errors_of_xlsb_sheet(archive.read(parts[link]))) if link in parts else {} for link in links
    ]
    return errors, bool(is_1904)


def _errors_of_xlsb_sheet(stream: bytes) -> Iterator[tuple[tuple[int, int], ErrorCell]]:
    row = 0
    for kind, data in _xlsb_records(stream):
        if kind == XLSB_ROW:
            row = unpack_from("<I", data)[0]
        elif kind in (XLSB_ERROR, XLSB_FORMULA_ERROR):
            yield (row, unpack_from("<I", data)[0]), _error(data[8])


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


def _error(code: int) -> ErrorCell:
    return ErrorCell(ERROR_CODES.get(code, "#N/A"))
