"""Workbooks as laboratories and portals make them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import xlsxwriter
from tests.support.hostile_files import HEADERS, Case, Row, sample, table
from tests.support.lab_files import ods, with_part, workbook, workbook_of

Fill = Callable[[Any, Any], None]
NO_OPTIONS: Mapping[str, object] = {}


def book(rows: Sequence[Row], fill: Fill, options: Mapping[str, object] = NO_OPTIONS) -> bytes:
    """A workbook of one sheet; `fill` gets the workbook and the sheet."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"default_date_format": "yyyy-mm-dd", **options}) as workbook_:
        sheet = workbook_.add_worksheet("Data")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        fill(workbook_, sheet)
    return buffer.getvalue()


def at(header: str) -> int:
    return HEADERS.index(header)


def merged_units(_: Any, sheet: Any) -> None:
    sheet.merge_range(1, at("Unit"), 2, at("Unit"), "T-01")


def merged_groups(_: Any, sheet: Any) -> None:
    for column, header in enumerate(HEADERS):
        if header not in ("Fe", "Cu"):
            sheet.merge_range(0, column, 1, column, header)
    sheet.merge_range(0, at("Fe"), 0, at("Cu"), "Metals")


def hidden(_: Any, sheet: Any) -> None:
    sheet.set_column(at("Hours"), at("Hours"), None, None, {"hidden": True})
    sheet.set_row(2, None, None, {"hidden": True})
    sheet.autofilter(0, 0, 2, len(HEADERS) - 1)


def protected(_: Any, sheet: Any) -> None:
    sheet.protect("secret")


def formatted(cells: Sequence[tuple[int, str, float, str]]) -> Fill:
    def fill(workbook_: Any, sheet: Any) -> None:
        for row, header, number, code in cells:
            sheet.write_number(row, at(header), number, workbook_.add_format({"num_format": code}))

    return fill


def two_sheets(first: str, rows: Sequence[Row], second: str, others: Sequence[Row], *, hide: bool = False) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as made:
        for name, cells in ((first, rows), (second, others)):
            sheet = made.add_worksheet(name)
            for number, row in enumerate(cells):
                sheet.write_row(number, 0, row)
        if hide:
            sheet.very_hidden()
    return buffer.getvalue()


def strict(content: bytes) -> bytes:
    """A workbook in the strict form of OOXML."""
    for part in ("workbook.xml", "workbook.xml.rels", "sheet1.xml", "sharedStrings.xml"):
        content = with_part(content, part, {
            rb"http://schemas.openxmlformats.org/(spreadsheetml|officeDocument)/2006/(main|relationships)":
                rb"http://purl.oclc.org/ooxml/\1/\2",
        })  # fmt: skip
    return content


def repeated(rows: Sequence[Row]) -> bytes:
    """An .ods in which the last row stands twice, and two equal cells are one."""
    content = ods(rows)
    cell = b'<table:table-cell office:value-type="float" office:value="7.0"><text:p>7.0</text:p></table:table-cell>'
    content = with_part(
        content, "content.xml", {cell * 2: cell.replace(b"cell ", b'cell table:number-columns-repeated="2" ', 1)}
    )
    return with_part(
        content, "content.xml", {rb"(.*)<table:table-row>": rb'\1<table:table-row table:number-rows-repeated="2">'}
    )


def dated_codes(workbook_: Any, sheet: Any) -> None:
    form = workbook_.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write_datetime(1, len(HEADERS), dt.datetime(2013, 12, 10), form)
    sheet.write_datetime(2, at("Fe"), dt.datetime(2026, 5, 10), form)


def days_1904(workbook_: Any, sheet: Any) -> None:
    form = workbook_.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_datetime(1, at("Date"), dt.datetime(2026, 1, 5), form)
    sheet.write_number(2, at("Date"), 44565)


STALE = two_sheets("Data", table(sample("hid-1", Fe=45)), "Backup", table(sample("hid-1", Fe=11)), hide=True)
SHOWN = [
    (1, "Fe", 1, '"<"0'), (2, "Fe", 1.5, '"< "0.0'), (3, "Fe", 400, '">"0'), (4, "Fe", 45, '0" ppm"'),
    (5, "Fe", 12, '0"*"'), (6, "Fe", 1234, "#,##0"), (7, "Fe", 0.0045, "0.0000%"),
    (8, "Fe", 12, '_(* #,##0_);_(* (#,##0);_(* "-"_)'), (9, "Fe", 12, "[Red]0"), (10, "Fe", 1.234, '"<"0.000'),
]  # fmt: skip
SHOWN_AS = [0, 0, 400, 45, 12, 1234, 4500, 12, 12, 0]

