"""Where a table begins, and fields of the sample that stand above it."""

from __future__ import annotations

import datetime as dt

from tests.support.lab_files import layout, read, workbook

from tribolake.readers.layout import FieldAbove
from tribolake.readers.raw_rows import distinct_headers

ABOVE = [
    FieldAbove("*", "unitId", "Unit"),
    FieldAbove("OIL", "componentName", "Compartment"),
    FieldAbove("*", "site", pattern=r"Mine (\w+)"),
    FieldAbove("OTHER", "oilType", "Oil"),
]


LAYOUT = layout(("OIL", "Sample"), above=ABOVE)


def texts(rows, of=LAYOUT):
    return [
        {name: text for name, (text, _) in cells.items()} | {"row": number}
        for number, cells in read(workbook(rows), of)
    ]


def test_repeated_and_blank_headers_get_names_of_their_own():
    assert distinct_headers(["Estado", "Estado", "", " Fe "]) == ["Estado", "Estado#2", "column 3", "Fe"]


def test_header_row_is_found_below_title_rows():
    title = [["Laboratory report"], [], *[[f"note {n}"] for n in range(40)]]
    assert texts([*title, ["Fe", "SAMPLE "], [7, "A1"]]) == [{"Fe": "7", "SAMPLE": "A1", "row": 44}]


def test_fields_above_the_table_are_cells_of_every_row():
    rows = texts([
        ["Mine Andes", "", "Oil", "15W-40"],
        ["Unit", "", "GR-07", "Compartment:", "ENGINE"],
        ["Sample", "Fe"],
        ["A1", 7],
        [" "],
        ["A2"],
    ])  # fmt: skip
    above = {"above: site": "Andes", "above: unitId": "GR-07", "above: componentName": "ENGINE"}
    assert rows == [{"Sample": "A1", "Fe": "7", "row": 4} | above, {"Sample": "A2", "row": 6} | above]


def test_field_above_may_be_in_one_cell_or_below_its_label():
    below = [["Unit", "Compartment"], ["GR-07", "ENGINE"], ["Sample"], ["A1"]]
    in_one_cell = [["UNIT: GR-07"], ["compartment : ENGINE"], ["Sample"], ["A1"]]
    for rows in (below, in_one_cell):
        (row,) = texts(rows)
        assert (row["above: unitId"], row["above: componentName"]) == ("GR-07", "ENGINE")


def test_field_above_keeps_its_kind():
    of = layout(("OIL", "Sample"), above=[FieldAbove("*", "sampleDate", "Date")])
    ((_, cells),) = read(workbook([["Date", dt.date(2026, 1, 5)], ["Sample"], ["A1"]]), of)
    assert cells["above: sampleDate"] == ("2026-01-05", "d")


def test_tables_below_each_other_have_their_own_fields_above():
    rows = texts([
        ["Unit", "GR-07", "Compartment", "ENGINE"], ["Sample", "Fe"], ["A1", 7],
        ["Compartment", "HYDRAULIC"], ["Sample", "Cu"], ["B1", 3], ["Sample", "Cu"], ["B2", 4],
    ])  # fmt: skip
    assert [(row["Sample"], row.get("Fe"), row.get("Cu"), row["above: componentName"]) for row in rows] == [
        ("A1", "7", None, "ENGINE"), ("B1", None, "3", "HYDRAULIC"), ("B2", None, "4", "HYDRAULIC"),
    ]  # fmt: skip
    assert {row["above: unitId"] for row in rows} == {"GR-07"}


def test_row_that_reads_like_a_label_is_not_lost():
    """A label counts above a header only: below the last table it is a row like any other."""
    assert len(texts([["Sample", "Fe"], ["A1", 7], ["Unit", "GR-08"]])) == 2
