"""Workbooks that old programs, other spreadsheets and hands leave behind."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from typing import Any

import xlsxwriter
from tests.support.binary_workbooks import NotAvailable, Rich, Styled, biff5, biff8, locked
from tests.support.hostile_files import HEADERS, Case, sample, table
from tests.support.hostile_texts import read_as
from tests.support.hostile_workbooks import at, book, formatted, two_sheets
from tests.support.lab_files import ods, with_part, workbook

SHEET = "sheet1.xml"


class OneWay(io.BytesIO):
    """What a program writes to while it sends: sizes come behind the members."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError


def rezipped(content: bytes, change: Callable[[zipfile.ZipFile, str, bytes], None], into: io.BytesIO) -> bytes:
    """A workbook whose members `change` writes again."""
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            change(archive, name, source.read(name))
    return into.getvalue()


def sent(content: bytes) -> bytes:
    return rezipped(content, lambda archive, name, part: archive.writestr(name, part), OneWay())


def twice(content: bytes) -> bytes:
    """The sheet stands twice in the archive, with two meters."""

    def change(archive: zipfile.ZipFile, name: str, part: bytes) -> None:
        archive.writestr(name, part)
        if name.endswith(SHEET):
            archive.writestr(name, part.replace(b"<v>5000</v>", b"<v>6000</v>"))

    return rezipped(content, change, io.BytesIO())


def with_macros(content: bytes) -> bytes:
    def change(archive: zipfile.ZipFile, name: str, part: bytes) -> None:
        archive.writestr(name, part.replace(b"sheet.main+xml", b"sheet.macroEnabled.main+xml"))
        if name == "xl/workbook.xml":
            archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")

    return rezipped(content, change, io.BytesIO())


def in_utf16(content: bytes) -> bytes:
    def change(archive: zipfile.ZipFile, name: str, part: bytes) -> None:
        text = part.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
        archive.writestr(name, text.encode("utf-16") if name.endswith(SHEET) else part)

    return rezipped(content, change, io.BytesIO())


def struck(workbook_: Any, sheet: Any) -> None:
    """A corrected value, one that counts no more, and a sample that does not."""
    line = workbook_.add_format({"font_strikeout": True})
    sheet.write_rich_string(1, at("Fe"), line, "54", " ", line, " ", "11")
    sheet.write_number(2, at("Fe"), 54, line)
    for column, cell in enumerate(sample("stk-3")):
        sheet.write(3, column, cell, line)


