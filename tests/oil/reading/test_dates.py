"""Dates of laboratories: every form that is seen, and the order of day and month of whole columns."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from tests.support.lab_files import workbook

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")
Query = Callable[[str], list[tuple[Any, ...]]]
HEADERS = ["No. de control de laboratorio", "Fecha de Toma de Muestra", "ID de equipo", "Compartimento", "Fe", "Horas"]
ES = ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
      "diciembre"]  # fmt: skip
EN = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
      "December"]  # fmt: skip
PT = ["janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro",
      "dezembro"]  # fmt: skip
FR = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
      "décembre"]  # fmt: skip
DAYS_PT = ["segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"]
DAYS_FR = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]
DAYS_ES = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"]
CHILE = ZoneInfo("America/Santiago")
# Ways in which a program writes a date; each file has one of them.
FORMS: dict[str, Callable[[dt.datetime], str]] = {
    "day first": lambda day: day.strftime("%d/%m/%Y"),
    "month first": lambda day: day.strftime("%m/%d/%Y"),
    "month first, short": lambda day: f"{day.month}/{day.day}/{day:%y}",
    "day first, short": lambda day: f"{day.day}-{day.month}-{day:%y}",
    "year first, short": lambda day: day.strftime("%y/%m/%d"),
    "year first, with a time": lambda day: day.strftime("%y-%m-%d %H:%M"),
    "dots": lambda day: day.strftime("%d.%m.%Y %H:%M"),
    "iso": lambda day: day.isoformat(),
    "iso week": lambda day: day.strftime("%G-W%V-%u"),
    "ordinal": lambda day: day.strftime("%Y-%j"),
    "compact": lambda day: day.strftime("%Y%m%d%H%M%S"),
    "serial": lambda day: str((day - dt.datetime(1899, 12, 30)).days),
    "seconds since 1970": lambda day: f"{day.replace(tzinfo=CHILE).timestamp():.0f}",
    "milliseconds since 1970": lambda day: f"{day.replace(tzinfo=CHILE).timestamp():.0f}000",
    "zone": lambda day: day.strftime("%Y-%m-%d %H:%M:%S CLST"),
    "offset": lambda day: day.strftime("%Y-%m-%dT%H:%M:%S-03:00"),
    "utc offset": lambda day: day.strftime("%Y-%m-%d %H:%M UTC-3"),
    "spanish": lambda day: f"{day.day} de {ES[day.month - 1]} de {day.year}",
    "spanish with weekday": lambda day: f"{DAYS_ES[day.weekday()]}, {day.day} de {ES[day.month - 1]} del {day.year}",
    "spanish short": lambda day: f"{day.day:02}-{ES[day.month - 1][:3]}-{day.year}",
    "spanish dotted": lambda day: f"{day.day} {ES[day.month - 1][:3]}. {day.year}",
    "spanish upper": lambda day: f"{day.day:02}-{ES[day.month - 1][:3].upper()}-{day:%y}",
    "english": lambda day: f"{EN[day.month - 1]} {day.day}, {day.year}",
    "english short": lambda day: f"{day.day}-{EN[day.month - 1][:3]}-{day.year}",
    "english ordinal": lambda day: f"{EN[day.month - 1][:3]} {day.day}th, {day.year} {day:%I:%M %p}",
    "portuguese": lambda day: f"{DAYS_PT[day.weekday()]}, {day.day} de {PT[day.month - 1]} de {day.year}",
    "portuguese short": lambda day: f"{day.day:02}/{PT[day.month - 1][:3]}/{day.year}",
    "french": lambda day: (
        f"{DAYS_FR[day.weekday()]} {day.day}{'er' if day.day == 1 else ''} {FR[day.month - 1]} {day.year}"
    ),
    "footnote": lambda day: day.strftime("%d/%m/%Y") + ("*", " (1)", "²", " †")[day.day % 4],
    "text of a spreadsheet": lambda day: day.strftime("'%d/%m/%Y"),
    "javascript": lambda day: (
        f"{EN[day.month - 1][:3]} {day.day:02} {day:%Y %H:%M:%S} GMT-0300 (hora de verano de Chile)"
    ),
    "dot net": lambda day: f"/Date({day.replace(tzinfo=CHILE).timestamp():.0f}000-0300)/",
    "year and name": lambda day: f"{day.year}-{EN[day.month - 1][:3]}-{day.day:02}",
    "p. m.": lambda day: day.strftime("%d/%m/%Y %I:%M:%S ") + ("p. m." if day.hour > 11 else "a. m."),
    "no-break space": lambda day: (
        day.strftime("%d/%m/%Y %I:%M\u00a0") + ("p.\u00a0m." if day.hour > 11 else "a.\u00a0m.")
    ),
}
BY_HAND: dict[str, Sequence[tuple[object, object]]] = {
    "contradictory": [
        ("25/04/2025", "2025-04-25"), ("04/25/2025", "unreadable"), ("03/04/2025", "order_contradictory"),
        ("2025-04-03", "2025-04-03"),
    ],
    "silent": [("03/04/2025", "2025-04-03"), ("04.05.25", "2025-05-04")],
    "odd": [
        ("31/02/2025", "unreadable"), ("00/00/0000", "unreadable"), ("0", "unreadable"),
        ("5 foo 2025", "unreadable"), ("1950-01-01", "before_1980"), ("2999-01-01", "in_future"),
        ("9999-12-31", "in_future"), ("25:61", "unreadable"), ("2025-04-03 15:05 XYZ", "unreadable"),
    ],
    "year first ahead": [("24/12/31", "2024-12-31"), ("25/01/15", "2025-01-15"), ("25/01/30", "2025-01-30")],
    "first of the month": [("01/01/15", "2015-01-01"), ("01/07/20", "2020-07-01"), ("01/03/26", "2026-03-01")],
    "day of every year": [("25/01/24", "2024-01-25"), ("25/01/25", "2025-01-25"), ("25/01/26", "2026-01-25")],
    "one year": [("26/01/05", "order_contradictory"), ("26/01/06", "order_contradictory")],
    "one year of many": [("26/01/05", "2005-01-26"), ("27/01/05", "2005-01-27")],
    "one day ahead": [("15/01/26", "2026-01-15"), ("16/01/26", "2026-01-16"), ("17/01/29", "in_future")],
    # The later moment is on the day before: midnight in UTC is a date without a time.
    "midnight in UTC": [("2025-02-05T00:00:00.000Z", "2025-02-05"), ("2025-02-05T01:00:00.000Z", "2025-02-04")],
    "one slip": [(f"{day}/03/2025", f"2025-03-{day:02}") for day in range(1, 32)]
    + [(f"{day}/05/2025", f"2025-05-{day:02}") for day in range(1, 32)] + [("03/25/2025", "unreadable")],
}  # fmt: skip


def moments(seed: int) -> list[dt.datetime]:
    """Moments of a year; one of them on a day above 12, so that the form shows its order."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    found = [dt.datetime(2025, 1, 1, 12) + dt.timedelta(minutes=chance.randrange(300 * 1440)) for _ in range(7)]
    return [dt.datetime(2025, 8, 25, 9, 30), *(day.replace(hour=day.hour % 9 + 9) for day in found)]