WORKBOOKS = [
    Case("merged_units.xlsx", book(table(sample("mer-1"), sample("mer-2", Unit=None)), merged_units),
         {"mer-1": {}, "mer-2": {}}),
    Case("two_rows.xlsx", book([["", "", "", "", "", "Metals", "", ""], *table(sample("row-1"))], lambda *_: None),
         {"row-1": {}}),
    Case("groups.xlsx", book([["", "", "", "", "", "Metals"], ["", "", "", "", "", "Fe", "Cu", ""], sample("gro-1")],
                             merged_groups), {"gro-1": {}}),
    Case("stacked.xlsx", workbook([*table(sample("sta-1")), [], ["Equipos de respaldo"], HEADERS[::-1],
                                   sample("sta-2")[::-1]]), {"sta-1": {}, "sta-2": {}}, ["no_sample"]),
    Case("side.xlsx", workbook([[*row, "", *other] for row, other in
                                zip(table(sample("sid-1")), table(sample("sid-2")), strict=True)]), {},
         ["file_unreadable"]),
    Case("hidden.xlsx", book(table(sample("hide-1"), sample("hide-2")), hidden), {"hide-1": {}, "hide-2": {}}),
    Case("backup.xlsx", STALE, {"hid-1": {"Hierro": 45}}, ["repeated_in_file"]),
    Case("protected.xlsx", book(table(sample("pro-1")), protected), {"pro-1": {}}),
    Case("shown.xlsx", book(table(*(sample(f"sho-{number}") for number in range(1, 11))), formatted(SHOWN)),
         {f"sho-{number}": {"Hierro": value} for number, value in enumerate(SHOWN_AS, 1)}),
    Case("widths.xlsx", book(table(sample(""), sample("")),
                             formatted([(1, "Sample No", 815, "0000000"), (2, "Sample No", 816, '"W"00000'),
                                        (1, "Unit", 7, "000"), (2, "Unit", 7, '"T-"00')])),
         {"0000815": {"unitId": "007"}, "W00816": {"unitId": "T_07"}}),
    Case("dated_codes.xlsx", book(table([*sample("cel-1"), ""], sample("cel-2"), more=["ISO"]), dated_codes),
         {"cel-1": {}, "cel-2": {"Hierro": None}}, ["turned_into_a_date", "turned_into_a_date"]),
    Case("days_1904.xlsx", book(table(sample("1904-1"), sample("1904-2")), days_1904, {"date_1904": True}),
         {"1904-1": {}, "1904-2": {}}),
    Case("strict.xlsx", strict(workbook(table(sample("str-1", Fe=11.5)))), {"str-1": {"Hierro": 11.5}}),
    Case("repeated.ods", repeated(table(sample("ods-1", Hours="5000", Fe=7.0, Cu=7.0))),
         {"ods-1": {"Hierro": 7, "Cobre": 7}}),
    Case("above.xlsx", workbook([["", "", "", "", "h", "ppm", "%", "cSt"], *table(sample("abo-1", Cu=0.0003))]),
         {"abo-1": {"Cobre": 3}}, ["no_sample"]),
    Case("both.xlsx", workbook([["", "", "", "", "", "ASTM D5185", "ASTM D5185"], ["", "", "", "", "h", "ppm", "mg/kg"],
                                *table(sample("bot-1"))]), {"bot-1": {}}, ["no_sample", "no_sample"]),
    Case("duplicate.xlsx", workbook(table([*sample("dup-1"), 110], [*sample("dup-2"), 11], more=["Fe"])),
         {"dup-1": {"Hierro": None}, "dup-2": {}}, ["contradictory_results"]),
    Case("unknown.xlsx", workbook(table([*sample("unk-1"), "A"], more=["Turno"])), {"unk-1": {}}, ["unknown_column"]),
    Case("typed.xlsx", workbook(table(sample(123457.0), sample("ty-2", Fe=True), sample("ty-3", Fe="12\n(R)"),
                                      sample("ty-4", Fe="'12"))),
         {"123457": {}, "ty-2": {"Hierro": None}, "ty-3": {"Hierro": 12}, "ty-4": {"Hierro": 12}}, ["not_a_number"]),
    Case("percent.xlsx", book(table([*sample("per-1"), ""], more=["Water"]), lambda made, sheet: sheet.write_number(
        1, len(HEADERS), 0.0005, made.add_format({"num_format": "0.00%"}))), {"per-1": {"Agua": 0.05}}),
    Case("several.xlsx", workbook_of({"Enero": table(sample("sev-1")), "Febrero": table(sample("sev-2")),
                                      "Leyenda": [["Fe", "Hierro"], ["Cu", "Cobre"]]}),
         {"sev-1": {}, "sev-2": {}}, ["unknown_sheet"]),
]  # fmt: skip
