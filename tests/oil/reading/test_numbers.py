"""Numbers of laboratories: marks of whole columns, flags, units and words in cells, and numbers that became dates."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.lab_files import Rows, workbook

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")
Query = Callable[[str], list[tuple[Any, ...]]]
HEADERS = ["No. de control de laboratorio", "Fecha de Toma de Muestra", "ID de equipo", "Compartimento"]
FIELDS = ["2026-01-05", "T-09", "MOTOR"]
ESSAYS = {"Fe": "Hierro", "Cu": "Cobre", "Cr": "Cromo", "Pb": "Plomo", "Si": "Silicio", "Ca": "Calcio", "Zn": "Zinc"}


@dataclass(frozen=True)
class Column:
    """A column of one laboratory program: how it writes numbers, and the numbers."""

    mark: str
    decimals: int
    is_grouped: bool
    ending: str
    numbers: Sequence[float]

    def text(self, number: float) -> str:
        written = f"{number:{',' if self.is_grouped else ''}.{self.decimals}f}"
        if self.mark == ",":
            written = written.translate(str.maketrans(",.", ".,"))
        return written + self.ending

    @property
    def proves_its_mark(self) -> bool:
        """Whether a text of it can be read in one way only, and in that way has a mark."""
        marks = [self.text(number).removesuffix(self.ending) for number in self.numbers]
        return any(
            len(text.replace(",", ".").rsplit(".", 1)[-1]) != 3 or sum(text.count(mark) for mark in ".,") > 1
            or text.startswith("0") or len(text.replace(",", ".").split(".")[0]) > 3
            for text in marks if "." in text or "," in text
        )  # fmt: skip


def columns(seed: int, rows: int) -> dict[str, Column]:
    """A column of each essay."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    made = {}
    for essay in ESSAYS:
        decimals = chance.choice([0, 1, 2, 3, 3, 4])
        numbers = [round(chance.choice([9, 900, 9_000, 40_000]) * chance.random(), decimals) for _ in range(rows)]
        endings = ["", "", " ppm", "*", " (R)"]
        made[essay] = Column(chance.choice(".,"), decimals, chance.random() < 0.5, chance.choice(endings), numbers)
    return made


PROGRAMS = {seed: columns(seed, rows=12) for seed in range(12)}
# Columns of a workbook by hand: the essay, its cells, and the value or the reason that each has.
BY_HAND: dict[str, dict[str, Sequence[tuple[object, object]]]] = {
    "comma": {"Fe": [("12,5", 12.5), ("1.234", 1234.0), ("45.000", 45000.0)]},
    "point": {"Fe": [("12.5", 12.5), ("1,234", 1234.0), ("0.125", 0.125)]},
    "nothing": {"Fe": [("1.234", 1.234), ("1,234", 1234.0), ("7", 7.0)]},
    "thousands": {"Fe": [("1.234.567", 1234567.0), ("1.234", 1234.0), ("5", 5.0)]},
    "contradictory": {"Fe": [("12,5", 12.5), ("12.5", 12.5), ("1.234", "decimal_mark_contradictory")]},
    "typed": {"Fe": [(1.234, 1.234), ("12,5", 12.5), (45.0, 45.0)]},
    "of_one_column": {"Fe": [("1.234", 1.234), ("5", 5.0)], "Cu": [("12.5", 12.5), ("1,234", 1234.0)]},
    "of_another_file": {
        "Fe": [("1.234", "decimal_mark_contradictory"), ("5", 5.0)], "Cu": [("12,5", 12.5), ("1.234", 1234.0)],
    },
    "one_slip": {"Fe": [(f"{n},5", n + 0.5) for n in range(1, 40)] + [("1.5", 1.5), ("1.234", 1234.0)]},
    "words": {"Fe": [("BDL", "<"), ("n.d.", "<"), ("TNTC", ">"), ("OTR", ">"), ("Sin muestra", None), ("S/M", None)]},
    "ends": {"Fe": [("380 ppm", 380.0), ("12*", 12.0), ("~5", 5.0), ("12 H", 12.0), ("5 bar", "unknown_unit")]},
    "dates": {"Fe": [(dt.date(2026, 5, 3), "turned_into_a_date"), ("5-Jan", "turned_into_a_date")]},
    "ranges": {"Fe": [("5-10", "not_a_number"), ("10²", "not_a_number"), ("1e999", "not_a_number"), ("-0", 0.0)]},
}  # fmt: skip