def file_of(name: str, dates: Sequence[object]) -> bytes:
    return workbook([HEADERS, *([f"{name}-{at}", date, "T-09", "MOTOR", 5, 9] for at, date in enumerate(dates))])


def file_from_1904() -> bytes:
    """A workbook of a Macintosh: a cell with the format of a date, and one that shows its number of days."""
    return workbook(
        [HEADERS, ["mac-0", "", "T-09", "MOTOR", 5, 9], ["mac-1", 44565, "T-09", "MOTOR", 5, 9]],
        fill=lambda sheet: sheet.write_datetime(1, 1, dt.datetime(2026, 1, 5)),
        options={"date_1904": True},
    )


def file_of_codes() -> bytes:
    """Numbers and names that a spreadsheet turned into dates."""
    day = dt.date(2026, 5, 3)
    return workbook([
        HEADERS, [day, "2026-01-05", "T-09", "MOTOR", 5, 9], ["codes-1", "2026-01-05", day, "MOTOR", 5, 9],
        ["codes-2", "2026-01-05", "T-09", day, 5, 9], ["codes-3", "2026-01-05", "T-09", "MOTOR", 5, day],
        ["12-may", "2026-01-05", "T-09", "MOTOR", 5, 9], ["2026-05-03 00:00:00", "2026-01-05", "T-09", "MOTOR", 5, 9],
        ["12-CAT", "2026-01-05", "T-09", "MOTOR", 5, 9],
    ])  # fmt: skip


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Iterator[Query]:
    settings = load_settings(lake=tmp_path_factory.mktemp("dates"))
    bronze = settings.lake / "oil-analysis" / "bronze" / "cda"
    bronze.mkdir(parents=True)
    for seed, (name, form) in enumerate(FORMS.items()):
        (bronze / f"{name}.xlsx").write_bytes(file_of(name, [form(day) for day in moments(seed)]))
    for name, cells in BY_HAND.items():
        (bronze / f"by hand {name}.xlsx").write_bytes(file_of(name, [cell for cell, _ in cells]))
    (bronze / "mac.xlsx").write_bytes(file_from_1904())
    (bronze / "codes.xlsx").write_bytes(file_of_codes())
    report = run(OIL, settings)
    # All samples are of one component: a day that does not follow the one before would hold back the client.
    assert (report.failed_files, report.failed_tests) == ([], [])
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        yield lambda sql: warehouse.execute(sql).fetchall()


