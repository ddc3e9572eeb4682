"""What hands write: codes of cleanliness, units in brackets, rows of totals below samples, and names of components."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import duckdb
import pytest
from tests.support.lab_files import FINNING, finning, workbook

from tribolake.oil.product import OIL
from tribolake.oil.seeds import read_seed
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("parsed_project")]
Query = Callable[[str], list[tuple[Any, ...]]]
NUMBER = "No. de control de laboratorio"
SIZES = ["ISO 4µ", "ISO 6µ", "ISO 14µ"]
MARKS = ["/", " / ", "/ ", "-", "|", "\\", "／"]
BEFORE = ["", "ISO ", "ISO 4406: ", "iso 4406:99 ", "ISO 4406:2017 "]
AFTER = ["", "*", " (R)", "\n", "\u200b", " H"]
NOT_CODES = ["18/16/13/10", "18.16.13", "181613", "18/16/130", "18/16 ppm", "5"]
BRACKETS = ["{}", "({})", "[{}]", "( {} )", "{} "]
MANDO_FINAL = ["Mando Final", "MANDO  FINAL", "Mando\u00a0Final ", "mando\nfinal", "Mando\u200b Final"]
NO_NAMES = [row["text"] for row in read_seed("value_texts") if row["essay"] == "name"]


def codes(seed: int) -> dict[str, tuple[str, list[tuple[float, str | None]]]]:
    """Codes with all that may stand around their numbers: the plain form of each, and its numbers with their signs."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    made = {}
    for before, between, after in product(BEFORE, MARKS, AFTER):
        numbers = sorted((chance.randrange(1, 28) for _ in range(chance.choice([2, 3]))), reverse=True)
        mark = "/" if between == "-" and len(numbers) == 2 else between  # 18-16 may be a range
        signs = [chance.choice(["", "", ">", "≥"]) for _ in numbers]
        text = before + mark.join(f"{sign}{number}" for sign, number in zip(signs, numbers, strict=True)) + after
        above = [sign and ">" for sign in signs]
        plain = "/".join(f"{sign}{number}" for sign, number in zip(above, numbers, strict=True))
        made[text] = plain, [(number, sign or None) for number, sign in zip(numbers, above, strict=True)]
    return made


CODES = codes(12)


def units_below(prefix: str, bracket: str) -> list[list[object]]:
    units = {header: bracket.format(unit) for header, unit in {"Fe": "ppm", "W": "ppm", "V100": "mm²/s"}.items()}
    sample = FINNING | {NUMBER: prefix, "W": 450}
    return [list(FINNING), [units.get(header, "") for header in FINNING], list(sample.values())]


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Iterator[Query]:
    settings = load_settings(lake=tmp_path_factory.mktemp("hands"))
    bronze = settings.lake / "oil-analysis" / "bronze" / "cda"
    bronze.mkdir(parents=True)
    for at, bracket in enumerate(BRACKETS):
        (bronze / f"units{at}.xlsx").write_bytes(workbook(units_below(f"units-{at}", bracket)))
    files = {
        "codes": [{NUMBER: f"code-{at}", "ISO": text} for at, text in enumerate(CODES)],
        "others": [{NUMBER: f"other-{at}", "ISO": text} for at, text in enumerate([*NOT_CODES, "-/16/13", "G-M1"])],
        "totals": [{NUMBER: text} for text in (*NO_NAMES, *map(str.upper, NO_NAMES), "Total-1", "MIN-2")],
        "parts": [
            {NUMBER: f"part-{at}", "Compartimento": text} for at, text in enumerate([*MANDO_FINAL, "N/A", "Ídem", '"'])
        ],
        "cells": [{NUMBER: "cell-0", "W": "450 (ppm)", "Horas": "12345 [hrs]", "V100": "14.2 (SUS)"}],
    }
    for name, rows in files.items():
        (bronze / f"{name}.xlsx").write_bytes(finning(*rows))
    assert run(OIL, settings).failed_tests == []
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        yield lambda sql: warehouse.execute(sql).fetchall()


def test_code_has_its_numbers_however_it_is_written(query):
    found = query(
        "select sampleNumber, code from silver.results where sampleNumber like 'code-%' and essay = 'Código ISO'"
    )
    sizes = query("select sampleNumber, essay, value, censoring from silver.results where sampleNumber like 'code-%'"
                  f" and essay in {tuple(SIZES)}")  # fmt: skip
    plain, values = dict(found), {(number, size): rest for number, size, *rest in sizes}
    for at, (text, (code, numbers)) in enumerate(CODES.items()):
        assert plain[f"code-{at}"] == code, text
        for size, number in zip(SIZES[-len(numbers) :], numbers, strict=True):
            assert tuple(values[f"code-{at}", size]) == number, text


def test_what_reads_like_a_code_and_is_none_is_rejected(query):
    assert query(
        "select raw_text, code, rejection from silver.results where sampleNumber like 'other-%'"
        " and essay = 'Código ISO' order by sampleNumber"
    ) == [
        *((text, None, "unknown_code") for text in NOT_CODES),
        ("-/16/13", "-/16/13", None), ("G-M1", "G-M1", None),
    ]  # fmt: skip
    assert query(
        "select essay, value from silver.results where raw_text = '-/16/13' and essay like 'ISO%' order by 1"
    ) == [
        ("ISO 14µ", 13), ("ISO 6µ", 16),
    ]  # fmt: skip


def test_brackets_around_units_do_not_count(query):
    assert query(
        'select round(Agua, 6), Hierro, "Viscosidad 100°C" from silver.samples where sampleNumber like \'units-%\''
    ) == [(0.045, 11, 14.2)] * len(BRACKETS)  # fmt: skip
    assert query("select round(Agua, 6), machineHours from silver.samples where sampleNumber = 'cell-0'") == [
        (0.045, 12345)
    ]
    assert query("select rejection from silver.results where raw_text = '14.2 (SUS)'") == [("unit_not_convertible",)]


def test_totals_below_samples_are_no_samples(query):
    assert query("select sampleNumber from silver.samples where sourceFile like '%totals.xlsx' order by 1") == [
        ("MIN-2",), ("Total-1",),
    ]  # fmt: skip
    rejected = query(
        "select text from silver.rejected where reason = 'no_sample_number' and file_key like '%totals.xlsx'"
    )
    assert sorted(text for (text,) in rejected) == sorted([*NO_NAMES, *map(str.upper, NO_NAMES)])


def test_spaces_in_a_component_do_not_make_another(query):
    assert query(
        "select componentName, count(*) from silver.samples where sampleNumber like 'part-%' group by all"
    ) == [("mando final", len(MANDO_FINAL))]  # fmt: skip
    assert query(
        "select text from silver.rejected where reason = 'no_component' and sampleNumber like 'part-%'"
        " order by row_number"
    ) == [("N/A",), ("Ídem",), ('"',)]  # fmt: skip