def file_of(name: str, of_essays: dict[str, Sequence[object]]) -> bytes:
    rows = max(map(len, of_essays.values()))
    table: Rows = [
        [*HEADERS, *of_essays],
        *(
            [f"{name}-{at}", *FIELDS, *(cells[at] if at < len(cells) else "" for cells in of_essays.values())]
            for at in range(rows)
        ),
    ]
    return workbook(table)


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Iterator[Query]:
    """A lake with a workbook for each program, and one for each table by hand."""
    settings = load_settings(lake=tmp_path_factory.mktemp("numbers"))
    bronze = settings.lake / "oil-analysis" / "bronze" / "cda"
    bronze.mkdir(parents=True)
    for seed, program in PROGRAMS.items():
        texts = {essay: [column.text(number) for number in column.numbers] for essay, column in program.items()}
        Path(bronze / f"program{seed}.xlsx").write_bytes(file_of(f"program{seed}", texts))
    for name, essays in BY_HAND.items():
        cells = {essay: [cell for cell, _ in column] for essay, column in essays.items()}
        Path(bronze / f"{name}.xlsx").write_bytes(file_of(name, cells))
    assert run(OIL, settings).failed_tests == []
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        yield lambda sql: warehouse.execute(sql).fetchall()


@pytest.fixture(scope="module")
def results(query: Query) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Value, sign and reason by sample number and essay."""
    # Numbers of any size are read. That an essay cannot have them is another matter.
    found = query(
        "select sampleNumber, essay, if(rejection = 'above_possible', lab_value, value), censoring,"
        " nullif(rejection, 'above_possible') from silver.results where not is_computed"
    )
    return {(number, essay): (value, sign, reason) for number, essay, value, sign, reason in found}


@pytest.mark.parametrize("seed", PROGRAMS)
def test_column_that_proves_its_mark_is_read_right(results, seed):
    """Whatever a program writes, all numbers of a column are those that it meant, once one of them proves its mark."""
    proved = 0
    for symbol, column in PROGRAMS[seed].items():
        if column.proves_its_mark or (column.decimals == 0 and not column.is_grouped):
            proved += 1
            for at, number in enumerate(column.numbers):
                value, sign, reason = results[f"program{seed}-{at}", ESSAYS[symbol]]
                assert (value, sign, reason) == (pytest.approx(number), None, None), column.text(number)
    assert proved > 0


@pytest.mark.parametrize("name", BY_HAND)
def test_cell_has_its_value_or_its_reason(results, name):
    for symbol, column in BY_HAND[name].items():
        for at, (cell, expected) in enumerate(column):
            value, sign, reason = results.get((f"{name}-{at}", ESSAYS[symbol]), (None, None, None))
            if expected in ("<", ">"):
                assert (value, sign, reason) == (None, expected, None), cell
            elif isinstance(expected, str):
                assert (value, sign, reason) == (None, None, expected), cell
            else:
                assert (value, sign, reason) == (expected, None, None), cell


def test_word_below_counts_as_zero_and_word_above_as_nothing(query):
    assert query(
        "select raw_text, code, detection_limit, calculation_value from silver.results"
        " where sampleNumber like 'words-%' and essay = 'Hierro' order by sampleNumber"
    ) == [("BDL", "BDL", None, 0), ("n.d.", "n.d.", None, 0), ("TNTC", "TNTC", None, None), ("OTR", "OTR", None, None)]


def test_unit_of_a_cell_goes_with_its_result(query):
    assert query(
        "select unit from silver.results where sampleNumber = 'ends-0' and essay = 'Hierro'"
    ) == [("ppm",)]  # fmt: skip


def test_rows_of_the_lake_are_conserved(query):
    assert query("select file_key from silver.arrival_reconciliation"
                 " where rows_read <> rows_loaded + rows_superseded + rows_rejected") == []  # fmt: skip
