"""Laboratory files of any kind, made for tests of the reader."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from html import escape
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import xlsxwriter

from tribolake.readers.layout import FieldAbove, FileLayout, SheetLayout
from tribolake.readers.raw_rows import Percent
from tribolake.readers.reader import rows_of
from tribolake.readers.sheets import UnreadSheet

Rows = Sequence[Sequence[object]]
OPTIONS = {"default_date_format": "yyyy-mm-dd", "strings_to_formulas": False, "strings_to_urls": False}
NO_OPTIONS: Mapping[str, object] = {}
Cells = dict[str, tuple[str, str]]  # header -> text and letter of its kind


def layout(*sheets: tuple[str, ...], above: Sequence[FieldAbove] = (), **text_form: str) -> FileLayout:
    return FileLayout(tuple(SheetLayout(*sheet) for sheet in sheets), tuple(above), **text_form)


OIL = layout(("OIL", "Sample"))
ANY = layout(("*", "Sample"))


def read(content: bytes, of: FileLayout = OIL, *, streams: bool = False) -> list[tuple[int, Cells]]:
    """The raw rows of a file: the number of each, and its cells."""
    tables = [found for found in rows_of(content, of, 64, streams=streams) if not isinstance(found, UnreadSheet)]
    rows = pa.concat_tables(tables).to_pylist() if tables else []
    return [
        (row["row_number"], {name: (text, kind) for (name, text), kind in zip(row["cells"], row["kinds"], strict=True)})
        for row in rows
    ]


def unread(content: bytes, of: FileLayout = OIL) -> list[tuple[str, int]]:
    """The sheets of a file that are not read."""
    return [(found.sheet, found.rows) for found in rows_of(content, of, 64) if isinstance(found, UnreadSheet)]


def workbook(
    rows: Rows,
    sheet: str = "OIL",
    fill: Callable[[object], None] | None = None,
    options: Mapping[str, object] = NO_OPTIONS,
) -> bytes:
    """An .xlsx; `fill` may write more onto its sheet."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, OPTIONS | options) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
        if fill:
            fill(page)
    return buffer.getvalue()


def workbook_of(sheets: Mapping[str, Rows]) -> bytes:
    """An .xlsx with several sheets, whose texts may begin as formulas or addresses do."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, OPTIONS) as book:
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for number, row in enumerate(rows):
                page.write_row(number, 0, row)
    return buffer.getvalue()


def with_part(content: bytes, part: str, changes: Mapping[bytes, bytes]) -> bytes:
    """A workbook of one part of which the patterns are replaced."""
    source, buffer = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in source.infolist():
            text = source.read(member)
            if member.filename.endswith(part):
                for pattern, after in changes.items():
                    text, replaced = re.subn(pattern, after, text)
                    assert replaced
            archive.writestr(member.filename, text)
    return buffer.getvalue()


def ods(rows: Rows, sheet: str = "OIL", *, blank_rows: int = 0, blank_columns: int = 0) -> bytes:
    """An .ods; after its rows so many blank ones as LibreOffice writes them, and one more cell with a space."""
    after = f'<table:table-cell table:number-columns-repeated="{blank_columns}"/>' if blank_columns else ""
    body = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}{after}</table:table-row>" for row in rows)
    if blank_rows:
        body += f'<table:table-row table:number-rows-repeated="{blank_rows}"><table:table-cell/></table:table-row>'
        body += f"<table:table-row>{_ods_cell(' ')}</table:table-row>"
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet><table:table table:name={quoteattr(sheet)}>"
        f"{body}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    return buffer.getvalue()


def _ods_cell(cell: object) -> str:
    if cell == "":
        return "<table:table-cell/>"
    if isinstance(cell, bool):
        kind, shown = f'"boolean" office:boolean-value="{str(cell).lower()}"', str(cell)
    elif isinstance(cell, Percent):
        kind, shown = f'"percentage" office:value="{cell / 100!r}"', f"{cell}%"
    elif isinstance(cell, float):
        kind, shown = f'"float" office:value="{cell!r}"', f"{cell:.1f}"
    elif isinstance(cell, dt.date):
        kind, shown = f'"date" office:date-value="{cell.isoformat()}"', cell.isoformat()
    else:
        kind, shown = '"string"', str(cell)
    return f"<table:table-cell office:value-type={kind}><text:p>{escape(shown)}</text:p></table:table-cell>"


def page(rows: Rows) -> bytes:
    """A web page with a table."""
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<html><head><meta charset="utf-8"></head><body><table>{body}</table></body></html>'.encode()


# A sample as Finning writes it, in the columns that tests look at.
FINNING = {
    "Estado": "No se requiere acción", "No. de control de laboratorio": "F-1", "Fecha de laboratorio": "2026-01-08",
    "Fecha de Toma de Muestra": "2026-01-05", "Model": "789C", "ID de equipo": "T-01", "Compartimento": "MOTOR",
    "Horas": 50001, "Meter on Fluid": 200, "Interpretacion": "", "Cu": 3, "Fe": 11, "Si": 5, "Al": 2, "V100": 14.2,
    "TBN": 9.5, "W": "N",
}  # fmt: skip


def finning(*samples: Mapping[str, object]) -> bytes:
    """A workbook of Finning: a row for each sample, which says how it differs from FINNING, and what it has besides."""
    headers = list(dict.fromkeys([*FINNING, *(header for sample in samples for header in sample)]))
    return workbook([headers, *([(FINNING | sample).get(header, "") for header in headers] for sample in samples)])
