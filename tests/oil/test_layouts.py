"""New laboratories by rows of seeds alone: what their files hold is read right, and nothing of them vanishes."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from tests.conftest import REAL_DATA
from tests.support.lab_files import workbook
from tests.support.project_copy import copy_project, in_project

pytestmark = pytest.mark.slow
Query = Callable[[str], list[tuple[Any, ...]]]

# celta: a CSV with decimal commas, in a code page of Windows. taller: a workbook with a sheet for each component, the
# unit above the table and the day in the name of the file. lims: a result a row. finning: further names.
SEEDS = {
    "clients": """
        celta,CELTA,celta,Pit 1,America/Santiago
        taller,TALLER,taller,,America/Santiago
        lims,LIMS,lims,,America/Santiago
        pap,PAP,pap,Pit Timur,Asia/Jakarta
        tek,TEK,tek,,Asia/Jakarta
        larga,LARGA,larga,,America/Santiago
        """,
    "laboratories": """
        celta,wide,",",true,true
        taller,wide,.,true,true
        lims,long,",",true,true
        pap,wide,",",true,true
        tek,wide,.,true,true
        larga,long,",",true,true
        """,
    "lab_sheets": """
        celta,*,oil,N° Muestra
        taller,*,oil,Sample No
        lims,*,oil,sample_id
        finning,OIL,oil,Lab No.
        finning,ACEITE,oil,No. de control de laboratorio
        pap,pap,oil,Lab_No
        tek,Sheet1,oil,Sample No
        larga,*,oil,sample_id
        """,
    "lab_fields": """
        celta,N° muestra,1,sampleNumber
        celta,Fecha,1,sampleDate
        celta,Equipo,1,unitId
        celta,Componente,1,componentName
        celta,Horas,1,machineHours
        taller,Sample No,1,sampleNumber
        lims,sample_id,1,sampleNumber
        lims,unit,1,unitId
        lims,component,1,componentName
        lims,drawn,1,sampleDate
        lims,parameter,1,essayName
        lims,result,1,essayValue
        lims,uom,1,essayUnit
        finning,Lab No.,1,sampleNumber
        finning,Sampled Date,1,sampleDate,2
        finning,Fecha Toma de Muestra,1,sampleDate,3
        finning,Asset ID,1,unitId
        finning,Component,1,componentName
        pap,Lab_No,1,sampleNumber
        pap,SAMPL_DT1,1,sampleDate
        pap,UNIT_NO,1,unitId
        pap,COMPONENT,1,componentName
        pap,HRS_KM_TOT,1,machineHours
        tek,Sample No,1,sampleNumber
        tek,Sample Date,1,sampleDate
        larga,sample_id,1,sampleNumber
        larga,date,1,sampleDate
        larga,unit,1,unitId
        larga,component,1,componentName
        larga,parameter_name,1,essayName
        larga,parameter_value,1,essayValue
        """,
    "lab_context_fields": """
        taller,*,unitId,above,Equipo
        taller,*,componentName,sheet,,^Muestras (.+)$
        taller,*,sampleDate,file,,_([0-9]{4}-[0-9]{2}-[0-9]{2})
        tek,*,unitId,above,Unit
        tek,Sheet1,componentName,above,Compartment
        """,
    "lab_essays": """
        celta,*,Hierro (ppm),Hierro,1
        celta,*,Níquel,Níquel,1
        celta,*,Visc. 100 °C,Viscosidad 100°C,1
        taller,*,Fe,Hierro,1
        lims,*,Fe,Hierro,1
        lims,*,Soot,Hollín,1
        pap,pap,Iron (Fe),Hierro,1
        pap,pap,Visc@100C,Viscosidad 100°C,1
        tek,Sheet1,VIS-100,Viscosidad 100°C,1
        larga,*,Hierro,Hierro,1
        larga,*,Viscosidad 100°C,Viscosidad 100°C,1
        """,
}
FINNING = ["Estado", "ID DE EQUIPO", "Compartimento", "No. de control de laboratorio", "Fe", "W", "Water %"]


def write_seeds(project: Path) -> None:
    for name, rows in SEEDS.items():
        seed = project / "seeds" / "oil" / f"{name}.csv"
        seed.write_text(
            seed.read_text(encoding="utf-8") + "".join(f"{row.strip()}\n" for row in rows.split("\n") if row.strip())
        )


def celta() -> bytes:
    return (
        "Informe de laboratorio\r\n\r\n"
        "N° muestra ;Fecha;Equipo;Componente;Horas;HIERRO (ppm);Niquel;Visc. 100 ºC;Nota\r\n"
        ";dd/mm/aaaa;;;h;ppm;ppm;cSt;\r\n"
        'C1;05/01/2026;CA-1;Motor;"1.234,5";12,5;<1;14,25;"dos\r\nlíneas"\r\n'
        "C2;06/01/2026;CA-1;Motor;1300;#N/A;2;14,5;\r\n"
        "Total: 2 muestras;;;;;;;;\r\n"
    ).encode("cp1252")


def taller() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        for name, samples in (("Muestras Motor", ["T1", "T2"]), ("Muestras Hidráulico", ["T3"]), ("Notas", None)):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["Equipo", "GR-07"])
            if samples:
                sheet.write_row(2, 0, ["Sample No", "Fe"])
                for row, sample in enumerate(samples, 3):
                    sheet.write_row(row, 0, [sample, 20.125])
    return buffer.getvalue()


def lims() -> bytes:
    rows = [
        ("L1", "MOTOR", "Fe", "45", "ppm"),
        ("L2", "MOTOR", "Fe", "7,5", "ppm"),
        ("L1", "MOTOR", "Soot", "0,5", "%"),
        ("L2", "MOTOR", "Soot", "0,1", "%"),
        ("L2", "MOTOR", "Soot", "0,9", "%"),
        ("L1", "DIFERENCIAL", "Fe", "3", "ppm"),
        (None, "MOTOR", "Fe", "9", "ppm"),
        ("L3", None, "Fe", "9", "ppm"),
        ("L3", None, "Soot", "9", "%"),
    ]
    names = ("sample_id", "component", "parameter", "result", "uom")
    table = pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})
    table = table.append_column("unit", pa.array(["CA-2"] * len(rows)))
    table = table.append_column("drawn", pa.array(["2026-01-05"] * len(rows)))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def finning(sheet: str, date_header: str, number: str) -> bytes:
    row = ["No se requiere acción", "T-09", "MOTOR", number, 715.125, "#N/A", "0.4"]
    return workbook([[*FINNING, date_header], [*row, "2026-01-05"]], sheet=sheet)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with files of all of these laboratories, which a run of the extended project has published."""
    project = copy_project(tmp_path_factory.mktemp("layouts") / "project")
    write_seeds(project)
    files = {
        "celta/export.csv": celta(),
        "taller/GR-07_2026-01-05.xlsx": taller(),
        "lims/results.parquet": lims(),
        "cda/sheet.xlsx": finning("Aceite ", "Fecha de Toma de Muestra", "F1"),
        "cda/header.xlsx": finning("OIL", "FECHA TOMA DE MUESTRA", "F2"),
    }
    cases = REAL_DATA / "cases"
    if cases.exists():
        for client, pattern in (
            ("pap", "12-*/pap.csv"), ("tek", "15-*/*.xlsx"), ("larga", "21-*/*.parquet"), ("emin", "24-*/*.parquet"),
            ("cda", "07-*/*.xlsx"), ("cda", "16-*/*.xlsx"), ("cda", "18-*/old.xls"), ("cda", "23-*/*.xlsx"),
        ):  # fmt: skip
            files |= {f"{client}/{path.name}": path.read_bytes() for path in cases.glob(pattern)}
    bronze = project / "data" / "oil-analysis" / "bronze"
    for name, content in files.items():
        (bronze / name).parent.mkdir(parents=True, exist_ok=True)
        (bronze / name).write_bytes(content)
    ended = in_project(project, "tribolake", "run", "--json")
    assert ended.stdout, ended.stderr
    report = json.loads(ended.stdout)
    assert report["failed_files"] == report["failed_tests"] == []
    yield project / "data"
    shutil.rmtree(project)