def inline() -> bytes:
    """Texts stand in their cells, not in a part of their own. One has a footnote, and one was corrected."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as made:
        sheet, line = made.add_worksheet("Data"), made.add_format({"font_strikeout": True})
        raised = made.add_format({"font_script": 1})
        sheet.write_row(0, 0, HEADERS)
        for row, fragments in enumerate([["11", raised, "1"], [line, "54", "11"]], 1):
            cells = sample(f"inl-{row}")
            sheet.write_row(row, 0, cells[: at("Fe")])
            sheet.write_rich_string(row, at("Fe"), *fragments)
            sheet.write_row(row, at("Cu"), cells[at("Cu") :])
    return buffer.getvalue()


def rich(prefix: str, split_in: str = "") -> bytes:
    """Texts with a footnote, a corrected value, and one that counts no more."""
    cells = [Rich("111", [(2, 5)]), Rich("5411", [(0, 1), (2, 0)]), Rich("54", [(0, 1)])]
    return biff8(table(*(sample(f"{prefix}-{at}", Fe=cell) for at, cell in enumerate(cells))), split_in)


def merged_across(workbook_: Any, sheet: Any) -> None:
    sheet.merge_range(1, at("Fe"), 1, at("V100"), "Muestra insuficiente")


def shared_formula(_: Any, sheet: Any) -> None:
    for row in (1, 2):
        sheet.write_formula(row, at("Fe"), "=F9+1", None, 11 * row)


def total(_: Any, sheet: Any) -> None:
    sheet.write_row(2, 0, ["Promedio general"])
    sheet.write_formula(2, at("Fe"), "=SUBTOTAL(1,F2:F2)", None, 11)


CONDITIONS = [
    (1, "Fe", 25, '[<0.5]"<"0.0;0.0'), (2, "Fe", 0.3, '[<0.5]"<"0.0;0.0'), (3, "Fe", 250, '[>100]">"0;0'),
    (4, "Fe", 25, '[>100]">"0;0'), (5, "Fe", -0.1, '0.0;"<"0.0'), (6, "Fe", 12, '0.0;"<"0.0'),
    (7, "Fe", 0, '_(* #,##0_);_(* (#,##0);_(* "-"_)'), (8, "Fe", 12, '[<=5]"<"0;[>=100]">"0;0" ppm"'),
    (9, "Fe", 0, '0;-0;"ND"'),
]  # fmt: skip
CONDITIONS_AS = [25, 0, 250, 25, 0, 12, 0, 12, 0]
STRICT_DAY = {rb'<c r="B2" s="1"><v>46027</v>': b'<c r="B2" s="1" t="d"><v>2026-01-05T00:00:00</v>'}
SHARED = {
    rb"(?s)<f>F9\+1</f>(.*?)<f>F9\+1</f>": rb'<f t="shared" ref="F2:F3" si="0">F9+1</f>\1<f t="shared" si="0"/>',
}
NOTED = {
    rb"<text:p>45.0</text:p>": b"<office:annotation><text:p>ver 9</text:p></office:annotation><text:p>45.0</text:p>",
    rb"<text:p>once</text:p>": b'<text:p>11<text:span text:style-name="up">1</text:span></text:p>',
    rb"<text:p>doce</text:p>": b'<text:p><text:span text:style-name="line">54</text:span>12</text:p>',
    rb"<office:body>": b'<office:automatic-styles><style:style style:name="up" style:family="text">'
    b'<style:text-properties style:text-position="super 58%"/></style:style><style:style style:name="line" '
    b'style:family="text"><style:text-properties style:text-line-through-style="solid"/></style:style>'
    b"</office:automatic-styles><office:body>",
    rb"<office:document-content": b"<office:document-content"
    b' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"',
}
OLD = [[*HEADERS, "Water"], [*sample("b5-1", Component="Transmisión"), ""], [*sample("b5-2"), Styled(0.0005, 0)],
       [*sample("b5-3", Fe=NotAvailable()), ""], [*sample("b5-4", Fe=Styled(1, 1)), ""]]  # fmt: skip
HISTORY = two_sheets("Data", table(sample("his-1")), "Historial T-01",
                     [["Elemento", "2026-01-05", "2025-12-01"], ["Fe", 11, 9], ["Cu", 3, 2]])  # fmt: skip
GROUPS = ["", "", "", "", "", "Actual", "", "", "Anterior", "", ""]

BOOKS = [
    Case("biff5.xls", biff5(OLD, ["0.00%", '"<"0']),
         {"b5-1": {"componentName": "transmisión"}, "b5-2": {"Agua": 0.05}, "b5-3": {"Hierro": None},
          "b5-4": {"Hierro": 0}}, ["error_cell"]),
    Case("biff5_1904.xls", biff5(table(sample("b4-1", Date=44565)), is_1904=True), {"b4-1": {}}),
    *(Case(f"{prefix}.xls", rich(prefix, split_in), read_as(prefix, [None, 11, None]), ["not_a_number", "struck_out"])
      for prefix, split_in in (("rich", ""), ("split", "Component"))),
    Case("locked.xls", locked(), {}, ["file_unreadable"]),
    Case("half.xls", biff5(OLD)[:4000], {}, ["file_unreadable"]),
    Case("struck.xlsx", book(table(sample("stk-1"), sample("stk-2"), []), struck),
         {"stk-1": {}, "stk-2": {"Hierro": None}}, ["row_struck_out", "struck_out"]),
    Case("inline.xlsx", inline(), {"inl-1": {"Hierro": None}, "inl-2": {}}, ["not_a_number"]),
    Case("conditions.xlsx", book(table(*(sample(f"con-{number}") for number in range(1, 10))), formatted(CONDITIONS)),
         {f"con-{number}": {"Hierro": value} for number, value in enumerate(CONDITIONS_AS, 1)}),
    Case("twice.xlsx", twice(workbook(table(sample("twi-1")))), {}, ["file_unreadable"]),
    Case("sent.xlsx", sent(workbook(table(sample("sen-1")))), {"sen-1": {}}),
    Case("dimension.xlsx", with_part(workbook(table(sample("dim-1"))), SHEET, {rb'ref="A1:H2"': b'ref="A1"'}),
         {"dim-1": {}}),
    Case("macros.xlsm", with_macros(workbook(table(sample("mac-9")))), {"mac-9": {}}),
    Case("shared.xlsx", with_part(book(table(sample("sha-1"), sample("sha-2")), shared_formula), SHEET, SHARED),
         {"sha-1": {}, "sha-2": {"Hierro": 22}}),
    Case("escapes.xlsx", with_part(
        workbook(table(sample("esc-1CR", Unit="T-01CR", Component="MotorCR", Fe="11CR"))), "sharedStrings.xml",
        {rb"CR": b"_x000D_"},
     ), {"esc-1": {}}),
    Case("utf16.xlsx", in_utf16(workbook(table(sample("wide-1")))), {"wide-1": {}}),
    Case("no_places.xlsx", with_part(workbook(table(sample("pla-1"))), SHEET, {rb'(<c|<row) r="[A-Z0-9]+"': rb"\1"}),
         {"pla-1": {}}),
    Case("commas.xlsx", with_part(workbook(table(sample("cma-1", Fe=11.5), sample("cma-2"))), SHEET,
                                  {rb"<v>11.5</v>": b"<v> 11,5 </v>", rb"<v>14.2</v>": b"<v>14,2</v>"}),
         {"cma-1": {"Hierro": 11.5}, "cma-2": {}}),
    Case("across.xlsx", book(table(sample("acr-1", Fe=None, Cu=None, V100=None), sample("acr-2")), merged_across),
         {"acr-1": {"Hierro": None, "Cobre": None, "Viscosidad 100°C": None}, "acr-2": {}}),
    Case("total.xlsx", book(table(sample("tot-1")), total), {"tot-1": {}}, ["no_unit"]),
    Case("history.xlsx", HISTORY, {"his-1": {}}, ["unknown_sheet"]),
    Case("before.xlsx", workbook([GROUPS, *table([*sample("bef-1"), 9, 3, 14.1], more=["Fe", "Cu", "V100"])]),
         {"bef-1": {"Hierro": None, "Viscosidad 100°C": None}},
         ["contradictory_results", "contradictory_results", "no_sample"]),
    Case("strict_days.xlsx", with_part(book(table(sample("std-1", Date=dt.date(2026, 1, 5))), lambda *_: None), SHEET,
                                       STRICT_DAY), {"std-1": {}}),
    Case("noted.ods", with_part(ods(table(sample("not-1", Fe=45.0), sample("not-2", Fe="once"),
                                          sample("not-3", Fe="doce"))), "content.xml", NOTED),
         {"not-1": {"Hierro": 45}, "not-2": {"Hierro": None}, "not-3": {"Hierro": 12}},
         ["not_a_number"]),
    Case("empty.xlsx", workbook([]), {}, ["file_unreadable"]),
    Case("~$book.xlsx", b"\x06Taller" + bytes(158), {}),
]  # fmt: skip
