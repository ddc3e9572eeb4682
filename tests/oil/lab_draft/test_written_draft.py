"""Drafts of new laboratories, written by the command and used by a run."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.drawn import drawn
from tests.support.lab_files import page, workbook
from tests.support.project_copy import copy_project, in_project

pytestmark = pytest.mark.slow

CSV = (
    "Lab_No;UNIT_NO;COMPONENT;SAMPL_DT1;HRS_KM_TOT;Visc@100C ;Iron (Fe) ;Alumunium (Al) ;Water (ppm)\r\n"
    "P0;HD-01;ENGINE;25/01/2026;8000;14,1;33,5;3;450\r\n"
    "P1;HD-01;TRANSMISI\xd3N;26/01/2026;8010;9,3;<1;4;TNTC\r\n"
).encode("latin-1")
LONG = {
    "sample_id": ["L1", "L1"], "unit": ["LD-1"] * 2, "component": ["MOTOR"] * 2, "date": ["2026-01-05"] * 2,
    "parameter_name": ["Iron", "KV100"], "parameter_value": ["45,5", "14,2"],
}  # fmt: skip
ABOVE = [
    ["Oil report"],
    ["Unit", "GR-07", "Compartment", "ENGINE"],
    [],
    ["Sample No", "Sample Date", "Fe", "VIS-100"],
    ["T1", "2026-01-05", 12.5, 14.2],
]


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(LONG), buffer)
    return buffer.getvalue()


def long_csv(headers: str, delimiter: str, sample: str, results: list[tuple[str, str, str]]) -> bytes:
    """A result a row."""
    rows = [sample + delimiter + delimiter.join(result) for result in results]
    return "\n".join([headers, *rows, ""]).encode("cp1252")


PORTUGUESE = long_csv(
    "Nº Amostra;Data da Coleta;Equipamento;Modelo;Compartimento;Horas Equip.;Horas do Óleo;Ensaio;Resultado;Unidade",
    ";",
    "BR1;13/01/2026;EX-01;PC2000;Motor;11.250,5;250",
    [("Ferro", "33,5", "ppm"), ("Cobre", "4", "ppm"), ("Viscosidade a 100°C", "14,25", "cSt"), ("Água", "450", "ppm")],
)  # fmt: skip
ENGLISH = long_csv(
    "Sample ID,Collected On,Asset No,Machine Model,Component,Meter Reading,Test,Value,UOM",
    ",",
    "EN1,01/13/2026,HT-1,793F,Engine,12150",
    [("Iron", "33.5", "ppm"), ("Copper", "4", "ppm"), ("Viscosity @ 100C", "14.25", "cSt"), ("Water", "0.045", "%wt")],
)
WIDE = [
    ["Informe de análisis de aceite"], [],
    ["N° Muestra", "Fecha Muestreo", "Cód. Equipo", "Modelo", "Componente", "Horómetro", "Fe (ppm)", "Cu (ppm)",
     "Agua (ppm)", "Visc 100°C (cSt)", "TBN (mg KOH/g)"],
    ["WI1", "13/01/2026", "CA-1", "980E", "Motor diésel", 12001, 33.5, 4, 450, 14.25, 9.1],
]  # fmt: skip
PAIRS = (
    b"sample_no;sample_date;unit_no;compartment;smr;par1;res1;par2;res2;par3;res3;par4;res4\n"
    b"PA1;2026-01-13;LO-1;Transmission;5001;Fe;33.5;Cu;4;Visc 100;14.25;Water;0.045\n"
)
TITLES = page([
    ["ACME LABS"], ["Client:", "Mine"],
    ["Lab No", "Date Sampled", "Unit", "Make", "Compartment", "SMU", "Fe", "Cu", "V100", "Water (%)"],
    ["TI1", "2026-01-13", "D-1", "CAT", "Final Drive LH", "9001", "33.5", "4", "14.25", "0.045"],
])  # fmt: skip
FILES = {
    "semicolons": ("pap.csv", CSV), "long": ("lims.parquet", parquet()), "above": ("tek.xlsx", workbook(ABOVE)),
    "ptlong": ("pt.csv", PORTUGUESE), "enlong": ("en.csv", ENGLISH), "wide": ("wide.xlsx", workbook(WIDE)),
    "pairs": ("pairs.csv", PAIRS), "titles": ("titles.xls", TITLES),
}  # fmt: skip


INVENTED = {
    "ptlong": ("BR1", "2026-01-13", "EX_01", 11250.5),
    "enlong": ("EN1", "2026-01-13", "HT_1", 12150),
    "pairs": ("PA1", "2026-01-13", "LO_1", 5001),
    "titles": ("TI1", "2026-01-13", "D_1", 9001),
    "wide": ("WI1", "2026-01-13", "CA_1", 12001),
}


def drafted(folder: Path, clients: Sequence[str]) -> Path:
    """Make a lake with a client for each new laboratory, whose seed rows were written by the command."""
    project, lake = copy_project(folder / "project"), folder / "lake"
    for client in clients:
        name, content = FILES[client]
        file = folder / name
        file.write_bytes(content)
        done = in_project(project, "tribolake", "lab", "draft", str(file), "--client", client, "--write", "--json")
        assert done.returncode == 0, done.stderr
        drafted = json.loads(done.stdout)
        assert drafted["unplaced"] == [], drafted["unplaced"]
        assert drafted["preview"]["rows"]["rows_rejected"] == 0
        arrived = lake / "oil-analysis" / "bronze" / client / "2026-02-01" / name
        arrived.parent.mkdir(parents=True)
        shutil.copyfile(file, arrived)
    done = in_project(project, "tribolake", "run", "--lake", str(lake), "--no-ai")
    assert done.returncode in (0, 4), done.stderr
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drafted(tmp_path_factory.mktemp("drafts"), ["semicolons", "long", "above"])


def test_samples_are_read_by_the_written_rows(lake: Path) -> None:
    with duckdb.connect(str(lake / "_state" / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            'select sampleNumber, cast(sampleDate as varchar), unitId, machineHours, Hierro, "Viscosidad 100°C"'
            " from silver.samples where length(sampleNumber) = 2 order by sampleNumber"
        ).fetchall()
    assert found == [
        ("L1", "2026-01-05", "LD_1", None, 45.5, 14.2),
        ("P0", "2026-01-25", "HD_01", 8000, 33.5, 14.1),
        ("P1", "2026-01-26", "HD_01", 8010, 0, 9.3),
        ("T1", "2026-01-05", "GR_07", None, 12.5, 14.2),
    ]


@pytest.mark.parametrize("client", drawn(list(INVENTED), share=0.2))
def test_invented_layout_is_read_by_the_written_rows(client: str, tmp_path: Path) -> None:
    lake = drafted(tmp_path, [client])
    with duckdb.connect(str(lake / "_state" / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            "select sampleNumber, cast(sampleDate as varchar), unitId, machineHours, Hierro, Cobre,"
            ' "Viscosidad 100°C", round(Agua, 6) from silver.samples where length(sampleNumber) = 3 order by 1'
        ).fetchall()
    number, day, unit, hours = INVENTED[client]
    assert found == [(number, day, unit, hours, 33.5, 4, 14.25, 0.045)]


def test_declared_client_is_not_drafted_again(lake: Path, tmp_path: Path) -> None:
    project = lake.parent / "project"
    file = tmp_path / "again.csv"
    file.write_bytes(CSV)
    done = in_project(project, "tribolake", "lab", "draft", str(file), "--client", "semicolons")
    assert (done.returncode, "--client-code" in done.stderr) == (2, True)