@pytest.fixture(scope="module")
def query(lake: Path) -> Query:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(lake / "_state" / "warehouse.duckdb", read_only=True) as warehouse:
            return warehouse.execute(sql).fetchall()

    return ask


def test_text_file_is_read_by_rows_of_seeds(query):
    assert query(
        "select sampleNumber, cast(sampleDate as varchar), unitId, machineHours, Hierro, Níquel, \"Viscosidad 100°C\""
        " from silver.samples where client = 'CELTA' order by all"
    ) == [
        ("C1", "2026-01-05", "CA_1", 1234.5, 12.5, 0, 14.25),
        ("C2", "2026-01-06", "CA_1", 1300, None, 2, 14.5),
    ]  # fmt: skip
    assert query("select essay, rejection from silver.results where client = 'CELTA' and rejection is not null") == [
        ("Hierro", "error_cell")
    ]


def test_units_row_and_footer_are_not_samples(query):
    assert query("select row_number, reason from silver.rejected_rows where client = 'celta' order by all") == [
        (4, "no_sample"), (7, "no_sample"),
    ]  # fmt: skip


def test_fields_outside_the_table_are_read_by_rows_of_seeds(query):
    assert query(
        "select sampleNumber, unitId, componentName, cast(sampleDate as varchar), Hierro, sourceSheet"
        " from silver.samples where client = 'TALLER' order by all"
    ) == [
        ("T1", "GR_07", "motor", "2026-01-05", 20.125, "Muestras Motor"),
        ("T2", "GR_07", "motor", "2026-01-05", 20.125, "Muestras Motor"),
        ("T3", "GR_07", "hidráulico", "2026-01-05", 20.125, "Muestras Hidráulico"),
    ]  # fmt: skip
    assert query(
        "select name, cells_affected from silver.unmapped_names where client = 'taller' and kind = 'sheet'"
    ) == [("Notas", 1)]


