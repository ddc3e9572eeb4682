"""Workbooks of every format: the kind of each cell, what a spreadsheet left behind, and merged headers."""

from __future__ import annotations

import datetime as dt
import io
import resource
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.lab_files import layout, ods, read, unread, with_part, workbook

from tribolake.readers.raw_rows import RAISED

FILES = Path(__file__).parent / "files"
HEADERS = ["Sample", "A", "B", "C"]
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=12).filter(
    lambda text: text == text.strip() and not text.startswith(("#", "Err:")) and "_x" not in text
)
NUMBERS = st.floats(-1e12, 1e12).map(lambda number: float(f"{number:.15g}") + 0.0)
DATES = st.dates(dt.date(1980, 1, 1), dt.date(2100, 1, 1))
GRIDS = st.lists(st.lists(TEXTS | NUMBERS | DATES | st.booleans(), min_size=2, max_size=4), min_size=1, max_size=5)
LETTERS = {str: "t", float: "n", dt.date: "d", bool: "b"}
VALUES = {"n": float, "d": dt.date.fromisoformat, "b": "TRUE".__eq__, "t": str}


def written(grid):
    """The rows that are to be read of a grid below the headers, its cells by value."""
    rows = [{name: cell for name, cell in zip(HEADERS, row, strict=False) if cell != ""} for row in grid]
    return [
        (number, {name: (cell, LETTERS[type(cell)]) for name, cell in row.items()})
        for number, row in enumerate(rows, 2)
        if row
    ]


def by_value(rows):
    return [
        (number, {name: (VALUES[kind](text), kind) for name, (text, kind) in cells.items()}) for number, cells in rows
    ]


@given(GRIDS, st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_workbook_is_read_as_it_was_written(grid, has_stray_cell, streams):
    """Whether calamine reads it or the stream of its XML, as it does where a cell is far below."""
    content = workbook([HEADERS, *grid], fill=lambda sheet: sheet.write(99_999, 0, " ") if has_stray_cell else None)
    assert by_value(read(content, streams=streams)) == written(grid)


@given(GRIDS, st.integers(0, 1_000_000), st.integers(0, 16_000))
@settings(max_examples=60, deadline=None)
def test_open_document_is_read_as_it_was_written(grid, blank_rows, blank_columns):
    content = ods([HEADERS, *grid], blank_rows=blank_rows, blank_columns=blank_columns)
    assert by_value(read(content)) == written(grid)


MOMENTS = (st.floats(0.0001, 80) | st.floats(0.0001, 80_000)).map(lambda days: round(days, 4))
FORMATS = st.sampled_from(
    ["0.00", "dd/mm/yyyy", 'dd "de" mmm', "hh:mm", "[h]:mm", "[$-409]d-mmm-yy;@", "#,##0 [Red]", "General"]
)


@given(st.lists(st.tuples(MOMENTS, FORMATS), min_size=1, max_size=8), st.booleans())
@settings(max_examples=80, deadline=None)
def test_formats_mean_the_same_to_both_readers(cells, is_1904):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"date_1904": is_1904}) as book:
        sheet = book.add_worksheet("OIL")
        sheet.write_row(0, 0, ["Sample", "A"])
        for row, (number, code) in enumerate(cells, 1):
            sheet.write_number(row, 1, number, book.add_format({"num_format": code}))
    assert read(buffer.getvalue(), streams=True) == read(buffer.getvalue())


@pytest.mark.parametrize("name", ["kinds.xls", "kinds.xlsb"])
def test_binary_workbook_has_the_kind_of_each_cell(name):
    assert read((FILES / name).read_bytes()) == [
        (2, {
            "Sample": ("A1", "t"), "Fe": ("7.25", "n"), "Hours": ("715.125", "n"), "Date": ("2026-01-05", "d"),
            "Flag": ("TRUE", "b"),
        }),
        (3, {"Sample": ("A2", "t"), "Fe": ("#N/A", "e"), "Hours": ("#DIV/0!", "e")}),
        (4, {"Sample": ("A3", "t"), "Fe": ("<1", "t"), "Hours": ("12", "n")}),
    ]  # fmt: skip


