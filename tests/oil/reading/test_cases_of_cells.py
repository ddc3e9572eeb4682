"""Public cases of ../shared/data/cases, one function each: what their README expects."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from python_calamine import CalamineWorkbook
from tests.support.project_copy import copy_project, in_project

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("real_data")]
Query = Callable[[str], list[tuple[Any, ...]]]
# Case 32 is a laboratory that no seed knows.
RES_FIELDS = {
    "SAMPLE ID": "sampleNumber", "EQUIPO": "unitId", "MODELO": "machineModel", "COMPONENTE": "componentName",
    "FECHA TOMA DE MUESTRA": "sampleDate", "FECHA ANÁLISIS DE MUESTRA": "reportDate", "HORAS ACEITE": "oilMeter",
}  # fmt: skip
RES_ESSAYS = {
    "V100C": "Viscosidad 100°C", "CALCIO": "Calcio", "HIERRO": "Hierro", "ESTAÑO": "Estaño", "AGUA(PPM)": "Agua",
    "TAN": "TAN colorimétrico", "ISO": "Código ISO",
}  # fmt: skip
SEEDS = {
    "clients": [["res", "RES", "res", "", "America/Santiago", ""]],
    "laboratories": [["res", "wide", ".", "true", "true", "", "", ""]],
    "lab_sheets": [["res", "RES", "oil", "SAMPLE ID", ""]],
    "lab_fields": [["res", header, "1", field, ""] for header, field in RES_FIELDS.items()],
    "lab_essays": [["res", "RES", name, essay, "1", ""] for name, essay in RES_ESSAYS.items()],
}


def add_rows(seed: Path, rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    seed.write_text(seed.read_text(encoding="utf-8") + written.getvalue(), encoding="utf-8")


@pytest.fixture(scope="module")
def query(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """A lake with the files of the cases."""
    cases = real_data / "cases"
    if not cases.exists():
        pytest.skip("the cases are not next to this checkout")
    project = copy_project(tmp_path_factory.mktemp("cases") / "project")
    for name, rows in SEEDS.items():
        add_rows(project / "seeds" / "oil" / f"{name}.csv", rows)
    bronze = project / "data" / "oil-analysis" / "bronze"
    for client, pattern in (("cda", "13-*/*.xlsx"), ("cda", "26-*/*.xlsx"), ("res", "32-*/*.xlsx")):
        (bronze / client).mkdir(parents=True, exist_ok=True)
        for path in cases.glob(pattern):
            shutil.copy(path, bronze / client)
    ended = in_project(project, "tribolake", "run", "--json")
    report = json.loads(ended.stdout)
    assert report["failed_files"] == report["failed_tests"] == []
    with duckdb.connect(project / "data" / "_state" / "warehouse.duckdb", read_only=True) as warehouse:
        yield lambda sql: warehouse.execute(sql).fetchall()
    shutil.rmtree(project)


def test_case_13_cells_without_a_number(query):
    """Units, words and flags are understood, and all else has a reason."""
    assert query(
        'select distinct Hierro, Agua, Plomo, "Partículas 4µ" from silver.samples'
        " where sampleNumber like 'C900-10000-300_'"
    ) == [(380, 0, 0, None)]
    assert query(
        "select distinct essay, code, censoring from silver.results where sampleNumber like 'C900-10000-300_'"
        " and essay like 'Partículas %' order by all"
    ) == [(f"Partículas {size}µ", "TNTC", ">") for size in (14, 4, 6)]
    found = query(
        "select raw_text, coalesce(censoring, '') || coalesce(cast(value as varchar), code, rejection)"
        " from silver.results where sampleNumber like 'C900-10000-01__' and essay = 'Hierro' order by sampleNumber"
    )
    assert dict(found) == {
        "<1": "<1.0", "< 1": "<1.0", "<=1": "<1.0", ">10000": ">10000.0", "> 10000": ">10000.0", "TNTC": ">TNTC",
        "OTR": ">OTR", "ND": "<ND", "N.D.": "<N.D.", "N/D": "<N/D", "n.d.": "<n.d.", "BDL": "<BDL", "<LOD": "<<LOD",
        "Nil": "<Nil", "Neg": "<Neg", "NEG": "<NEG", "Negativo": "<Negativo", "Trazas": "<Trazas", "TRACE": "<TRACE",
        "5 ppm": "5.0", "12*": "12.0", "12 (R)": "12.0", "~5": "5.0", "1.200,5": "1200.5", ".": "not_a_number",
        "*": "not_a_number", "#": "not_a_number", "5 - 10": "not_a_number", "1e3": "1000.0", "+5": "5.0", "0": "0.0",
        "-1": "below_possible", "-9999": "below_possible", "#N/A": "error_cell",
        # The column has decimals with a comma and with a point.
        "1,200": "decimal_mark_contradictory",
        # What these mean in the essay's unit is a matter of the seed of conversions.
        **{text: result for text, result in found if text in ("<0.05%", "12 cSt")},
    }  # fmt: skip


def test_case_26_dates_with_month_names(query):
    read = dict(query(
        "select sample_date_text, cast(sampleDate as varchar) from silver.int_checked_rows"
        " where sampleNumber like 'C900-10000-07__'"
    ))  # fmt: skip
    days = {
        "12-ene-2026": "2026-01-12", "3-Jun-2025": "2025-06-03", "13/01/2025": "2025-01-13",
        "28 dic. 2025": "2025-12-28",
        "01/13/2026": None, "0": None, "00/00/0000": None, "31/02/2025": None,
    }  # fmt: skip
    assert read == {text: days.get(text, "2026-01-05") for text in read}
    assert len(read) == 24


def test_case_32_real_workbook_with_spanish_dates(query, real_data):
    sheet = CalamineWorkbook.from_path(next((real_data / "cases").glob("32-*/res.xlsx"))).get_sheet_by_index(0)
    header, *rows = sheet.to_python()
    written = [dict(zip(header, row, strict=True)) for row in rows]
    read = query(
        'select sampleNumber, cast(sampleDate as varchar), oilMeter, Hierro, "Viscosidad 100°C", "TAN colorimétrico",'
        " coded_essays from silver.samples where client = 'RES' order by 1"
    )
    assert read == [
        (
            row["SAMPLE ID"], f"2022-11-{row['FECHA TOMA DE MUESTRA'][:2]}", row["HORAS ACEITE"], row["HIERRO"],
            row["V100C"], None, '{"Agua":"N"}',
        )
        for row in written
    ]  # fmt: skip
    assert len(read) == 18
    assert query("select count(*) from silver.rejected_rows where client = 'res'") == [(0,)]
