"""Laboratory files become raw rows; files that cannot be read say why, and end nobody but themselves."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from tribolake.errors import BronzeFileUnreadable
from tribolake.lake.content import FileContent
from tribolake.readers.confined import ReadingLimits, ReadingTask, read_files
from tribolake.readers.layout import SheetLayout
from tribolake.readers.raw_rows import distinct_headers
from tribolake.readers.reader import rows_of

OIL = (SheetLayout("OIL", "Sample"),)
TABLE = (SheetLayout("*", "Sample"),)
LIMITS = ReadingLimits(max_file_mb=50, max_inflated_mb=64, memory_mb=600, processor_seconds=30)


def workbook(rows: list[list[object]], sheet: str = "OIL") -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"default_date_format": "yyyy-mm-dd"}) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return buffer.getvalue()


def read(content: bytes, layouts: tuple[SheetLayout, ...]) -> list[dict]:
    return pa.concat_tables(rows_of(content, layouts, max_inflated_mb=64)).to_pylist()


def refusal(content: bytes, layouts: tuple[SheetLayout, ...] = OIL) -> str:
    with pytest.raises(BronzeFileUnreadable) as error:
        read(content, layouts)
    return str(error.value)


def test_given_a_blank_second_row_and_repeated_headers_then_rows_keep_their_spreadsheet_number():
    rows = read(workbook([["Sample", "Fe", "Fe"], [], ["A1", 12.0, 12.5], ["A2", "", "<1"]]), OIL)
    assert [row["row_number"] for row in rows] == [3, 4]
    assert dict(rows[0]["cells"]) == {"Sample": "A1", "Fe": "12", "Fe#2": "12.5"}
    assert dict(rows[1]["cells"]) == {"Sample": "A2", "Fe#2": "<1"}


def test_given_dates_booleans_and_the_word_none_then_every_cell_is_text():
    rows = read(workbook([["Sample", "Date", "Flag", "Activity"], ["A1", dt.date(2026, 1, 7), True, "None"]]), OIL)
    assert dict(rows[0]["cells"]) == {"Sample": "A1", "Date": "2026-01-07", "Flag": "TRUE", "Activity": "None"}


def test_given_headers_that_repeat_or_are_blank_then_names_are_unique():
    assert distinct_headers(["Estado", "Estado", "", " Fe "]) == ["Estado", "Estado#2", "column 3", "Fe"]


def test_given_numbers_with_three_decimals_then_nobody_can_read_them_as_thousands():
    (row,) = read(workbook([["Sample", "Hours"], ["A1", 715.125]]), OIL)
    assert dict(row["cells"])["Hours"] == "715.1250"
    buffer = io.BytesIO()
    pq.write_table(pa.table({"Sample": ["A1"], "Hours": [715.125]}), buffer)
    (row,) = read(buffer.getvalue(), TABLE)
    assert dict(row["cells"])["Hours"] == "715.1250"


def test_given_large_whole_numbers_then_every_digit_stays():
    (row,) = read(workbook([["Sample", "Hours"], [231001000012, 0.0]]), OIL)
    assert dict(row["cells"]) == {"Sample": "231001000012", "Hours": "0"}
    buffer = io.BytesIO()
    pq.write_table(pa.table({"Sample": [231001000012.0, None]}), buffer)
    assert [dict(row["cells"]) for row in read(buffer.getvalue(), TABLE)] == [{"Sample": "231001000012"}]


def test_given_a_parquet_table_then_nulls_and_empty_texts_are_no_cells():
    buffer = io.BytesIO()
    pq.write_table(pa.table({"Sample": ["A1", "A2"], "Fe": ["1,5", ""], "Hours": [10.0, None]}), buffer)
    rows = read(buffer.getvalue(), TABLE)
    assert dict(rows[0]["cells"]) == {"Sample": "A1", "Fe": "1,5", "Hours": "10"}
    assert dict(rows[1]["cells"]) == {"Sample": "A2"}


def test_given_the_wrong_sheet_then_the_message_names_those_found():
    assert "no sheet OIL; sheets found: Hoja1" in refusal(workbook([["Sample"], ["A1"]], sheet="Hoja1"))


def test_given_a_sheet_without_the_key_column_then_the_message_names_the_columns_found():
    assert "has no 'Sample' column; columns found: Muestra, Fe" in refusal(workbook([["Muestra", "Fe"], ["A1", 1]]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.4 not a workbook", "neither an Excel workbook"),
        (workbook([["Sample"], ["A1"]])[:900], "cut short"),
        (b"PAR1 cut", "damaged or cut short"),
    ],
)
def test_given_a_file_that_is_no_workbook_then_the_message_says_what_to_do(content, words):
    message = refusal(content, (*OIL, *TABLE))
    assert words in message
    assert "Copy or export it again" in message or "Export it" in message


def test_given_a_workbook_that_unzips_beyond_the_limit_then_it_is_refused_before_it_is_unzipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (80 * 2**20))
    assert "unzips to 80 MB, more than 64 MB" in refusal(buffer.getvalue())


def far_cell_workbook() -> bytes:
    """A few kilobytes that claim a grid of 17 billion cells."""
    source = zipfile.ZipFile(io.BytesIO(workbook([["Sample"], ["A1"]])))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in source.infolist():
            content = source.read(member)
            if member.filename == "xl/worksheets/sheet1.xml":
                content = content.replace(
                    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                )
            archive.writestr(member.filename, content)
    return buffer.getvalue()


def test_given_a_file_that_takes_its_reader_down_then_only_that_file_fails(tmp_path: Path):
    contents = {
        "a.xlsx": workbook([["Sample"], ["A1"]]),
        "bomb.xlsx": far_cell_workbook(),
        "b.xlsx": workbook([["Sample"], ["B1"], ["B2"]]),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    tasks = [ReadingTask(FileContent(str(tmp_path / name)), str(tmp_path / "staged."), OIL) for name in contents]
    first, bomb, last = read_files(tasks, LIMITS)
    assert (first.rows, first.problem, last.rows, last.problem) == (1, None, 2, None)
    assert bomb.problem is not None
    assert "needs more than 600 MB" in bomb.problem
    assert {path.name for path in tmp_path.glob("staged.*")} == {
        f"staged.{first.sha256}.parquet",
        f"staged.{last.sha256}.parquet",
    }


def test_given_many_files_then_what_the_first_ones_left_behind_is_not_held_against_the_last(tmp_path: Path):
    grid = [["Sample", *(f"column {n}" for n in range(60))], *([f"A{n}", *range(60)] for n in range(1500))]
    paths = []
    for number in range(4):
        paths.append(tmp_path / f"{number}.xlsx")
        paths[-1].write_bytes(workbook([*grid, [f"B{number}"]]))
    paths.append(tmp_path / "table.parquet")
    columns = {"Sample": [f"C{n}" for n in range(5000)]} | {
        f"c{n}": [f"{n},{k}" for k in range(5000)] for n in range(80)
    }
    pq.write_table(pa.table(columns), paths[-1])
    tasks = [ReadingTask(FileContent(str(path)), str(tmp_path / "staged."), (*OIL, *TABLE)) for path in paths]
    tight = ReadingLimits(max_file_mb=50, max_inflated_mb=64, memory_mb=420, processor_seconds=30)
    readings = list(read_files(tasks, tight))
    assert [reading.problem for reading in readings] == [None] * 5
    assert [reading.rows for reading in readings] == [1501, 1501, 1501, 1501, 5000]


def test_given_a_file_beyond_the_size_limit_then_it_is_not_opened(tmp_path: Path):
    path = tmp_path / "large.xlsx"
    with path.open("wb") as file:
        file.truncate(51 * 2**20)
    (reading,) = read_files([ReadingTask(FileContent(str(path)), str(tmp_path / "staged."), OIL)], LIMITS)
    assert reading.problem is not None
    assert "more than 50 MB" in reading.problem


def test_given_a_file_that_went_away_then_the_others_are_read(tmp_path: Path):
    (tmp_path / "a.xlsx").write_bytes(workbook([["Sample"], ["A1"]]))
    tasks = [
        ReadingTask(FileContent(str(tmp_path / name)), str(tmp_path / "staged."), OIL)
        for name in ("gone.xlsx", "a.xlsx")
    ]
    gone, there = read_files(tasks, LIMITS)
    assert (
        gone.problem
        == "cannot be opened (No such file or directory). Check its name and permissions, then copy it again"
    )
    assert (there.rows, there.problem) == (1, None)


def test_given_a_file_that_opens_but_cannot_be_read_then_a_later_attempt_may_succeed(tmp_path):
    path = tmp_path / "unreadable.xlsx"
    path.symlink_to("/proc/self/mem")
    (reading,) = read_files([ReadingTask(FileContent(str(path)), f"{tmp_path}/cda.", OIL)], LIMITS)
    assert reading.is_transient
    assert "cannot be opened" in str(reading.problem)