def test_binary_workbook_has_numbers_shown_as_per_cent():
    """Formats 0.00% and [Red]0.0%;-0.0%, and 0.0" %", which shows a text. A whole 1 is written in fewer bytes."""
    assert read((FILES / "per_cent.xls").read_bytes()) == [
        (2, {
            "Sample": ("A1", "t"), "Water": ("0.05", "p"), "Soot": ("2", "p"), "Iron": ("45", "n"),
            "Odd": ("0.5 %", "t"),
        }),
        (3, {"Sample": ("A2", "t"), "Water": ("100", "p"), "Soot": ("1.23456", "p"), "Iron": ("n/a", "t")}),
    ]  # fmt: skip
    as_date, as_per_cent = (b"\x2f\x10\0\0" + bytes([number]) for number in (14, 10))  # the format of a style
    changed = with_part((FILES / "kinds.xlsb").read_bytes(), "styles.bin", {as_date: as_per_cent})
    assert read(changed)[0][1]["Date"] == ("4602700", "p")


def test_errors_and_uncalculated_formulas_are_not_empty():
    def formulas(sheet):
        sheet.write_formula("B2", "=NA()", value="#N/A")
        sheet.write_formula("C2", "=10+1", value="")
        sheet.write_formula("D2", "=10+1")  # xlsxwriter writes the value 0, as a program without a calculator does
        sheet.write_formula("E2", "=10+1", value=11)
        sheet.write_string("F2", "#¡DIV/0!")

    ((_, cells),) = read(workbook([["Sample", "A", "B", "C", "D", "E"], ["A1"]], fill=formulas))
    assert cells == {
        "Sample": ("A1", "t"), "A": ("#N/A", "e"), "B": ("=10+1", "f"), "C": ("=10+1", "f"), "D": ("11", "n"),
        "E": ("#¡DIV/0!", "e"),
    }  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(["12", "<0.5", "Motor", "10"]), st.sampled_from("123*a")), min_size=1, max_size=4
    ),
    st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_raised_digit_is_not_a_digit_of_the_number(cells, streams):
    """A footnote in a cell, or a power."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet, raised = book.add_worksheet("OIL"), book.add_format({"font_script": 1})
        sheet.write_row(0, 0, ["Sample", "A"])
        for row, (text, mark) in enumerate(cells, 1):
            sheet.write_rich_string(row, 1, text, raised, mark, " ppm")
    assert [cell["A"] for _, cell in read(buffer.getvalue(), streams=streams)] == [
        (text + mark.translate(RAISED) + " ppm", "t") for text, mark in cells
    ]


@pytest.mark.parametrize("streams", [True, False])
def test_number_with_the_comma_of_a_program_is_a_text(streams):
    content = with_part(workbook([["Sample", "Fe"], ["A1", 12.5]]), "sheet1.xml", {rb"<v>12.5</v>": b"<v>12,5</v>"})
    assert read(content, streams=streams) == [(2, {"Sample": ("A1", "t"), "Fe": ("12,5", "t")})]


def test_formula_of_openpyxl_is_not_an_empty_text():
    """openpyxl writes no value and no type; Excel writes the type of a formula whose value is an empty text."""
    content = with_part(workbook([HEADERS, ["A1", 7, 8]]), "sheet1.xml", {
        b'<c r="B2"><v>7</v></c>': b'<c r="B2"><f>10+1</f><v></v></c>',
        b'<c r="C2"><v>8</v></c>': b'<c r="C2" t="str"><f>IF(A2=1,1,"")</f><v></v></c>',
    })  # fmt: skip
    content = with_part(content, "workbook.xml", {b' fullCalcOnLoad="1"': b""})
    ((_, cells),) = read(content)
    assert cells == {"Sample": ("A1", "t"), "A": ("=10+1", "f")}


def test_open_document_has_errors_and_uncalculated_formulas():
    content = with_part(ods([HEADERS, ["A1", "error", "formula"]]), "content.xml", {
        b'office:value-type="string"><text:p>error<': (
            b'table:formula="of:=1/0" office:value-type="string" office:string-value=""><text:p>#DIV/0!<'
        ),
        b'<table:table-cell office:value-type="string"><text:p>formula</text:p></table:table-cell>': (
            b'<table:table-cell table:formula="of:=[.A1]+1"/>'
        ),
    })  # fmt: skip
    ((_, cells),) = read(content)
    assert cells == {"Sample": ("A1", "t"), "A": ("#DIV/0!", "e"), "B": ("=[.A1]+1", "f")}


def test_open_document_repeats_rows_that_are_alike():
    row = b'<table:table-row>(<table:table-cell office:value-type="string"><text:p>A1)'
    repeated = rb'<table:table-row table:number-rows-repeated="3">\1'
    content = with_part(ods([HEADERS, ["A1", 7.0], ["A2", 8.0]]), "content.xml", {row: repeated})
    assert [(number, cells["Sample"][0]) for number, cells in read(content)] == [
        (2, "A1"), (3, "A1"), (4, "A1"), (5, "A2"),
    ]  # fmt: skip


def test_prefixed_xml_is_read_like_any_other():
    """Some programs write a prefix before every name."""
    plain = workbook([HEADERS, ["A1", 7.25, "<1"]], fill=lambda sheet: sheet.write_formula("D2", "=NA()", value="#N/A"))
    prefixed = {rb"xmlns=": rb"xmlns:x=", rb"<(/?)(\w)": rb"<\1x:\2"}
    plain = with_part(plain, "sheet1.xml", prefixed)
    ((_, cells),) = read(plain)
    assert cells == {"Sample": ("A1", "t"), "A": ("7.25", "n"), "B": ("<1", "t"), "C": ("#N/A", "e")}


def test_whole_number_keeps_every_digit():
    long_number = {b"<v>7</v>": b"<v>12345678901234567890</v>"}
    ((_, cells),) = read(with_part(workbook([HEADERS, ["A1", 7, 231001000012]]), "sheet1.xml", long_number))
    assert cells["A"] == ("12345678901234567890", "n")
    assert cells["B"] == ("231001000012", "n")


def test_duration_is_hours_and_not_a_number_of_days():
    def hours(sheet):
        sheet.write_datetime("B2", dt.timedelta(hours=250, minutes=30), book_format)

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book_format = book.add_format({"num_format": "[h]:mm"})
        sheet = book.add_worksheet("OIL")
        sheet.write_row(0, 0, HEADERS)
        sheet.write(1, 0, "A1")
        hours(sheet)
    ((_, cells),) = read(buffer.getvalue())
    assert cells["A"] == ("250:30:00", "d")


def test_formatting_of_every_column_costs_nothing():
    def colours(sheet):
        for row in range(40):
            for column in range(4, 16_384, 1 if row < 2 else 4_000):
                sheet.write_blank(row, column, None, colour)

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        colour = book.add_format({"bg_color": "red"})
        sheet = book.add_worksheet("OIL")
        sheet.write_row(0, 0, HEADERS)
        sheet.write(39, 0, "A1")
        colours(sheet)
    assert read(buffer.getvalue()) == [(40, {"Sample": ("A1", "t")})]


def test_cell_in_the_last_corner_is_read_with_little_memory():
    content = workbook([HEADERS, ["A1", 7]], fill=lambda sheet: sheet.write(1_048_575, 16_383, "x"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = read(content)
    assert rows[0] == (2, {"Sample": ("A1", "t"), "A": ("7", "n")})
    assert rows[1] == (1_048_576, {"column 16384": ("x", "t")})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_merged_headers_are_named_by_their_lowest_cell():
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("OIL")
        sheet.merge_range("A3:A4", "Sample")
        sheet.merge_range("B3:C3", "Wear metals")
        sheet.merge_range("D3:D4", "TBN")
        sheet.write_row("B4", ["Fe", "Cu"])
        sheet.write_row("A5", ["A1", 7, 3, 9.5])
    rows = read(buffer.getvalue())
    assert rows == [(5, {"Sample": ("A1", "t"), "Fe": ("7", "n"), "Cu": ("3", "n"), "TBN": ("9.5", "n")})]


def test_merged_cell_is_a_cell_of_every_row_it_covers():
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("OIL")
        sheet.write_row(0, 0, HEADERS)
        sheet.merge_range("A2:A3", "A1")
        sheet.write("B2", 7)
        sheet.write("B3", 8)
    assert [cells["Sample"] for _, cells in read(buffer.getvalue())] == [("A1", "t"), ("A1", "t")]


def test_sheets_that_no_layout_names_are_listed():
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        for name, rows in (("oil ", [HEADERS, ["A1"]]), ("GEAR", [["Sample"], ["G1"], ["G2"]]), ("Hoja3", [])):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    assert [cells["Sample"][0] for _, cells in read(buffer.getvalue())] == ["A1"]
    assert unread(buffer.getvalue()) == [("GEAR", 3)]
    every_sheet = layout(("*", "Sample"))
    assert [cells["Sample"][0] for _, cells in read(buffer.getvalue(), every_sheet)] == ["A1", "G1", "G2"]


def test_key_header_may_have_several_names():
    english = workbook([[], ["Sampled", "LAB  No."], ["2026-01-05", "A1"]])
    of = layout(("OIL", "Sample"), ("OIL", "Lab No."))
    assert read(english, of) == [(3, {"Sampled": ("2026-01-05", "t"), "LAB  No.": ("A1", "t")})]
