"""What other programs leave in files: shares shown as per cent, shifted rows, tables side by side, units as headers."""

from __future__ import annotations

import datetime as dt
import io

import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.readers.test_parquet_files import cells_of
from tests.support.lab_files import ANY, OPTIONS, layout, ods, page, read, with_part, workbook

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.layout import FieldAbove
from tribolake.readers.names import plain_spelling
from tribolake.readers.raw_rows import Percent

ACCOUNTING = '_(* #,##0.0_);_(* (#,##0.0);_(* "-"_)'


def formatted(number_format: str, *numbers: float) -> bytes:
    """A workbook of one column of numbers in a format."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, OPTIONS) as book:
        sheet = book.add_worksheet("OIL")
        sheet.write_row(0, 0, ["Sample", "Water"])
        for row, number in enumerate(numbers, 1):
            sheet.write(row, 0, f"A{row}")
            sheet.write_number(row, 1, number, book.add_format({"num_format": number_format}))
    return buffer.getvalue()


@pytest.mark.parametrize("number_format", ["0%", "0.00%", "0.0##%;[Red]-0%", "0.000 %"])
@settings(max_examples=8)
@given(per_cent=st.decimals(0, 100, places=4).map(float))
def test_number_shown_as_per_cent_is_per_cent(number_format: str, per_cent: float):
    ((_, cells),) = read(formatted(number_format, per_cent / 100))
    assert (float(cells["Water"][0]), cells["Water"][1]) == (per_cent, "p")


@pytest.mark.parametrize("number_format", ["0.00", "General", "#,##0", "0", ACCOUNTING, "[Red]0.0", "# ?/?"])
def test_number_in_another_format_stays_what_it_is(number_format: str):
    ((_, cells),) = read(formatted(number_format, 0.5))
    assert cells["Water"] == ("0.5", "n")


def test_per_cent_of_documents_and_pages_is_per_cent():
    assert read(ods([["Sample", "Water"], ["A1", Percent(0.05)]]))[0][1]["Water"] == ("0.05", "p")
    web = page([["Sample", "Water"], ["A1", "0.05%"]]).replace(b"<td>0.05%", b'<td x:num="0.0005">0.05%')
    assert read(web, ANY)[0][1]["Water"] == ("0.05", "p")


def test_share_has_no_error_in_its_last_digit():
    assert Percent.of_share(0.07) == 7


@given(st.integers(0, 5), st.lists(st.sampled_from(["12,5", "3", "14,25"]), min_size=2, max_size=4))
def test_row_with_more_cells_than_headers_has_no_value(before: int, numbers: list[str]):
    """A decimal comma in a file of commas moves all later cells."""
    headers = ["Sample", *(f"E{at}" for at in range(len(numbers)))]
    good = ",".join(["G", *("1" for _ in numbers)])
    lines = [",".join(headers), *[good] * before, ",".join(["A1", *numbers]), good]
    kinds = [{kind for _, kind in cells.values()} for _, cells in read("\n".join(lines).encode(), ANY)]
    is_shifted = any("," in number for number in numbers)
    assert kinds == [{"t"}] * before + [{"s"} if is_shifted else {"t"}, {"t"}]


def test_blank_cells_beyond_the_headers_move_nothing():
    assert read(b"Sample;Fe\nA1;12;;;\n", ANY) == [(2, {"Sample": ("A1", "t"), "Fe": ("12", "t")})]


def test_text_kept_by_a_formula_is_that_text():
    assert read(b'Sample;Fe\n="0012";="12,5"\n', ANY) == [(2, {"Sample": ("0012", "t"), "Fe": ("12,5", "t")})]


@pytest.mark.parametrize("as_file", [
    lambda rows: "\n".join(";".join(row) for row in rows).encode(), page, workbook
])  # fmt: skip
def test_tables_side_by_side_are_refused(as_file):
    headers = ["Sample", "Unit", "Fe", "Cu"]
    rows = [[*headers, "", *headers], ["A1", "T-1", "12", "3", "", "A2", "T-2", "99", "4"]]
    with pytest.raises(BronzeFileUnreadable, match="side by side: columns 1 and 6"):
        read(as_file(rows), layout(("*", "Sample")))


def test_header_that_comes_twice_is_one_table():
    rows = [["Sample", "Fe", "Sample", "Note"], ["A1", "12", "A1", "ok"]]
    assert read(workbook(rows))[0][1]["Sample#2"] == ("A1", "t")


def merged(rows: list[list[object]], *headers: int) -> bytes:
    """A workbook of which some headers of the first row reach into the second."""
    return workbook(rows, fill=lambda sheet: [sheet.merge_range(0, at, 1, at, rows[0][at]) for at in headers])


def test_units_below_merged_headers_are_a_row():
    rows = [["Sample", "Fe", "Cu", "W"], ["", "ppm", "ppm", "%"], ["A1", 12, 3, 0.05]]
    units, sample = read(merged(rows, 0))
    assert units == (2, {"Fe": ("ppm", "t"), "Cu": ("ppm", "t"), "W": ("%", "t")})
    assert sample == (3, {"Sample": ("A1", "t"), "Fe": ("12", "n"), "Cu": ("3", "n"), "W": ("0.05", "n")})


def test_names_below_a_merged_group_are_the_headers():
    rows = [["Sample", "Metals", "", "V100"], ["", "Fe", "Cu", "cSt"], ["A1", 12, 3, 14.2]]
    assert [set(cells) for _, cells in read(merged(rows, 0))] == [{"Sample", "Fe", "Cu", "cSt"}]


@pytest.mark.parametrize("number", [26165146253.0, 123456789.0])
def test_number_of_32_bits_that_lost_digits_is_in_scientific_notation(number: float):
    (text, kind), small = cells_of(pa.array([number, 12.0], pa.float32()))
    assert ("e+" in text, kind, small) == (True, "n", ("12", "n"))


@pytest.mark.parametrize(
    ("written", "plain"),
    [("12.0", "12"), ("26165146253.00", "26165146253"), ("'0012", "0012"), ("'T-09", "T-09"), ("1.5", "1.5"),
     ("T.0", "T.0"), ("0012", "0012"), ("'", "'")],
)  # fmt: skip
def test_number_that_a_program_made_of_a_name_is_the_name(written: str, plain: str):
    assert plain_spelling(written) == plain


def test_date_keeps_its_kind_beside_per_cent():
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, OPTIONS) as book:
        sheet = book.add_worksheet("OIL")
        sheet.write_row(0, 0, ["Sample", "Day", "Water"])
        sheet.write_row(1, 0, ["A1", dt.date(2026, 1, 5)])
        sheet.write_number(1, 2, 0.0005, book.add_format({"num_format": "0.00%"}))
    ((_, cells),) = read(buffer.getvalue())
    assert cells == {"Sample": ("A1", "t"), "Day": ("2026-01-05", "d"), "Water": ("0.05", "p")}


TEXTS_AROUND = [
    ('"<"', "", "<", ""), ("\\<", "", "<", ""), ('">= "', "", ">= ", ""), ("", '" ppm"', "", " ppm"),
    ("", "\\*", "", "*"),
    ('"W-"', "", "W-", ""), ('[Red]"< "', "_)", "< ", ""),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "shown_before", "shown_after"), TEXTS_AROUND)
@settings(max_examples=5)
@given(number=st.decimals(0, 100_000, places=3).map(float))
def test_number_between_texts_is_read_with_them(before, after, shown_before, shown_after, number: float):
    """It is the text that the cell shows, with every digit of its number."""
    ((_, cells),) = read(formatted(f"{before}0.0{after};General", number))
    text, kind = cells["Water"]
    assert (text.startswith(shown_before), text.endswith(shown_after), kind) == (True, True, "t")
    assert float(text.removeprefix(shown_before).removesuffix(shown_after)) == number
    # With three decimals it would be thousands where the decimal mark is a comma.
    assert len(text.removesuffix(shown_after).partition(".")[2]) != 3


@settings(max_examples=10)
@given(st.integers(2, 15).flatmap(lambda width: st.tuples(st.just(width), st.integers(0, 10**width - 1))))
def test_code_has_the_zeros_that_its_cell_shows(found: tuple[int, int]):
    width, number = found
    ((_, cells),) = read(formatted("0" * width, number))
    assert cells["Water"][0] == str(number).zfill(width)


def test_number_of_a_document_or_page_has_what_it_shows():
    document = with_part(
        ods([["Sample", "Water"], ["A1", 815.0]]), "content.xml", {b"<text:p>815.0": b"<text:p>000815"}
    )
    assert read(document)[0][1]["Water"] == ("000815", "t")
    web = page([["Sample", "Water"], ["A1", "<0.1"]]).replace(b"<td>&lt;0.1", b'<td x:num="0.1">&lt;0.1')
    assert read(web, ANY)[0][1]["Water"] == ("<0.1", "t")
    rounded = page([["Sample", "Water"], ["A1", "0.1"]]).replace(b"<td>0.1", b'<td x:num="0.12345">0.1')
    assert read(rounded, ANY)[0][1]["Water"] == ("0.12345", "n")


@given(st.permutations(["Sample", "Fe", "Cu", "Water"]), st.sampled_from([[], [["Respaldo"]], [["", "Motor"]]]))
def test_second_table_is_read_by_its_own_headers(order: list[str], between: list[list[object]]):
    second = {"Sample": "B1", "Fe": 1, "Cu": 2, "Water": 3}
    rows = [["Sample", "Fe", "Cu", "Water"], ["A1", 1, 2, 3], *between, order, [second[name] for name in order]]
    *_, (_, cells) = read(workbook(rows))
    assert {name: text for name, (text, _) in cells.items()} == {name: str(cell) for name, cell in second.items()}


@pytest.mark.parametrize(
    ("above", "count"),
    [
        ([["", "ppm", "%"]], 1),
        ([["Elements"], ["", "D5185", "D6304"], ["", "ppm", "%"]], 2),
        ([["Informe", "Enero"], ["", "ppm", "%"]], 2),
        ([["", "ppm", "%"], []], 0),
        ([["Unit", "T-01"], ["Component:", "Motor"]], 0),
        ([["5.1.2026", "ppm"]], 0),
        ([["Cliente:", "Minera"]], 0),
        ([["ppm"]], 0),
    ],
)
def test_names_directly_above_the_headers_are_rows(above: list[list[object]], count: int):
    """Two rows at most, so that units are read whatever stands between them and the headers."""
    of = layout(("OIL", "Sample"), above=[FieldAbove("OIL", "unitId", "Unit")])
    rows = read(workbook([*above, ["Sample", "Fe", "Water"], ["A1", 11, 0.1]]), of)
    assert len(rows) == count + 1
    if count:
        assert rows[count - 1][1] == {"Fe": ("ppm", "t"), "Water": ("%", "t")}
