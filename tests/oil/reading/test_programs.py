"""What other programs make of results, dates, numbers of samples and meters: read right, or rejected with a reason."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
import xlsxwriter
from tests.support.lab_files import FINNING, finning, workbook

from tribolake.oil.product import OIL
from tribolake.oil.questions.report import show_report
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("parsed_project")]
Query = Callable[[str], list[tuple[Any, ...]]]
NUMBER, DAY, UNIT, HOURS = "No. de control de laboratorio", "Fecha de Toma de Muestra", "ID de equipo", "Horas"
EXCHANGED = [dt.date(2025, month, day) for month, day in ((5, 1), (2, 7), (11, 3))]


def samples(prefix: str, **columns: list[object]) -> bytes:
    """A workbook with a row for each cell of the columns; `Fe_` is the second column of that name."""
    rows = max(map(len, columns.values()))
    return finning(*(
        {NUMBER: f"{prefix}-{at}", DAY: f"2026-01-{at + 1:02}"}
        | {header.replace("_", " "): cells[at] for header, cells in columns.items() if at < len(cells)}
        for at in range(rows)
    ))  # fmt: skip


def two_columns_of_iron() -> bytes:
    headers = [*FINNING, "Fe"]
    rows = [{**FINNING, NUMBER: f"twice-{at}", "Fe": first} for at, first in enumerate((12, 12, "", "#N/A", "< 1.0"))]
    return workbook(
        [headers, *([*row.values(), second] for row, second in zip(rows, (120, 12.0, 31, 32, "<1"), strict=True))]
    )


def units_below(units: dict[str, str]) -> bytes:
    below = [units.get(header, "") for header in FINNING]
    sample = {**FINNING, NUMBER: "below-0", "W": 450, HOURS: 120000, "V100": 14.2}
    return workbook([list(FINNING), below, list(sample.values())])


def shown_as_per_cent() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("OIL")
        sheet.write_row(0, 0, list(FINNING))
        sheet.write_row(1, 0, list((FINNING | {NUMBER: "share-0"}).values()))
        sheet.write_number(1, list(FINNING).index("W"), 0.0005, book.add_format({"num_format": "0.00%"}))
    return buffer.getvalue()


FILES = {
    "twice": two_columns_of_iron(),
    "below": units_below({"Fe": "ppm", "Si": "PPM", "W": "ppm", HOURS: "km", "V100": "cSt"}),
    "share": shown_as_per_cent(),
    "meters": samples("meters", Horas=["5000 km", "1000 mi", "600 min", "9999999 km", "5 ppm"]),
    "numbers": finning(
        {NUMBER: "4711.0", UNIT: "12.0"}, {NUMBER: "'0815", UNIT: "12"}, {NUMBER: "S/N"}, {NUMBER: "000"},
        {NUMBER: "unit-0", UNIT: "N/A"}, {NUMBER: "unit-1", UNIT: "0"},
    ),
    "days": finning(*(
        {NUMBER: f"days-{at}", DAY: day}
        for at, day in enumerate([*EXCHANGED, "13/05/2025", "25/10/2025", "31/08/2025"])
    )),
    # Nothing leaves both as texts: these were written by hand.
    "hand": finning(*(
        {NUMBER: f"hand-{at}", DAY: day}
        for at, day in enumerate([*EXCHANGED, "13/05/2025", "25/10/2025", "8/31/2025"])
    )),
    "iso": finning({NUMBER: "iso-0", DAY: "2026-01-13"}, {NUMBER: "iso-1", DAY: "1/20/2026"},
                   {NUMBER: "iso-2", DAY: "1/2/2026"}),
    "soot": samples("soot", ST=[32, "0.5 %"], W=["N", "450 ppm"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Settings:
    settings = load_settings(lake=tmp_path_factory.mktemp("programs"))
    bronze = settings.lake / "oil-analysis" / "bronze" / "cda"
    bronze.mkdir(parents=True)
    for name, content in FILES.items():
        (bronze / f"{name}.xlsx").write_bytes(content)
    report = run(OIL, settings)
    assert (report.failed_files, report.failed_tests) == ([], [])
    return settings


@pytest.fixture(scope="module")
def query(lake: Settings) -> Iterator[Query]:
    with duckdb.connect(lake.warehouse, read_only=True) as warehouse:
        yield lambda sql: warehouse.execute(sql).fetchall()


def results(query: Query, sample: str, *essays: str) -> dict[str, tuple[Any, ...]]:
    names = ", ".join(f"'{essay}'" for essay in essays)
    found = query(
        "select essay, round(value, 6), unit, lab_unit, rejection from silver.results"
        f" where sampleNumber = '{sample}' and essay in ({names})"
    )
    return {essay: rest for essay, *rest in found}


@pytest.mark.parametrize(
    ("sample", "value", "rejection"),
    [
        ("twice-0", None, "contradictory_results"),
        ("twice-1", 12, None),
        ("twice-2", 31, None),
        ("twice-3", 32, None),
        ("twice-4", 1, None),
    ],
)
def test_two_columns_of_one_name_agree_or_contradict(query, sample, value, rejection):
    assert results(query, sample, "Hierro") == {"Hierro": [value, "ppm", None, rejection]}


def test_units_below_the_headers_are_those_of_their_columns(query):
    assert results(query, "below-0", "Agua", "Hierro") == {
        "Agua": [0.045, "%", "ppm", None], "Hierro": [11, "ppm", "ppm", None],
    }  # fmt: skip
    assert query("select machineHours, kilometers->>'machineHours' from silver.samples"
                 " where sampleNumber = 'below-0'") == [(None, "120000.0")]  # fmt: skip


def test_number_shown_as_per_cent_is_not_a_share(query):
    assert results(query, "share-0", "Agua") == {"Agua": [0.05, "%", "%", None]}


def test_meters_are_hours_or_kilometres(query):
    assert query(
        "select machineHours, round(cast(kilometers->>'machineHours' as double), 3) from silver.samples"
        " where sampleNumber like 'meters-%' order by sampleNumber"
    ) == [(None, 5000), (None, 1609.344), (10, None), (None, None), (None, None)]
    assert query("select reason, text from silver.rejected where sampleNumber like 'meters-%' order by all") == [
        ("meter_not_known", "9999999 km"), ("unit_not_hours", "5 ppm"),
    ]  # fmt: skip


def test_numbers_and_units_that_programs_altered_are_known(query):
    assert query("select sampleNumber, unitId from silver.samples where unitId = '12' order by 1") == [
        ("0815", "12"), ("4711", "12"),
    ]  # fmt: skip
    assert query("select reason, text from silver.rejected where reason in ('no_sample_number', 'no_unit')"
                 " order by all") == [
        ("no_sample_number", "000"), ("no_sample_number", "S/N"), ("no_unit", "0"), ("no_unit", "N/A"),
    ]  # fmt: skip


def test_days_that_a_spreadsheet_exchanged_are_refused(query):
    assert query("select sampleNumber from silver.samples where sampleNumber like 'days-%' order by 1") == [
        ("days-3",), ("days-4",), ("days-5",),
    ]  # fmt: skip
    assert query("select distinct reason from silver.rejected where sampleNumber like 'days-%'") == [
        ("sample_date_order_contradictory",)
    ]


def test_days_beside_dates_in_both_orders_were_not_exchanged(query):
    assert query("select count(*) from silver.samples where sampleNumber in ('hand-0', 'hand-1', 'hand-2')") == [(3,)]


def test_iso_date_proves_no_order_of_day_and_month(query):
    assert query("select cast(sampleDate as varchar) from silver.samples where sampleNumber = 'iso-2'") == [
        ("2026-01-02",)
    ]


def test_report_says_in_what_unit_a_result_was_delivered(lake, query):
    assert query(
        "select delivered_essays from gold.classified_reports where sampleNumber like 'soot-%' order by sampleNumber"
    ) == [('{"Hollín":"32 UFM"}',), ('{"Agua":"450 ppm"}',)]
    values = {row["essay"]: row for row in show_report(lake, "soot-0").values}
    assert values["Hollín"]["delivered"] == "32 UFM"