@pytest.fixture(scope="module")
def read(query: Query) -> dict[str, tuple[str, str]]:
    """Day and rejection of each sample number."""
    found = query("select sampleNumber, cast(sampleDate as varchar), rejection from silver.int_checked_rows")
    return {number: (day, rejection) for number, day, rejection in found}


@pytest.mark.parametrize("name", FORMS)
def test_date_in_any_form_is_the_day_that_was_meant(read, name):
    for at, day in enumerate(moments(list(FORMS).index(name))):
        assert read[f"{name}-{at}"] == (day.date().isoformat(), None), FORMS[name](day)


@pytest.mark.parametrize("name", BY_HAND)
def test_column_decides_what_one_cell_cannot(read, name):
    for at, (cell, expected) in enumerate(BY_HAND[name]):
        day, rejection = read[f"{name}-{at}"]
        assert expected == day or (rejection and str(expected) in rejection), (cell, day, rejection)


def test_days_of_a_1904_workbook_count_from_1904(read):
    assert (read["mac-0"], read["mac-1"]) == (("2026-01-05", None), ("2026-01-05", None))


def test_code_that_became_a_date_is_refused(query):
    def refused(field: str, text: str) -> dict[str, str]:
        return {"field": field, "reason": "field_turned_into_a_date", "text": text}

    assert query(
        "select row_number, rejection, unread_fields from silver.int_checked_rows as checked"
        " inner join bronze.bronze_arrivals using (content_id) where file_key like '%codes.xlsx' order by 1"
    ) == [
        (2, "no_sample_number", [refused("sampleNumber", "2026-05-03")]),
        (3, "no_unit", [refused("unitId", "2026-05-03")]),
        (4, "no_component", [refused("componentName", "2026-05-03")]),
        (5, None, [refused("machineHours", "2026-05-03")]),
        (6, "no_sample_number", [refused("sampleNumber", "12-may")]),
        (7, "no_sample_number", [refused("sampleNumber", "2026-05-03 00:00:00")]),
        (8, None, None),
    ]  # fmt: skip