def test_results_in_rows_of_their_own_are_one_sample(query):
    assert query(
        "select results.sampleNumber, componentName, essay, value, unit, results.rejection from silver.results"
        " inner join silver.int_sample_revisions using (row_id) where results.client = 'LIMS' order by all"
    ) == [
        ("L1", "diferencial", "Hierro", 3, "ppm", None),
        ("L1", "motor", "Hierro", 45, "ppm", None),
        ("L1", "motor", "Hollín", 0.5, "%", None),
        ("L2", "motor", "Hierro", 7.5, "ppm", None),
        ("L2", "motor", "Hollín", None, "%", "contradictory_results"),
    ]  # fmt: skip
    assert query("select rows_read, rows_loaded, rows_superseded, rows_rejected from silver.arrival_reconciliation"
                 " where client = 'lims'") == [(9, 6, 0, 3)]  # fmt: skip
    assert query("select row_number, reason from silver.rejected_rows where client = 'lims' order by all") == [
        (7, "no_sample_number"), (8, "no_component"), (9, "no_component"),
    ]  # fmt: skip


def test_cells_of_results_in_rows_of_their_own_are_found(lake: Path):
    """A result names its own row, and the columns of its name and of its value."""
    code = (
        "import json, sys; from pathlib import Path; from tribolake.settings import load_settings;"
        "from tribolake.lake.replicas import open_objects; from tribolake.oil.written.rows import read_written;"
        "from tribolake.oil.questions.origin import origin_of; from tribolake.oil.questions.report import find_reports;"
        "from tribolake.oil.questions.source import source_of;"
        "settings = load_settings(lake=Path(sys.argv[1])); published = open_objects(settings);"
        "report = next(one for one in find_reports(settings, 'lims', 'L2') if one['componentName'] == 'motor');"
        "origin = origin_of(settings, report, 'Hollín', published);"
        "(row,) = read_written(settings, origin, source_of(origin.place, published).content, published).rows;"
        "cells = {cell.column: cell.text for cell in row.cells};"
        "named = (origin.result['name_column'], origin.result['column_name']);"
        "print(json.dumps([row.number, *named, *map(cells.get, named)]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(lake)],
        cwd=lake.parent,
        env=os.environ | {"PYTHONPATH": str(lake.parent / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout, ended.stderr
    assert json.loads(ended.stdout) in (
        [4, "parameter", "result", "Soot", "0,1"], [5, "parameter", "result", "Soot", "0,9"],
    )  # fmt: skip


def test_second_name_of_a_header_and_of_a_sheet_is_read(query):
    assert query(
        "select sampleNumber, unitId, cast(sampleDate as varchar), fluid, Hierro, Agua from silver.samples"
        " where client = 'CDA' and sampleNumber like 'F%' order by all"
    ) == [("F1", "T_09", "2026-01-05", "oil", 715.125, 0.4), ("F2", "T_09", "2026-01-05", "oil", 715.125, 0.4)]


def test_every_row_is_loaded_superseded_or_rejected(query):
    assert query("select file_key from silver.arrival_reconciliation"
                 " where rows_read <> rows_loaded + rows_superseded + rows_rejected") == []  # fmt: skip


@pytest.mark.usefixtures("real_data")
def test_files_of_public_cases_are_read_as_expected(query):
    """One query for each case of ../shared/data/cases that its README expects to be read."""
    samples = (
        'select sampleNumber, unitId, Hierro, "Viscosidad 100°C", machineHours from silver.samples where client = '
    )
    assert query(f"{samples} 'PAP' order by all") == [  # 12: a new laboratory's CSV
        (number, "HD_01", 33, 14.1, 8000) for number in ("PAP0000", "PAP0001", "PAP0002")
    ]
    assert query(f"{samples} 'TEK' order by all") == [  # 15: the unit stands above the table
        (number, "GR_07", None, 14.2, None) for number in ("TK0", "TK1", "TK2")
    ]
    assert query(f"{samples} 'LARGA' order by all") == [  # 21: a result a row
        ("LG0", "LD_01", 45, 14.2, None), ("LG1", "LD_01", 45, 14.2, None),
    ]  # fmt: skip
    assert query(f"{samples} 'EMIN' order by all") == [  # 24: decimals of Parquet
        ("9900000001", "CA_777", 45, 14.2, 7000),
        ("9900000002", "CA_777", 7.25, 9.31, 812.5),
        ("9900000003", "CA_777", 715.125, 13.999, 12),
    ]
    numbers = [number for (number,) in query("select sampleNumber from silver.samples where client = 'CDA' order by 1")]
    assert numbers == [  # 07: English headers; 16: formulas; 18: an old .xls; 23: a stray cell
        *("C900-10000-0200", "C900-10000-0202", "C900-10000-0400", "C900-10000-3100", "C900-10000-3101"),
        *("C900-10000-4000", "C900-10000-4001", "C900-10000-4010", "F1", "F2"),
    ]
    assert query(
        "select distinct essay, rejection from silver.results where sampleNumber like '%-020_'"
        " and rejection is not null order by all"
    ) == [(essay, "formula_not_calculated") for essay in ("Hierro", "Viscosidad 100°C")]
    assert query("select reason, text from silver.rejected_rows where client = 'cda'") == [
        ("no_sample_date", "=DATE(2026,1,5)")
    ]
